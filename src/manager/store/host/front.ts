/** As much of ClickHouse's HTTP interface as `@clickhouse/client` needs, over the embedded engine. */
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Answer } from './answer.ts';
import type { Engine } from './engine.ts';
import { EngineError, engineError, shuttingDown } from './exception.ts';
import { insertRows } from './insert.ts';
import { quoteText } from './quote.ts';
import { bodyOf, type Fields, formBoundary, parseForm, parseQuery, readBody, stateOf, textOf } from './request.ts';
import type { ScratchFolder } from './scratch.ts';
import type { SessionState } from './session.ts';
import { parseStatement, type Statement } from './statement.ts';
import { TableCache } from './table.ts';

/** A URL carries parameters of an export; ClickHouse takes URLs of 1 MiB (`http_max_uri_size`). */
const MAX_HEADER_BYTES = 1_048_576 + 16_384;
/** Longer than the client keeps an idle connection, so that it never writes into one that is just being closed. */
const KEEP_ALIVE_MS = 65_000;
const MAX_CONNECTIONS = 256;
const QUERY_ID = /^[A-Za-z0-9_.:-]{1,64}$/;

export interface FrontOptions {
  engine: Engine;
  scratch: ScratchFolder;
  /** The secret that every request must bring. */
  token: string;
  /** Called with whatever is no fault of a request. */
  onFault(error: EngineError): void;
}

/**
 * Formats whose output is the same in one piece and in many. The engine's stream begins and ends every piece as if it were the whole, so
 * that `Parquet` would be several files and `CSVWithNames` would repeat its names. Names are put in front of the plain format; what has
 * more of a beginning and an end passes through a file.
 */
const STREAMED_FORMATS = new Set(
  (
    'JSONEachRow,JSONLines,NDJSON,JSONCompactEachRow,JSONStringsEachRow,CSV,TabSeparated,TSV,LineAsString,RawBLOB,RowBinary,' +
    'Native,MsgPack'
  ).split(','),
);

type SelectStatement = Extract<Statement, { kind: 'select' }>;

interface Wanted {
  statement: Statement;
  state: SessionState;
  /** Rows behind an insert's own. */
  body: AsyncIterable<Buffer> | null;
}

export class Front {
  readonly server: Server;
  readonly #options: FrontOptions;
  readonly #tables = new TableCache();
  readonly #secret: Buffer;
  #closing = false;

