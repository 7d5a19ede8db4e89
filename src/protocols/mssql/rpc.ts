/** Remote procedure calls (MS-TDS §2.2.6.6): a name or number, flags, and typed parameters. */
import { textFromBytes, textFromUtf16 } from '../../events/index.ts';
import type { Dialect } from './dialect.ts';
import type { Cell, ColumnType } from './tokens.ts';

/** Calls in one message and parameters of one call; SQL Server takes 2,100 parameters. */
const MAX_CALLS = 64;
const MAX_PARAMETERS = 2100;

export interface Parameter {
  /** `@P1`, empty where it is given by place. */
  name: string;
  output: boolean;
  /** `nvarchar`, `int`…; the type byte in hex where it is none we know. */
  type: string;
  value: { type: ColumnType; cell: Cell };
}
export interface RpcCall {
  procedure: string;
  parameters: Parameter[];
}
export type DecodedRpc = { kind: 'calls'; calls: RpcCall[] } | { kind: 'malformed'; code: string; calls: RpcCall[] };

/** Procedures that have a number (§2.2.6.6, ProcID). */
const NUMBERED: Readonly<Record<number, string>> = {
  1: 'sp_cursor',
  2: 'sp_cursoropen',
  3: 'sp_cursorprepare',
  4: 'sp_cursorexecute',
  5: 'sp_cursorprepexec',
  6: 'sp_cursorunprepare',
  7: 'sp_cursorfetch',
  8: 'sp_cursoroption',
  9: 'sp_cursorclose',
  10: 'sp_executesql',
  11: 'sp_prepare',
  12: 'sp_execute',
  13: 'sp_prepexec',
  14: 'sp_prepexecrpc',
  15: 'sp_unprepare',
};

/** Reads forwards and never past the end: `ok` turns false instead. */
class Reader {
  private readonly bytes: Buffer;
  private at: number;
  ok = true;
  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes;
    this.at = at;
  }
  get left(): number {
    return this.bytes.length - this.at;
  }
  take(size: number): Buffer {
    if (!this.ok || size < 0 || size > this.left) {
      this.ok = false;
      return Buffer.alloc(0);
    }
    const part = this.bytes.subarray(this.at, this.at + size);
    this.at += size;
    return part;
  }
  u8(): number {
    return this.take(1)[0] ?? 0;
  }
  u16(): number {
    const part = this.take(2);
    return this.ok ? part.readUInt16LE(0) : 0;
  }
  u32(): number {
    const part = this.take(4);
    return this.ok ? part.readUInt32LE(0) : 0;
  }
}

/** Where a request begins: ALL_HEADERS comes first since TDS 7.2 (§2.2.5.3). Undefined where their length is not theirs. */
export function afterHeaders(body: Buffer, dialect: Dialect): number | undefined {
  if (!dialect.tds72) return 0;
  if (body.length < 4) return undefined;
  const total = body.readUInt32LE(0);
  return total < 4 || total > body.length ? undefined : total;
}

export function decodeRpc(body: Buffer, dialect: Dialect): DecodedRpc {
  const start = afterHeaders(body, dialect);
  if (start === undefined) return { kind: 'malformed', code: 'all_headers', calls: [] };
  const reader = new Reader(body, start);
  const calls: RpcCall[] = [];
  while (reader.left > 0 && calls.length < MAX_CALLS) {
    const length = reader.u16();
    const procedure = length === 0xffff ? numbered(reader.u16()) : textFromUtf16(reader.take(length * 2));
    reader.u16();
    const call: RpcCall = { procedure, parameters: [] };
    if (reader.ok) calls.push(call);
    while (reader.ok && reader.left > 0) {
      const mark = body[body.length - reader.left] ?? 0;
      // A name is shorter than 128 characters, so that these bytes part one call from the next.
      if (mark === 0x80 || mark >= 0xfe) {
        reader.u8();
        break;
      }
      const parameter = readParameter(reader, dialect);
      if (!reader.ok || parameter === undefined || call.parameters.length >= MAX_PARAMETERS)
        return { kind: 'malformed', code: 'rpc_parameter', calls };
      call.parameters.push(parameter);
    }
    if (!reader.ok) return { kind: 'malformed', code: 'rpc_truncated', calls };
  }
  return { kind: 'calls', calls };
}

