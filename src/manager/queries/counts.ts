/** How many: sessions and distinct sources by one field or several, and the totals. */
import type { StoreClient } from '../store/client.ts';
import { type CountField, type CountFieldName, countField, NO_SOURCE, SOURCES } from './fields.ts';
import { type Asking, Bindings, where } from './filter.ts';
import { addressText, isoTime, type Names } from './records.ts';

export interface CountRow {
  /** The value of each field asked for, in order. */
  values: (string | number | null)[];
  /** Sessions; for fields of events, the events that have the value. */
  sessions: number;
  sources: number;
  extra: Record<string, string | null>;
}

export interface CountQuestion {
  by: readonly CountFieldName[];
  /** Most rows; 0 for all. */
  limit: number;
  order: 'sessions' | 'sources' | 'value';
  /** Only sources with at least this many sessions within the filter. */
  minSessions?: number;
}

function readValue(field: CountField, name: CountFieldName, stored: unknown, names: Names): string | number | null {
  if (stored === null || stored === undefined) return null;
  const text = String(stored);
  switch (field.type) {
    case 'pair':
      return (stored as string[]).map((part) => (part === '\0' ? '' : part)).join(':');
    case 'number':
      return Number(text);
    case 'address':
      return addressText(text);
    case 'time':
      return isoTime(`${text}.000`);
    case 'text':
      return name === 'sensor' ? (names.get(text) ?? text) : text === '' && field.from === 'sessions' ? null : text;
  }
}

export async function counts(
  store: StoreClient,
  question: CountQuestion,
  asking: Asking & { names: Names },
): Promise<CountRow[]> {
  const fields = question.by.map(countField);
  const subject = fields.some((field) => field.from === 'events') ? 'events' : 'sessions';
  const sqlOf = (field: CountField): string =>
    subject === 'events' ? field.sql.replaceAll('started_at', 'at') : field.sql;
  const bindings = new Bindings();
  const conditions = [
    where(asking.filter, subject, bindings, asking.sensorId),
    ...fields.flatMap((field) => (field.only === undefined ? [] : [field.only])),
  ];
  if (question.minSessions !== undefined && question.minSessions > 1) {
    const condition = where(asking.filter, 'sessions', bindings, asking.sensorId);
    conditions.push(
      `src_ip IN (SELECT src_ip FROM sessions WHERE ${condition} AND src_ip != ${NO_SOURCE} GROUP BY src_ip HAVING count() >= ${bindings.bind(question.minSessions, 'UInt64')})`,
    );
  }
  const keys = fields.map((field, index) => `${sqlOf(field)} AS v${index}`);
  const extras = fields.flatMap((field) => Object.entries(field.extra ?? {}));
  const order =
    question.order === 'value'
      ? fields.map((_, index) => `v${index}`).join(', ')
      : `${question.order} DESC, ${fields.map((_, index) => `v${index}`).join(', ')}`;
  const sql = `SELECT ${[...keys, 'count() AS sessions', `${SOURCES} AS sources`, ...extras.map(([name, expression]) => `${expression} AS x_${name}`)].join(', ')}
FROM ${subject}
WHERE ${conditions.join(' AND ')}
GROUP BY ${fields.map((_, index) => `v${index}`).join(', ')}
ORDER BY ${order}${question.limit > 0 ? `\nLIMIT ${bindings.bind(question.limit, 'UInt64')}` : ''}`;
  const rows = await store.query<Record<string, unknown>>(
    sql,
    bindings.params,
    asking.signal === undefined ? {} : { signal: asking.signal },
  );
  return rows.map((row) => ({
    values: fields.map((field, index) =>
      readValue(field, question.by[index] as CountFieldName, row[`v${index}`], asking.names),
    ),
    sessions: Number(row.sessions),
    sources: Number(row.sources),
    extra: Object.fromEntries(extras.map(([name]) => [name, (row[`x_${name}`] ?? null) as string | null])),
  }));
}

export interface Summary {
  sessions: number;
  sources: number;
  logins: number;
  commands: number;
  files: number;
  countries: number;
  sensors: number;
  events: number;
  first: string | null;
  last: string | null;
}

export async function summary(store: StoreClient, asking: Asking): Promise<Summary> {
  const bindings = new Bindings();
  const sql = `SELECT count() AS sessions, ${SOURCES} AS sources, sum(sessions.logins) AS logins, sum(sessions.commands) AS commands, sum(sessions.files) AS files,
  uniqExactIf(country, country NOT IN ('', 'unknown')) AS countries, uniqExact(sensor_id) AS sensors, sum(sessions.events) AS events, min(started_at) AS first, max(started_at) AS last
FROM sessions
WHERE ${where(asking.filter, 'sessions', bindings, asking.sensorId)}`;
  const [row] = await store.query<Record<string, string | number>>(
    sql,
    bindings.params,
    asking.signal === undefined ? {} : { signal: asking.signal },
  );
  const n = (name: string): number => Number(row?.[name] ?? 0);
  const some = n('sessions') > 0;
  return {
    ...{
      sessions: n('sessions'),
      sources: n('sources'),
      logins: n('logins'),
      commands: n('commands'),
      files: n('files'),
      countries: n('countries'),
      sensors: n('sensors'),
      events: n('events'),
    },
    first: some ? isoTime(String(row?.first)) : null,
    last: some ? isoTime(String(row?.last)) : null,
  };
}
