/** Filters and counts over the sandbox's sessions, as simple as they can be: the manager does this in its store. */
import { BlockList, isIP } from 'node:net';
import type { Interval, Session, Summary, TimelineRow, TopRow } from '../src/api/types.ts';
import type { Recorded } from './world.ts';

const EQUAL = [
  'protocol',
  'service',
  'src_port',
  'dst_ip',
  'dst_port',
  'country',
  'asn',
  'sensor',
  'honeypot',
  'username',
  'password',
] as const satisfies readonly (keyof Session)[];

function inNetwork(address: string | null, wanted: string): boolean {
  if (address === null) return false;
  const [net = '', bits] = wanted.split('/');
  if (bits === undefined) return address === net;
  const list = new BlockList();
  try {
    list.addSubnet(net, Number(bits), isIP(net) === 6 ? 'ipv6' : 'ipv4');
    return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  } catch {
    return false;
  }
}

function matches({ session, steps }: Recorded, field: string, wanted: string): boolean {
  if (field === 'src_ip') return inNetwork(session.src_ip, wanted);
  if (field === 'tag') return session.tags.includes(wanted);
  if (field === 'sha256') return steps.some((step) => step.fields.sha256 === wanted);
  if (field === 'q') return JSON.stringify(steps).toLowerCase().includes(wanted.toLowerCase());
  const column = EQUAL.find((name) => name === field);
  return column === undefined || String(session[column] ?? '') === wanted;
}

/** Sessions that match, the oldest first. Values of one name are alternatives; names must all hold. */
export function select(all: readonly Recorded[], params: URLSearchParams): Recorded[] {
  const known = new Set<string>([...EQUAL, 'src_ip', 'tag', 'sha256', 'q']);
  const names = new Set([...params.keys()].filter((name) => known.has(name.replace(/!$/, ''))));
  const from = params.get('from') ?? '';
  const to = params.get('to') ?? '\uffff';
  return all.filter((recorded) => {
    const at = recorded.session.started_at;
    if (at < from || at >= to) return false;
    for (const name of names) {
      const negated = name.endsWith('!');
      const field = negated ? name.slice(0, -1) : name;
      const found = params.getAll(name).some((wanted) => matches(recorded, field, wanted));
      if (found === negated) return false;
    }
    return true;
  });
}

export function summary(rows: readonly Recorded[]): Summary {
  const sum = (pick: (session: Session) => number): number => rows.reduce((total, row) => total + pick(row.session), 0);
  const distinct = (pick: (session: Session) => unknown): number =>
    new Set(rows.map((row) => pick(row.session)).filter((value) => value !== null)).size;
  return {
    sessions: rows.length,
    sources: distinct((session) => session.src_ip),
    logins: sum((session) => session.logins),
    commands: sum((session) => session.commands),
    files: sum((session) => session.files),
    countries: distinct((session) => session.country),
    sensors: distinct((session) => session.sensor),
    events: sum((session) => session.events),
    first: rows[0]?.session.started_at ?? null,
    last: rows.at(-1)?.session.started_at ?? null,
  };
}

export function top(rows: readonly Recorded[], by: string, limit: number, unique: boolean): TopRow[] {
  const groups = new Map<string, { row: TopRow; sources: Set<string | null> }>();
  for (const { session } of rows) {
    const { username, password } = session;
    if (['username', 'password', 'credential'].includes(by) && username === undefined) continue;
    if (by === 'password' && password === null) continue;
    const value = by === 'credential' ? null : ((session[by as keyof Session] ?? null) as string | number | null);
    const key = by === 'credential' ? JSON.stringify([username, password]) : String(value);
    let group = groups.get(key);
    if (group === undefined) {
      const row: TopRow = { value, sessions: 0, sources: 0 };
      if (by === 'credential') Object.assign(row, { username, password });
      if (by === 'src_ip') Object.assign(row, { country: session.country, as_org: session.as_org });
      if (by === 'asn') row.as_org = session.as_org;
      group = { row, sources: new Set() };
      groups.set(key, group);
    }
    group.row.sessions += 1;
    group.sources.add(session.src_ip);
  }
  const list = [...groups.values()].map(({ row, sources }) => ({ ...row, sources: sources.size }));
  return list.sort((a, b) => (unique ? b.sources - a.sources : 0) || b.sessions - a.sessions).slice(0, limit);
}

const STEP_MS: Readonly<Record<Interval, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

export function timeline(
  rows: readonly Recorded[],
  params: URLSearchParams,
): { interval: Interval; data: TimelineRow[] } {
  const first = Date.parse(params.get('from') ?? rows[0]?.session.started_at ?? '');
  const spanMs = Date.parse(params.get('to') ?? new Date().toISOString()) - first;
  const interval = spanMs <= 6 * STEP_MS.hour ? 'minute' : spanMs <= 14 * STEP_MS.day ? 'hour' : 'day';
  const by = params.get('by') ?? 'protocol';
  const kept = new Set(top(rows, by, Number(params.get('limit') ?? 8), false).map((row) => String(row.value)));
  const buckets = new Map<string, { row: TimelineRow; sources: Set<string | null> }>();
  for (const { session } of rows) {
    const start = Math.floor(Date.parse(session.started_at) / STEP_MS[interval]) * STEP_MS[interval];
    const name = String(session[by as keyof Session]);
    const value = kept.has(name) ? name : 'other';
    const key = `${start} ${value}`;
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = { row: { at: new Date(start).toISOString(), value, sessions: 0, sources: 0 }, sources: new Set() };
      buckets.set(key, bucket);
    }
    bucket.row.sessions += 1;
    bucket.sources.add(session.src_ip);
  }
  return { interval, data: [...buckets.values()].map(({ row, sources }) => ({ ...row, sources: sources.size })) };
}
