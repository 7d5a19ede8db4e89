/** A request as the service works with it: its line and header fields taken apart, and what is odd about them marked for the product to judge. */
import { MAX_LONG_TEXT, MAX_SHORT_TEXT, textFromBytes } from '../../events/index.ts';

export interface RequestLine {
  method: string;
  target: string;
  /** As sent, `HTTP/1.1`; empty where the line has none (HTTP/0.9). */
  version: string;
  /** Digits of the version; 0.9 where there is none, -1 where it is no HTTP version. */
  major: number;
  minor: number;
  /** More than one space between the parts, or spaces at the end. */
  loose: boolean;
  bareLf: boolean;
}

export function parseRequestLine(line: string, bareLf: boolean): RequestLine {
  const end = line.endsWith(' ') ? line.trimEnd().length : line.length;
  const first = line.indexOf(' ');
  if (first < 0 || first >= end)
    return {
      method: line.slice(0, end),
      target: '',
      version: '',
      major: 0,
      minor: 9,
      loose: end < line.length,
      bareLf,
    };
  const last = line.lastIndexOf(' ', end - 1);
  const word = line.slice(last + 1, end);
  const isVersion = last > first || word.startsWith('HTTP/');
  const middle = isVersion ? line.slice(first + 1, Math.max(last, first + 1)) : line.slice(first + 1, end);
  const digits = /^HTTP\/(\d{1,3})\.(\d{1,3})$/.exec(word);
  const hasVersion = isVersion && (digits !== null || /^[A-Za-z]+\/[\d.]*$/.test(word));
  // `GET /a b`: the last word is no version, so it belongs to the target of an HTTP/0.9 request.
  const target = (hasVersion ? middle : line.slice(first + 1, end)).trim();
  return {
    method: line.slice(0, first),
    target,
    version: hasVersion ? word : '',
    major: hasVersion ? Number(digits?.[1] ?? -1) : 0,
    minor: hasVersion ? Number(digits?.[2] ?? -1) : 9,
    loose: end < line.length || (hasVersion ? middle : line.slice(first + 1, end)).length !== target.length,
    bareLf,
  };
}

export type FieldFault = 'no_colon' | 'empty_name' | 'bad_name' | 'space_in_name' | 'fold' | 'control' | 'bare_lf';

export interface Field {
  name: string;
  value: string;
}

export interface Request extends RequestLine {
  fields: readonly Field[];
  faults: ReadonlySet<FieldFault>;
  /** Longest header line, in bytes. */
  longestField: number;
  body: Buffer;
  /** Length of the whole body; `body` may be its kept beginning. */
  bodyBytes: number;
  secure: boolean;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point (RFC 9110 §5.5)
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
const NO_FAULTS: ReadonlySet<FieldFault> = new Set();

export function parseFields(lines: readonly string[]): Pick<Request, 'fields' | 'faults' | 'longestField'> {
  const fields: Field[] = [];
  let faults: Set<FieldFault> | undefined;
  let longestField = 0;
  const fault = (kind: FieldFault): void => {
    faults ??= new Set();
    faults.add(kind);
  };
  for (const line of lines) {
    if (line.length > longestField) longestField = line.length;
    const previous = fields.at(-1);
    if ((line.startsWith(' ') || line.startsWith('\t')) && previous !== undefined) {
      fault('fold');
      previous.value = `${previous.value} ${line.trim()}`;
      continue;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    if (colon < 0) fault('no_colon');
    else if (name === '') fault('empty_name');
    else if (/[ \t]/.test(name)) fault('space_in_name');
    else if (!TOKEN.test(name)) fault('bad_name');
    if (CONTROL.test(line)) fault('control');
    fields.push({ name, value: colon < 0 ? '' : trimOws(line, colon + 1) });
  }
  return { fields, faults: faults ?? NO_FAULTS, longestField };
}

/** Without the spaces and tabs around it (RFC 9110 §5.6.3); `trim` would take more. */
function trimOws(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && (line[start] === ' ' || line[start] === '\t')) start += 1;
  while (end > start && (line[end - 1] === ' ' || line[end - 1] === '\t')) end -= 1;
  return line.slice(start, end);
}

/** The value of the first field of that name (in lower case), or nothing. */
export function header(request: Pick<Request, 'fields'>, name: string): string | undefined {
  for (const field of request.fields)
    if (field.name.length === name.length && field.name.toLowerCase() === name) return field.value;
  return undefined;
}

export function headers(request: Pick<Request, 'fields'>, name: string): string[] {
  return request.fields
    .filter((field) => field.name.length === name.length && field.name.toLowerCase() === name)
    .map((field) => field.value);
}

/** Whether a comma-separated header holds this word. */
export function hasToken(value: string | undefined, word: string): boolean {
  return value?.split(',').some((part) => part.trim().toLowerCase() === word) === true;
}

/** The path of the target, percent-decoded and without dot segments; undefined where it leaves the root or is not well encoded. */
export function pathOf(target: string): { path: string; query: string; fault?: 'encoding' | 'above_root' | 'nul' } {
  const scheme = /^[A-Za-z][A-Za-z0-9+.-]{0,15}:\/\/[^/?#]*/.exec(target);
  const local = scheme === null ? target : target.slice(scheme[0].length) || '/';
  const hash = local.indexOf('#');
  const whole = hash < 0 ? local : local.slice(0, hash);
  const mark = whole.indexOf('?');
  const raw = mark < 0 ? whole : whole.slice(0, mark);
  const query = mark < 0 ? '' : whole.slice(mark + 1);
  if (!raw.includes('%') && !raw.includes('/.') && !raw.includes('//')) return { path: raw, query };
  if (/%(?![0-9A-Fa-f]{2})/.test(raw)) return { path: raw, query, fault: 'encoding' };
  const decoded = percentDecoded(raw);
  if (decoded.includes('\0')) return { path: decoded, query, fault: 'nul' };
  const kept: string[] = [];
  const segments = decoded.split('/');
  for (const segment of segments.slice(1)) {
    if (segment === '..') {
      if (kept.length === 0) return { path: decoded, query, fault: 'above_root' };
      kept.pop();
    } else if (segment !== '.' && segment !== '') kept.push(segment);
  }
  const tail = segments.at(-1);
  const path = `/${kept.join('/')}`;
  return { path: (tail === '' || tail === '.' || tail === '..') && path !== '/' ? `${path}/` : path, query };
}

/** Percent-decoded; latin1 in, latin1 out, a `%` that begins no escape stays. */
export function percentDecoded(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

const HIGH = /[\x80-\xff]/;

/** Latin1 text of the wire as recordable text. */
export function recordable(latin1: string, limit: number): string {
  const plain = !latin1.includes('\\x') && !HIGH.test(latin1);
  const text = plain ? latin1 : textFromBytes(Buffer.from(latin1, 'latin1'));
  return text.length > limit ? text.slice(0, limit) : text;
}
export const shortText = (latin1: string): string => recordable(latin1, MAX_SHORT_TEXT);
export const longText = (latin1: string): string => recordable(latin1, MAX_LONG_TEXT);
