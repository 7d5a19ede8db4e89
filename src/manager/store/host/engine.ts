/**
 * The embedded engine: connections for reading, for changing and one for KILL, so that a heavy question never keeps a batch waiting, and
 * neither keeps the other from being ended. Everything asynchronous of the engine blocks a thread of libuv's pool for as long as it runs;
 * the pool must be larger than the number of connections, or the process's own files wait behind queries (`main.ts` sees to that).
 */
import { randomUUID } from 'node:crypto';
import { changeSettings, readSettings, type Settings } from './config.ts';
import { cancelled, EngineError, engineError, shuttingDown } from './exception.ts';
import { Killer, markOf } from './killer.ts';
import { Pool } from './pool.ts';
import { EngineSession, type SessionState } from './session.ts';

/** Statements that read at the same time. */
const READ_SESSIONS = 6;
/** Inserts and DDL at the same time. */
const CHANGE_SESSIONS = 2;
/** Threads of libuv's pool: one for each connection, and some for the files of inserts and results. */
export const THREAD_POOL = READ_SESSIONS + CHANGE_SESSIONS + 1 + 9;
/** Largest output of a statement that cannot be streamed (SHOW, EXPLAIN…). */
const MAX_RESULT_BYTES = 64 * 1_048_576;

/** How often memory that statements have left behind is given back to the system, where there were any. */
const PURGE_MS = 10_000;

export type Purpose = 'read' | 'change';

export interface EngineOptions {
  /** The engine's own folder. */
  folder: string;
  configFile: string;
  memoryMb: number;
}

export class Engine {
  readonly #reads: Pool<EngineSession>;
  readonly #changes: Pool<EngineSession>;
  readonly #sessions: readonly EngineSession[];
  readonly #killer: Killer;
  readonly #running = new Map<string, { purpose: Purpose; ended: Promise<void> }>();
  readonly #admin: EngineSession;
  readonly #purging: NodeJS.Timeout;
  /** Whether statements have ended since memory was last given back. */
  #used = false;
  #adminTurn: Promise<unknown> = Promise.resolve();
  #closing = false;

  constructor(options: EngineOptions) {
    // The first connection opens the folder and reads the configuration for all of them.
    this.#admin = new EngineSession(options.folder, new Map(), false, [`--config-file=${options.configFile}`]);
    const open = (count: number, settings: Settings, readOnly: boolean): EngineSession[] =>
      Array.from({ length: count }, () => new EngineSession(options.folder, settings, readOnly));
    const reads = open(READ_SESSIONS, readSettings(options.memoryMb), true);
    const changes = open(CHANGE_SESSIONS, changeSettings(), false);
    this.#sessions = [...reads, ...changes, this.#admin];
    this.#reads = new Pool(reads);
    this.#changes = new Pool(changes);
    this.#killer = new Killer((sql) => this.#runAsAdmin(sql));
    this.#purging = setInterval(() => void this.#purge(), PURGE_MS).unref();
  }

  /** Statements under way and waiting. */
  get load(): { running: number; waiting: number } {
    return { running: this.#running.size, waiting: this.#reads.waiting + this.#changes.waiting };
  }

  /** Runs a statement to its end. */
  async run(purpose: Purpose, state: SessionState, sql: string, format: string, signal: AbortSignal): Promise<Buffer> {
    return await this.use(purpose, state, signal, async (statement) => {
      const output = await statement(sql, format);
      if (output.length > MAX_RESULT_BYTES) {
        throw new EngineError(396, 'TOO_MANY_ROWS_OR_BYTES', `The result is larger than ${MAX_RESULT_BYTES} bytes`);
      }
      return output;
    });
  }

  /** Lends a connection to `work`, which may run several statements on it; all of them end when the signal fires. */
  async use<T>(
    purpose: Purpose,
    state: SessionState,
    signal: AbortSignal,
    work: (statement: (sql: string, format?: string) => Promise<Buffer>) => Promise<T>,
  ): Promise<T> {
    const lease = await this.#lease(purpose, state, signal);
    let failed = true;
    try {
      const result = await work(async (sql, format) => {
        if (signal.aborted) throw cancelled();
        return await lease.session.run(lease.mark + sql, format);
      });
      failed = false;
      return result;
    } catch (thrown) {
      throw this.#reason(thrown);
    } finally {
      await lease.release(failed);
    }
  }

  /** The output of a SELECT piece by piece. Leaving the loop, or the signal, ends the statement. */
  async *stream(state: SessionState, sql: string, format: string, signal: AbortSignal): AsyncGenerator<Buffer, void> {
    const lease = await this.#lease('read', state, signal);
    let failed = true;
    try {
      for await (const chunk of lease.session.stream(lease.mark + sql, format)) {
        yield chunk;
        if (signal.aborted) throw cancelled();
      }
      failed = false;
    } catch (thrown) {
      throw this.#reason(thrown);
    } finally {
      await lease.release(failed);
    }
  }

  /**
   * Lets changes end for up to `graceMs`, kills what is left, and closes the folder. Reading statements are killed at once: their client
   * is going away too, and nothing is lost.
   */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    for (const [id, { purpose }] of this.#running) if (purpose === 'read') this.#killer.kill(id);
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([this.#ended(), grace]);
    clearTimeout(timer);
    for (const id of this.#running.keys()) this.#killer.kill(id);
    await this.#ended();
    clearInterval(this.#purging);
    await this.#killer.idle();
    await this.#adminTurn;
    for (const session of this.#sessions) session.close();
  }

  /** Statements of our own, one after another. */
  async #runAsAdmin(sql: string): Promise<void> {
    const turn = this.#adminTurn.then(() => this.#admin.run(sql));
    this.#adminTurn = turn.catch(() => undefined);
    await turn;
  }

  /** The engine's allocator keeps what it has once had: after a large result that is hundreds of megabytes. */
  async #purge(): Promise<void> {
    if (!this.#used) return;
    this.#used = false;
    await this.#runAsAdmin('SYSTEM JEMALLOC PURGE').catch(() => undefined);
  }

  async #ended(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  async #lease(purpose: Purpose, state: SessionState, signal: AbortSignal) {
    const pool = purpose === 'read' ? this.#reads : this.#changes;
    const session = await pool.take(signal);
    if (this.#closing) {
      pool.give(session);
      throw shuttingDown();
    }
    const id = randomUUID();
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const onAbort = (): void => this.#killer.kill(id);
    signal.addEventListener('abort', onAbort);
    this.#running.set(id, { purpose, ended });
    const release = async (failed: boolean): Promise<void> => {
      signal.removeEventListener('abort', onAbort);
      this.#killer.spare(id);
      await session.settle(state, failed).catch(() => undefined);
      this.#running.delete(id);
      this.#used = true;
      pool.give(session);
      resolve();
    };
    try {
      await session.prepare(state);
      if (signal.aborted) throw cancelled();
    } catch (thrown) {
      await release(true);
      throw engineError(thrown);
    }
    return { session, mark: markOf(id), release };
  }

  /** A statement that was killed because the engine closes did not fail: it can be asked again. */
  #reason(thrown: unknown): EngineError {
    const error = engineError(thrown);
    return this.#closing && error.number === 394 ? shuttingDown() : error;
  }
}
