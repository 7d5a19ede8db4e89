/** Statements that change something: rows, tables, databases, functions, files. What they change is the connection's own copy of the world. */
import { errors, type MysqlError } from '../replies.ts';
import type { Outcome, ResultSet, Value } from '../results.ts';
import { type SqlContext, scopeOf } from './context.ts';
import type { Expression, Scope } from './expressions.ts';
import { isTrue } from './operators.ts';
import type { Cursor } from './parser.ts';
import type { Query } from './query.ts';
import { queryParser, runQuery } from './select.ts';
import { column, kept, MAX_DATABASES, MAX_TABLES, type Table, type TableColumn } from './world.ts';

const MAX_COLUMNS = 256;

const failed = (error: MysqlError): Outcome => ({ kind: 'error', error });
const done = (affected = 0): Outcome => ({ kind: 'ok', affected });

/** The rest of a statement that is answered with OK whatever it says. */
export function ignoreRest(cursor: Cursor): Outcome {
  cursor.at = cursor.tokens.length;
  return done();
}

/** A table to change, in the connection's own copy. */
function writableTable(context: SqlContext, schema: string | undefined, name: string): Table | MysqlError {
  const wanted = schema ?? context.database;
  if (wanted === undefined) return errors.noDatabase;
  if (context.world.find(wanted) === undefined) return errors.unknownDatabase(wanted);
  context.world.writable();
  return context.world.table(wanted, name) ?? errors.noSuchTable(wanted, name);
}

export function runInsert(cursor: Cursor, context: SqlContext): Outcome {
  while (cursor.isWord('LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY', 'IGNORE', 'INTO')) cursor.next();
  const { schema, name } = cursor.qualifiedName();
  const table = writableTable(context, schema, name);
  if ('code' in table) return failed(cursor.problem ?? table);
  if (cursor.accept('SET')) return insertAssigned(cursor, context, table);
  const named = columnList(cursor, table);
  if (cursor.problem !== undefined) return failed(cursor.problem);
  if ('code' in named) return failed(named);
  const rows = insertedRows(cursor, context);
  return insertRows(cursor, context, table, named, rows);
}

function insertRows(
  cursor: Cursor,
  context: SqlContext,
  table: Table,
  named: readonly number[],
  rows: Value[][] | MysqlError,
): Outcome {
  if (cursor.accept('ON', 'DUPLICATE', 'KEY', 'UPDATE')) ignoreRest(cursor);
  if (!cursor.done) cursor.syntaxError();
  if (cursor.problem !== undefined) return failed(cursor.problem);
  if ('code' in rows) return failed(rows);
  if (rows.some((row) => row.length !== named.length)) return failed(errors.columnCount);
  const key = table.columns.findIndex((known) => known.key === 'PRI' && known.type === 'integer');
  const insertId = key >= 0 && !named.includes(key) ? table.rows.length + 1 : 0;
  if (insertId > 0) context.insertId = insertId;
  for (const row of rows) context.world.insert(table, complete(table, named, row));
  const info = rows.length > 1 ? `Records: ${rows.length}  Duplicates: 0  Warnings: 0` : '';
  return { kind: 'ok', affected: rows.length, insertId, ...(info === '' ? {} : { info }) };
}

function columnList(cursor: Cursor, table: Table): number[] | MysqlError {
  if (!cursor.isOperator('(')) return table.columns.map((_, i) => i);
  cursor.next();
  const chosen: number[] = [];
  let unknown: MysqlError | undefined;
  while (!cursor.done && !cursor.isOperator(')')) {
    const name = cursor.name();
    const at = table.columns.findIndex((known) => known.name.toLowerCase() === name.toLowerCase());
    if (at < 0) unknown ??= errors.unknownColumn(name, 'field list');
    chosen.push(at);
    if (cursor.acceptOperator(',') === undefined) break;
  }
  cursor.expectOperator(')');
  return unknown ?? chosen;
}

function insertedRows(cursor: Cursor, context: SqlContext): Value[][] | MysqlError {
  const parser = queryParser(cursor, context);
  if (cursor.isWord('SELECT') || cursor.isOperator('(')) {
    const result = runQuery(parser.query(), context);
    return 'code' in result ? result : result.rows.map((row) => [...row]);
  }
  if (!cursor.accept('VALUES') && !cursor.accept('VALUE')) {
    cursor.syntaxError();
    return [];
  }
  const rows: Value[][] = [];
  do {
    cursor.expectOperator('(');
    const row: Value[] = [];
    while (!cursor.done && !cursor.isOperator(')')) {
      if (cursor.accept('DEFAULT')) row.push(null);
      else {
        const scope = context.scope();
        row.push(parser.expressions.parse().evaluate(scope));
        if (scope.problem !== undefined) cursor.fail(scope.problem);
      }
      if (cursor.acceptOperator(',') === undefined) break;
    }
    cursor.expectOperator(')');
    rows.push(row);
  } while (cursor.acceptOperator(',') !== undefined);
  return rows;
}

