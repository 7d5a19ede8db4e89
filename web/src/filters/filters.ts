/**
 * Filters and the time range of a page, and their form in the address: the same names as the API's, so that a link says what it asks.
 * `country=CN&country=VN` is either, `country!=CN` (the key is `country!`) is neither.
 */

export const FILTER_FIELDS = [
  'protocol',
  'src_ip',
  'country',
  'dst_port',
  'username',
  'password',
  'q',
  'asn',
  'sensor',
  'service',
  'honeypot',
  'src_port',
  'dst_ip',
  'tag',
  'sha256',
] as const;
export type FilterField = (typeof FILTER_FIELDS)[number];

export const FILTER_LABELS: Readonly<Record<FilterField, string>> = {
  protocol: 'Protocol',
  src_ip: 'Source',
  country: 'Country',
  dst_port: 'Port',
  username: 'User name',
  password: 'Password',
  q: 'Text',
  asn: 'Network (AS)',
  sensor: 'Sensor',
  service: 'Service',
  honeypot: 'Honeypot',
  src_port: 'Source port',
  dst_ip: 'Destination',
  tag: 'Tag',
  sha256: 'File SHA-256',
};

/** The number by which the API is asked for sources of no known network: RFC 7607 §1 gives AS 0 to nobody. */
export const NO_NETWORK = '0';

export interface Filter {
  field: FilterField;
  value: string;
  negated: boolean;
}

export const PRESETS = ['1h', '24h', '7d', '30d', 'all'] as const;
export type Preset = (typeof PRESETS)[number];

const HOUR_MS = 3_600_000;
const PRESET_MS: Readonly<Record<Exclude<Preset, 'all'>, number>> = {
  '1h': HOUR_MS,
  '24h': 24 * HOUR_MS,
  '7d': 168 * HOUR_MS,
  '30d': 720 * HOUR_MS,
};

/** Either a span that ends now, or two fixed times in RFC 3339. */
export type Range = { kind: 'preset'; preset: Preset } | { kind: 'between'; from: string; to: string };

/** What a page shows. */
export interface Scope {
  filters: readonly Filter[];
  range: Range;
}

/** Most filters read from an address; more would only make a query that the manager refuses. */
const MAX_FILTERS = 64;

const isField = (name: string): name is FilterField => (FILTER_FIELDS as readonly string[]).includes(name);
const isPreset = (name: string | null): name is Preset => (PRESETS as readonly (string | null)[]).includes(name);
const isTime = (text: string | null): text is string => text !== null && !Number.isNaN(Date.parse(text));

export function sameFilter(a: Filter, b: Filter): boolean {
  return a.field === b.field && a.value === b.value && a.negated === b.negated;
}

/** An empty value asks for nothing, except that user names and passwords can be empty. */
export function isMeaningful(filter: Filter): boolean {
  return filter.value !== '' || filter.field === 'username' || filter.field === 'password';
}

/** Reads the query part of an address. What it does not know is ignored. */
export function parseScope(search: string, defaultPreset: Preset): Scope {
  const params = new URLSearchParams(search);
  const filters: Filter[] = [];
  for (const [key, value] of params) {
    if (filters.length >= MAX_FILTERS) break;
    const negated = key.endsWith('!');
    const field = negated ? key.slice(0, -1) : key;
    if (!isField(field)) continue;
    const filter = { field, value, negated };
    if (isMeaningful(filter) && !filters.some((other) => sameFilter(other, filter))) filters.push(filter);
  }
  const from = params.get('from');
  const to = params.get('to');
  if (isTime(from) && isTime(to)) return { filters, range: { kind: 'between', from, to } };
  const preset = params.get('range');
  return { filters, range: { kind: 'preset', preset: isPreset(preset) ? preset : defaultPreset } };
}

function filterParams(filters: readonly Filter[]): URLSearchParams {
  const params = new URLSearchParams();
  for (const { field, value, negated } of filters) params.append(negated ? `${field}!` : field, value);
  return params;
}

/** The query part of an address, with its question mark, or nothing. A range that is the page's own default is left out. */
export function scopeSearch(scope: Scope, defaultPreset: Preset): string {
  const params = filterParams(scope.filters);
  if (scope.range.kind === 'between') {
    params.set('from', scope.range.from);
    params.set('to', scope.range.to);
  } else if (scope.range.preset !== defaultPreset) {
    params.set('range', scope.range.preset);
  }
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

/** The times that a range stands for; an end of `null` is open. */
export function rangeTimes(range: Range, nowMs: number): { from: number | null; to: number | null } {
  if (range.kind === 'between') return { from: Date.parse(range.from), to: Date.parse(range.to) };
  return { from: range.preset === 'all' ? null : nowMs - PRESET_MS[range.preset], to: null };
}

/** The API's parameters for a scope. */
export function scopeParams(scope: Scope, nowMs: number): URLSearchParams {
  const params = filterParams(scope.filters);
  const { from, to } = rangeTimes(scope.range, nowMs);
  if (from !== null) params.set('from', new Date(from).toISOString());
  if (to !== null) params.set('to', new Date(to).toISOString());
  return params;
}

/** The same without times: what is on the stream is new. */
export function streamParams(scope: Scope): URLSearchParams {
  return filterParams(scope.filters);
}

export function withFilter(scope: Scope, filter: Filter): Scope {
  if (scope.filters.some((other) => sameFilter(other, filter))) return scope;
  return { ...scope, filters: [...scope.filters, filter] };
}

export function withoutFilter(scope: Scope, filter: Filter): Scope {
  return { ...scope, filters: scope.filters.filter((other) => !sameFilter(other, filter)) };
}

const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})(?:\/\d{1,3})?$/i;
const SHA256 = /^[0-9a-f]{64}$/i;
const TYPED = /^(!?)([a-z0-9_]{1,16}):(.*)$/s;

/** What someone typed into the search box: `port:22`, `!country:CN`, an address, a hash, or text to look for. */
export function parseTyped(text: string): Filter | null {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  const typed = TYPED.exec(trimmed);
  if (typed !== null) {
    const [, bang = '', name = '', value = ''] = typed;
    const field = SHORTHANDS.get(name) ?? (isField(name) ? name : undefined);
    const filter = field === undefined ? null : { field, value: value.trim(), negated: bang === '!' };
    if (filter !== null && isMeaningful(filter)) return normalise(filter);
  }
  if (ADDRESS.test(trimmed)) return { field: 'src_ip', value: trimmed, negated: false };
  if (SHA256.test(trimmed)) return { field: 'sha256', value: trimmed.toLowerCase(), negated: false };
  return { field: 'q', value: trimmed, negated: false };
}

const SHORTHANDS: ReadonlyMap<string, FilterField> = new Map([
  ['ip', 'src_ip'],
  ['source', 'src_ip'],
  ['port', 'dst_port'],
  ['user', 'username'],
  ['pass', 'password'],
  ['text', 'q'],
  ['as', 'asn'],
]);

/** Country codes are upper case (`unknown` is not one), and networks are plain numbers, however they were typed. */
export function normalise(filter: Filter): Filter {
  if (filter.field === 'country')
    return { ...filter, value: filter.value.length === 2 ? filter.value.toUpperCase() : filter.value.toLowerCase() };
  if (filter.field === 'asn') return { ...filter, value: filter.value.replace(/^as\s*/i, '') };
  return filter;
}
