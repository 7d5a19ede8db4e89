/** The functions that clients and attackers call. Those of a library that the session "installed" are its own (see `FunctionHost.external`). */
import { createHash } from 'node:crypto';
import { errors, type MysqlError } from '../replies.ts';
import type { Column, Value } from '../results.ts';

/** A longer value is NULL, as with results over `max_allowed_packet`. */
const MAX_VALUE = 1_048_576;

export interface FunctionHost {
  version: string;
  /** `user@host` as the client gave it, and as the account is named. */
  user: string;
  account: string;
  database: string | undefined;
  threadId: number;
  nowMs: number;
  zoneMinutes: number;
  serverUuid: string;
  insertId: number;
  random(): number;
  /** A function that CREATE FUNCTION … SONAME brought; undefined where there is none of that name. */
  external(name: string, args: readonly Value[]): Value | undefined;
  loadFile(path: string): Value;
  problem: MysqlError | undefined;
}

type Implementation = (args: readonly Value[], host: FunctionHost) => Value;

const text = (value: Value | undefined): string => String(value ?? '');
const bounded = (value: string): Value => (value.length > MAX_VALUE ? null : value);
const number = (value: Value | undefined): number => {
  const parsed = Number.parseFloat(text(value));
  return Number.isNaN(parsed) ? 0 : parsed;
};
const two = (value: number): string => String(value).padStart(2, '0');
const hash = (algorithm: string, value: string): string =>
  createHash(algorithm).update(Buffer.from(value, 'latin1')).digest('hex');

/** A function of text that is NULL for NULL. */
const ofText =
  (apply: (value: string, args: readonly Value[]) => Value): Implementation =>
  (args) =>
    args[0] === null || args[0] === undefined ? null : apply(String(args[0]), args);

function clock(host: FunctionHost): string {
  const local = new Date(host.nowMs + host.zoneMinutes * 60_000);
  return `${local.getUTCFullYear()}-${two(local.getUTCMonth() + 1)}-${two(local.getUTCDate())} ${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())}`;
}

/** Positions count from 1, or from the end if negative. */
function substring(value: string, args: readonly Value[]): Value {
  const position = Math.trunc(number(args[1]));
  const length = args[2] === undefined ? value.length : Math.trunc(number(args[2]));
  if (position === 0 || length <= 0) return '';
  const from = position > 0 ? position - 1 : value.length + position;
  return from < 0 ? '' : value.slice(from, from + length);
}

/** Many times the same text, up to the bound without making it first. */
function repeated(value: string, times: number): Value {
  const count = Math.max(0, Math.trunc(times));
  return value.length * count > MAX_VALUE ? null : value.repeat(count);
}

function unhex(value: string): Value {
  return /^[0-9a-f]*$/i.test(value)
    ? Buffer.from(value.length % 2 ? `0${value}` : value, 'hex').toString('latin1')
    : null;
}

const nativePassword = (value: string): string =>
  value === ''
    ? ''
    : `*${createHash('sha1')
        .update(createHash('sha1').update(Buffer.from(value, 'latin1')).digest())
        .digest('hex')
        .toUpperCase()}`;

/** What needs an XML document that nobody has. */
const NOTHING: Implementation = () => null;