/** INSERT INTO t SET a = 1, b = 2. */
function insertAssigned(cursor: Cursor, context: SqlContext, table: Table): Outcome {
  const { expressions } = queryParser(cursor, context);
  const named: number[] = [];
  const row: Value[] = [];
  do {
    const { name } = cursor.qualifiedName();
    cursor.expectOperator('=');
    const scope = context.scope();
    row.push(expressions.parse().evaluate(scope));
    const at = table.columns.findIndex((known) => known.name.toLowerCase() === name.toLowerCase());
    if (at < 0) cursor.fail(errors.unknownColumn(name, 'field list'));
    if (scope.problem !== undefined) cursor.fail(scope.problem);
    named.push(at);
  } while (cursor.acceptOperator(',') !== undefined);
  return insertRows(cursor, context, table, named, [row]);
}

/** A whole row of given values; a number that nobody gave counts on. */
function complete(table: Table, named: readonly number[], given: readonly Value[]): Value[] {
  return table.columns.map((known, i) => {
    const at = named.indexOf(i);
    if (at >= 0) return given[at] ?? null;
    return known.key === 'PRI' && known.type === 'integer' ? table.rows.length + 1 : null;
  });
}

function rowScope(context: SqlContext, table: Table, row: readonly Value[]): Scope {
  return scopeOf(context, (path) => {
    const at = table.columns.findIndex((known) => known.name.toLowerCase() === path.at(-1)?.toLowerCase());
    return at < 0 ? undefined : (row[at] ?? null);
  });
}

/** Which rows a WHERE clause means. */
function matching(context: SqlContext, table: Table, where: Expression | undefined): Set<Value[]> | MysqlError {
  const chosen = new Set<Value[]>();
  for (const row of table.rows) {
    if (!context.spend(1)) break;
    const scope = rowScope(context, table, row);
    const value = where === undefined ? 1 : where.evaluate(scope);
    if (scope.problem !== undefined) return scope.problem;
    if (isTrue(value)) chosen.add(row);
  }
  return chosen;
}

export function runUpdate(cursor: Cursor, context: SqlContext): Outcome {
  while (cursor.isWord('LOW_PRIORITY', 'IGNORE')) cursor.next();
  const { schema, name } = cursor.qualifiedName();
  const table = writableTable(context, schema, name);
  if ('code' in table) return failed(cursor.problem ?? table);
  if (!cursor.accept('SET')) cursor.syntaxError();
  const { expressions } = queryParser(cursor, context);
  const changes: [string, Expression][] = [];
  do {
    const target = cursor.qualifiedName();
    cursor.expectOperator('=');
    changes.push([target.name, expressions.parse()]);
  } while (cursor.acceptOperator(',') !== undefined);
  const where = cursor.accept('WHERE') ? expressions.parse() : undefined;
  if (cursor.problem !== undefined) return failed(cursor.problem);
  const rows = matching(context, table, where);
  if ('code' in rows) return failed(rows);
  for (const [target, value] of changes) {
    const at = table.columns.findIndex((known) => known.name.toLowerCase() === target.toLowerCase());
    if (at < 0) return failed(errors.unknownColumn(target, 'field list'));
    for (const row of rows) context.world.change(row, at, value.evaluate(rowScope(context, table, row)));
  }
  return { kind: 'ok', affected: rows.size, info: `Rows matched: ${rows.size}  Changed: ${rows.size}  Warnings: 0` };
}

export function runDelete(cursor: Cursor, context: SqlContext): Outcome {
  while (cursor.isWord('LOW_PRIORITY', 'QUICK', 'IGNORE', 'FROM')) cursor.next();
  const { schema, name } = cursor.qualifiedName();
  const table = writableTable(context, schema, name);
  if ('code' in table) return failed(cursor.problem ?? table);
  const { expressions } = queryParser(cursor, context);
  const where = cursor.accept('WHERE') ? expressions.parse() : undefined;
  if (cursor.problem !== undefined) return failed(cursor.problem);
  const rows = matching(context, table, where);
  if ('code' in rows) return failed(rows);
  table.rows = table.rows.filter((row) => !rows.has(row));
  return done(rows.size);
}

export function runTruncate(cursor: Cursor, context: SqlContext): Outcome {
  cursor.accept('TABLE');
  const { schema, name } = cursor.qualifiedName();
  const table = writableTable(context, schema, name);
  if ('code' in table) return failed(cursor.problem ?? table);
  table.rows = [];
  return done();
}

