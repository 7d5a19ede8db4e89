/** Prepared statements of the binary protocol: prepare, bind, execute, close (internals manual, "Prepared Statements"). */
import { MAX_LIST, MAX_LONG_TEXT, MAX_SHORT_TEXT, textFromBytes } from '../../events/index.ts';
import type { Session } from '../kernel/contract.ts';
import { CLIENT, has, Reader, STATUS } from './codec.ts';
import { errors } from './replies.ts';
import {
  type Column,
  encodeColumn,
  encodeEof,
  encodeError,
  encodeOutcome,
  type Outcome,
  type Value,
} from './results.ts';
import type { SqlContext } from './sql/context.ts';
import { syntaxErrorAt } from './sql/parser.ts';
import { runStatement } from './sql/statements.ts';
import { type Token, tokenize } from './sql/tokens.ts';

/** Statements prepared at one time. */
const MAX_STATEMENTS = 128;
/** Bytes of their texts together. */
const MAX_TEXT_BYTES = 4 * 1_048_576;
/** Tokens of all of them together. */
const MAX_TOKENS = 40_000;
const MAX_PARAMETERS = 4096;
/** Bytes sent with COM_STMT_SEND_LONG_DATA for all statements. */
const MAX_LONG_DATA = 4 * 1_048_576;

interface Prepared {
  text: Buffer;
  source: string;
  tokens: Token[];
  parameters: number;
  /** Types as bound last: a client sends them once. */
  types: readonly number[];
  longData: Map<number, Buffer[]>;
}

export class Statements {
  private readonly session: Session;
  private readonly context: SqlContext;
  private readonly capabilities: number;
  private readonly known = new Map<number, Prepared>();
  private textBytes = 0;
  private tokenCount = 0;
  private longBytes = 0;
  private lastId = 0;

  constructor(session: Session, context: SqlContext, capabilities: number) {
    this.session = session;
    this.context = context;
    this.capabilities = capabilities;
  }

  clear(): void {
    this.known.clear();
    this.textBytes = 0;
    this.tokenCount = 0;
    this.longBytes = 0;
  }

  prepare(text: Buffer): Buffer[] {
    const source = text.toString('latin1');
    const { tokens, stuckAt } = tokenize(source);
    if (stuckAt !== undefined) return [encodeError(syntaxErrorAt(source, stuckAt), this.capabilities)];
    if (tokens.length === 0) return [encodeError(errors.emptyQuery, this.capabilities)];
    if (
      this.known.size >= MAX_STATEMENTS ||
      this.tokenCount + tokens.length > MAX_TOKENS ||
      this.textBytes + text.length > MAX_TEXT_BYTES
    ) {
      this.session.record('limit.reached', { limit: 'prepared_statements', value: this.known.size });
      const message = `Can't create more than max_prepared_stmt_count statements (current value: ${MAX_STATEMENTS})`;
      return [encodeError({ code: 1461, state: '42000', message }, this.capabilities)];
    }
    const parameters = tokens.filter((token) => token.kind === 'parameter').length;
    const outcome = this.preview(tokens, source);
    if (outcome.kind === 'error') return [encodeError(outcome.error, this.capabilities)];
    const columns = outcome.kind === 'rows' ? outcome.result.columns : [];
    this.lastId += 1;
    this.textBytes += text.length;
    this.tokenCount += tokens.length;
    this.known.set(this.lastId, {
      text: Buffer.from(text),
      source,
      tokens,
      parameters,
      types: [],
      longData: new Map(),
    });
    return this.preparedReply(this.lastId, parameters, columns);
  }

  /** The columns that a query will have, found by running it without its parameters; nothing else is run before its time. */
  private preview(tokens: readonly Token[], source: string): Outcome {
    const verb = tokens[0]?.text.toUpperCase();
    const writes = tokens.some((token) => token.kind === 'word' && token.text.toUpperCase() === 'INTO');
    if ((verb !== 'SELECT' && verb !== 'SHOW') || writes) return { kind: 'ok', affected: 0 };
    this.context.refill();
    this.context.parameters = [];
    return runStatement(tokens, source, this.context);
  }

