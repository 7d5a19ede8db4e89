/** Directory listings as the imitated servers print them. */
import type { Directory, Entry } from './tree.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const MINUTE_MS = 60_000;
/** vsftpd shows the year instead of the time of day for what is older than 182 days, or in the future. */
const RECENT_MS = 182 * 86_400_000;

const two = (value: number): string => String(value).padStart(2, '0');
const inZone = (at: number, zoneMinutes: number): Date => new Date(at + zoneMinutes * MINUTE_MS);

/** RFC 3659 §2.3: `YYYYMMDDHHMMSS`. */
export function stamp(at: number, zoneMinutes: number): string {
  return inZone(Math.max(0, at), zoneMinutes).toISOString().replace(/[-:T]/g, '').slice(0, 14);
}

export function parseStamp(text: string): number | undefined {
  const [, year, month, day, hours, minutes, seconds] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text) ?? [];
  if (year === undefined) return undefined;
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hours), Number(minutes), Number(seconds));
}

function permissions(entry: Entry): string {
  const bits = [0o400, 0o200, 0o100, 0o40, 0o20, 0o10, 4, 2, 1];
  return (
    (entry.kind === 'directory' ? 'd' : '-') +
    bits.map((bit, i) => (entry.mode & bit ? 'rwx'.charAt(i % 3) : '-')).join('')
  );
}

function links(entry: Entry): number {
  if (entry.kind === 'file') return 1;
  let count = 2;
  for (const child of entry.entries.values()) if (child.kind === 'directory') count += 1;
  return count;
}

/** A line of vsftpd 3.0.5 without `text_userdb_names`: owner and group are numbers. */
export function unixLine(entry: Entry, name: string, owner: number, now: number, zoneMinutes: number): string {
  const at = inZone(entry.modifiedAt, zoneMinutes);
  const recent = entry.modifiedAt <= now && now - entry.modifiedAt <= RECENT_MS;
  const time = recent ? `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}` : ` ${at.getUTCFullYear()}`;
  const id = String(owner).padEnd(8);
  const size = String(entry.kind === 'file' ? entry.size : 4096).padStart(8);
  return `${permissions(entry)} ${String(links(entry)).padStart(4)} ${id} ${id} ${size} ${MONTHS[at.getUTCMonth()]} ${two(at.getUTCDate())} ${time} ${name}\r\n`;
}

/** A line of IIS in its default style, MS-DOS with two-digit years. */
export function dosLine(entry: Entry, name: string, zoneMinutes: number): string {
  const at = inZone(entry.modifiedAt, zoneMinutes);
  const hours = at.getUTCHours();
  const date = `${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}-${two(at.getUTCFullYear() % 100)}`;
  const time = `${two(hours % 12 === 0 ? 12 : hours % 12)}:${two(at.getUTCMinutes())}${hours < 12 ? 'AM' : 'PM'}`;
  const size = entry.kind === 'directory' ? '       <DIR>         ' : String(entry.size).padStart(21);
  return `${date}  ${time}${size} ${name}\r\n`;
}

/** Whether a name matches a pattern of `*` and `?`, in time bounded by the product of their lengths. */
export function matchesPattern(name: string, pattern: string): boolean {
  let at = 0;
  let pos = 0;
  let star = -1;
  let resume = 0;
  while (at < name.length) {
    const wanted = pattern[pos];
    if (wanted === '*') {
      star = pos;
      resume = at;
      pos += 1;
    } else if (wanted === '?' || wanted === name[at]) {
      at += 1;
      pos += 1;
    } else if (star >= 0) {
      resume += 1;
      at = resume;
      pos = star + 1;
    } else return false;
  }
  while (pattern[pos] === '*') pos += 1;
  return pos === pattern.length;
}

/** The entries of a directory in byte order. */
export function sorted(directory: Directory): Entry[] {
  return [...directory.entries.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
