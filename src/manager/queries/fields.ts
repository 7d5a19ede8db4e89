/** The fields that counts can be made by: a closed list, each with its SQL over sessions or over events. */
export interface CountField {
  /** The table that has it. Counts are of sessions in either case. */
  from: 'sessions' | 'events';
  sql: string;
  /** How a value of the result is read: `number` values come as text when they are 64-bit, a `pair` is written with a colon. */
  type: 'text' | 'number' | 'address' | 'time' | 'pair';
  /** Condition that a row must meet to count. */
  only?: string;
  /** Columns that tell more of the value, by their name in the answer. */
  extra?: Readonly<Record<string, string>>;
}

/** What a record without a source address has there; it is no source. */
export const NO_SOURCE = "toIPv6('::')";
/** Distinct sources. */
export const SOURCES = `uniqExactIf(src_ip, src_ip != ${NO_SOURCE})`;
const LOGIN = "type = 'auth.attempt'";

export const COUNT_FIELDS = {
  protocol: { from: 'sessions', sql: 'protocol', type: 'text' },
  service: { from: 'sessions', sql: 'service', type: 'text' },
  transport: { from: 'sessions', sql: 'transport', type: 'text' },
  honeypot: { from: 'sessions', sql: 'honeypot', type: 'text' },
  sensor: { from: 'sessions', sql: 'sensor_id', type: 'text' },
  src_ip: {
    from: 'sessions',
    sql: 'src_ip',
    type: 'address',
    extra: { country: 'any(country)', as_org: 'any(as_org)' },
  },
  src_port: { from: 'sessions', sql: 'src_port', type: 'number' },
  dst_ip: { from: 'sessions', sql: 'dst_ip', type: 'address' },
  dst_port: { from: 'sessions', sql: 'dst_port', type: 'number' },
  country: { from: 'sessions', sql: 'country', type: 'text', only: `src_ip != ${NO_SOURCE}` },
  city: { from: 'sessions', sql: 'city', type: 'text', extra: { country: 'any(country)' } },
  asn: { from: 'sessions', sql: 'asn', type: 'number', extra: { as_org: 'any(as_org)' } },
  end_reason: { from: 'sessions', sql: 'end_reason', type: 'text' },
  severity: { from: 'sessions', sql: 'severity', type: 'number' },
  client: { from: 'sessions', sql: 'client', type: 'text' },
  ja4: { from: 'sessions', sql: 'ja4', type: 'text' },
  hour: { from: 'sessions', sql: 'toStartOfHour(started_at)', type: 'time' },
  day: { from: 'sessions', sql: "toDateTime(toDate(started_at), 'UTC')", type: 'time' },
  hour_of_day: { from: 'sessions', sql: 'toHour(started_at)', type: 'number' },
  weekday: { from: 'sessions', sql: 'toDayOfWeek(started_at)', type: 'number' },
  username: { from: 'events', sql: 'username', type: 'text', only: LOGIN },
  password: { from: 'events', sql: 'password', type: 'text', only: LOGIN },
  credential: {
    from: 'events',
    sql: "tuple(ifNull(username, '\\0'), ifNull(password, '\\0'))",
    type: 'pair',
    only: LOGIN,
    extra: { username: 'any(username)', password: 'any(password)' },
  },
  event: { from: 'events', sql: 'type', type: 'text' },
  sha256: { from: 'events', sql: 'sha256', type: 'text', only: "sha256 != ''" },
  command: { from: 'events', sql: 'text', type: 'text', only: "type = 'command.input'" },
} as const satisfies Record<string, CountField>;

export type CountFieldName = keyof typeof COUNT_FIELDS;
export const COUNT_FIELD_NAMES = Object.keys(COUNT_FIELDS) as [CountFieldName, ...CountFieldName[]];
/** The fields of one value, which a timeline can be made by. */
export type SingleFieldName = Exclude<CountFieldName, 'credential'>;
export const SINGLE_FIELD_NAMES = COUNT_FIELD_NAMES.filter((name) => name !== 'credential') as [
  SingleFieldName,
  ...SingleFieldName[],
];
export const countField = (name: CountFieldName): CountField => COUNT_FIELDS[name];