const FUNCTIONS: Readonly<Record<string, Implementation>> = {
  version: (_, host) => host.version,
  user: (_, host) => host.user,
  session_user: (_, host) => host.user,
  system_user: (_, host) => host.user,
  current_user: (_, host) => host.account,
  database: (_, host) => host.database ?? null,
  schema: (_, host) => host.database ?? null,
  connection_id: (_, host) => host.threadId,
  last_insert_id: (_, host) => host.insertId,
  row_count: () => -1,
  found_rows: () => 1,
  now: (_, host) => clock(host),
  sysdate: (_, host) => clock(host),
  localtime: (_, host) => clock(host),
  current_timestamp: (_, host) => clock(host),
  curdate: (_, host) => clock(host).slice(0, 10),
  current_date: (_, host) => clock(host).slice(0, 10),
  curtime: (_, host) => clock(host).slice(11),
  current_time: (_, host) => clock(host).slice(11),
  utc_timestamp: (_, host) => new Date(host.nowMs).toISOString().slice(0, 19).replace('T', ' '),
  unix_timestamp: (_, host) => Math.floor(host.nowMs / 1000),
  sleep: () => 0,
  benchmark: () => 0,
  rand: (_, host) => host.random(),
  uuid: (_, host) => host.serverUuid,
  concat: (args) => (args.includes(null) ? null : bounded(args.map(text).join(''))),
  concat_ws: (args) =>
    args[0] === null
      ? null
      : bounded(
          args
            .slice(1)
            .filter((value) => value !== null)
            .map(text)
            .join(text(args[0])),
        ),
  char: (args) => Buffer.from(args.map((value) => Math.trunc(number(value)) & 0xff)).toString('latin1'),
  ascii: ofText((value) => (value === '' ? 0 : value.charCodeAt(0))),
  ord: ofText((value) => (value === '' ? 0 : value.charCodeAt(0))),
  hex: (args) =>
    args[0] === null || args[0] === undefined
      ? null
      : typeof args[0] === 'number'
        ? Math.trunc(args[0]).toString(16).toUpperCase()
        : bounded(Buffer.from(args[0], 'latin1').toString('hex').toUpperCase()),
  unhex: ofText(unhex),
  md5: ofText((value) => hash('md5', value)),
  sha: ofText((value) => hash('sha1', value)),
  sha1: ofText((value) => hash('sha1', value)),
  sha2: ofText((value, args) => {
    const bits = number(args[1]) || 256;
    return [224, 256, 384, 512].includes(bits) ? hash(`sha${bits}`, value) : null;
  }),
  password: ofText(nativePassword),
  to_base64: ofText((value) => bounded(Buffer.from(value, 'latin1').toString('base64'))),
  from_base64: ofText((value) => Buffer.from(value, 'base64').toString('latin1')),
  length: ofText((value) => value.length),
  char_length: ofText((value) => Buffer.from(value, 'latin1').toString('utf8').length),
  character_length: ofText((value) => Buffer.from(value, 'latin1').toString('utf8').length),
  lower: ofText((value) => value.toLowerCase()),
  lcase: ofText((value) => value.toLowerCase()),
  upper: ofText((value) => value.toUpperCase()),
  ucase: ofText((value) => value.toUpperCase()),
  trim: ofText((value) => value.trim()),
  reverse: ofText((value) => [...value].reverse().join('')),
  substring: ofText(substring),
  substr: ofText(substring),
  mid: ofText(substring),
  left: ofText((value, args) => value.slice(0, Math.max(0, Math.trunc(number(args[1]))))),
  right: ofText((value, args) => (number(args[1]) <= 0 ? '' : value.slice(-Math.trunc(number(args[1]))))),
  repeat: ofText((value, args) => repeated(value, number(args[1]))),
  space: (args) => repeated(' ', number(args[0])),
  replace: ofText((value, args) =>
    text(args[1]) === '' || value.length * Math.max(1, text(args[2]).length) > MAX_VALUE
      ? value
      : bounded(value.replaceAll(text(args[1]), () => text(args[2]))),
  ),
  instr: ofText((value, args) => value.toLowerCase().indexOf(text(args[1]).toLowerCase()) + 1),
  locate: (args) => text(args[1]).toLowerCase().indexOf(text(args[0]).toLowerCase()) + 1,
  if: (args) => (number(args[0]) !== 0 ? (args[1] ?? null) : (args[2] ?? null)),
  ifnull: (args) => args[0] ?? args[1] ?? null,
  coalesce: (args) => args.find((value) => value !== null) ?? null,
  nullif: (args) => (text(args[0]) === text(args[1]) ? null : (args[0] ?? null)),
  isnull: (args) => (args[0] === null ? 1 : 0),
  abs: (args) => (args[0] === null ? null : Math.abs(number(args[0]))),
  floor: (args) => (args[0] === null ? null : Math.floor(number(args[0]))),
  ceil: (args) => (args[0] === null ? null : Math.ceil(number(args[0]))),
  round: (args) => {
    const digits = Math.min(15, Math.max(0, Math.trunc(number(args[1]))));
    return args[0] === null ? null : Number(number(args[0]).toFixed(digits));
  },
  mod: (args) => (number(args[1]) === 0 ? null : number(args[0]) % number(args[1])),
  greatest: (args) => (args.includes(null) ? null : Math.max(...args.map(number))),
  least: (args) => (args.includes(null) ? null : Math.min(...args.map(number))),
  cast: (args) => (/INT|SIGNED/.test(text(args[1])) ? Math.trunc(number(args[0])) : (args[0] ?? null)),
  convert: (args) => args[0] ?? null,
  date: ofText((value) => value.slice(0, 10)),
  extractvalue: NOTHING,
  updatexml: NOTHING,
  get_lock: () => 1,
  release_lock: () => 1,
  is_free_lock: () => 1,
  format: ofText((value, args) => Number(value).toFixed(Math.min(15, Math.max(0, number(args[1]))))),
  ps_current_thread_id: (_, host) => host.threadId,
};