  constructor(options: FrontOptions) {
    this.#options = options;
    this.#secret = digest(options.token);
    this.server = createServer(
      { maxHeaderSize: MAX_HEADER_BYTES, keepAliveTimeout: KEEP_ALIVE_MS },
      (request, response) => {
        this.#serve(request, response).catch((thrown: unknown) => {
          options.onFault(new EngineError(1002, 'UNKNOWN_EXCEPTION', String(thrown), { cause: thrown }));
          response.destroy();
        });
      },
    );
    this.server.maxConnections = MAX_CONNECTIONS;
  }

  /** Takes no more requests. Those under way go on. */
  refuse(): void {
    this.#closing = true;
    this.server.close();
    this.server.closeIdleConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    const path = mark < 0 ? url : url.slice(0, mark);
    if (path === '/ping') {
      response.end('Ok.\n');
      return;
    }
    const gone = new AbortController();
    response.on('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    let answer = new Answer(request, response, randomUUID(), false);
    try {
      if (this.#closing) throw shuttingDown();
      this.#authenticate(request);
      const fields = parseQuery(mark < 0 ? '' : url.slice(mark + 1));
      const id = fields.get('query_id')?.toString('latin1') ?? '';
      const compress = fields.get('enable_http_compression')?.toString('latin1') === '1';
      answer = new Answer(request, response, QUERY_ID.test(id) ? id : randomUUID(), compress);
      const wanted = await readWanted(request, fields);
      if (request.method === 'GET' && !['select', 'inspect'].includes(wanted.statement.kind)) {
        throw new EngineError(164, 'READONLY', 'A GET request cannot change anything');
      }
      await this.#run(wanted, answer, gone.signal);
    } catch (thrown) {
      const error = engineError(thrown);
      // What the engine has no number for is a mistake of ours, or of the machine.
      if (error.number === 1002) this.#options.onFault(error);
      answer.error(error);
    }
  }

  async #run({ statement, state, body }: Wanted, answer: Answer, signal: AbortSignal): Promise<void> {
    const { engine, scratch } = this.#options;
    switch (statement.kind) {
      case 'select':
        checkParams(statement.placeholders, state);
        await this.#select(statement, state, answer, signal);
        break;
      case 'inspect':
      case 'change': {
        checkParams(statement.placeholders, state);
        const changes = statement.kind === 'change';
        const format = statement.format ?? 'TabSeparated';
        if (changes) this.#tables.forget();
        try {
          const output = await engine.run(changes ? 'change' : 'read', state, statement.sql, format, signal);
          await answer.result(format, once(output));
        } finally {
          if (changes) this.#tables.forget();
        }
        break;
      }
      case 'insert': {
        const inline = Buffer.from(statement.data, 'utf8');
        const source = body === null ? [inline] : inline.length === 0 ? body : join(inline, body);
        await scratch.withRows(source, signal, async (file) => {
          const written = await insertRows(engine, this.#tables, statement, state, file, signal);
          await answer.done({ writtenRows: written, writtenBytes: file.bytes, resultBytes: 0 });
        });
        break;
      }
    }
  }

  async #select(statement: SelectStatement, state: SessionState, answer: Answer, signal: AbortSignal): Promise<void> {
    const { engine, scratch } = this.#options;
    const { body, tail } = statement;
    const format = statement.format ?? 'TabSeparated';
    if (STREAMED_FORMATS.has(format)) {
      await answer.result(format, engine.stream(state, statement.sql, format, signal));
      return;
    }
    const rows = format.replace(/WithNames(AndTypes)?$/, '');
    if (rows !== format && STREAMED_FORMATS.has(rows)) {
      const head = await engine.run(
        'read',
        state,
        `SELECT * FROM (${body}\n) LIMIT 0 FORMAT ${format}${tail}`,
        format,
        signal,
      );
      const stream = engine.stream(state, `${body}\nFORMAT ${rows}${tail}`, rows, signal);
      await answer.result(format, join(head, stream));
      return;
    }
    await scratch.withResult(
      signal,
      (path, stop) => {
        const sql = `${body}\nINTO OUTFILE ${quoteText(path)} FORMAT ${format}${tail}`;
        return engine.run('read', state, sql, 'TabSeparated', stop);
      },
      (path) => answer.result(format, createReadStream(path)),
    );
  }

  #authenticate(request: IncomingMessage): void {
    const key = request.headers['x-clickhouse-key'];
    const basic = /^Basic ([A-Za-z0-9+/=]{1,1024})$/.exec(request.headers.authorization ?? '')?.[1];
    const password =
      basic === undefined
        ? key
        : Buffer.from(basic, 'base64')
            .toString('utf8')
            .replace(/^[^:]*:/, '');
    if (typeof password !== 'string' || !timingSafeEqual(digest(password), this.#secret)) {
      throw new EngineError(516, 'AUTHENTICATION_FAILED', 'The token is wrong');
    }
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

async function* once(output: Buffer): AsyncGenerator<Buffer, void> {
  yield output;
}

async function* join(head: Buffer, tail: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  yield head;
  yield* tail;
}

async function readWanted(request: IncomingMessage, url: Fields): Promise<Wanted> {
  const boundary = formBoundary(request.headers['content-type']);
  const fields = new Map(url);
  let body: AsyncIterable<Buffer> | null = request.method === 'GET' ? null : bodyOf(request);
  if (boundary !== null && body !== null) {
    for (const [name, value] of parseForm(await readBody(body), boundary)) fields.set(name, value);
    body = null;
  }
  const inUrl = textOf(fields.get('query') ?? Buffer.alloc(0));
  const state = stateOf(fields);
  const statement = parseWith(fields, inUrl === '' && body !== null ? textOf(await readBody(body)) : inUrl);
  if (inUrl === '' || body === null) return { statement, state, body: null };
  if (statement.kind === 'insert') return { statement, state, body };
  // A statement may be split between the two, as on a server.
  return { statement: parseWith(fields, inUrl + textOf(await readBody(body))), state, body: null };
}

/** A statement with the format of the request where it names none. */
function parseWith(fields: Fields, text: string): Statement {
  const statement = parseStatement(text);
  const preset = fields.get('default_format')?.toString('latin1') ?? '';
  if (statement.kind === 'insert' || statement.format !== null || !/^[A-Za-z][A-Za-z0-9]{0,63}$/.test(preset))
    return statement;
  return { ...statement, format: preset };
}

/** A connection remembers the parameters of its last statements; none of them may fill in for one that this request does not bring. */
function checkParams(placeholders: ReadonlySet<string>, state: SessionState): void {
  for (const name of placeholders) {
    if (!state.params.has(name))
      throw new EngineError(456, 'UNKNOWN_QUERY_PARAMETER', `Substitution \`${name}\` is not set`);
  }
}
