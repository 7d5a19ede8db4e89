/** Generic response packets: OK, ERR, EOF and result sets in text and binary form (internals manual, "Generic Response Packets", "Text Resultset"). */
import { CLIENT, has, lengthEncoded, lengthEncodedBytes, STATUS } from './codec.ts';
import type { MysqlError } from './replies.ts';

/** Text is a byte string (latin1): what a peer stored comes back byte for byte. */
export type Value = string | number | null;

export interface Column {
  name: string;
  type: 'text' | 'integer' | 'double';
  table?: string;
  schema?: string;
}

export interface ResultSet {
  columns: readonly Column[];
  rows: readonly (readonly Value[])[];
}

/** What one statement answers. */
export type Outcome =
  | { kind: 'rows'; result: ResultSet }
  | { kind: 'ok'; affected: number; insertId?: number; info?: string }
  | { kind: 'error'; error: MysqlError };

export const TYPE = { double: 5, longlong: 8, varString: 253 } as const;
const BINARY_CHARSET = 63;
const UTF8_CHARSET = 33;
/** NOT_NULL | BINARY for numbers, as for the results of expressions. */
const NUMBER_FLAGS = 0x81;

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const nothing = Buffer.alloc(0);

export function encodeError(error: MysqlError, capabilities: number): Buffer {
  const state = has(capabilities, CLIENT.protocol41) ? `#${error.state}` : '';
  const text = bytes(`\xff__${state}${error.message}`);
  text.writeUInt16LE(error.code, 1);
  return text;
}

export interface OkFields {
  affected?: number;
  insertId?: number;
  status?: number;
  info?: string;
  /** 0xfe where it stands in the place of an EOF packet. */
  header?: 0 | 0xfe;
}

export function encodeOk(fields: OkFields, capabilities: number): Buffer {
  const status = fields.status ?? STATUS.autocommit;
  const tail = has(capabilities, CLIENT.protocol41)
    ? Buffer.from([status & 0xff, status >> 8, 0, 0])
    : Buffer.from([status & 0xff, status >> 8]);
  const info = fields.info === undefined ? nothing : bytes(fields.info);
  return Buffer.concat([
    Buffer.from([fields.header ?? 0]),
    lengthEncoded(fields.affected ?? 0),
    lengthEncoded(fields.insertId ?? 0),
    tail,
    info.length === 0 ? nothing : has(capabilities, CLIENT.sessionTrack) ? lengthEncodedBytes(info) : info,
  ]);
}

export function encodeEof(status: number, capabilities: number): Buffer {
  return has(capabilities, CLIENT.protocol41)
    ? Buffer.from([0xfe, 0, 0, status & 0xff, status >> 8])
    : Buffer.from([0xfe]);
}

/** The packet that ends rows: an OK packet with EOF's header where the client asked for it. */
function rowsEnd(status: number, capabilities: number): Buffer {
  return has(capabilities, CLIENT.deprecateEof)
    ? encodeOk({ header: 0xfe, status }, capabilities)
    : encodeEof(status, capabilities);
}

const COLUMN_TYPES = {
  text: { type: TYPE.varString, length: 1024, flags: 0, decimals: 31, charset: UTF8_CHARSET },
  integer: { type: TYPE.longlong, length: 21, flags: NUMBER_FLAGS, decimals: 0, charset: BINARY_CHARSET },
  double: { type: TYPE.double, length: 23, flags: NUMBER_FLAGS, decimals: 31, charset: BINARY_CHARSET },
} as const;

export function encodeColumn(column: Column, capabilities: number): Buffer {
  const kind = COLUMN_TYPES[column.type];
  const table = bytes(column.table ?? '');
  const name = lengthEncodedBytes(bytes(column.name));
  if (!has(capabilities, CLIENT.protocol41)) {
    const old = Buffer.from([3, 0, 0, 0, 1, kind.type, 2, kind.flags, kind.decimals]);
    old.writeUIntLE(kind.length, 1, 3);
    return Buffer.concat([lengthEncodedBytes(table), name, old]);
  }
  const fixed = Buffer.alloc(13);
  fixed[0] = 12;
  fixed.writeUInt16LE(kind.charset, 1);
  fixed.writeUInt32LE(kind.length, 3);
  fixed[7] = kind.type;
  fixed.writeUInt16LE(kind.flags, 8);
  fixed[10] = kind.decimals;
  const tableName = lengthEncodedBytes(table);
  const original = table.length === 0 ? lengthEncodedBytes(nothing) : name;
  return Buffer.concat([
    lengthEncodedBytes(bytes('def')),
    lengthEncodedBytes(bytes(column.schema ?? '')),
    tableName,
    tableName,
    name,
    original,
    fixed,
  ]);
}

const NULL_TEXT = Buffer.from([0xfb]);

function encodeTextRow(row: readonly Value[]): Buffer {
  return Buffer.concat(row.map((value) => (value === null ? NULL_TEXT : lengthEncodedBytes(bytes(String(value))))));
}

/** Binary Protocol Resultset Row: a NULL bitmap that begins at its third bit, then the values. */
function encodeBinaryRow(row: readonly Value[], columns: readonly Column[]): Buffer {
  const nulls = Buffer.alloc((columns.length + 9) >> 3);
  const parts: Buffer[] = [Buffer.from([0]), nulls];
  columns.forEach((column, i) => {
    const value = row[i] ?? null;
    if (value === null) {
      nulls[(i + 2) >> 3] = (nulls[(i + 2) >> 3] ?? 0) | (1 << ((i + 2) & 7));
      return;
    }
    parts.push(encodeBinaryValue(value, column.type));
  });
  return Buffer.concat(parts);
}

function encodeBinaryValue(value: string | number, type: Column['type']): Buffer {
  if (type === 'text') return lengthEncodedBytes(bytes(String(value)));
  const number = Number(value);
  const out = Buffer.alloc(8);
  if (type === 'double') out.writeDoubleLE(number);
  else out.writeBigInt64LE(BigInt.asIntN(64, BigInt(Number.isFinite(number) ? Math.trunc(number) : 0)));
  return out;
}

/** The packets of one outcome. `more` says that the answer to another statement follows. */
export function encodeOutcome(
  outcome: Outcome,
  capabilities: number,
  form: 'text' | 'binary',
  more: boolean,
): Buffer[] {
  const status = STATUS.autocommit | (more ? STATUS.moreResults : 0);
  switch (outcome.kind) {
    case 'error':
      return [encodeError(outcome.error, capabilities)];
    case 'ok':
      return [encodeOk({ ...outcome, status }, capabilities)];
    case 'rows': {
      const { columns, rows } = outcome.result;
      const count = lengthEncoded(columns.length);
      // A client that may do without metadata is told that they follow.
      const head = has(capabilities, CLIENT.optionalMetadata) ? Buffer.concat([Buffer.from([1]), count]) : count;
      return [
        head,
        ...columns.map((column) => encodeColumn(column, capabilities)),
        ...(has(capabilities, CLIENT.deprecateEof) ? [] : [encodeEof(status, capabilities)]),
        ...rows.map((row) => (form === 'text' ? encodeTextRow(row) : encodeBinaryRow(row, columns))),
        rowsEnd(status, capabilities),
      ];
    }
  }
}
