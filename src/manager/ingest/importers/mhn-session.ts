/**
 * Sessions of Modern Honey Network: `mongoexport --collection session`, one JSON object a line, in every style that its versions wrote (spaced and compact,
 * five spellings of a date, canonical numbers).
 *
 * What real exports do, and what becomes of it here: `source_ip` can be missing, empty or IPv4-mapped (kept as no address, or as IPv4); `destination_ip` can be
 * missing, a text or an array; ports and the protocol can be missing; a protocol can carry a stray quote. Such rows are real and kept as found. A row that comes
 * twice has the same `hpfeed_id`: the session's id is made of it. Fields without a place in our records stay in `origin`, so that an export in MHN's
 * form gives the row back.
 */
import { isIP } from 'node:net';
import {
  type Envelope,
  type EventRecord,
  MAX_LONG_TEXT,
  MAX_SHORT_TEXT,
  type SessionRecord,
  type SharedEventFields,
  type SharedEventType,
  serviceOfMhn,
  uuidFromName,
} from '../../../events/index.ts';
import type { Importer, RowResult } from './importer.ts';

type Json = Record<string, unknown>;
const NO_BOOT = '00000000-0000-0000-0000-000000000000';
const OBJECT_ID = /^[0-9a-f]{24}$/;
/** Longest `origin` kept, in characters. */
const MAX_ORIGIN = 65_536;
/** Deepest nesting of a row: parsing takes any depth, writing it out again does not. */
const MAX_DEPTH = 500;
/** Login attempts taken of one row. */
const MAX_ATTEMPTS = 10_000;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A MongoDB ObjectId as extended JSON, a text, or nothing. */
function objectId(value: unknown): string | undefined {
  const text = isObject(value) ? value.$oid : value;
  return typeof text === 'string' && text !== '' ? text.slice(0, 256) : undefined;
}

/** A number as a number, a text of digits, or canonical extended JSON (`$numberInt`, `$numberLong`). */
function numberOf(value: unknown): number | undefined {
  const bare = isObject(value) ? (value.$numberInt ?? value.$numberLong ?? value.$numberDouble) : value;
  if (typeof bare === 'number') return Number.isFinite(bare) ? bare : undefined;
  return typeof bare === 'string' && /^-?\d{1,16}(\.\d+)?$/.test(bare) ? Number(bare) : undefined;
}

/** `$date` as epoch milliseconds, as a text with `Z`, `+0000`, `+00:00` or without a zone (UTC), or canonical. */
function timeOf(value: unknown): number | undefined {
  const bare = isObject(value) ? value.$date : value;
  const number = numberOf(bare);
  if (number !== undefined) return inRange(number);
  if (typeof bare !== 'string') return undefined;
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:?\d\d)?$/.exec(bare);
  if (match === null) return undefined;
  const [, date = '', time = '', zone = 'Z'] = match;
  return inRange(
    Date.parse(`${date}T${time}${/^[+-]\d{4}$/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone}`),
  );
}

/** Times that the store's columns hold: 1900 to 2299. */
const inRange = (ms: number): number | undefined =>
  ms >= -2_208_988_800_000 && ms < 10_413_792_000_000 ? Math.trunc(ms) : undefined;

function addressOf(value: unknown): string | null {
  const text = Array.isArray(value) ? value[0] : value;
  if (typeof text !== 'string') return null;
  const [unzoned = ''] = text.split('%', 1);
  const bare = unzoned.startsWith('::ffff:') && unzoned.includes('.') ? unzoned.slice(7) : unzoned;
  return isIP(bare) === 0 || bare === '::' ? null : bare.toLowerCase();
}

function portOf(value: unknown): number | null {
  const port = numberOf(value);
  return port !== undefined && Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : null;
}

/** Values that should be texts can be anything; not every object can be made into one by `String`. */
const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
const short = (value: unknown): string => textOf(value).slice(0, MAX_SHORT_TEXT).toWellFormed();
const long = (value: unknown): string => textOf(value).slice(0, MAX_LONG_TEXT).toWellFormed();
const name64 = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 64).toWellFormed() : '');

/**
 * The session's id: UUIDv8 (RFC 9562 §5.8) around the twelve bytes of an ObjectId, so that it can be read back, sorts by time and compresses; of any
 * other name its hash.
 */
