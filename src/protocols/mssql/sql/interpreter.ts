/** Runs batches: statement by statement, with the variables and settings that the connection has made so far. */
import type { Persona } from '../../surfaces/persona.ts';
import type { SqlServer } from '../replies.ts';
import type { Cell, Column } from '../tokens.ts';
import { type CatalogueFacts, findDatabase, findTable, type Setting, settingsOf, type Table } from './catalogue.ts';
import { BudgetSpent, evaluate, isTrue, runSelect, type Scope } from './evaluate.ts';
import type { Surroundings } from './functions.ts';
import { messagesOf, type Outcome, report, resultRows } from './outcomes.ts';
import { parseBatch } from './parser.ts';
import { callProcedure } from './procedures.ts';
import type { Statement } from './syntax.ts';
import { convert, intValue, NULL, SqlError, toText, type Value } from './values.ts';

/** Expressions evaluated for one batch, whatever it loops over. */
const MAX_STEPS = 50_000;
/** EXEC of a text that runs EXEC of a text: SQL Server stops at the same depth (error 217). */
const MAX_NESTING = 32;
/** Tables that one connection can make, and cells that they hold together. */
const MAX_OBJECTS = 200;
const MAX_CELLS = 20_000;
/** Characters of one cell that are kept. */
const MAX_CELL_TEXT = 8000;
/** An error from this class on ends its batch. */
const ABORTS: ReadonlySet<number> = new Set([102, 137, 195, 207, 208, 245, 911, 4104, 4121, 8134]);

export interface InterpreterParts {
  persona: Persona;
  server: SqlServer;
  user: string;
  client: string;
  app: string;
  peer: string;
  address: string;
  port: number;
  encrypted: boolean;
  spid: number;
  language: string;
  database: string;
  maxStatements: number;
  now(): number;
  random(bytes: number): Buffer;
  command(command: string): void;
  limit(name: string, value: number): void;
}

export interface Interpreter {
  /** A batch, or a statement of `sp_executesql` with its parameters. */
  run(text: string, parameters?: ReadonlyMap<string, Value>): Outcome[];
  call(name: string, args: readonly { name: string | undefined; value: Value }[]): Outcome[];
}

interface Frame {
  scope: Scope;
  outcomes: Outcome[];
  depth: number;
  statements: { left: number };
}
type Flow = 'next' | 'stop';