/** Those that clients write without brackets. */
const BARE: ReadonlySet<string> = new Set([
  'current_user',
  'current_timestamp',
  'current_date',
  'current_time',
  'localtime',
]);
const INTEGERS: ReadonlySet<string> = new Set([
  'connection_id',
  'last_insert_id',
  'row_count',
  'found_rows',
  'unix_timestamp',
  'sleep',
  'benchmark',
  'length',
  'char_length',
  'ascii',
  'ord',
  'instr',
  'locate',
  'isnull',
]);

export function isFunction(name: string, how: 'bare' | 'integer'): boolean {
  const lower = name.toLowerCase();
  return (how === 'bare' ? BARE : INTEGERS).has(lower);
}

export function callFunction(written: string, args: readonly Value[], host: FunctionHost): Value {
  const name = written.toLowerCase();
  if (name === 'load_file') return args[0] === null ? null : host.loadFile(text(args[0]));
  const implementation = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (implementation !== undefined) return implementation(args, host);
  const value = host.external(name, args);
  if (value !== undefined) return value;
  host.problem ??= errors.unknownFunction(host.database ?? '', written);
  return null;
}

export interface Aggregate {
  type: Column['type'];
  apply(values: readonly Value[], separator: string): Value;
}

const numbers = (values: readonly Value[]): number[] => values.map(number);
/** `group_concat_max_len` of the server. */
const MAX_CONCAT = 1024;

/** Maximum and minimum of what may be numbers or text. */
function extreme(values: readonly Value[], sign: 1 | -1): Value {
  let best: Value = null;
  for (const value of values) {
    if (value === null) continue;
    const better =
      best === null ||
      (typeof value === 'number' && typeof best === 'number'
        ? (value - best) * sign > 0
        : text(value) > text(best) === sign > 0);
    if (better) best = value;
  }
  return best;
}

export const AGGREGATES: ReadonlyMap<string, Aggregate> = new Map<string, Aggregate>([
  ['count', { type: 'integer', apply: (values) => values.length }],
  [
    'sum',
    { type: 'double', apply: (values) => (values.length === 0 ? null : numbers(values).reduce((a, b) => a + b, 0)) },
  ],
  [
    'avg',
    {
      type: 'double',
      apply: (values) => (values.length === 0 ? null : numbers(values).reduce((a, b) => a + b, 0) / values.length),
    },
  ],
  ['max', { type: 'text', apply: (values) => extreme(values, 1) }],
  ['min', { type: 'text', apply: (values) => extreme(values, -1) }],
  [
    'group_concat',
    {
      type: 'text',
      apply: (values, separator) =>
        values.length === 0 ? null : values.map(text).join(separator).slice(0, MAX_CONCAT),
    },
  ],
]);
