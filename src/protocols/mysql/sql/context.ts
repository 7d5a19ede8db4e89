/** One client's view of the server: its database, variables and files, and what its statements do beyond answering. */
import type { Session } from '../../kernel/contract.ts';
import type { MysqlOptions } from '../options.ts';
import type { Face, MysqlError } from '../replies.ts';
import type { Value } from '../results.ts';
import type { Scope } from './expressions.ts';
import { type Facts, systemVariables } from './variables.ts';
import { kept, World } from './world.ts';

export interface Identified {
  face: Face;
  options: MysqlOptions;
  threadId: number;
  user: string;
  host: string;
  database: string | undefined;
  secure: boolean;
}

/** What statements set off outside the answer. */
export interface Effects {
  /** A file that was written on the server. */
  wroteFile(name: string, content: string): void;
  /** A function of an installed library was called. */
  calledLibrary(name: string, args: readonly string[]): void;
}

/** Work that the statements of one command may cost, in evaluated nodes; a few hundred milliseconds. */
const WORK_SHARE = 400_000;
const MAX_USER_VARIABLES = 256;
const MAX_SETTING = 1024;
/** Bytes of text that a client's own variables hold together. */
const MAX_VARIABLE_BYTES = 1_048_576;
const MAX_FILES = 64;
const MAX_PATH = 512;
/** Longest content that LOAD_FILE gives back. */
const MAX_READ_BACK = 4096;
const MAX_FUNCTIONS = 64;

export interface ExternalFunction {
  name: string;
  library: string;
  returns: string;
}

export class SqlContext {
  readonly session: Session;
  readonly client: Identified;
  readonly effects: Effects;
  readonly world: World;
  readonly prepared = new Map<string, string>();
  database: string | undefined;
  questions = 0;
  insertId = 0;
  parameters: readonly Value[] = [];
  private readonly system: Map<string, string>;
  private readonly own = new Map<string, Value>();
  private ownBytes = 0;
  private readonly functions = new Map<string, ExternalFunction>();
  private readonly files = new Map<string, string>();
  private work = WORK_SHARE;

  constructor(session: Session, client: Identified, effects: Effects) {
    this.session = session;
    this.client = client;
    this.effects = effects;
    this.world = new World(session.persona);
    this.database = client.database;
    this.system = systemVariables(this.facts);
  }

  get facts(): Facts {
    const { options, face } = this.client;
    return {
      persona: this.session.persona,
      face,
      nowMs: this.session.now(),
      maxPacketBytes: options.maxPacketBytes,
      tls: options.tls,
      fileWrites: options.fileWrites,
    };
  }

  /** Gives the next command its share of work. */
  refill(): void {
    this.work = WORK_SHARE;
  }

  spend(amount: number): boolean {
    this.work -= amount;
    return this.work > 0;
  }

  systemVariables(): ReadonlyMap<string, string> {
    return this.system;
  }

  setSystem(name: string, value: Value): boolean {
    const key = name.toLowerCase();
    if (!this.system.has(key)) return false;
    this.system.set(key, kept(String(value ?? ''), MAX_SETTING));
    return true;
  }

  /** `@@scope.name`, `@@name` or `@name`. */
  variable(text: string): Value | undefined {
    if (!text.startsWith('@@')) return this.own.get(text.toLowerCase().slice(0, 64)) ?? null;
    const name = text
      .slice(2)
      .replace(/^(?:global|session|local)\./i, '')
      .replaceAll('`', '')
      .toLowerCase();
    const value = this.system.get(name);
    // Switches show as words in SHOW VARIABLES, and as numbers when selected.
    return value === 'ON'
      ? 1
      : value === 'OFF'
        ? 0
        : value !== undefined && /^\d{1,15}$/.test(value)
          ? Number(value)
          : value;
  }

  assign(name: string, value: Value): void {
    const key = name.toLowerCase().slice(0, 64);
    const bytes = typeof value === 'string' ? value.length : 8;
    const full = this.own.size >= MAX_USER_VARIABLES && !this.own.has(key);
    if (full || this.ownBytes + bytes > MAX_VARIABLE_BYTES) return;
    this.ownBytes += bytes;
    this.own.set(kept(key, 64), typeof value === 'string' ? kept(value) : value);
  }

  externalFunctions(): readonly ExternalFunction[] {
    return [...this.functions.values()];
  }

  addFunction(added: ExternalFunction): void {
    if (this.functions.size < MAX_FUNCTIONS) this.functions.set(added.name.toLowerCase(), added);
  }

  findFunction(name: string): ExternalFunction | undefined {
    return this.functions.get(name.toLowerCase());
  }

  dropFunction(name: string): boolean {
    return this.functions.delete(name.toLowerCase());
  }

  /** Whether a library of that name could be loaded: one that this client has written. */
  hasLibrary(name: string): boolean {
    return [...this.files.keys()].some((path) => path.split(/[\\/]/).at(-1) === name);
  }

  fileExists(name: string): boolean {
    return this.files.has(name);
  }

  writeFile(name: string, content: string): void {
    this.effects.wroteFile(name, content);
    // The name is remembered and short contents are, to be read again by LOAD_FILE.
    if (this.files.size < MAX_FILES)
      this.files.set(kept(name, MAX_PATH), content.length <= MAX_READ_BACK ? kept(content) : '');
  }

  /** The scope of an expression without rows. */
  scope(): Scope {
    return scopeOf(this, () => undefined);
  }

  loadFile(path: string): Value {
    const written = this.files.get(path);
    if (written !== undefined) return written;
    const { persona } = this.session;
    switch (path) {
      case '/etc/hostname':
        return persona.kind === 'ubuntu-server' ? `${persona.hostName}\n` : null;
      default:
        return null;
    }
  }

  callExternal(name: string, args: readonly Value[]): Value | undefined {
    const known = this.findFunction(name);
    if (known === undefined) return undefined;
    this.effects.calledLibrary(
      name,
      args.map((value) => String(value ?? '')),
    );
    return known.returns === 'STRING' ? '' : 0;
  }
}

export function scopeOf(context: SqlContext, column: Scope['column'], group: () => Iterable<Scope> = () => []): Scope {
  const { session, client } = context;
  const { persona } = session;
  let problem: MysqlError | undefined;
  return {
    column,
    group,
    variable: (name) => context.variable(name),
    assign: (name, value) => context.assign(name, value),
    parameter: (index) => context.parameters[index] ?? null,
    spend: (amount) => context.spend(amount),
    version: client.face.version,
    user: `${client.user}@${client.host}`,
    account: `${client.user}@%`,
    get database() {
      return context.database;
    },
    threadId: client.threadId,
    get nowMs() {
      return session.now();
    },
    zoneMinutes: persona.zoneMinutes,
    get serverUuid() {
      return String(context.systemVariables().get('server_uuid') ?? '');
    },
    get insertId() {
      return context.insertId;
    },
    random: () => session.random(6).readUIntBE(0, 6) / 2 ** 48,
    external: (name, args) => context.callExternal(name, args),
    loadFile: (path) => context.loadFile(path),
    get problem() {
      return problem;
    },
    set problem(found) {
      problem = found;
    },
  };
}