  private preparedReply(id: number, parameters: number, columns: readonly Column[]): Buffer[] {
    const head = Buffer.alloc(12);
    head.writeUInt32LE(id, 1);
    head.writeUInt16LE(columns.length, 5);
    head.writeUInt16LE(parameters, 7);
    const end = has(this.capabilities, CLIENT.deprecateEof) ? [] : [encodeEof(STATUS.autocommit, this.capabilities)];
    const placeholder = encodeColumn({ name: '?', type: 'text' }, this.capabilities);
    return [
      head,
      ...Array.from({ length: parameters }, () => placeholder),
      ...(parameters > 0 ? end : []),
      ...columns.map((column) => encodeColumn(column, this.capabilities)),
      ...(columns.length > 0 ? end : []),
    ];
  }

  private find(body: Buffer): { id: number; statement: Prepared | undefined } {
    const id = body.length >= 4 ? body.readUInt32LE(0) : 0;
    return { id, statement: this.known.get(id) };
  }

  execute(body: Buffer): Buffer[] {
    const { id, statement } = this.find(body);
    if (statement === undefined)
      return [encodeError(errors.unknownStatement(id, 'mysqld_stmt_execute'), this.capabilities)];
    const values = this.bind(statement, body);
    if (values === undefined) return [encodeError(errors.wrongArguments('mysqld_stmt_execute'), this.capabilities)];
    const shown = values
      .slice(0, MAX_LIST)
      .map((value) =>
        textFromBytes(Buffer.from(String(value ?? 'NULL').slice(0, MAX_SHORT_TEXT), 'latin1')).slice(0, MAX_SHORT_TEXT),
      );
    this.session.record('query', {
      statement: textFromBytes(statement.text.subarray(0, MAX_LONG_TEXT)).slice(0, MAX_LONG_TEXT),
      detail: { command: 'COM_STMT_EXECUTE', ...(shown.length > 0 ? { parameters: shown } : {}) },
    });
    this.context.refill();
    this.context.parameters = values;
    const outcome = runStatement(statement.tokens, statement.source, this.context);
    this.context.parameters = [];
    return encodeOutcome(outcome, this.capabilities, 'binary', false);
  }

  /** COM_STMT_EXECUTE after the id: flags, an iteration count, the NULL bitmap, types if they are new, values. */
  private bind(statement: Prepared, body: Buffer): Value[] | undefined {
    const reader = new Reader(body);
    reader.take(4);
    const flags = reader.int(1);
    reader.take(4);
    const attributes = has(this.capabilities, CLIENT.queryAttributes);
    // With query attributes the count is said again where there are parameters, or where a flag says that attributes follow.
    const counted = attributes && (statement.parameters > 0 || (flags & 8) !== 0);
    const count = counted ? reader.lengthEncoded() : statement.parameters;
    if (!reader.ok || count > MAX_PARAMETERS) return undefined;
    if (count === 0) return [];
    const nulls = reader.take((count + 7) >> 3);
    if (reader.int(1) === 1) statement.types = readTypes(reader, count, attributes);
    if (!reader.ok || statement.types.length < count) return undefined;
    const values: Value[] = [];
    for (let i = 0; i < count; i += 1) {
      const long = statement.longData.get(i);
      if (long !== undefined) values.push(Buffer.concat(long).toString('latin1'));
      else values.push(isNull(nulls, i) ? null : readValue(reader, statement.types[i] ?? 0));
    }
    return reader.ok ? values.slice(0, statement.parameters) : undefined;
  }

  /** Reads past the attributes of a COM_QUERY. */
  skipParameters(reader: Reader, count: number, named: boolean): boolean {
    if (count > MAX_PARAMETERS) return false;
    const nulls = reader.take((count + 7) >> 3);
    if (reader.int(1) !== 1) return false;
    const types = readTypes(reader, count, named);
    types.forEach((type, i) => {
      if (!isNull(nulls, i)) readValue(reader, type);
    });
    return reader.ok;
  }

