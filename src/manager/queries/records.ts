/** Rows of the store as the API's session and event objects. */

import { z } from 'zod';
import { type EventRecord, eventRecord, type SessionRecord, sessionRecord, timestamp } from '../../events/index.ts';
import type { Place } from '../enrich/places.ts';
import { NO_UUID } from '../store/rows.ts';

const placeFields = {
  sensor_id: z.string(),
  sensor: z.string().describe('The name of the sensor; its id where it has none here.'),
  country: z
    .string()
    .nullable()
    .describe('ISO 3166-1 alpha-2, `unknown` where the tables have no entry, null where there is no address.'),
  city: z.string(),
  latitude: z.number().nullable(),
  longitude: z.number().nullable(),
  asn: z.int().nullable(),
  as_org: z.string(),
};

export const sessionObject = sessionRecord.extend({
  ...placeFields,
  boot_id: z.string(),
  ended_at: timestamp.nullable().describe('Null while the session is open.'),
  received_at: timestamp.nullable(),
  username: z.string().nullable().describe('Of the last login attempt.'),
  password: z.string().nullable().describe('Of the last login attempt.'),
});
export type SessionObject = z.infer<typeof sessionObject>;

export const eventObject = eventRecord.extend({
  id: z.string().describe('The session and the position in it.'),
  ...placeFields,
});
export type EventObject = z.infer<typeof eventObject>;

export type Names = ReadonlyMap<string, string>;

/** `2026-11-22 10:00:00.123` of the store as RFC 3339. */
export const isoTime = (stored: string): string => `${stored.slice(0, 10)}T${stored.slice(11, 23)}Z`;
export const addressText = (stored: string): string | null =>
  stored === '::' ? null : stored.startsWith('::ffff:') && stored.includes('.') ? stored.slice(7) : stored;

const ENVELOPE =
  'src_ip, src_port, dst_ip, dst_port, transport, protocol, service, honeypot, sensor_id, country, city, latitude, longitude, asn, as_org';
export const SESSION_COLUMNS = `id, boot_id, started_at, ended_at, received_at, ${ENVELOPE}, bytes_in, bytes_out, end_reason, events, logins, commands, files, ja4, hassh, client, tags, techniques, severity, ports, scan, origin`;
export const EVENT_COLUMNS = `session_id, seq, at, type, ${ENVELOPE}, fields`;

interface EnvelopeRow {
  src_ip: string;
  src_port: number | null;
  dst_ip: string;
  dst_port: number | null;
  transport: SessionRecord['transport'];
  protocol: string;
  service: string;
  honeypot: string;
  sensor_id: string;
  country: string;
  city: string;
  latitude: number | null;
  longitude: number | null;
  asn: number | null;
  as_org: string;
}

export interface SessionRow extends EnvelopeRow {
  id: string;
  boot_id: string;
  started_at: string;
  ended_at: string;
  received_at: string;
  bytes_in: string | number;
  bytes_out: string | number;
  end_reason: SessionRecord['end_reason'];
  events: number;
  logins: number;
  commands: number;
  files: number;
  ja4: string;
  hassh: string;
  client: string;
  tags: string[];
  techniques: string[];
  severity: number;
  ports: number[];
  scan: string;
  origin: string;
}

export interface EventRow extends EnvelopeRow {
  session_id: string;
  seq: number;
  at: string;
  type: string;
  fields: string;
}

const envelopeOf = (row: EnvelopeRow, names: Names) => ({
  src_ip: addressText(row.src_ip),
  src_port: row.src_port,
  dst_ip: addressText(row.dst_ip),
  dst_port: row.dst_port,
  transport: row.transport,
  protocol: row.protocol,
  service: row.service,
  honeypot: row.honeypot,
  sensor_id: row.sensor_id,
  sensor: names.get(row.sensor_id) ?? row.sensor_id,
  country: row.country === '' ? null : row.country,
  city: row.city,
  latitude: row.latitude,
  longitude: row.longitude,
  asn: row.asn,
  as_org: row.as_org,
});

export function sessionFromRow(row: SessionRow, names: Names): SessionObject {
  return {
    id: row.id,
    boot_id: row.boot_id,
    started_at: isoTime(row.started_at),
    ended_at: isoTime(row.ended_at),
    received_at: isoTime(row.received_at),
    ...envelopeOf(row, names),
    bytes_in: Number(row.bytes_in),
    bytes_out: Number(row.bytes_out),
    end_reason: row.end_reason,
    events: row.events,
    logins: row.logins,
    commands: row.commands,
    files: row.files,
    ja4: row.ja4,
    hassh: row.hassh,
    client: row.client,
    tags: row.tags,
    techniques: row.techniques,
    severity: row.severity,
    ports: row.ports,
    scan: row.scan,
    origin: row.origin,
    username: null,
    password: null,
  };
}

const eventId = (sessionId: string | null, seq: number, at: string): string => `${sessionId ?? at}.${seq}`;

export function eventFromRow(row: EventRow, names: Names): EventObject {
  const sessionId = row.session_id === NO_UUID ? null : row.session_id;
  const at = isoTime(row.at);
  return {
    id: eventId(sessionId, row.seq, at),
    session_id: sessionId,
    seq: row.seq,
    at,
    type: row.type,
    ...envelopeOf(row, names),
    fields: JSON.parse(row.fields) as Record<string, unknown>,
  };
}

const placeOf = (sensorId: string, place: Place, names: Names) => ({
  sensor_id: sensorId,
  sensor: names.get(sensorId) ?? sensorId,
  ...place,
  country: place.country === '' ? null : place.country,
});

/** The object of a record that was just stored, for those who watch. */
export function sessionFromRecord(record: SessionRecord, sensorId: string, place: Place, names: Names): SessionObject {
  return { ...record, ...placeOf(sensorId, place, names), received_at: null, username: null, password: null };
}

export function eventFromRecord(record: EventRecord, sensorId: string, place: Place, names: Names): EventObject {
  const {
    session_id,
    seq,
    at,
    type,
    fields,
    src_ip,
    src_port,
    dst_ip,
    dst_port,
    transport,
    protocol,
    service,
    honeypot,
  } = record;
  return {
    ...{
      id: eventId(session_id, seq, at),
      session_id,
      seq,
      at,
      type,
      src_ip,
      src_port,
      dst_ip,
      dst_port,
      transport,
      protocol,
      service,
      honeypot,
      fields,
    },
    ...placeOf(sensorId, place, names),
  };
}
