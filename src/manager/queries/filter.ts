/**
 * The filters that every question takes, as a condition of SQL with bound parameters. A name may be repeated (any of the values) and negated (`country!`:
 * none of the values). The same filter works on sessions and on events; what only events know (user names, passwords, hashes, text) selects sessions
 * through their events.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import { ProjectError, timestamp } from '../../events/index.ts';
import { storeTime } from '../store/rows.ts';

const MAX_VALUES = 100;
const text = z.string().max(4096);
/** Stands for a port that a record lacks; asked for by an empty value, as with the other fields. */
export const NO_PORT = 65_536;
const number = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const portNumber = z.union([z.literal('').transform(() => NO_PORT), number(0, 65_535)]);

export interface Range {
  /** As IPv6; an IPv4 address as its mapped form. */
  address: string;
  bits: number;
}

/** An address or a range in CIDR form; undefined where it is neither. */
export function parseCidr(value: string): Range | undefined {
  const [, address = '', bitsText] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(value) ?? [];
  const family = isIP(address);
  if (family === 0) return undefined;
  const width = family === 4 ? 32 : 128;
  const bits = bitsText === undefined ? width : Number(bitsText);
  if (bits > width) return undefined;
  return family === 4 ? { address: `::ffff:${address}`, bits: bits + 96 } : { address, bits };
}
const addressRange = text
  .refine((value) => value === '' || parseCidr(value) !== undefined, 'no address and no range such as 198.51.100.0/24')
  .describe('An address or a range in CIDR form.');
const instant = z.union([timestamp, z.iso.datetime({ offset: true })]).describe('RFC 3339.');

/** One value or several, as a query string gives them. */
const many = <T extends z.ZodType>(value: T) =>
  z.preprocess(
    (given) => (given === undefined || Array.isArray(given) ? given : [given]),
    z.array(value).max(MAX_VALUES).optional(),
  );

const VALUES = {
  protocol: text,
  service: text,
  src_ip: addressRange,
  src_port: portNumber,
  dst_ip: addressRange,
  dst_port: portNumber,
  country: text,
  asn: number(0, 4_294_967_295),
  sensor: text.describe('A sensor by name or id.'),
  honeypot: text,
  username: text,
  password: text,
  tag: text,
  sha256: text,
  q: text.describe('Text within commands, statements, URLs and request bodies.'),
} as const;
type FilterName = keyof typeof VALUES;
const NAMES = Object.keys(VALUES) as FilterName[];

const negated = Object.fromEntries(
  NAMES.map((name) => [`${name}!`, many(VALUES[name]).describe(`None of these; see ${name}.`)]),
);
const plain = Object.fromEntries(NAMES.map((name) => [name, many(VALUES[name])]));

/** The query string of every data route, beside its own parameters. */
export const filterQuery = {
  from: instant.optional().describe('Not before this time (RFC 3339).'),
  to: instant.optional().describe('Before this time (RFC 3339).'),
  ...plain,
  ...negated,
};

export interface Filter {
  from?: string | undefined;
  to?: string | undefined;
  is: Readonly<Partial<Record<FilterName, readonly (string | number)[]>>>;
  not: Readonly<Partial<Record<FilterName, readonly (string | number)[]>>>;
}

export function filterOf(query: Readonly<Record<string, unknown>>): Filter {
  const pick = (suffix: string): Filter['is'] =>
    Object.fromEntries(
      NAMES.flatMap((name) => {
        const values = query[name + suffix];
        return Array.isArray(values) && values.length > 0 ? [[name, values]] : [];
      }),
    );
  return { from: query.from as string | undefined, to: query.to as string | undefined, is: pick(''), not: pick('!') };
}

export type Subject = 'sessions' | 'events';

/** Collects bound parameters under names of its own. */
export class Bindings {
  readonly params: Record<string, unknown> = {};
  private next = 0;

  /** The placeholder for a value. */
  bind(value: unknown, type: string): string {
    const name = `p${this.next}`;
    this.next += 1;
    this.params[name] = value;
    return `{${name}:${type}}`;
  }
}

const TIME: Readonly<Record<Subject, string>> = { sessions: 'started_at', events: 'at' };

function oneOf(column: string, values: readonly (string | number)[], type: string, bindings: Bindings): string {
  return `${column} IN ${bindings.bind(values, `Array(${type})`)}`;
}

function inRanges(column: string, values: readonly (string | number)[], bindings: Bindings): string {
  const parts = values.map((value) => {
    const range = parseCidr(String(value));
    if (range === undefined) return `${column} = toIPv6('::')`;
    if (range.bits === 128) return `${column} = toIPv6(${bindings.bind(range.address, 'String')})`;
    const limits = `IPv6CIDRToRange(toIPv6(${bindings.bind(range.address, 'String')}), ${range.bits})`;
    // No address is in no range, though it is kept as the first of all.
    return `(${column} >= ${limits}.1 AND ${column} <= ${limits}.2 AND ${column} != toIPv6('::'))`;
  });
  return `(${parts.join(' OR ')})`;
}

