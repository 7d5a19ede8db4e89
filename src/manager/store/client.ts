/**
 * The one way to the store. The same client speaks to the embedded engine (the store host, over a unix socket) and to a ClickHouse
 * server or cluster (over a URL). Every failure is a `StoreError`; whether to try again, `isRetryable` says.
 */
import { Agent, type AgentOptions } from 'node:http';
import { Readable } from 'node:stream';
import { type ClickHouseClient, ClickHouseLogLevel, type ClickHouseSettings, createClient } from '@clickhouse/client';
import { type StoreError, storeError } from './errors.ts';
import { quoteName } from './host/quote.ts';
import { withoutLateError } from './late-error.ts';

export { isRetryable, refusesData, StoreError, type StoreErrorCode } from './errors.ts';

/** The store host of this machine. */
export interface EmbeddedStore {
  socketPath: string;
  /** The secret that the store host was started with. */
  token: string;
  database?: string;
  /** Most statements under way at once; further ones wait in this process. */
  maxConnections?: number;
}

/** A ClickHouse server or cluster. */
export interface ServerStore {
  url: string;
  username: string;
  password: string;
  database: string;
  maxConnections?: number;
}

/** Values for `{name:Type}` in a statement. Strings come back byte for byte, whatever they hold. */
export type StoreParams = Readonly<Record<string, unknown>>;
export type StoreSettings = Readonly<Record<string, string | number | boolean>>;
/** Output formats that the dashboard and the exports use. */
export type StoreFormat =
  | 'JSONEachRow'
  | 'JSONCompactEachRow'
  | 'CSVWithNames'
  | 'TabSeparated'
  | 'Parquet'
  | 'RawBLOB';

export interface StatementOptions {
  /** Ends the statement in the engine, not only the wait for it. */
  signal?: AbortSignal;
  settings?: StoreSettings;
  /** How long to wait for the answer. Streams have no such limit. */
  timeoutMs?: number;
}

export interface StreamOptions extends StatementOptions {
  format: StoreFormat;
}

export interface InsertOptions extends StatementOptions {
  /** Names the batch: a second insert with the same token into the same table is stored once, in its rollups too. */
  token: string;
}

