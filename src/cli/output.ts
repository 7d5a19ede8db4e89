/** How commands print: aligned tables, CSV, JSON. What an attacker chose is made harmless for the terminal. */
import { csvCell } from '../manager/queries/export/csv.ts';

/** C0, DEL and C1 controls, the marks that turn the direction of text (UAX #9), and separators of lines: a terminal obeys them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

export function safeText(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

export type Cell = string | number | null | undefined;

const show = (cell: Cell): string =>
  cell === null || cell === undefined
    ? '(missing)'
    : typeof cell === 'number'
      ? cell.toLocaleString('en')
      : safeText(cell);
const MAX_WIDTH = 60;

/** Columns as wide as they need to be; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = rows.map((row) =>
    row.map((cell) => show(cell)).map((text) => (text.length > MAX_WIDTH ? `${text.slice(0, MAX_WIDTH - 1)}…` : text)),
  );
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const rightAligned = head.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'));
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) =>
        rightAligned[column] === true ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [line(head), ...cells.map(line)].map((text) => `${text}\n`).join('');
}

export function csv(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [head, ...rows].map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
}

/**
 * What a terminal would obey, as JSON writes it, which leaves JSON and CSV whole; line ends and tabs stay. What goes into a file or to another program is
 * left as it is.
 */
export function harmless(text: string): string {
  return text.replace(UNSAFE, (char) =>
    char === '\n' || char === '\r' || char === '\t' ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export function print(text: string): void {
  process.stdout.write(process.stdout.isTTY ? harmless(text) : text);
}

export function printJson(value: unknown): void {
  print(`${JSON.stringify(value, null, process.stdout.isTTY ? 2 : undefined)}\n`);
}