/** What a sensor's names stand for, so that a filter takes either. */
export type SensorIds = (nameOrId: string) => string;

function condition(
  name: FilterName,
  values: readonly (string | number)[],
  subject: Subject,
  filter: Filter,
  bindings: Bindings,
  sensorId: SensorIds,
): string {
  const viaEvents = (inner: string): string => {
    if (subject === 'events') return inner;
    const times = timeConditions(filter, 'events', bindings, false);
    return `id IN (SELECT session_id FROM events WHERE ${[...times, inner].join(' AND ')})`;
  };
  switch (name) {
    case 'protocol':
    case 'service':
    case 'country':
    case 'honeypot':
      return oneOf(name, values, 'String', bindings);
    case 'src_ip':
    case 'dst_ip':
      return inRanges(name, values, bindings);
    case 'src_port':
    case 'dst_port':
      return oneOf(`ifNull(${name}, ${NO_PORT})`, values, 'UInt32', bindings);
    case 'asn':
      return oneOf('ifNull(asn, 0)', values, 'UInt32', bindings);
    case 'sensor':
      return oneOf(
        'sensor_id',
        // The name of one of ours may be the name in an imported record too.
        [...new Set(values.flatMap((value) => [sensorId(String(value)), String(value)]))],
        'String',
        bindings,
      );
    case 'tag':
      return subject === 'sessions'
        ? `hasAny(tags, ${bindings.bind(values, 'Array(String)')})`
        : `session_id IN (SELECT id FROM sessions WHERE hasAny(tags, ${bindings.bind(values, 'Array(String)')}))`;
    case 'username':
    case 'password':
      return viaEvents(`type = 'auth.attempt' AND ${oneOf(name, values, 'String', bindings)}`);
    case 'sha256':
      return viaEvents(oneOf('sha256', values, 'String', bindings));
    case 'q':
      return viaEvents(
        `(${values.map((value) => `positionCaseInsensitiveUTF8(text, ${bindings.bind(String(value), 'String')}) > 0`).join(' OR ')})`,
      );
  }
}

/** Times that the store's columns hold. */
const EARLIEST_MS = Date.UTC(1900, 0, 1);
const LATEST_MS = Date.UTC(2300, 0, 1) - 1;

/** A bound of time as records write theirs; what no record can have is as good as the first or last time that one can. */
export function boundTime(text: string): string {
  return new Date(Math.min(LATEST_MS, Math.max(EARLIEST_MS, Date.parse(text)))).toISOString();
}

/** An event happens after its session began: seen through events, only the beginning of the time can be bounded. */
function timeConditions(filter: Filter, subject: Subject, bindings: Bindings, withEnd = true): string[] {
  const column = TIME[subject];
  const conditions: string[] = [];
  const bound = (text: string): string => bindings.bind(storeTime(boundTime(text)), "DateTime64(3, 'UTC')");
  if (filter.from !== undefined) conditions.push(`${column} >= ${bound(filter.from)}`);
  if (filter.to !== undefined && withEnd) conditions.push(`${column} < ${bound(filter.to)}`);
  return conditions;
}

/** What a condition leaves out; a value that is not there is not one of those named. */
const except = (positive: string): string => `NOT ifNull((${positive}), 0)`;

/** The condition of a filter, `1` for none. */
export function where(filter: Filter, subject: Subject, bindings: Bindings, sensorId: SensorIds): string {
  const conditions = timeConditions(filter, subject, bindings);
  for (const name of NAMES) {
    const is = filter.is[name];
    if (is !== undefined) conditions.push(condition(name, is, subject, filter, bindings, sensorId));
    const not = filter.not[name];
    if (not !== undefined) conditions.push(except(condition(name, not, subject, filter, bindings, sensorId)));
  }
  return conditions.length === 0 ? '1' : conditions.join(' AND ');
}

/** What a question needs beside its own parameters. */
export interface Asking {
  filter: Filter;
  sensorId: SensorIds;
  signal?: AbortSignal;
}

/** Parses `field=value`, `field!=value` as the command line gives them. */
export function parseCondition(condition: string): { name: string; value: string } {
  const [, field = '', negation = '', value = ''] = /^([a-z_0-9]+)(!?)[=:](.*)$/s.exec(condition) ?? [];
  const isTime = (field === 'from' || field === 'to') && negation === '';
  if (!isTime && !NAMES.includes(field as FilterName)) {
    throw new ProjectError(
      'FILTER_UNKNOWN',
      `'${condition}' is no condition; write field=value or field!=value with one of ${NAMES.join(', ')}`,
      { condition },
    );
  }
  return { name: field + negation, value };
}