export function sessionIdOf(hpfeedId: string): string {
  if (!OBJECT_ID.test(hpfeedId)) return uuidFromName(`mhn ${hpfeedId}`);
  return `${hpfeedId.slice(0, 8)}-${hpfeedId.slice(8, 12)}-8${MARK.slice(0, 3)}-a${MARK.slice(3)}-${hpfeedId.slice(12)}`;
}
const MARK = '6d6864';

/** The ObjectId that `sessionIdOf` was given, if it was one. */
export function hpfeedIdOf(sessionId: string): string | undefined {
  const [a = '', b = '', c, d, e = ''] = sessionId.split('-');
  return c === `8${MARK.slice(0, 3)}` && d === `a${MARK.slice(3)}` ? a + b + e : undefined;
}

/** What an exporter needs beside our fields to give the same row back. */
export interface MhnOrigin {
  _id?: unknown;
  hpfeed_id?: unknown;
  /** Fields as they were, where ours say less. */
  as?: Json;
}

/** Fields that our records hold in full; they are put into `origin` only where their spelling would be lost. */
const HELD = new Set([
  '_id',
  'hpfeed_id',
  'protocol',
  'timestamp',
  'source_ip',
  'source_port',
  'destination_ip',
  'destination_port',
  'identifier',
  'honeypot',
]);

function originOf(
  row: Json,
  session: Pick<SessionRecord, 'src_ip' | 'src_port' | 'dst_ip' | 'dst_port' | 'protocol' | 'started_at' | 'id'>,
  sensor: string,
): string {
  const as: Json = {};
  const keep = (name: string, held: unknown): void => {
    if (row[name] !== undefined && row[name] !== held) as[name] = row[name];
  };
  keep('source_ip', session.src_ip);
  keep('destination_ip', session.dst_ip);
  keep('source_port', session.src_port);
  keep('destination_port', session.dst_port);
  keep('protocol', session.protocol);
  keep('identifier', sensor);
  for (const [name, value] of Object.entries(row)) if (!HELD.has(name)) as[name] = value;
  const origin: MhnOrigin = {};
  const id = objectId(row._id);
  if (id !== undefined) origin._id = id;
  if (row.hpfeed_id !== undefined && hpfeedIdOf(session.id) !== objectId(row.hpfeed_id))
    origin.hpfeed_id = row.hpfeed_id;
  if (Object.keys(as).length > 0) origin.as = as;
  const text = JSON.stringify(origin);
  return text.length <= MAX_ORIGIN ? text : JSON.stringify({ ...origin, as: { truncated: true } });
}

type Draft = { [Name in SharedEventType]: { type: Name; fields: SharedEventFields<Name> } }[SharedEventType];

function loginsOf(row: Json): Draft[] {
  if (!Array.isArray(row.auth_attempts)) return [];
  return row.auth_attempts
    .slice(0, MAX_ATTEMPTS)
    .filter(isObject)
    .map((attempt) => ({
      type: 'auth.attempt',
      fields: {
        username: attempt.login === undefined || attempt.login === null ? null : short(attempt.login),
        password: attempt.password === undefined || attempt.password === null ? null : short(attempt.password),
        mechanism: 'plain',
        accepted: attempt.accepted === true,
      },
    }));
}

function alertOf(row: Json): Draft[] {
  const alert = isObject(row.snort) ? row.snort : isObject(row.suricata) ? row.suricata : undefined;
  if (alert === undefined) return [];
  const detail = Object.fromEntries(
    Object.entries(alert)
      .filter(([name, value]) => name !== 'signature' && ['string', 'number', 'boolean'].includes(typeof value))
      .map(([name, value]) => [
        name.slice(0, 64),
        typeof value === 'string' ? short(value) : (value as number | boolean),
      ]),
  );
  return [{ type: 'exploit.matched', fields: { rule: short(alert.signature ?? ''), detail } }];
}

function filesOf(row: Json): Draft[] {
  if (!Array.isArray(row.attachments)) return [];
  return row.attachments.filter(isObject).flatMap((attachment): Draft[] => {
    const hashes = isObject(attachment.hashes) ? attachment.hashes : {};
    const known = (['md5', 'sha1', 'sha256', 'sha512'] as const).flatMap((kind) =>
      typeof hashes[kind] === 'string' ? [[kind, short(hashes[kind])] as const] : [],
    );
    if (known.length === 0) return [];
    const description = attachment.description === undefined ? {} : { name: short(attachment.description) };
    return [{ type: 'file.reported', fields: { ...Object.fromEntries(known), ...description } }];
  });
}

