/** Times in the viewer's own zone or in UTC, always with 24 hours. The API speaks UTC. */

export type Zone = 'local' | 'utc';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const two = (value: number): string => String(value).padStart(2, '0');

export interface Clock {
  year: number;
  month: string;
  day: number;
  hour: number;
  minute: number;
  second: number;
  ms: number;
}

export function clockOf(atMs: number, zone: Zone): Clock {
  const date = new Date(atMs);
  return zone === 'utc'
    ? {
        year: date.getUTCFullYear(),
        month: MONTHS[date.getUTCMonth()] ?? '',
        day: date.getUTCDate(),
        hour: date.getUTCHours(),
        minute: date.getUTCMinutes(),
        second: date.getUTCSeconds(),
        ms: date.getUTCMilliseconds(),
      }
    : {
        year: date.getFullYear(),
        month: MONTHS[date.getMonth()] ?? '',
        day: date.getDate(),
        hour: date.getHours(),
        minute: date.getMinutes(),
        second: date.getSeconds(),
        ms: date.getMilliseconds(),
      };
}

/** `22 Nov 10:04:07`, with the year where it is not `nowMs`'s. */
export function formatTime(atMs: number, zone: Zone, nowMs: number): string {
  const at = clockOf(atMs, zone);
  const year = at.year === clockOf(nowMs, zone).year ? '' : ` ${at.year}`;
  return `${at.day} ${at.month}${year} ${formatClock(atMs, zone)}`;
}

/** `10:04:07`. */
export function formatClock(atMs: number, zone: Zone): string {
  const at = clockOf(atMs, zone);
  return `${two(at.hour)}:${two(at.minute)}:${two(at.second)}`;
}

/** Older than this, a time of the day alone would be taken for today's. */
const BRIEF_MS = 72_000_000;

/** In few letters: `10:04:07`, `22 Nov` of earlier days, `Nov 2018` of earlier years. */
export function formatBrief(atMs: number, zone: Zone, nowMs: number): string {
  if (nowMs - atMs < BRIEF_MS) return formatClock(atMs, zone);
  return formatTick(atMs, clockOf(atMs, zone).year === clockOf(nowMs, zone).year ? 'day' : 'month', zone);
}

/** `22 Nov 2026 10:04:07.250 UTC`: what a title or a report says. */
export function formatExact(atMs: number, zone: Zone): string {
  const at = clockOf(atMs, zone);
  const clock = `${formatClock(atMs, zone)}.${String(at.ms).padStart(3, '0')}`;
  return `${at.day} ${at.month} ${at.year} ${clock} ${zone === 'utc' ? 'UTC' : zoneName(atMs)}`;
}

/** `UTC+01:00` of the viewer's zone at that time. */
export function zoneName(atMs: number): string {
  const minutes = -new Date(atMs).getTimezoneOffset();
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? '−' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** A tick of a time axis: `10:00`, `22 Nov`, `Nov 2026` or `2026`, by the least that tells it from its neighbours. */
export function formatTick(atMs: number, unit: 'time' | 'day' | 'month' | 'year', zone: Zone): string {
  const at = clockOf(atMs, zone);
  if (unit === 'year') return String(at.year);
  if (unit === 'month') return `${at.month} ${at.year}`;
  return unit === 'day' || (at.hour === 0 && at.minute === 0)
    ? `${at.day} ${at.month}`
    : `${two(at.hour)}:${two(at.minute)}`;
}

/** The start of a bucket of the timeline: `22 Nov 2026 10:00`, or `22 Nov 2026` for a day. */
export function formatBucket(atMs: number, stepMs: number, zone: Zone): string {
  const at = clockOf(atMs, stepMs >= DAY_MS ? 'utc' : zone);
  const day = `${at.day} ${at.month} ${at.year}`;
  return stepMs >= DAY_MS ? day : `${day} ${two(at.hour)}:${two(at.minute)}`;
}

const SECOND_MS = 1000;
export const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** `340 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(ms: number): string {
  if (ms < SECOND_MS) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59_950) return `${(ms / SECOND_MS).toFixed(1)} s`;
  const seconds = Math.round(ms / SECOND_MS);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(ms / MINUTE_MS);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(ms / HOUR_MS);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Length of a bar of the timeline: `hour`, `15 minutes`. */
export function stepName(ms: number): string {
  const [unit, name] = ms >= DAY_MS ? [DAY_MS, 'day'] : ms >= HOUR_MS ? [HOUR_MS, 'hour'] : [MINUTE_MS, 'minute'];
  return ms === unit ? `${name}` : `${ms / Number(unit)} ${name}s`;
}

/** Offset from the start of a session: `+0.340 s`, `+12:04.100`. */
export function formatOffset(ms: number): string {
  const size = Math.max(0, Math.round(ms));
  const seconds = (size % MINUTE_MS) / SECOND_MS;
  if (size < MINUTE_MS) return `+${seconds.toFixed(3)} s`;
  return `+${Math.floor(size / MINUTE_MS)}:${seconds.toFixed(3).padStart(6, '0')}`;
}
