/**
 * One connection to the embedded engine. It runs one statement at a time. `SET` and `USE` stick to a connection, so that what is set is
 * remembered here and every statement first brings the connection to the state it asks for: nothing leaks from one request to the next.
 * (A new connection for each statement would be simpler, but a closed one keeps its memory until every running statement has ended.)
 */
import { Session } from 'chdb';
import type { Settings } from './config.ts';
import { EngineError, engineError } from './exception.ts';
import { quoteBytes, quoteName, quoteText } from './quote.ts';

/** What a statement wants the connection to be like. */
export interface SessionState {
  database: string;
  /** On top of the connection's own. */
  settings: Settings;
  /** Values for `{name:Type}`, escaped as in TSV. */
  params: ReadonlyMap<string, Buffer>;
}

/** A parameter longer than this is not kept on the connection after its statement. */
const KEEP_PARAM_BYTES = 65_536;
/** Most parameter names a connection remembers before it is replaced. */
const MAX_PARAM_NAMES = 1000;
export const DEFAULT_DATABASE = 'default';

export class EngineSession {
  readonly #folder: string;
  readonly #baseline: Settings;
  readonly #readOnly: boolean;
  #session: Session;
  #database = DEFAULT_DATABASE;
  /** Settings that are not as the baseline has them. */
  #changed = new Map<string, string>();
  readonly #paramNames = new Set<string>();
  #fresh = true;

  constructor(folder: string, baseline: Settings, readOnly: boolean, connectionArgs: readonly string[] = []) {
    this.#folder = folder;
    this.#baseline = baseline;
    this.#readOnly = readOnly;
    this.#session = new Session(folder, { connectionArgs });
  }

  /** Runs a statement to its end and returns its output. */
  async run(sql: string, format = 'TabSeparated'): Promise<Buffer> {
    try {
      const bytes = (await this.#session.queryAsync(sql, { format })).bytes();
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    } catch (thrown) {
      throw engineError(thrown);
    }
  }

  /** The output of a SELECT piece by piece; the engine computes no further than it is read. */
  async *stream(sql: string, format: string): AsyncGenerator<Buffer, void> {
    try {
      for await (const chunk of this.#session.queryStream(sql, { format })) {
        const bytes = chunk.raw();
        yield Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      }
    } catch (thrown) {
      throw engineError(thrown);
    }
  }

  /** Brings the connection to a state. */
  async prepare(state: SessionState): Promise<void> {
    if (this.#fresh) await this.#setBaseline();
    if (this.#paramNames.size > MAX_PARAM_NAMES) await this.#replace();
    const changes: string[] = [];
    for (const name of this.#changed.keys()) {
      if (!state.settings.has(name)) changes.push(this.#reset(name));
    }
    for (const [name, value] of state.settings) {
      if (this.#changed.get(name) !== value) changes.push(`${name}=${quoteText(value)}`);
    }
    for (const [name, value] of state.params) changes.push(`param_${name}=${quoteBytes(value)}`);
    if (changes.length > 0) await this.#set(changes, state);
    if (state.database !== this.#database) {
      await this.run(`USE ${quoteName(state.database)}`);
      this.#database = state.database;
    }
  }

  /** After a statement. What a failed stream or a large parameter holds in memory is let go. */
  async settle(state: SessionState, failed: boolean): Promise<void> {
    const large = [...state.params].filter(([, value]) => value.length > KEEP_PARAM_BYTES);
    if (large.length > 0) await this.run(`SET ${large.map(([name]) => `param_${name}=''`).join(', ')}`);
    // The engine frees what a failed stream held when the next statement begins on its connection.
    else if (failed) await this.run('SELECT 1');
  }

  close(): void {
    this.#session.close();
  }

  #reset(name: string): string {
    const value = this.#baseline.get(name);
    return `${name}=${value === undefined ? 'DEFAULT' : quoteText(value)}`;
  }

  async #set(changes: readonly string[], state: SessionState): Promise<void> {
    for (const name of state.params.keys()) this.#paramNames.add(name);
    try {
      await this.run(`SET ${changes.join(', ')}`);
    } catch (thrown) {
      // An unknown name or a bad value. Which of the others took hold is unknown, so the connection is given up.
      await this.#replace();
      throw thrown;
    }
    this.#changed = new Map(state.settings);
  }

  async #replace(): Promise<void> {
    this.#session.close();
    this.#session = new Session(this.#folder);
    this.#database = DEFAULT_DATABASE;
    this.#changed = new Map();
    this.#paramNames.clear();
    await this.#setBaseline();
  }

  async #setBaseline(): Promise<void> {
    const changes = [...this.#baseline].map(([name, value]) => `${name}=${quoteText(value)}`);
    await this.run(`SET ${changes.join(', ')}`);
    // Settings can still be changed, tables and data cannot. Last, because it forbids to be set again.
    if (this.#readOnly) await this.run('SET readonly=2');
    this.#fresh = false;
  }
}

/** Names that a request cannot set: they would outlive it, or lift what the connection is for. */
const PROTECTED = new Set(['readonly', 'allow_ddl', 'profile', 'max_query_size']);
const SETTING_NAME = /^[a-z][a-z0-9_]{0,127}$/;

export function checkSettingName(name: string): void {
  if (!SETTING_NAME.test(name)) throw new EngineError(115, 'UNKNOWN_SETTING', 'a setting has an impossible name');
  if (PROTECTED.has(name))
    throw new EngineError(452, 'SETTING_CONSTRAINT_VIOLATION', `${name} cannot be set by a request`);
}
