/** Everything about one address. */
import { z } from 'zod';
import { timestamp } from '../../events/index.ts';
import type { StoreClient } from '../store/client.ts';
import { type Asking, Bindings, type Filter, where } from './filter.ts';
import { addressText, isoTime, type Names } from './records.ts';

export const sourceObject = z
  .object({
    src_ip: z.string(),
    country: z.string().nullable(),
    city: z.string(),
    latitude: z.number().nullable(),
    longitude: z.number().nullable(),
    asn: z.int().nullable(),
    as_org: z.string(),
    first_seen: timestamp,
    last_seen: timestamp,
    sessions: z.int(),
    logins: z.int(),
    commands: z.int(),
    files: z.int(),
    protocols: z.array(z.string()),
    ports: z.array(z.int()).describe('Up to 1000.'),
    sensors: z.array(z.string()),
    clients: z.array(z.string()).describe('Client software as it named itself, up to 100.'),
    ja4: z.array(z.string()),
  })
  .meta({ id: 'Source' });
export type SourceObject = z.infer<typeof sourceObject>;

interface Row {
  address: string;
  country: string;
  city: string;
  latitude: number | null;
  longitude: number | null;
  asn: number | null;
  as_org: string;
  first_seen: string;
  last_seen: string;
  n: string;
  logins: string;
  commands: string;
  files: string;
  protocols: string[];
  ports: number[];
  sensors: string[];
  clients: string[];
  ja4s: string[];
}

export async function source(
  store: StoreClient,
  ip: string,
  asking: Asking & { names: Names },
): Promise<SourceObject | undefined> {
  const bindings = new Bindings();
  const filter: Filter = { ...asking.filter, is: { ...asking.filter.is, src_ip: [ip] } };
  const sql = `SELECT any(sessions.src_ip) AS address, any(sessions.country) AS country, any(sessions.city) AS city, any(sessions.latitude) AS latitude, any(sessions.longitude) AS longitude, any(sessions.asn) AS asn,
  any(sessions.as_org) AS as_org, min(started_at) AS first_seen, max(started_at) AS last_seen, count() AS n, sum(sessions.logins) AS logins, sum(sessions.commands) AS commands,
  sum(sessions.files) AS files, groupUniqArray(100)(protocol) AS protocols, arraySort(groupUniqArrayIf(1000)(assumeNotNull(dst_port), dst_port IS NOT NULL)) AS ports,
  groupUniqArray(1000)(sensor_id) AS sensors, groupUniqArrayIf(100)(client, client != '') AS clients, groupUniqArrayIf(100)(ja4, ja4 != '') AS ja4s
FROM sessions
WHERE ${where(filter, 'sessions', bindings, asking.sensorId)}`;
  const [row] = await store.query<Row>(
    sql,
    bindings.params,
    asking.signal === undefined ? {} : { signal: asking.signal },
  );
  // However it was spelled in the question; records without an address are of no source.
  const address = addressText(row?.address ?? '::');
  if (row === undefined || address === null || Number(row.n) === 0) return undefined;
  return {
    src_ip: address,
    country: row.country === '' ? null : row.country,
    city: row.city,
    latitude: row.latitude,
    longitude: row.longitude,
    asn: row.asn,
    as_org: row.as_org,
    first_seen: isoTime(row.first_seen),
    last_seen: isoTime(row.last_seen),
    sessions: Number(row.n),
    logins: Number(row.logins),
    commands: Number(row.commands),
    files: Number(row.files),
    protocols: row.protocols,
    ports: row.ports,
    sensors: row.sensors.map((id) => asking.names.get(id) ?? id),
    clients: row.clients,
    ja4: row.ja4s,
  };
}