export interface StoreClient {
  /** Resolves when the store answers and takes our credentials, else throws `STORE_UNREACHABLE` or `STORE_DENIED`. */
  ping(signal?: AbortSignal): Promise<void>;
  /** The whole result as rows (64-bit integers as strings). The SQL has no FORMAT clause. */
  query<Row>(sql: string, params?: StoreParams, options?: StatementOptions): Promise<Row[]>;
  /** The result as raw bytes of a format, in pieces as they come. Leaving the loop early ends the statement. Parameters: up to 1 MB. */
  stream(sql: string, params: StoreParams, options: StreamOptions): AsyncIterable<Buffer>;
  /** The result row by row. Leaving the loop early ends the statement. */
  streamRows<Row>(sql: string, params?: StoreParams, options?: StatementOptions): AsyncIterable<Row>;
  /** A statement without a result: DDL, ALTER, KILL. */
  command(sql: string, params?: StoreParams, options?: StatementOptions): Promise<void>;
  /**
   * Stores a batch of rows, one JSON object per line, and resolves when it is stored (on disk, where the table syncs). One invalid line
   * refuses the batch (`STORE_REJECTED`). Safe to repeat with the same token and the same bytes. NUL and invalid UTF-8 are kept; half a
   * surrogate pair, which UTF-8 cannot say, is kept as the text of its escape (`\ud800`), or as three invalid bytes (`\udc00`).
   */
  insert(table: string, columns: readonly string[], ndjson: Buffer | string, options: InsertOptions): Promise<void>;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 16;
/** The store may keep a question waiting for 30 s and answer it for 30 s. */
const QUERY_TIMEOUT_MS = 90_000;
const INSERT_TIMEOUT_MS = 180_000;
const COMMAND_TIMEOUT_MS = 600_000;
/** Longest silence on a connection that has something under way. */
const SILENCE_MS = 600_000;

/** Small blocks: a piece of a stream is a block, and rows may be large. An export takes as long as its reader. */
const STREAM_SETTINGS: ClickHouseSettings = { max_block_size: '8192', max_execution_time: 0 };
const COMMON_SETTINGS: ClickHouseSettings = { output_format_json_quote_64bit_integers: 1 };
const INSERT_SETTINGS: ClickHouseSettings = {
  async_insert: 0,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  // One block for a batch, so that it is stored whole or not at all in each partition, and is the same when it is repeated.
  min_insert_block_size_rows: '100000000',
  min_insert_block_size_bytes: '1073741824',
  // An import can reach over many years, and a partition is a month. What a sensor sends is held to two years (ingest/clock.ts).
  max_partitions_per_insert_block: '0',
  // A misspelt column must not vanish.
  input_format_skip_unknown_fields: 0,
  // One half of a surrogate pair must not make a batch that is refused for ever.
  input_format_json_throw_on_bad_escape_sequence: 0,
};

/** Opens a client. Nothing is sent before the first call. */
export function openStoreClient(target: EmbeddedStore | ServerStore): StoreClient {
  return new HttpStoreClient(target);
}

function connect(target: EmbeddedStore | ServerStore): ClickHouseClient {
  const maxSockets = target.maxConnections ?? MAX_CONNECTIONS;
  const common = {
    request_timeout: SILENCE_MS,
    log: { level: ClickHouseLogLevel.OFF },
    use_multipart_params_auto: true,
    clickhouse_settings: COMMON_SETTINGS,
  };
  if ('socketPath' in target) {
    // An agent passes its options on to every connection it opens (node:http, Agent#createConnection); its type forgets the path.
    const agent: AgentOptions & { socketPath: string } = { socketPath: target.socketPath, keepAlive: true, maxSockets };
    return createClient({
      ...common,
      url: 'http://localhost',
      username: 'default',
      password: target.token,
      database: target.database ?? 'default',
      http_agent: new Agent(agent),
    });
  }
  return createClient({
    ...common,
    url: target.url,
    username: target.username,
    password: target.password,
    database: target.database,
    max_open_connections: maxSockets,
    compression: { request: true, response: true },
  });
}

/** The caller's signal and our own time limit, as one signal for the library and as the reason afterwards. */
class Deadline {
  readonly signal: AbortSignal;
  readonly #caller: AbortSignal | undefined;
  readonly #limit: AbortSignal | undefined;

  constructor(caller: AbortSignal | undefined, timeoutMs: number | undefined) {
    this.#caller = caller;
    this.#limit = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    this.signal = AbortSignal.any([this.#caller, this.#limit].filter((signal) => signal !== undefined));
  }

  /** Before a call: the library does not look at a signal that has fired already. */
  check(): void {
    if (this.signal.aborted) throw this.error(this.signal.reason);
  }

  error(thrown: unknown): StoreError {
    return storeError(thrown, {
      cancelled: this.#caller?.aborted === true,
      timedOut: this.#limit?.aborted === true,
    });
  }
}

class HttpStoreClient implements StoreClient {
  readonly #client: ClickHouseClient;

  constructor(target: EmbeddedStore | ServerStore) {
    this.#client = connect(target);
  }

  async ping(signal?: AbortSignal): Promise<void> {
    const deadline = new Deadline(signal, QUERY_TIMEOUT_MS);
    deadline.check();
    // With a statement, because `/ping` answers to anybody.
    const answer = await this.#client.ping({ select: true, abort_signal: deadline.signal });
    if (!answer.success) throw deadline.error(answer.error);
  }

  async query<Row>(sql: string, params: StoreParams = {}, options: StatementOptions = {}): Promise<Row[]> {
    const deadline = new Deadline(options.signal, options.timeoutMs ?? QUERY_TIMEOUT_MS);
    const rows: Row[] = [];
    for await (const some of this.#rows<Row>(sql, params, { ...options.settings }, deadline)) {
      for (const row of some) rows.push(row);
    }
    return rows;
  }