const numbered = (id: number): string => NUMBERED[id] ?? `#${id}`;

function readParameter(reader: Reader, dialect: Dialect): Parameter | undefined {
  const name = textFromUtf16(reader.take(reader.u8() * 2));
  const output = (reader.u8() & 0x01) !== 0;
  const type = reader.u8();
  const read = readValue(reader, type, dialect);
  return read === undefined ? undefined : { name: name.toLowerCase(), output, type: read.name, value: read.value };
}

interface Read {
  name: string;
  value: { type: ColumnType; cell: Cell };
}
const made = (name: string, type: ColumnType, cell: Cell): Read => ({ name, value: { type, cell } });
const FIXED: Readonly<Record<number, [string, number]>> = {
  48: ['tinyint', 1],
  50: ['bit', 1],
  52: ['smallint', 2],
  56: ['int', 4],
  127: ['bigint', 8],
  59: ['real', 4],
  62: ['float', 8],
  60: ['money', 8],
  122: ['smallmoney', 4],
  61: ['datetime', 8],
  58: ['smalldatetime', 4],
};
const NULLABLE: Readonly<Record<number, string>> = {
  38: 'int',
  104: 'bit',
  109: 'float',
  110: 'money',
  111: 'datetime',
  36: 'uniqueidentifier',
};

function readValue(reader: Reader, type: number, dialect: Dialect): Read | undefined {
  const fixed = FIXED[type];
  if (fixed !== undefined) return scalar(fixed[0], reader.take(fixed[1]));
  const nullable = NULLABLE[type];
  if (nullable !== undefined) {
    reader.u8();
    const bytes = reader.take(reader.u8());
    return bytes.length === 0 ? made(nullable, 'int', null) : scalar(nullable, bytes);
  }
  switch (type) {
    case 0x1f:
      return made('null', 'int', null);
    case 0x6a:
    case 0x6c: {
      reader.u8();
      reader.u8();
      const scale = reader.u8();
      const bytes = reader.take(reader.u8());
      return made('decimal', 'float', decimal(bytes, scale));
    }
    case 0x28:
      return made('date', 'varbinary', orNull(reader.take(reader.u8())));
    case 0x29:
    case 0x2a:
    case 0x2b:
      reader.u8();
      return made(
        type === 0x29 ? 'time' : type === 0x2a ? 'datetime2' : 'datetimeoffset',
        'varbinary',
        orNull(reader.take(reader.u8())),
      );
    case 0x25:
    case 0x27:
    case 0x2d:
    case 0x2f: {
      reader.u8();
      const bytes = reader.take(reader.u8());
      return type === 0x27 || type === 0x2f
        ? made('varchar', 'nvarchar', bytes.length === 0 ? null : textFromBytes(bytes))
        : made('varbinary', 'varbinary', orNull(bytes));
    }
    case 0xe7:
    case 0xef:
      return sized(reader, dialect, 'nvarchar', true);
    case 0xa7:
    case 0xaf:
      return sized(reader, dialect, 'varchar', true);
    case 0xa5:
    case 0xad:
      return sized(reader, dialect, 'varbinary', false);
    case 0x63:
    case 0x23:
    case 0x22: {
      // The old large types: a length of four bytes both for the type and for the value.
      reader.u32();
      if (type !== 0x22 && dialect.collations) reader.take(5);
      const length = reader.u32();
      const bytes = length === 0xffff_ffff ? undefined : reader.take(length);
      if (bytes === undefined) return made('text', 'nvarchar', null);
      if (type === 0x22) return made('image', 'varbinary', bytes);
      return made(
        type === 0x63 ? 'ntext' : 'text',
        'nvarchar',
        type === 0x63 ? textFromUtf16(bytes) : textFromBytes(bytes),
      );
    }
    case 0x62: {
      reader.u32();
      return made('sql_variant', 'varbinary', orNull(reader.take(reader.u32())));
    }
    case 0xf1: {
      // XML: whether a schema collection is named, then its value in chunks.
      if (reader.u8() !== 0) return undefined;
      return made('xml', 'nvarchar', textFromUtf16(chunks(reader) ?? Buffer.alloc(0)));
    }
    default:
      // A table, a CLR type or none at all: the rest cannot be read without knowing how long it is.
      return undefined;
  }
}

