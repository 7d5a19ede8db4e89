/** Values of Transact-SQL and how they compare, add and convert. */
import type { Cell, Column, ColumnType, ServerMessage } from '../tokens.ts';

export interface Value {
  type: ColumnType;
  cell: Cell;
}

export const NULL: Value = { type: 'int', cell: null };
export const textValue = (cell: string | null): Value => ({ type: 'nvarchar', cell });
export const intValue = (cell: number | null): Value => ({ type: 'int', cell });

/** Longest text that an expression may make. */
export const MAX_TEXT = 262_144;

/** An error of the imitated server on its way out of an evaluation. Thrown and caught inside the interpreter alone. */
export class SqlError extends Error {
  readonly report: Omit<ServerMessage, 'line'>;
  constructor(number: number, severity: number, state: number, text: string) {
    super(text);
    this.report = { number, class: severity, state, text };
  }
}

const two = (value: number): string => String(value).padStart(2, '0');
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A date as CAST to text writes it: `Nov  2 2026  9:30AM`. */
function dateText(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return '';
  const hours = date.getUTCHours();
  const clock = `${String(hours % 12 || 12).padStart(2, ' ')}:${two(date.getUTCMinutes())}${hours < 12 ? 'AM' : 'PM'}`;
  return `${MONTHS[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2, ' ')} ${date.getUTCFullYear()} ${clock}`;
}

/** A GUID's bytes as text: the first three groups are little-endian. */
function guidText(bytes: Buffer): string {
  const hex = (part: Buffer): string => part.toString('hex').toUpperCase();
  const turned = (from: number, to: number): string => hex(Buffer.from(bytes.subarray(from, to)).reverse());
  return [turned(0, 4), turned(4, 6), turned(6, 8), hex(bytes.subarray(8, 10)), hex(bytes.subarray(10, 16))].join('-');
}

export function toText(value: Value): string | null {
  const { type, cell } = value;
  if (cell === null) return null;
  if (Buffer.isBuffer(cell)) return type === 'guid' ? guidText(cell) : cell.toString('latin1');
  if (typeof cell === 'boolean') return cell ? '1' : '0';
  if (type === 'datetime' && typeof cell === 'number') return dateText(cell);
  return String(cell);
}

export function toNumber(value: Value, target = 'int'): number | null {
  const { cell } = value;
  if (cell === null) return null;
  if (Buffer.isBuffer(cell))
    return cell.length === 0 ? 0 : cell.subarray(-4).readUIntBE(0, Math.min(4, cell.length)) | 0;
  if (typeof cell !== 'string') return Number(cell);
  const text = cell.trim();
  if (text === '') return 0;
  if (!/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$/.test(text) || (target === 'int' && text.includes('.')))
    throw new SqlError(
      245,
      16,
      1,
      `Conversion failed when converting the varchar value '${cell.slice(0, 256)}' to data type ${target}.`,
    );
  return Number(text);
}

const isText = (value: Value): boolean => value.type === 'nvarchar';

/** Negative, zero or positive; null where either is. Text compares as the collation does, without case. */
export function compare(left: Value, right: Value): number | null {
  if (left.cell === null || right.cell === null) return null;
  if (Buffer.isBuffer(left.cell) && Buffer.isBuffer(right.cell)) return Buffer.compare(left.cell, right.cell);
  if ((isText(left) && isText(right)) || left.type === 'guid' || right.type === 'guid') {
    const a = (toText(left) ?? '').toLowerCase().trimEnd();
    const b = (toText(right) ?? '').toLowerCase().trimEnd();
    return a < b ? -1 : a > b ? 1 : 0;
  }
  return (toNumber(left) ?? 0) - (toNumber(right) ?? 0);
}

/** LIKE: `%`, `_` and `[…]`, matched in time linear in pattern times text. */
export function like(text: string, pattern: string): boolean {
  const subject = text.toLowerCase();
  const parts = likeParts(pattern.toLowerCase());
  let reached = new Set<number>([0]);
  for (const part of parts) {
    const next = new Set<number>();
    if (part === '%') {
      const first = Math.min(...reached);
      if (reached.size > 0) for (let i = first; i <= subject.length; i += 1) next.add(i);
    } else {
      for (const at of reached) if (at < subject.length && part(subject.charAt(at))) next.add(at + 1);
    }
    reached = next;
  }
  return reached.has(subject.length);
}

/** Both bounds keep one LIKE cheap; longer text is cut. */
const MAX_LIKE = 256;

