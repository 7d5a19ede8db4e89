/** Records to rows of the store's tables, as lines of JSON for an insert. */
import type { EventRecord, SessionRecord, TranscriptRecord } from '../../events/index.ts';
import type { Place } from '../enrich/places.ts';

export const TABLES = {
  sessions: [
    ...['id', 'boot_id', 'started_at', 'ended_at', 'received_at'],
    ...['src_ip', 'src_port', 'dst_ip', 'dst_port', 'transport', 'protocol', 'service', 'honeypot', 'sensor_id'],
    ...['country', 'city', 'latitude', 'longitude', 'asn', 'as_org'],
    ...[
      'bytes_in',
      'bytes_out',
      'end_reason',
      'events',
      'logins',
      'commands',
      'files',
      'ja4',
      'hassh',
      'client',
      'tags',
      'techniques',
      'severity',
      'ports',
      'scan',
      'origin',
    ],
  ],
  events: [
    ...['session_id', 'seq', 'at', 'received_at', 'type'],
    ...['src_ip', 'src_port', 'dst_ip', 'dst_port', 'transport', 'protocol', 'service', 'honeypot', 'sensor_id'],
    ...['country', 'city', 'latitude', 'longitude', 'asn', 'as_org'],
    ...['username', 'password', 'accepted', 'text', 'sha256', 'fields'],
  ],
  transcripts: ['session_id', 'seq', 'part', 'at', 'direction', 'data'],
} as const satisfies Record<string, readonly string[]>;
export type TableName = keyof typeof TABLES;

export const NO_UUID = '00000000-0000-0000-0000-000000000000';

/** `2026-11-22T10:00:00.123Z` as the store reads it. */
export const storeTime = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 23)}`;
const address = (text: string | null): string => (text === null ? '::' : text.includes(':') ? text : `::ffff:${text}`);

/** What the manager adds to a record: who delivered it, when, and the place of its source. */
export interface Added {
  sensorId: string;
  receivedAt: string;
  place: Place;
}

const placed = ({ sensorId, place }: Added): Record<string, unknown> => ({
  sensor_id: sensorId,
  country: place.country,
  city: place.city,
  latitude: place.latitude,
  longitude: place.longitude,
  asn: place.asn,
  as_org: place.as_org,
});

export function sessionRow(session: SessionRecord, added: Added): string {
  return JSON.stringify({
    ...session,
    src_ip: address(session.src_ip),
    dst_ip: address(session.dst_ip),
    started_at: storeTime(session.started_at),
    ended_at: storeTime(session.ended_at),
    received_at: storeTime(added.receivedAt),
    ...placed(added),
  });
}

const TEXT_FIELDS = ['command', 'statement', 'target', 'urls', 'name', 'value', 'rule', 'interface', 'bytes'] as const;

/** The text that a search looks through: what the peer typed, asked for or sent. */
export function searchText(fields: Readonly<Record<string, unknown>>): string {
  const parts: string[] = [];
  for (const name of TEXT_FIELDS) {
    const value = fields[name];
    if (typeof value === 'string') parts.push(value);
    else if (Array.isArray(value)) parts.push(value.filter((one) => typeof one === 'string').join(' '));
  }
  if (typeof fields.body === 'string') parts.push(fields.body);
  return parts.join('\n');
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

export function eventRow(event: EventRecord, added: Added): string {
  const { fields } = event;
  return JSON.stringify({
    session_id: event.session_id ?? NO_UUID,
    seq: event.seq,
    at: storeTime(event.at),
    received_at: storeTime(added.receivedAt),
    type: event.type,
    src_ip: address(event.src_ip),
    src_port: event.src_port,
    dst_ip: address(event.dst_ip),
    dst_port: event.dst_port,
    transport: event.transport,
    protocol: event.protocol,
    service: event.service,
    honeypot: event.honeypot,
    ...placed(added),
    username: textOrNull(fields.username),
    password: textOrNull(fields.password),
    accepted: typeof fields.accepted === 'boolean' ? fields.accepted : null,
    text: searchText(fields),
    sha256: typeof fields.sha256 === 'string' ? fields.sha256 : '',
    fields: JSON.stringify(fields),
  });
}

/** One row for each part; `data` stays base64, which keeps bytes that no text column would survive. */
export function* transcriptRows(transcript: TranscriptRecord): Generator<string> {
  const from = Date.parse(transcript.at);
  for (const [part, [offset, direction, data]] of transcript.parts.entries()) {
    yield JSON.stringify({
      session_id: transcript.session_id,
      seq: transcript.seq,
      part,
      at: storeTime(new Date(from + offset).toISOString()),
      direction,
      data,
    });
  }
}