function requestOf(row: Json): Draft[] {
  const request =
    isObject(row.session_http) && isObject(row.session_http.request) ? row.session_http.request : undefined;
  if (request === undefined) return [];
  const target = request.path ?? request.url ?? '';
  const body = request.body === undefined || request.body === null ? {} : { body: long(request.body) };
  return [{ type: 'request', fields: { method: short(request.verb ?? ''), target: long(target), ...body } }];
}

/** Old exporters wrote the repr of a Python string: `'SSH-2.0-libssh-0.1'`. */
function sshClientOf(row: Json): string {
  const version = isObject(row.session_ssh) ? row.session_ssh.version : undefined;
  return typeof version === 'string' ? short(version.replace(/^(['"])(.*)\1$/s, '$2')) : '';
}

export function readMhnSession(row: Json): RowResult {
  const at = timeOf(row.timestamp);
  if (at === undefined)
    return {
      kind: 'invalid',
      reason: row.timestamp === undefined ? 'has no timestamp' : 'has a timestamp that is no date',
    };
  if (
    row.protocol === undefined &&
    row.source_ip === undefined &&
    row.honeypot === undefined &&
    row.destination_port === undefined
  ) {
    return { kind: 'invalid', reason: 'is no session: it has no protocol, source, honeypot or port' };
  }
  const startedAt = new Date(at).toISOString();
  const protocol = name64(row.protocol);
  const dstPort = portOf(row.destination_port);
  const envelope: Envelope = {
    src_ip: addressOf(row.source_ip),
    src_port: portOf(row.source_port),
    dst_ip: addressOf(row.destination_ip),
    dst_port: dstPort,
    transport: '',
    protocol,
    service: protocol === '' ? '' : serviceOfMhn(protocol, dstPort),
    honeypot: name64(row.honeypot),
  };
  const hpfeedId = objectId(row.hpfeed_id);
  const { _id, ...content } = row;
  const id = hpfeedId === undefined ? uuidFromName(`mhn row ${JSON.stringify(content)}`) : sessionIdOf(hpfeedId);
  const sensor = typeof row.identifier === 'string' ? row.identifier.slice(0, 128).toWellFormed() : '';
  const drafts = [...loginsOf(row), ...alertOf(row), ...filesOf(row), ...requestOf(row)];
  const logins = drafts.filter((draft) => draft.type === 'auth.attempt');
  const session: SessionRecord = {
    id,
    boot_id: NO_BOOT,
    started_at: startedAt,
    ended_at: startedAt,
    ...envelope,
    ...{
      bytes_in: 0,
      bytes_out: 0,
      end_reason: 'unknown',
      events: drafts.length,
      logins: logins.length,
      commands: 0,
      files: 0,
      ja4: '',
      hassh: '',
    },
    client: sshClientOf(row),
    ...{ tags: [], techniques: [], severity: logins.length > 0 ? 1 : 0, ports: [], scan: '' },
    origin: originOf(row, { ...envelope, id, started_at: startedAt }, sensor),
  };
  const events = drafts.map(
    (draft, seq): EventRecord => ({
      ...envelope,
      session_id: id,
      seq,
      at: startedAt,
      type: draft.type,
      fields: draft.fields,
    }),
  );
  return { kind: 'row', row: { sensor, session, events } };
}

function nestsTooDeep(line: string): boolean {
  // Each level has two brackets: the rows of every real file are too short for it.
  if (line.length <= 2 * MAX_DEPTH) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at];
    if (inString) {
      if (char === '\\') at += 1;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '[' || char === '{') {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (char === ']' || char === '}') depth -= 1;
  }
  return false;
}

export const mhnSession: Importer = {
  name: 'mhn-session',
  recognises(firstLine) {
    const result = mhnSession.read(firstLine);
    return result.kind === 'row' && /"(source_ip|hpfeed_id|destination_port)"/.test(firstLine);
  },
  read(line) {
    if (nestsTooDeep(line)) return { kind: 'invalid', reason: 'is nested too deep' };
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return { kind: 'invalid', reason: 'is no JSON' };
    }
    return isObject(value) ? readMhnSession(value) : { kind: 'invalid', reason: 'is no JSON object' };
  },
};