  async *streamRows<Row>(
    sql: string,
    params: StoreParams = {},
    options: StatementOptions = {},
  ): AsyncGenerator<Row, void> {
    const deadline = new Deadline(options.signal, undefined);
    for await (const some of this.#rows<Row>(sql, params, { ...STREAM_SETTINGS, ...options.settings }, deadline))
      yield* some;
  }

  async *stream(sql: string, params: StoreParams, options: StreamOptions): AsyncGenerator<Buffer, void> {
    const deadline = new Deadline(options.signal, undefined);
    deadline.check();
    let body: Readable | undefined;
    const stop = (): void => void body?.destroy();
    deadline.signal.addEventListener('abort', stop);
    try {
      const answer = await this.#client.exec({
        query: `${sql}\nFORMAT ${options.format}`,
        query_params: { ...params },
        clickhouse_settings: { ...STREAM_SETTINGS, ...options.settings } as ClickHouseSettings,
        abort_signal: deadline.signal,
      });
      body = answer.stream;
      yield* withoutLateError(body, tagOf(answer.response_headers));
      deadline.check();
    } catch (thrown) {
      throw deadline.error(thrown);
    } finally {
      deadline.signal.removeEventListener('abort', stop);
      body?.destroy();
    }
  }

  async command(sql: string, params: StoreParams = {}, options: StatementOptions = {}): Promise<void> {
    const deadline = new Deadline(options.signal, options.timeoutMs ?? COMMAND_TIMEOUT_MS);
    deadline.check();
    try {
      await this.#client.command({
        query: sql,
        query_params: { ...params },
        clickhouse_settings: { ...options.settings } as ClickHouseSettings,
        abort_signal: deadline.signal,
      });
    } catch (thrown) {
      throw deadline.error(thrown);
    }
  }

  async insert(
    table: string,
    columns: readonly string[],
    ndjson: Buffer | string,
    options: InsertOptions,
  ): Promise<void> {
    const deadline = new Deadline(options.signal, options.timeoutMs ?? INSERT_TIMEOUT_MS);
    deadline.check();
    try {
      const answer = await this.#client.exec({
        query: `INSERT INTO ${quoteName(table)} (${columns.map(quoteName).join(', ')}) FORMAT JSONEachRow`,
        values: Readable.from([typeof ndjson === 'string' ? Buffer.from(ndjson) : ndjson], { objectMode: false }),
        clickhouse_settings: {
          ...INSERT_SETTINGS,
          ...options.settings,
          insert_deduplication_token: options.token,
        } as ClickHouseSettings,
        abort_signal: deadline.signal,
      });
      for await (const _ of answer.stream);
      deadline.check();
    } catch (thrown) {
      throw deadline.error(thrown);
    }
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  /** Rows in groups, as they arrive. */
  async *#rows<Row>(
    sql: string,
    params: StoreParams,
    settings: StoreSettings | ClickHouseSettings,
    deadline: Deadline,
  ): AsyncGenerator<Row[], void> {
    deadline.check();
    let body: Readable | undefined;
    const stop = (): void => void body?.destroy();
    deadline.signal.addEventListener('abort', stop);
    try {
      const answer = await this.#client.query({
        query: sql,
        query_params: { ...params },
        format: 'JSONEachRow',
        clickhouse_settings: settings as ClickHouseSettings,
        abort_signal: deadline.signal,
      });
      const rows = answer.stream<Row>();
      body = rows;
      for await (const group of rows) yield group.map((row) => row.json<Row>());
      deadline.check();
    } catch (thrown) {
      throw deadline.error(thrown);
    } finally {
      deadline.signal.removeEventListener('abort', stop);
      body?.destroy();
    }
  }
}

function tagOf(headers: Readonly<Record<string, unknown>>): string | undefined {
  const tag = headers['x-clickhouse-exception-tag'];
  return typeof tag === 'string' ? tag : undefined;
}