export function runCreate(cursor: Cursor, context: SqlContext): Outcome {
  while (cursor.isWord('OR', 'REPLACE', 'TEMPORARY', 'AGGREGATE')) cursor.next();
  if (cursor.accept('DATABASE') || cursor.accept('SCHEMA')) return createDatabase(cursor, context);
  if (cursor.accept('TABLE')) return createTable(cursor, context);
  if (cursor.accept('FUNCTION')) return createFunction(cursor, context);
  const known = cursor.isWord(
    'USER',
    'VIEW',
    'INDEX',
    'UNIQUE',
    'TRIGGER',
    'EVENT',
    'PROCEDURE',
    'ROLE',
    'DEFINER',
    'FULLTEXT',
    'SERVER',
    'TABLESPACE',
    'ALGORITHM',
  );
  if (!known) {
    cursor.syntaxError();
    return failed(cursor.problem ?? errors.emptyQuery);
  }
  return ignoreRest(cursor);
}

function createDatabase(cursor: Cursor, context: SqlContext): Outcome {
  const tolerant = cursor.accept('IF', 'NOT', 'EXISTS');
  const name = cursor.name();
  if (cursor.problem !== undefined) return failed(cursor.problem);
  if (context.world.find(name) !== undefined) return tolerant ? done(1) : failed(errors.databaseExists(name));
  const databases = context.world.writable();
  if (databases.size < MAX_DATABASES) databases.set(kept(name, 64), new Map());
  ignoreRest(cursor);
  return done(1);
}

function createTable(cursor: Cursor, context: SqlContext): Outcome {
  const tolerant = cursor.accept('IF', 'NOT', 'EXISTS');
  const { schema, name } = cursor.qualifiedName();
  if (cursor.problem !== undefined) return failed(cursor.problem);
  const wanted = schema ?? context.database;
  if (wanted === undefined) return failed(errors.noDatabase);
  if (context.world.find(wanted) === undefined) return failed(errors.unknownDatabase(wanted));
  if (context.world.table(wanted, name) !== undefined) return tolerant ? done() : failed(errors.tableExists(name));
  const columns = cursor.isOperator('(') ? columnDefinitions(cursor) : [];
  const selected = copied(cursor, context);
  if (cursor.problem !== undefined) return failed(cursor.problem);
  if (selected !== undefined && 'code' in selected) return failed(selected);
  context.world.writable();
  const tables = context.world.find(wanted)?.[1];
  const own =
    columns.length > 0 || selected === undefined
      ? columns
      : selected.columns.map(({ name: title, type }) =>
          column(kept(title, 64), type === 'text' ? 'text' : type === 'integer' ? 'bigint' : 'double'),
        );
  const table: Table = { name: kept(name, 64), columns: own, rows: [] };
  if (tables !== undefined && tables.size < MAX_TABLES) tables.set(table.name, table);
  for (const row of selected?.rows ?? []) context.world.insert(table, [...row]);
  return done(selected?.rows.length ?? 0);
}

/** CREATE TABLE … SELECT; other options after the columns say nothing that is kept. */
function copied(cursor: Cursor, context: SqlContext): ResultSet | MysqlError | undefined {
  while (!cursor.done && !cursor.isWord('SELECT')) cursor.next();
  if (cursor.done) return undefined;
  const query = queryParser(cursor, context).query();
  return cursor.problem ?? runQuery(query, context);
}

function columnDefinitions(cursor: Cursor): TableColumn[] {
  const columns: TableColumn[] = [];
  cursor.expectOperator('(');
  while (!cursor.done) {
    if (cursor.isWord('PRIMARY', 'KEY', 'INDEX', 'UNIQUE', 'CONSTRAINT', 'FOREIGN', 'FULLTEXT', 'CHECK')) {
      skipDefinition(cursor);
    } else {
      const name = cursor.name();
      const from = cursor.offset;
      const type = cursor.name();
      let to = cursor.tokens[cursor.at - 1]?.to ?? from;
      if (cursor.isOperator('(')) {
        while (!cursor.done && !cursor.isOperator(')')) cursor.next();
        to = cursor.peek.to;
        cursor.expectOperator(')');
      }
      const declared = cursor.source.slice(from, to).toLowerCase();
      const primary = skipDefinition(cursor);
      if (type !== '' && columns.length < MAX_COLUMNS)
        columns.push(column(kept(name, 64), kept(declared, 128), primary ? 'PRI' : ''));
    }
    if (cursor.acceptOperator(',') === undefined) break;
  }
  cursor.expectOperator(')');
  return columns;
}

/** Skips to the comma or bracket that ends a definition; tells whether PRIMARY stood in it. */
function skipDefinition(cursor: Cursor): boolean {
  let depth = 0;
  let primary = false;
  while (!cursor.done) {
    if (depth === 0 && cursor.isOperator(',', ')')) break;
    if (cursor.isOperator('(')) depth += 1;
    if (cursor.isOperator(')')) depth -= 1;
    primary ||= cursor.isWord('PRIMARY');
    cursor.next();
  }
  return primary;
}