  longData(body: Buffer): void {
    const { statement } = this.find(body);
    if (statement === undefined || body.length < 6) return;
    const index = body.readUInt16LE(4);
    const part = body.subarray(6);
    if (index >= statement.parameters) return;
    if (this.longBytes + part.length > MAX_LONG_DATA) {
      this.session.record('limit.reached', { limit: 'long_data_bytes', value: MAX_LONG_DATA });
      return;
    }
    this.longBytes += part.length;
    const parts = statement.longData.get(index) ?? [];
    parts.push(Buffer.from(part));
    statement.longData.set(index, parts);
  }

  reset(body: Buffer): Buffer[] {
    const { id, statement } = this.find(body);
    if (statement === undefined)
      return [encodeError(errors.unknownStatement(id, 'mysqld_stmt_reset'), this.capabilities)];
    this.dropLongData(statement);
    return encodeOutcome({ kind: 'ok', affected: 0 }, this.capabilities, 'text', false);
  }

  close(body: Buffer): void {
    const { id, statement } = this.find(body);
    if (statement === undefined) return;
    this.textBytes -= statement.text.length;
    this.tokenCount -= statement.tokens.length;
    this.dropLongData(statement);
    this.known.delete(id);
  }

  private dropLongData(statement: Prepared): void {
    for (const parts of statement.longData.values()) for (const part of parts) this.longBytes -= part.length;
    statement.longData.clear();
  }
}

const isNull = (bitmap: Buffer, index: number): boolean => (((bitmap[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;

function readTypes(reader: Reader, count: number, named: boolean): number[] {
  const types: number[] = [];
  for (let i = 0; i < count && reader.ok; i += 1) {
    types.push(reader.int(2));
    if (named) reader.lengthEncodedBytes();
  }
  return types;
}

const UNSIGNED = 0x8000;

/** A value of the binary protocol by its type; dates and times as the text that they stand for. */
function readValue(reader: Reader, type: number): Value {
  const unsigned = (type & UNSIGNED) !== 0;
  const signed = (size: 1 | 2 | 4): number => {
    const value = reader.int(size);
    const limit = 2 ** (size * 8 - 1);
    return !unsigned && value >= limit ? value - limit * 2 : value;
  };
  switch (type & 0xff) {
    case 1:
      return signed(1);
    case 2:
    case 13:
      return signed(2);
    case 3:
    case 9:
      return signed(4);
    case 8: {
      const bytes = reader.take(8);
      return bytes.length < 8 ? null : Number(unsigned ? bytes.readBigUInt64LE(0) : bytes.readBigInt64LE(0));
    }
    case 4: {
      const bytes = reader.take(4);
      return bytes.length < 4 ? null : bytes.readFloatLE(0);
    }
    case 5: {
      const bytes = reader.take(8);
      return bytes.length < 8 ? null : bytes.readDoubleLE(0);
    }
    case 6:
      return null;
    case 7:
    case 10:
    case 12:
      return dateText(reader.take(reader.int(1)));
    case 11:
      return timeText(reader.take(reader.int(1)));
    default:
      return reader.lengthEncodedBytes().toString('latin1');
  }
}

const two = (value: number): string => String(value).padStart(2, '0');

function dateText(bytes: Buffer): string {
  if (bytes.length < 4) return '0000-00-00';
  const day = `${String(bytes.readUInt16LE(0)).padStart(4, '0')}-${two(bytes[2] ?? 0)}-${two(bytes[3] ?? 0)}`;
  return bytes.length < 7 ? day : `${day} ${two(bytes[4] ?? 0)}:${two(bytes[5] ?? 0)}:${two(bytes[6] ?? 0)}`;
}

function timeText(bytes: Buffer): string {
  if (bytes.length < 8) return '00:00:00';
  const hours = bytes.readUInt32LE(1) * 24 + (bytes[5] ?? 0);
  return `${bytes[0] === 1 ? '-' : ''}${two(hours)}:${two(bytes[6] ?? 0)}:${two(bytes[7] ?? 0)}`;
}