export function openInterpreter(parts: InterpreterParts): Interpreter {
  const settings: Setting[] = settingsOf(parts.server);
  const objects = new Map<string, Table>();
  let cells = 0;
  const env: Surroundings = {
    persona: parts.persona,
    server: parts.server,
    user: parts.user,
    client: parts.client,
    app: parts.app,
    peer: parts.peer,
    port: parts.port,
    encrypted: parts.encrypted,
    spid: parts.spid,
    language: parts.language,
    database: parts.database,
    rowCount: 0,
    lastError: 0,
    transactions: 0,
    now: parts.now,
    random: parts.random,
  };

  function table(path: readonly string[]): Table | undefined {
    const name = (path.at(-1) ?? '').toLowerCase();
    const made = objects.get(name);
    if (made !== undefined) return made;
    const { persona, server, user, client, spid } = parts;
    const facts: CatalogueFacts = { persona, server, settings, database: env.database, user, client, spid };
    return findTable(path, facts);
  }

  function newScope(variables: Map<string, Value>, budget: { left: number }): Scope {
    return { env, variables, table: undefined, row: undefined, findTable: table, budget };
  }

  function runAll(statements: readonly Statement[], frame: Frame): Flow {
    for (const statement of statements) {
      frame.statements.left -= 1;
      if (frame.statements.left < 0) {
        parts.limit('statements', parts.maxStatements);
        return 'stop';
      }
      if (runOne(statement, frame) === 'stop') return 'stop';
    }
    return 'next';
  }

  /** A statement, with the error that it may end in. */
  function runOne(statement: Statement, frame: Frame): Flow {
    try {
      const flow = execute(statement, frame);
      if (statement.kind !== 'if' && statement.kind !== 'print') env.lastError = 0;
      return flow;
    } catch (thrown) {
      if (!(thrown instanceof SqlError)) throw thrown;
      const { number, class: severity, state, text } = thrown.report;
      frame.outcomes.push(report(number, severity, state, text, statement.line));
      env.lastError = number;
      return ABORTS.has(number) ? 'stop' : 'next';
    }
  }

  function execute(statement: Statement, frame: Frame): Flow {
    const { scope, outcomes } = frame;
    const done = (rows?: number): Flow => {
      outcomes.push({ kind: 'done', rows });
      return 'next';
    };
    switch (statement.kind) {
      case 'select': {
        const { columns, rows } = runSelect(statement.select, scope);
        env.rowCount = rows.length;
        if (statement.select.into !== undefined) {
          create(statement.select.into, columns);
          fill(statement.select.into, rows);
          return done(rows.length);
        }
        if (columns.length === 0) return done(1);
        outcomes.push({ kind: 'rows', columns, rows });
        return 'next';
      }
      case 'set':
        if (!scope.variables.has(statement.name)) evaluate({ kind: 'variable', name: statement.name }, scope);
        scope.variables.set(statement.name, evaluate(statement.value, scope));
        return 'next';
      case 'declare':
        for (const { name, type, value } of statement.variables)
          scope.variables.set(name, value === undefined ? NULL : convert(evaluate(value, scope), type));
        return 'next';
      case 'exec':
        return executeProcedure(statement, frame);
      case 'execText':
        return nested(toText(evaluate(statement.text, scope)) ?? '', frame);
      case 'use':
        return use(statement.database, outcomes);
      case 'print': {
        const say = toText(evaluate(statement.value, scope)) ?? ' ';
        outcomes.push(report(0, 0, 1, say.slice(0, 4000), statement.line));
        return 'next';
      }
      case 'if':
        return runAll(isTrue(evaluate(statement.condition, scope)) ? statement.then : statement.otherwise, frame);
      case 'while':
        while (isTrue(evaluate(statement.condition, scope)))
          if (runAll(statement.body, frame) === 'stop') return 'stop';
        return 'next';
      case 'block':
        return runAll(statement.body, frame);
      case 'createTable':
        create(
          statement.path,
          statement.columns.map((name) => ({ name, type: 'nvarchar', size: 4000 })),
        );
        return done();
      case 'insert':
        env.rowCount = insert(statement, frame);
        return done(env.rowCount);
      case 'change':
        return change(statement, done);
      case 'reconfigure':
        for (const one of settings) one.running = one.configured;
        return done();
      case 'return':
        return 'stop';
      case 'option':
        return done();
      case 'other':
        if (statement.verb === 'commit' || statement.verb === 'rollback') env.transactions = 0;
        else if (statement.verb === 'begin') env.transactions += 1;
        return done();
    }
  }

  function use(name: string, outcomes: Outcome[]): Flow {
    const found = findDatabase(parts.persona, name);
    if (found === undefined)
      throw new SqlError(
        911,
        16,
        1,
        `Database '${name}' does not exist. Make sure that the name is entered correctly.`,
      );
    outcomes.push({ kind: 'database', now: found, before: env.database });
    env.database = found;
    return 'next';
  }

  function create(path: readonly string[], columns: readonly Column[]): void {
    const name = path.at(-1) ?? '';
    const key = name.toLowerCase();
    if (objects.has(key))
      throw new SqlError(2714, 16, 6, `There is already an object named '${name}' in the database.`);
    if (objects.size < MAX_OBJECTS) objects.set(key, { columns: [...columns], rows: [] });
    else parts.limit('objects', MAX_OBJECTS);
  }

  /** Adds rows to a table that the connection made; what is inserted elsewhere is counted alone. */
  function fill(path: readonly string[], rows: readonly (readonly Cell[])[]): void {
    const made = objects.get((path.at(-1) ?? '').toLowerCase());
    if (made === undefined) return;
    for (const row of rows) {
      cells += row.length;
      if (cells > MAX_CELLS) {
        parts.limit('cells', MAX_CELLS);
        return;
      }
      made.rows.push(row.map((cell) => (typeof cell === 'string' ? cell.slice(0, MAX_CELL_TEXT) : cell)));
    }
  }

  function insert(statement: Extract<Statement, { kind: 'insert' }>, frame: Frame): number {
    const { path, source, columns } = statement;
    const target = table(path);
    if (target === undefined && path.length > 0 && !(path[0] ?? '').startsWith('@'))
      throw new SqlError(208, 16, 1, `Invalid object name '${path.join('.')}'.`);
    let rows: (readonly Cell[])[] = [[]];
    if (source?.kind === 'values')
      rows = source.rows.map((row) => row.map((value) => evaluate(value, frame.scope).cell));
    else if (source?.kind === 'select') rows = runSelect(source.select, frame.scope).rows;
    else if (source?.kind === 'exec') {
      const inner: Outcome[] = [];
      runOne(source.statement, { ...frame, outcomes: inner });
      rows = resultRows(inner);
      frame.outcomes.push(...messagesOf(inner));
    }
    const places = columns.map((name) =>
      (target?.columns ?? []).findIndex((known) => known.name.toLowerCase() === name.toLowerCase()),
    );
    const placed = (row: readonly Cell[]): Cell[] =>
      (target?.columns ?? []).map((_, at) => row[columns.length === 0 ? at : places.indexOf(at)] ?? null);
    fill(path, rows.map(placed));
    return rows.length;
  }

  function change(statement: Extract<Statement, { kind: 'change' }>, done: (rows?: number) => Flow): Flow {
    const { verb, object, path } = statement;
    const name = path.at(-1) ?? '';
    const exists = objects.has(name.toLowerCase()) || name.startsWith('@');
    const shown = path.join('.');
    switch (verb) {
      case 'create':
        return done();
      case 'drop':
        if (object === 'table' && !objects.delete(name.toLowerCase()))
          throw new SqlError(
            3701,
            11,
            5,
            `Cannot drop the table '${shown}', because it does not exist or you do not have permission.`,
          );
        return done();
      case 'update':
      case 'delete':
      case 'truncate':
        if (path.length > 0 && !exists && table(path) === undefined)
          throw new SqlError(208, 16, 1, `Invalid object name '${shown}'.`);
        env.rowCount = 0;
        return done(0);
      default:
        return done();
    }
  }

  function nested(text: string, frame: Frame, parameters?: Map<string, Value>): Flow {
    if (frame.depth >= MAX_NESTING)
      throw new SqlError(
        217,
        16,
        1,
        `Maximum stored procedure, function, trigger, or view nesting level exceeded (limit ${MAX_NESTING}).`,
      );
    const scope = newScope(parameters ?? new Map(), frame.scope.budget);
    runText(text, { scope, outcomes: frame.outcomes, depth: frame.depth + 1, statements: frame.statements });
    return 'next';
  }

  function executeProcedure(statement: Extract<Statement, { kind: 'exec' }>, frame: Frame): Flow {
    let name = statement.procedure.at(-1) ?? '';
    // `exec @procedure` names it in a variable.
    if (name.startsWith('@')) name = toText(evaluate({ kind: 'variable', name }, frame.scope)) ?? '';
    const args = statement.args.map((one) => ({ name: one.name, value: evaluate(one.value, frame.scope) }));
    if (name.toLowerCase() === 'sp_executesql' || name.toLowerCase() === 'sp_sqlexec') {
      const inner: Outcome[] = [];
      const parameters = new Map(args.slice(2).map((one, i) => [one.name ?? `@p${i + 1}`, one.value]));
      nested(toText(args[0]?.value ?? NULL) ?? '', { ...frame, outcomes: inner }, parameters);
      frame.outcomes.push({ kind: 'procedure', outcomes: inner, status: 0 });
      return 'next';
    }
    const result = callProcedure(
      { name, args, line: statement.line },
      { env, settings, address: parts.address, command: parts.command },
    );
    if (result === undefined)
      throw new SqlError(2812, 16, 62, `Could not find stored procedure '${statement.procedure.join('.')}'.`);
    frame.outcomes.push({ kind: 'procedure', ...result });
    if (statement.into !== undefined) frame.scope.variables.set(statement.into, intValue(result.status));
    const first = result.outcomes[0];
    env.rowCount = first?.kind === 'rows' ? first.rows.length : 0;
    return 'next';
  }

  function runText(text: string, frame: Frame): void {
    const batch = parseBatch(text);
    if (batch.error !== undefined) {
      frame.outcomes.push(report(102, 15, 1, `Incorrect syntax near '${batch.error.near}'.`, batch.error.line));
      env.lastError = 102;
      return;
    }
    runAll(batch.statements, frame);
  }

  function start(parameters?: ReadonlyMap<string, Value>): Frame {
    return {
      scope: newScope(new Map(parameters), { left: MAX_STEPS }),
      outcomes: [],
      depth: 0,
      statements: { left: parts.maxStatements },
    };
  }

  function guarded(frame: Frame, work: () => void): Outcome[] {
    try {
      work();
    } catch (thrown) {
      if (!(thrown instanceof BudgetSpent)) throw thrown;
      parts.limit('steps of a batch', MAX_STEPS);
    }
    return frame.outcomes;
  }

  return {
    run(text, parameters) {
      const frame = start(parameters);
      return guarded(frame, () => runText(text, frame));
    },
    call(name, args) {
      const frame = start();
      const statement: Statement = {
        kind: 'exec',
        line: 1,
        procedure: name.split('.'),
        into: undefined,
        args: args.map((one, i) => ({
          name: one.name,
          value: { kind: 'variable', name: `@@argument ${i}` },
          output: false,
        })),
      };
      args.forEach((one, i) => {
        frame.scope.variables.set(`@@argument ${i}`, one.value);
      });
      return guarded(frame, () => void runOne(statement, frame));
    },
  };
}