/** CREATE FUNCTION name RETURNS type SONAME 'library': how attackers bring their own code. */
function createFunction(cursor: Cursor, context: SqlContext): Outcome {
  cursor.accept('IF', 'NOT', 'EXISTS');
  const { name } = cursor.qualifiedName();
  if (!cursor.isWord('RETURNS')) return ignoreRest(cursor);
  cursor.next();
  const returns = cursor.name().toUpperCase();
  if (!cursor.accept('SONAME')) return cursor.done ? failed(errors.syntax('', 1)) : ignoreRest(cursor);
  const library = cursor.string();
  if (library === undefined) cursor.syntaxError();
  if (cursor.problem !== undefined || library === undefined) return failed(cursor.problem ?? errors.emptyQuery);
  if (name.length > 64) return failed(errors.nameTooLong(name));
  if (context.findFunction(name) !== undefined) return failed(errors.functionExists(name));
  if (!context.hasLibrary(library)) return failed(errors.sharedLibrary(library));
  context.addFunction({ name: kept(name, 64), library: kept(library, 128), returns: kept(returns, 16) });
  return done();
}

export function runDrop(cursor: Cursor, context: SqlContext): Outcome {
  cursor.accept('TEMPORARY');
  if (cursor.accept('DATABASE') || cursor.accept('SCHEMA')) return dropDatabase(cursor, context);
  if (cursor.accept('TABLE') || cursor.accept('TABLES')) return dropTables(cursor, context);
  if (cursor.accept('FUNCTION')) {
    const tolerant = cursor.accept('IF', 'EXISTS');
    const { name } = cursor.qualifiedName();
    if (cursor.problem !== undefined) return failed(cursor.problem);
    return context.dropFunction(name) || tolerant
      ? done()
      : failed(errors.unknownFunction(context.database ?? 'mysql', name));
  }
  return ignoreRest(cursor);
}

function dropDatabase(cursor: Cursor, context: SqlContext): Outcome {
  const tolerant = cursor.accept('IF', 'EXISTS');
  const name = cursor.name();
  if (cursor.problem !== undefined) return failed(cursor.problem);
  const found = context.world.find(name);
  if (found === undefined) return tolerant ? done() : failed(errors.noDatabaseToDrop(name));
  const lower = name.toLowerCase();
  if (lower === 'information_schema' || lower === 'performance_schema')
    return failed({
      code: 1044,
      state: '42000',
      message: `Access denied for user '${context.client.user.slice(0, 48)}'@'%' to database '${lower}'`,
    });
  context.world.writable().delete(found[0]);
  if (context.database?.toLowerCase() === lower) context.database = undefined;
  return done(found[1].size);
}

function dropTables(cursor: Cursor, context: SqlContext): Outcome {
  const tolerant = cursor.accept('IF', 'EXISTS');
  const missing: string[] = [];
  do {
    const { schema, name } = cursor.qualifiedName();
    const wanted = schema ?? context.database;
    if (cursor.problem !== undefined) return failed(cursor.problem);
    if (wanted === undefined) return failed(errors.noDatabase);
    const table = context.world.table(wanted, name);
    context.world.writable();
    if (table === undefined) missing.push(`${wanted}.${name}`);
    else context.world.find(wanted)?.[1].delete(table.name);
  } while (cursor.acceptOperator(',') !== undefined);
  return missing.length > 0 && !tolerant ? failed(errors.unknownTable(missing.join(','))) : done();
}

/** SELECT … INTO OUTFILE or DUMPFILE: the content that would be on the server's disk. */
export function writeResult(result: ResultSet, into: NonNullable<Query['into']>, context: SqlContext): Outcome {
  if (into.kind === 'variables') {
    into.names.forEach((name, i) => {
      context.assign(name, result.rows[0]?.[i] ?? null);
    });
    return done(result.rows.length);
  }
  if (context.fileExists(into.path)) return failed(errors.fileExists(into.path));
  if (into.kind === 'dumpfile' && result.rows.length > 1)
    return failed({ code: 1172, state: '42000', message: 'Result consisted of more than one row' });
  const cell = (value: Value): string => (value === null ? '\\N' : String(value));
  const content =
    into.kind === 'dumpfile'
      ? (result.rows[0] ?? []).map((value) => String(value ?? '')).join('')
      : result.rows.map((row) => `${row.map(cell).join('\t')}\n`).join('');
  context.writeFile(into.path, content);
  if (!context.client.options.fileWrites)
    return failed({
      code: 1290,
      state: 'HY000',
      message: 'The MySQL server is running with the --secure-file-priv option so it cannot execute this statement',
    });
  return done(result.rows.length);
}
