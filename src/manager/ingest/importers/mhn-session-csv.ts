/**
 * Sessions of Modern Honey Network as `mongoexport --csv --fields …` writes them: a line of column names, then a row a line. Which columns there are is the
 * exporter's choice; ids come as `ObjectID(…)`, `ObjectId(…)` or bare, fields of sub-documents under dotted names, sub-documents whole as JSON. A row becomes what the same
 * row as JSON becomes, so that either form recognises the other's sessions.
 */
import type { Importer, RowResult } from './importer.ts';
import { readMhnSession } from './mhn-session.ts';

const OBJECT_ID = /^ObjectI[dD]\("?([0-9a-fA-F]{24})"?\)$/;
const PORTS = new Set(['source_port', 'destination_port']);
const MAX_COLUMNS = 256;
/** Names that would reach into objects in general. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** The cells of a line (RFC 4180), or undefined where a quote stays open. */
export function cellsOf(line: string): string[] | undefined {
  const cells: string[] = [];
  for (let at = 0; at <= line.length; at += 1) {
    if (line[at] !== '"') {
      const comma = line.indexOf(',', at);
      const end = comma < 0 ? line.length : comma;
      cells.push(line.slice(at, end));
      at = end;
      continue;
    }
    let text = '';
    for (;;) {
      const quote = line.indexOf('"', at + 1);
      if (quote < 0) return undefined;
      text += line.slice(at + 1, quote);
      at = quote;
      if (line[quote + 1] !== '"') break;
      text += '"';
      at = quote + 1;
    }
    cells.push(text);
    at += 1;
    if (at < line.length && line[at] !== ',') return undefined;
  }
  return cells;
}

function valueOfCell(column: string, cell: string): unknown {
  const id = OBJECT_ID.exec(cell)?.[1];
  if (id !== undefined) return { $oid: id.toLowerCase() };
  if (PORTS.has(column) && /^\d{1,5}(\.0)?$/.test(cell)) return Number(cell);
  if (/^[{[]/.test(cell)) {
    try {
      return JSON.parse(cell) as unknown;
    } catch {
      // A text that only begins like one.
      return cell;
    }
  }
  return cell;
}

/** Puts a value under a dotted name; a cell without text is a field that is not there. */
function put(row: Record<string, unknown>, column: string, cell: string): void {
  const path = column.split('.');
  const last = path.pop();
  if (cell === '' || last === undefined || [...path, last].some((name) => FORBIDDEN.has(name))) return;
  let holder = row;
  for (const name of path) {
    const inner = holder[name];
    holder[name] = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? inner : {};
    holder = holder[name] as Record<string, unknown>;
  }
  holder[last] = valueOfCell(column, cell);
}

function columnsOf(header: string): string[] | undefined {
  const columns = cellsOf(header)?.map((name) => name.trim());
  return columns?.includes('source_ip') === true && columns.includes('timestamp') && columns.length <= MAX_COLUMNS
    ? columns
    : undefined;
}

const NO_HEADER: RowResult = {
  kind: 'invalid',
  reason: 'stands in a file whose first line does not name the columns source_ip and timestamp',
};

function readerOf(header: string): (line: string) => RowResult {
  const columns = columnsOf(header);
  return (line) => {
    if (columns === undefined) return NO_HEADER;
    const cells = cellsOf(line);
    if (cells === undefined) return { kind: 'invalid', reason: 'has a quote that does not end in its line' };
    if (cells.length !== columns.length)
      return { kind: 'invalid', reason: `has ${cells.length} columns and not ${columns.length}` };
    const row: Record<string, unknown> = {};
    for (const [index, column] of columns.entries()) put(row, column, cells[index] ?? '');
    return readMhnSession(row);
  };
}

export const mhnSessionCsv: Importer = {
  name: 'mhn-session-csv',
  recognises: (firstLine) => columnsOf(firstLine) !== undefined,
  read: () => NO_HEADER,
  withHeader: (header) => ({ ...mhnSessionCsv, read: readerOf(header) }),
};
