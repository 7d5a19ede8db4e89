/** Results: what was measured beside what it is compared with, as a table for the terminal and for a Markdown file. */

export interface Row {
  what: string;
  measured: string;
  /** The yardstick of the same run; empty where there is none. */
  yardstick: string;
  /** The number to reach, in words. */
  reach: string;
  /** Whether it was reached; undefined where nothing is to be reached, or the run cannot tell. */
  holds: boolean | undefined;
  note?: string;
}

export interface Section {
  name: string;
  title: string;
  rows: readonly Row[];
}

export interface Unmeasured {
  what: string;
  why: string;
}

const HEADS = ['what', 'measured', 'yardstick', 'to reach', '', 'note'];
const verdict = (holds: boolean | undefined): string => (holds === undefined ? '' : holds ? 'yes' : 'NO');
const cells = (row: Row): string[] => [
  row.what,
  row.measured,
  row.yardstick,
  row.reach,
  verdict(row.holds),
  row.note ?? '',
];

/** A table with columns as wide as they need to be. */
export function textTable(rows: readonly Row[]): string {
  const table = [HEADS, ...rows.map(cells)];
  const widths = HEADS.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  return table
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const escapeCell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

export function markdownTable(rows: readonly Row[]): string {
  const line = (parts: readonly string[]): string => `| ${parts.map(escapeCell).join(' | ')} |`;
  return [line(HEADS), line(HEADS.map(() => '---')), ...rows.map((row) => line(cells(row)))].join('\n');
}

/** 12,345 or 12.3: a number with about three digits that matter. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const magnitude = Math.abs(value);
  const digits = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2;
  return value.toLocaleString('en', { maximumFractionDigits: digits });
}

export const formatRate = (value: number): string => `${formatNumber(value)}/s`;
export const formatMs = (value: number): string => `${formatNumber(value)} ms`;
export const formatPercent = (value: number): string =>
  Number.isFinite(value) ? `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %` : '-';

export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return '-';
  if (Math.abs(bytes) < 10_000) return `${Math.round(bytes)} B`;
  if (Math.abs(bytes) < 10_000_000) return `${formatNumber(bytes / 1000)} kB`;
  return `${formatNumber(bytes / 1_000_000)} MB`;
}
