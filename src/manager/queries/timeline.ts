/** Sessions over time by a field, or events where it is a field of theirs: buckets of a minute, an hour or a day; the rest of the values is folded into `other`. */
import { ProjectError } from '../../events/index.ts';
import type { StoreClient } from '../store/client.ts';
import { countField, type SingleFieldName, SOURCES } from './fields.ts';
import { type Asking, Bindings, where } from './filter.ts';
import { addressText, isoTime, type Names } from './records.ts';

export const INTERVALS = ['minute', 'hour', 'day'] as const;
export type Interval = (typeof INTERVALS)[number];

const BUCKET: Readonly<Record<Interval, (column: string) => string>> = {
  minute: (column) => `toStartOfMinute(${column})`,
  hour: (column) => `toStartOfHour(${column})`,
  day: (column) => `toDateTime(toDate(${column}), 'UTC')`,
};
const HOUR_MS = 3_600_000;
/** Rows of an answer at most: ten years of hours for one value, two years of days for fifty. */
const MAX_ROWS = 100_000;

export interface TimelineRow {
  at: string;
  value: string | number | null;
  sessions: number;
  sources: number;
}

/** The interval that makes some dozens to hundreds of buckets of a span of time (milliseconds). */
export function intervalFor(spanMs: number): Interval {
  if (spanMs <= 6 * HOUR_MS) return 'minute';
  return spanMs <= 21 * 24 * HOUR_MS ? 'hour' : 'day';
}

export async function timeline(
  store: StoreClient,
  question: { interval: Interval; by: SingleFieldName; limit: number },
  asking: Asking & { names: Names },
): Promise<TimelineRow[]> {
  const field = countField(question.by);
  const bindings = new Bindings();
  const conditions = [where(asking.filter, field.from, bindings, asking.sensorId)];
  if (field.from === 'events' && field.only !== undefined) conditions.push(field.only);
  const from = `FROM ${field.from} WHERE ${conditions.join(' AND ')}`;
  const key = `toString(ifNull(${field.sql}, ''))`;
  const time = field.from === 'events' ? 'at' : 'started_at';
  const sql = `WITH leading AS (SELECT ${key} AS value ${from} GROUP BY value ORDER BY count() DESC, value LIMIT ${bindings.bind(question.limit, 'UInt64')})
SELECT ${BUCKET[question.interval](time)} AS bucket, if(${key} IN leading, ${key}, '\\0other') AS value, count() AS sessions, ${SOURCES} AS sources
${from}
GROUP BY bucket, value
ORDER BY bucket, value
LIMIT ${MAX_ROWS + 1}`;
  const rows = await store.query<{ bucket: string; value: string; sessions: string; sources: string }>(
    sql,
    bindings.params,
    asking.signal === undefined ? {} : { signal: asking.signal },
  );
  if (rows.length > MAX_ROWS)
    throw new ProjectError(
      'TIMELINE_TOO_LONG',
      `more than ${MAX_ROWS} buckets; choose a longer interval or a shorter time`,
    );
  const read = (value: string): string | number | null => {
    if (value === '\0other') return 'other';
    if (value === '') return null;
    if (question.by === 'sensor') return asking.names.get(value) ?? value;
    return field.type === 'address' ? addressText(value) : field.type === 'number' ? Number(value) : value;
  };
  return rows.map((row) => ({
    at: isoTime(`${row.bucket}.000`),
    value: read(row.value),
    sessions: Number(row.sessions),
    sources: Number(row.sources),
  }));
}

/** First and last session of a filter, in Unix milliseconds. */
export async function span(store: StoreClient, asking: Asking): Promise<{ first: number; last: number } | undefined> {
  const bindings = new Bindings();
  const sql = `SELECT count() AS n, min(started_at) AS first, max(started_at) AS last FROM sessions WHERE ${where(asking.filter, 'sessions', bindings, asking.sensorId)}`;
  const [row] = await store.query<{ n: string; first: string; last: string }>(
    sql,
    bindings.params,
    asking.signal === undefined ? {} : { signal: asking.signal },
  );
  if (row === undefined || Number(row.n) === 0) return undefined;
  return { first: Date.parse(isoTime(row.first)), last: Date.parse(isoTime(row.last)) };
}
