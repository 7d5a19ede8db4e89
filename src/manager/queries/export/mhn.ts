/**
 * A session in the form of Modern Honey Network's `session` collection, as `mongoexport` writes it: for tools that read those files. Keys stand in the
 * order that MHN's own rows have. What was imported from such a file comes out as it went in; a session of our own has ids made from its own.
 */
import { createHash } from 'node:crypto';
import { mhnProtocol } from '../../../events/index.ts';
import { hpfeedIdOf, type MhnOrigin } from '../../ingest/importers/mhn-session.ts';
import type { ExportedSession } from './sessions.ts';

const objectId = (name: string, startedAt: string): string => {
  const seconds = Math.max(0, Math.floor(Date.parse(startedAt) / 1000)) >>> 0;
  return seconds.toString(16).padStart(8, '0') + createHash('sha256').update(name).digest('hex').slice(0, 16);
};

function originOf(text: string): MhnOrigin | undefined {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as MhnOrigin;
  } catch {
    // Of an importer with another form of origin: the row is made from our own fields.
    return undefined;
  }
}

/** Drops what is not there, as MHN does. */
const present = (row: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null && value !== undefined && value !== ''));

export function mhnRow({ session, events }: ExportedSession): Record<string, unknown> {
  const origin = originOf(session.origin);
  const as = origin?.as ?? {};
  const own = origin === undefined;
  const attempts = events
    .filter((event) => event.type === 'auth.attempt')
    .map(({ fields }) => ({ login: fields.username ?? null, password: fields.password ?? null }));
  const hpfeedId =
    origin?.hpfeed_id ??
    hpfeedIdOf(session.id) ??
    (own ? objectId(`hpfeed ${session.id}`, session.started_at) : undefined);
  const held = present({
    destination_ip: session.dst_ip,
    protocol: own ? mhnProtocol(session.protocol) : session.protocol,
    hpfeed_id: typeof hpfeedId === 'string' ? { $oid: hpfeedId } : hpfeedId,
    timestamp: { $date: session.started_at },
    source_ip: session.src_ip,
    source_port: session.src_port,
    destination_port: session.dst_port,
    identifier: session.sensor_id,
    honeypot: session.honeypot,
  });
  const id = typeof origin?._id === 'string' ? origin._id : objectId(session.id, session.started_at);
  const more = own && attempts.length > 0 ? { auth_attempts: attempts } : {};
  return { _id: { $oid: id }, ...held, ...as, ...more };
}

export const mhnLine = (item: ExportedSession): string => JSON.stringify(mhnRow(item));
