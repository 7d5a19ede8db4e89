/** The numbers behind the timeline chart: the API's non-empty buckets made into bars that cover the whole range, and stacked. */
import type { Interval, Timeline } from '../../api/types.ts';

const STEP_MS: Readonly<Record<Interval, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };
/** How many buckets may be put together to one bar. */
const MERGES: Readonly<Record<Interval, readonly number[]>> = {
  minute: [1, 2, 5, 10, 15, 30, 60, 180, 360, 720, 1440],
  hour: [1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 720],
  day: [1, 2, 7, 14, 28, 91, 182, 364, 1820, 3640],
};
export const OTHER = 'other';

export interface Series {
  name: string;
  total: number;
}

export interface Bars {
  stepMs: number;
  /** Start of each bar, in Unix milliseconds. */
  starts: number[];
  /** The largest series first; `other` last. */
  series: Series[];
  /** Counts by series, then by bar. */
  counts: number[][];
}

/** Length of a bar: the least that covers `spanMs` with at most `maxBars`. */
function barLength(interval: Interval, spanMs: number, maxBars: number): number {
  const needed = spanMs / (STEP_MS[interval] * maxBars);
  return STEP_MS[interval] * (MERGES[interval].find((merge) => merge >= needed) ?? Math.ceil(needed));
}

/**
 * `from` and `to` are the ends of the range, null where it is open: then the data's own first or last bucket. An empty timeline has
 * no bars.
 */
export function makeBars(timeline: Timeline, from: number | null, to: number | null, maxBars: number): Bars {
  const times = timeline.data.map((row) => Date.parse(row.at));
  const base = STEP_MS[timeline.interval];
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const time of times) {
    least = Math.min(least, time);
    most = Math.max(most, time);
  }
  if (least > most) return { stepMs: base, starts: [], series: [], counts: [] };
  const first = Math.min(from ?? least, least);
  const last = Math.max(to === null ? most : to - 1, most);
  const stepMs = barLength(timeline.interval, last - first + base, maxBars);
  const origin = Math.floor(first / stepMs) * stepMs;
  const count = Math.floor((last - origin) / stepMs) + 1;

  const byName = new Map<string, number[]>();
  const totals = new Map<string, number>();
  for (const [at, row] of timeline.data.entries()) {
    const name = row.value === null || row.value === '' ? OTHER : String(row.value);
    let counts = byName.get(name);
    if (counts === undefined) {
      counts = new Array<number>(count).fill(0);
      byName.set(name, counts);
    }
    const bar = Math.floor(((times[at] ?? origin) - origin) / stepMs);
    counts[bar] = (counts[bar] ?? 0) + row.sessions;
    totals.set(name, (totals.get(name) ?? 0) + row.sessions);
  }
  const series = [...totals]
    .map(([name, total]) => ({ name, total }))
    .sort(
      (a, b) => Number(a.name === OTHER) - Number(b.name === OTHER) || b.total - a.total || (a.name < b.name ? -1 : 1),
    );
  return {
    stepMs,
    starts: Array.from({ length: count }, (_, bar) => origin + bar * stepMs),
    series,
    counts: series.map(({ name }) => byName.get(name) ?? []),
  };
}

/** Sum of each bar over the series that are shown. */
export function barTotals(bars: Bars, hidden: ReadonlySet<string>): number[] {
  const totals = new Array<number>(bars.starts.length).fill(0);
  for (const [at, { name }] of bars.series.entries()) {
    if (hidden.has(name)) continue;
    for (const [bar, value] of (bars.counts[at] ?? []).entries()) totals[bar] = (totals[bar] ?? 0) + value;
  }
  return totals;
}

/** Ticks of the value axis from 0: three to five round numbers, whole ones, the last at or above `most`. */
export function valueTicks(most: number): number[] {
  const rough = Math.max(1, most) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, ([1, 2, 2.5, 5, 10].find((unit) => unit * power >= rough) ?? 10) * power);
  const whole = Math.ceil(step);
  const ticks = [0];
  while ((ticks.at(-1) ?? 0) < most) ticks.push(ticks.length * whole);
  return ticks.length === 1 ? [0, 1] : ticks;
}

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;
const TICK_STEPS = [1, 5, 10, 15, 30]
  .map((many) => many * MINUTE)
  .concat([1, 2, 3, 6, 12].map((many) => many * HOUR))
  .concat([1, 2, 7, 14].map((many) => many * DAY));
const MONTH = (365.25 / 12) * DAY;
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200];

export type TickUnit = 'time' | 'day' | 'month' | 'year';

/**
 * Round times between the ends, at most about `maxTicks` of them, and what it takes to name them. `offsetMs` is the zone's distance from UTC, so
 * that days and months start at midnight.
 */
export function timeTicks(
  from: number,
  to: number,
  maxTicks: number,
  offsetMs: number,
): { at: number[]; unit: TickUnit } {
  const stepMs = TICK_STEPS.find((step) => (to - from) / step <= maxTicks);
  const at: number[] = [];
  if (stepMs !== undefined) {
    for (let tick = Math.ceil((from + offsetMs) / stepMs) * stepMs - offsetMs; tick < to; tick += stepMs) at.push(tick);
    return { at, unit: stepMs >= DAY ? 'day' : 'time' };
  }
  const months = MONTH_STEPS.find((step) => (to - from) / (step * MONTH) <= maxTicks) ?? 2400;
  const start = new Date(from + offsetMs);
  const firstMonth = Math.ceil((start.getUTCFullYear() * 12 + start.getUTCMonth()) / months) * months;
  for (let month = firstMonth; ; month += months) {
    const tick = Date.UTC(Math.floor(month / 12), month % 12) - offsetMs;
    if (tick >= to) break;
    if (tick >= from) at.push(tick);
  }
  return { at, unit: months >= 12 ? 'year' : 'month' };
}
