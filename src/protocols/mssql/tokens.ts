/** The token stream of a reply (MS-TDS §2.2.7), written in a client's dialect. */
import type { Dialect } from './dialect.ts';

const FIRST_CAPACITY = 512;
/** Text in a message token is cut there: its length is a 16-bit count, and so is the token's. */
const MAX_MESSAGE_TEXT = 8000;

export const DONE = { more: 0x01, error: 0x02, count: 0x10, attention: 0x20 } as const;
export const ENV = { database: 1, language: 2, packetSize: 4, collation: 7, resetDone: 18 } as const;
type DoneToken = 'done' | 'doneProc' | 'doneInProc';
const DONE_TOKEN: Readonly<Record<DoneToken, number>> = { done: 0xfd, doneProc: 0xfe, doneInProc: 0xff };

/** SQL_Latin1_General_CP1_CI_AS: LCID 0x409, ignoring case, kana and width, sort id 52. */
export const COLLATION = Buffer.from([0x09, 0x04, 0xd0, 0x00, 0x34]);

export interface ServerMessage {
  number: number;
  state: number;
  class: number;
  text: string;
  line: number;
  /** The procedure that it comes from. */
  procedure?: string;
}

export type ColumnType =
  | 'int'
  | 'bigint'
  | 'smallint'
  | 'tinyint'
  | 'bit'
  | 'float'
  | 'datetime'
  | 'nvarchar'
  | 'varbinary'
  | 'guid';
export interface Column {
  name: string;
  type: ColumnType;
  /** Characters of an nvarchar, bytes of a varbinary. */
  size?: number;
}
/** Dates are Unix milliseconds as a number in a `datetime` column. */
export type Cell = string | number | boolean | Buffer | null;

/** Longest value of a sized column: 4000 characters, 8000 bytes. */
const MAX_CHARACTERS = 4000;
const INT_SIZE: Readonly<Partial<Record<ColumnType, 1 | 2 | 4>>> = { tinyint: 1, smallint: 2, int: 4 };
/** Days from 1900 to 1970. */
const EPOCH_DAYS = 25_567;
const DAY_MS = 86_400_000;

export class TokenWriter {
  readonly dialect: Dialect;
  private readonly server: string;
  private buffer = Buffer.allocUnsafe(FIRST_CAPACITY);
  private used = 0;

  constructor(dialect: Dialect, server: string) {
    this.dialect = dialect;
    this.server = server;
  }

  /** What was written. The writer is spent. */
  bytes(): Buffer {
    return this.buffer.subarray(0, this.used);
  }

  get length(): number {
    return this.used;
  }