function likeParts(pattern: string): ('%' | ((c: string) => boolean))[] {
  const parts: ('%' | ((c: string) => boolean))[] = [];
  for (let i = 0; i < Math.min(pattern.length, MAX_LIKE); i += 1) {
    const c = pattern.charAt(i);
    const close = c === '[' ? pattern.indexOf(']', i + 1) : -1;
    if (c === '%') parts.push('%');
    else if (c === '_') parts.push(() => true);
    else if (close > 0) {
      const inside = pattern.slice(i + 1, close);
      const negated = inside.startsWith('^');
      const set = negated ? inside.slice(1) : inside;
      const range = /^(.)-(.)$/.exec(set);
      parts.push((x) => (range ? x >= (range[1] ?? '') && x <= (range[2] ?? '') : set.includes(x)) !== negated);
      i = close;
    } else parts.push((x) => x === c);
  }
  return parts;
}

export function arithmetic(operator: string, left: Value, right: Value): Value {
  if (operator === '+' && (isText(left) || isText(right)) && !isNumeric(left) && !isNumeric(right)) {
    if (left.cell === null || right.cell === null) return textValue(null);
    return textValue(((toText(left) ?? '') + (toText(right) ?? '')).slice(0, MAX_TEXT));
  }
  const a = toNumber(left);
  const b = toNumber(right);
  const float = left.type === 'float' || right.type === 'float';
  if (a === null || b === null) return { type: float ? 'float' : 'int', cell: null };
  const result = calculate(operator, a, b, float);
  const type =
    left.type === 'datetime'
      ? 'datetime'
      : float
        ? 'float'
        : left.type === 'bigint' || right.type === 'bigint'
          ? 'bigint'
          : 'int';
  if (type === 'int' && (result > 2_147_483_647 || result < -2_147_483_648))
    throw new SqlError(8115, 16, 2, 'Arithmetic overflow error converting expression to data type int.');
  return { type, cell: result };
}

const isNumeric = (value: Value): boolean => value.cell !== null && !isText(value) && !Buffer.isBuffer(value.cell);

function calculate(operator: string, a: number, b: number, float: boolean): number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '&':
      return a & b;
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    default:
      if (b === 0) throw new SqlError(8134, 16, 1, 'Divide by zero error encountered.');
      if (operator === '%') return a % b;
      return float ? a / b : Math.trunc(a / b);
  }
}

const INTEGERS: Readonly<Record<string, ColumnType>> = {
  int: 'int',
  integer: 'int',
  bigint: 'bigint',
  smallint: 'smallint',
  tinyint: 'tinyint',
  bit: 'bit',
};

/** CAST and CONVERT, and the assignment to a variable of a type. */
export function convert(value: Value, type: string, size?: number): Value {
  const integer = INTEGERS[type];
  if (integer !== undefined) return { type: integer, cell: toNumber(value) };
  switch (type) {
    case 'float':
    case 'real':
    case 'decimal':
    case 'numeric':
    case 'money':
    case 'smallmoney':
      return { type: 'float', cell: toNumber(value, type) };
    case 'datetime':
    case 'smalldatetime':
    case 'datetime2':
    case 'date':
      return {
        type: 'datetime',
        cell: typeof value.cell === 'string' ? Date.parse(`${value.cell}Z`) || 0 : value.cell,
      };
    case 'binary':
    case 'varbinary':
    case 'image': {
      if (value.cell === null || Buffer.isBuffer(value.cell)) return { type: 'varbinary', cell: value.cell };
      if (typeof value.cell === 'string') return { type: 'varbinary', cell: Buffer.from(value.cell, 'latin1') };
      const bytes = Buffer.alloc(4);
      bytes.writeInt32BE(Number(value.cell) | 0);
      return { type: 'varbinary', cell: bytes };
    }
    case 'uniqueidentifier':
      return value.type === 'guid' ? value : textValue(toText(value));
    case 'sql_variant':
    case 'xml':
      return value;
    default: {
      const text = toText(value);
      return textValue(text === null || size === undefined ? text : text.slice(0, size));
    }
  }
}

/** The column that a value goes out in. */
export function columnFor(name: string, value: Value): Column {
  if (value.type !== 'nvarchar') return { name, type: value.type };
  const length = typeof value.cell === 'string' ? value.cell.length : 1;
  return { name, type: 'nvarchar', size: Math.min(4000, Math.max(1, length)) };
}