const orNull = (bytes: Buffer): Buffer | null => (bytes.length === 0 ? null : bytes);

/** Types whose size is of two bytes; 0xFFFF says that the value comes in chunks. */
function sized(reader: Reader, dialect: Dialect, name: 'nvarchar' | 'varchar' | 'varbinary', text: boolean): Read {
  const size = reader.u16();
  if (text && dialect.collations) reader.take(5);
  let bytes: Buffer | undefined;
  if (size === 0xffff) bytes = chunks(reader);
  else {
    const length = reader.u16();
    bytes = length === 0xffff ? undefined : reader.take(length);
  }
  if (bytes === undefined) return made(name, text ? 'nvarchar' : 'varbinary', null);
  if (!text) return made(name, 'varbinary', bytes);
  return made(name, 'nvarchar', name === 'nvarchar' ? textFromUtf16(bytes) : textFromBytes(bytes));
}

/** A partially length-prefixed value (§2.2.5.2.3): total length, chunks, an empty chunk. */
function chunks(reader: Reader): Buffer | undefined {
  const low = reader.u32();
  const high = reader.u32();
  if (low === 0xffff_ffff && high === 0xffff_ffff) return undefined;
  const parts: Buffer[] = [];
  while (reader.ok) {
    const length = reader.u32();
    if (length === 0) break;
    parts.push(reader.take(length));
  }
  return Buffer.concat(parts);
}

function scalar(name: string, bytes: Buffer): Read {
  const size = bytes.length;
  switch (name) {
    case 'real':
    case 'float':
      return made(name, 'float', size === 8 ? bytes.readDoubleLE(0) : size === 4 ? bytes.readFloatLE(0) : null);
    case 'money':
    case 'smallmoney':
      if (size === 8) return made(name, 'float', (bytes.readInt32LE(0) * 2 ** 32 + bytes.readUInt32LE(4)) / 10_000);
      return made(name, 'float', size === 4 ? bytes.readInt32LE(0) / 10_000 : null);
    case 'uniqueidentifier':
      return made(name, 'guid', size === 16 ? bytes : null);
    case 'datetime':
    case 'smalldatetime':
      return made(name, 'datetime', size === 8 ? dateTime(bytes) : null);
    default:
      if (size === 8) {
        const value = bytes.readBigInt64LE(0);
        return made(name, 'bigint', Number(value));
      }
      return made(name, 'int', size === 0 || size > 6 ? null : size === 1 ? (bytes[0] ?? 0) : bytes.readIntLE(0, size));
  }
}

/** Days since 1900 and three-hundredths of a second, to Unix milliseconds. */
function dateTime(bytes: Buffer): number {
  return (bytes.readInt32LE(0) - 25_567) * 86_400_000 + Math.round((bytes.readUInt32LE(4) * 10) / 3);
}

/** Sign, then the magnitude, little-endian; as exact as a double. */
function decimal(bytes: Buffer, scale: number): number | null {
  if (bytes.length < 2 || bytes.length > 17) return null;
  let value = 0;
  for (let i = bytes.length - 1; i >= 1; i -= 1) value = value * 256 + (bytes[i] ?? 0);
  return ((bytes[0] === 0 ? -1 : 1) * value) / 10 ** Math.min(scale, 38);
}