  private room(bytes: number): number {
    const at = this.used;
    if (at + bytes > this.buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, at + bytes));
      this.buffer.copy(grown, 0, 0, at);
      this.buffer = grown;
    }
    this.used = at + bytes;
    return at;
  }
  private u8(value: number): void {
    const at = this.room(1);
    this.buffer[at] = value;
  }
  private u16(value: number): void {
    const at = this.room(2);
    this.buffer.writeUInt16LE(value, at);
  }
  private u32(value: number): void {
    const at = this.room(4);
    this.buffer.writeUInt32LE(value >>> 0, at);
  }
  private i32(value: number): void {
    const at = this.room(4);
    this.buffer.writeInt32LE(value | 0, at);
  }
  private raw(bytes: Uint8Array): void {
    const at = this.room(bytes.length);
    this.buffer.set(bytes, at);
  }
  private text(text: string): void {
    const at = this.room(this.dialect.wide ? text.length * 2 : text.length);
    this.buffer.write(text, at, this.dialect.wide ? 'utf16le' : 'latin1');
  }
  /** Text behind a length of one byte. */
  private shortText(text: string): void {
    const cut = text.slice(0, 255);
    this.u8(cut.length);
    this.text(cut);
  }
  private longText(text: string): void {
    this.u16(text.length);
    this.text(text);
  }
  /** Writes a token whose length of two bytes is known afterwards. */
  private sized(token: number, write: () => void): void {
    this.u8(token);
    const at = this.room(2);
    write();
    this.buffer.writeUInt16LE(this.used - at - 2, at);
  }

  /** ERROR (§2.2.7.10) from class 11, INFO (§2.2.7.13) below. */
  message(message: ServerMessage): this {
    this.sized(message.class > 10 ? 0xaa : 0xab, () => {
      this.i32(message.number);
      this.u8(message.state);
      this.u8(message.class);
      this.longText(message.text.slice(0, MAX_MESSAGE_TEXT));
      this.shortText(this.server);
      this.shortText(message.procedure ?? '');
      if (this.dialect.tds72) this.u32(message.line);
      else this.u16(message.line & 0xffff);
    });
    return this;
  }

  environment(type: number, now: string, before: string): this {
    this.sized(0xe3, () => {
      this.u8(type);
      this.shortText(now);
      this.shortText(before);
    });
    return this;
  }

  collationChange(): this {
    this.sized(0xe3, () => {
      this.u8(ENV.collation);
      this.u8(COLLATION.length);
      this.raw(COLLATION);
      this.u8(0);
    });
    return this;
  }

  /** ENVCHANGE of a transaction (§2.2.7.9): 8 begins, 9 commits, 10 rolls back; descriptors have eight bytes. */
  transaction(type: 8 | 9 | 10, now: Uint8Array | undefined, before: Uint8Array | undefined): this {
    this.sized(0xe3, () => {
      this.u8(type);
      for (const descriptor of [now, before]) {
        this.u8(descriptor?.length ?? 0);
        if (descriptor !== undefined) this.raw(descriptor);
      }
    });
    return this;
  }

  /** LOGINACK (§2.2.7.14). */
  loginAck(product: string): this {
    const [major = 0, minor = 0, build = 0] = product.split('.').map(Number);
    this.sized(0xad, () => {
      this.u8(1);
      const at = this.room(4);
      this.buffer.writeUInt32BE(this.dialect.version >>> 0, at);
      // SQL Server counts two zeros with its name.
      this.shortText('Microsoft SQL Server\0\0');
      this.raw(Buffer.from([major, minor, build >> 8, build & 0xff]));
    });
    return this;
  }

  featureAck(features: readonly { id: number; data: Uint8Array }[]): this {
    if (features.length === 0) return this;
    this.u8(0xae);
    for (const { id, data } of features) {
      this.u8(id);
      this.u32(data.length);
      this.raw(data);
    }
    this.u8(0xff);
    return this;
  }

  /** SSPI (§2.2.7.22). */
  sspi(token: Uint8Array): this {
    this.sized(0xed, () => this.raw(token));
    return this;
  }

  done(kind: DoneToken, status: number, command: number, rows = 0): this {
    this.u8(DONE_TOKEN[kind]);
    this.u16(status);
    this.u16(command);
    this.u32(rows);
    if (this.dialect.tds72) this.u32(0);
    return this;
  }

  returnStatus(value: number): this {
    this.u8(0x79);
    this.i32(value);
    return this;
  }

  /** RETURNVALUE (§2.2.7.19) of an integer output parameter. */
  returnInt(ordinal: number, name: string, value: number): this {
    this.u8(0xac);
    this.u16(ordinal);
    this.shortText(name);
    this.u8(1);
    this.columnHead();
    this.raw(Buffer.from([0x26, 4, 4]));
    this.i32(value);
    return this;
  }

  /** User type and flags of a column that may be null and cannot be updated. */
  private columnHead(flags = 0x01): void {
    if (this.dialect.tds72) this.u32(0);
    else this.u16(0);
    this.u16(flags);
  }

  /** COLMETADATA (§2.2.7.4); in TDS 4.2, names and formats apart (MS-SSTDS §2.2.7.2, .3). */
  columns(columns: readonly Column[]): this {
    if (!this.dialect.wide) {
      this.sized(0xa0, () => {
        for (const column of columns) this.shortText(column.name);
      });
      this.sized(0xa1, () => {
        for (const column of columns) {
          this.u16(0);
          this.u16(1);
          this.columnType(column);
        }
      });
      return this;
    }
    this.u8(0x81);
    this.u16(columns.length);
    for (const column of columns) {
      this.columnHead();
      this.columnType(column);
      this.shortText(column.name);
    }
    return this;
  }

  private columnType(column: Column): void {
    switch (column.type) {
      case 'int':
      case 'smallint':
      case 'tinyint':
        this.raw(Buffer.from([0x26, INT_SIZE[column.type] ?? 4]));
        return;
      case 'bigint':
        this.raw(Buffer.from([0x26, 8]));
        return;
      case 'bit':
        this.raw(Buffer.from([0x68, 1]));
        return;
      case 'float':
        this.raw(Buffer.from([0x6d, 8]));
        return;
      case 'datetime':
        this.raw(Buffer.from([0x6f, 8]));
        return;
      case 'guid':
        this.raw(Buffer.from([0x24, 16]));
        return;
      case 'nvarchar':
        if (!this.dialect.wide) {
          this.raw(Buffer.from([0x27, 255]));
          return;
        }
        this.u8(0xe7);
        this.u16(Math.min(column.size ?? MAX_CHARACTERS, MAX_CHARACTERS) * 2);
        if (this.dialect.collations) this.raw(COLLATION);
        return;
      case 'varbinary':
        if (!this.dialect.wide) {
          this.raw(Buffer.from([0x25, 255]));
          return;
        }
        this.u8(0xa5);
        this.u16(Math.min(column.size ?? MAX_CHARACTERS * 2, MAX_CHARACTERS * 2));
        return;
    }
  }

  row(columns: readonly Column[], cells: readonly Cell[]): this {
    this.u8(0xd1);
    columns.forEach((column, i) => {
      this.cell(column, cells[i] ?? null);
    });
    return this;
  }

  private cell(column: Column, cell: Cell): void {
    const wide = this.dialect.wide;
    if (column.type === 'nvarchar' || column.type === 'varbinary') {
      if (cell === null) {
        if (wide) this.u16(0xffff);
        else this.u8(0);
        return;
      }
      const size = Math.min(column.size ?? MAX_CHARACTERS * 2, column.type === 'nvarchar' ? MAX_CHARACTERS : 8000);
      if (column.type === 'nvarchar' && !Buffer.isBuffer(cell)) {
        const text = String(cell).slice(0, wide ? size : 255);
        if (wide) this.u16(text.length * 2);
        else this.u8(text.length);
        this.text(text);
        return;
      }
      const bytes = Buffer.isBuffer(cell) ? cell : Buffer.from(String(cell), 'latin1');
      const cut = bytes.subarray(0, wide ? size : 255);
      if (wide) this.u16(cut.length);
      else this.u8(cut.length);
      this.raw(cut);
      return;
    }
    if (cell === null) {
      this.u8(0);
      return;
    }
    this.number(column.type, cell);
  }

  private number(type: ColumnType, cell: Exclude<Cell, null>): void {
    const value = Number(cell);
    switch (type) {
      case 'guid':
        this.u8(16);
        this.raw(Buffer.isBuffer(cell) ? Buffer.concat([cell, Buffer.alloc(16)]).subarray(0, 16) : Buffer.alloc(16));
        return;
      case 'bigint': {
        this.u8(8);
        const at = this.room(8);
        this.buffer.writeBigInt64LE(BigInt.asIntN(64, BigInt(Number.isFinite(value) ? Math.trunc(value) : 0)), at);
        return;
      }
      case 'float': {
        this.u8(8);
        const at = this.room(8);
        this.buffer.writeDoubleLE(value, at);
        return;
      }
      case 'datetime': {
        // §2.2.5.5.1.8: days since 1900, and three-hundredths of a second since midnight.
        const days = Math.floor(value / DAY_MS);
        this.u8(8);
        this.i32(days + EPOCH_DAYS);
        this.u32(Math.floor(((value - days * DAY_MS) * 3) / 10));
        return;
      }
      case 'bit':
        this.u8(1);
        this.u8(value === 0 ? 0 : 1);
        return;
      default: {
        const size = INT_SIZE[type] ?? 4;
        this.u8(size);
        const at = this.room(size);
        this.buffer.writeIntLE(
          size === 1 ? (value << 24) >> 24 : size === 2 ? (value << 16) >> 16 : value | 0,
          at,
          size,
        );
      }
    }
  }
}
