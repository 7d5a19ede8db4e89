/** Runs the plan of a SELECT over the tables of the world. Joins are products, bounded by the statement's share of work. */
import { errors, type MysqlError } from '../replies.ts';
import type { Column, ResultSet, Value } from '../results.ts';
import { type SqlContext, scopeOf } from './context.ts';
import type { Expression, Scope } from './expressions.ts';
import { compare, isTrue } from './operators.ts';
import type { Cursor } from './parser.ts';
import { MAX_RESULT_ROWS, type Query, QueryParser, type Source } from './query.ts';
import { findTable } from './tables.ts';
import type { Table } from './world.ts';

/** A parser for the statement under the cursor, whose inner queries are run here. */
export const queryParser = (cursor: Cursor, context: SqlContext): QueryParser =>
  new QueryParser(cursor, context, runQuery);

interface Bound {
  source: Source;
  table: Table;
  schema: string;
}

type Finder = (path: readonly string[]) => readonly [number, number] | undefined;

/** Finds a column by its path, and remembers where. */
function finder(bound: readonly Bound[]): Finder {
  const known = new Map<string, readonly [number, number] | undefined>();
  return (path) => {
    const key = path.join('.').toLowerCase();
    if (known.has(key)) return known.get(key);
    const name = path.at(-1)?.toLowerCase();
    const owner = path.at(-2)?.toLowerCase();
    let found: readonly [number, number] | undefined;
    bound.forEach(({ source, table }, s) => {
      if (
        found !== undefined ||
        (owner !== undefined && source.alias.toLowerCase() !== owner && table.name.toLowerCase() !== owner)
      )
        return;
      const c = table.columns.findIndex((column) => column.name.toLowerCase() === name);
      if (c >= 0) found = [s, c];
    });
    known.set(key, found);
    return found;
  };
}

function bind(query: Query, context: SqlContext): Bound[] | MysqlError {
  const bound: Bound[] = [];
  for (const source of query.sources) {
    if (source.query !== undefined) {
      const result = runQuery(source.query, context);
      if ('code' in result) return result;
      bound.push({ source, schema: '', table: tableOf(source.alias, result) });
      continue;
    }
    if (source.schema === undefined && source.name.toUpperCase() === 'DUAL') {
      bound.push({ source, schema: '', table: { name: 'dual', columns: [], rows: [[]] } });
      continue;
    }
    const found = findTable(context, source.schema, source.name);
    if ('code' in found) return found;
    bound.push({ source, ...found });
  }
  return bound;
}

function tableOf(name: string, result: ResultSet): Table {
  const columns = result.columns.map((column) => ({
    name: column.name,
    declared: '',
    type: column.type,
    key: '' as const,
  }));
  return { name, columns, rows: result.rows.map((row) => [...row]) };
}

/** Every combination of rows that the conditions let through. */
function combinations(
  bound: readonly Bound[],
  query: Query,
  context: SqlContext,
  scopeFor: (row: Value[][]) => Scope,
): { rows: Value[][][]; problem: MysqlError | undefined } {
  let rows: Value[][][] = [[]];
  let problem: MysqlError | undefined;
  const passes = (condition: Expression | undefined, row: Value[][]): boolean => {
    if (condition === undefined) return true;
    const scope = scopeFor(row);
    const value = condition.evaluate(scope);
    problem ??= scope.problem;
    return isTrue(value);
  };
  bound.forEach(({ source, table }, index) => {
    const next: Value[][][] = [];
    const last = index === bound.length - 1;
    for (const row of rows) {
      let any = false;
      for (const added of table.rows) {
        if (!context.spend(1) || problem !== undefined) return;
        const joined = [...row, added];
        if (!passes(source.condition, joined) || (last && !passes(query.where, joined))) continue;
        any = true;
        next.push(joined);
      }
      if (!any && source.outer) next.push([...row, table.columns.map(() => null)]);
    }
    rows = next;
  });
  if (bound.length === 0 && !passes(query.where, [])) rows = [];
  return { rows, problem };
}

interface Output {
  column: Column;
  expression: Expression;
}

function outputs(query: Query, bound: readonly Bound[], find: Finder): Output[] | MysqlError {
  const list: Output[] = [];
  for (const item of query.items) {
    if (item.expression === undefined) {
      const chosen = bound.filter(
        ({ source }) => item.all === '' || source.alias.toLowerCase() === item.all?.toLowerCase(),
      );
      if (chosen.length === 0) return bound.length === 0 ? errors.syntax('', 1) : errors.unknownTable(item.all ?? '');
      for (const { source, table, schema } of chosen)
        for (const column of table.columns)
          list.push({
            column: { name: column.name, type: column.type, table: source.alias, schema },
            expression: columnOf([source.alias, column.name], column.type),
          });
      continue;
    }
    const { expression } = item;
    const at = expression.column === undefined ? undefined : find(expression.column);
    const from = at === undefined ? undefined : bound[at[0]];
    const type = at === undefined ? expression.type : (from?.table.columns[at[1]]?.type ?? 'text');
    // Columns of information_schema are named as the view names them.
    const viewed = from?.schema === 'information_schema' && at !== undefined && item.name === expression.column?.at(-1);
    list.push({
      column: {
        name: viewed ? (from.table.columns[at[1]]?.name ?? item.name) : item.name,
        type,
        ...(from === undefined ? {} : { table: from.source.alias, schema: from.schema }),
      },
      expression,
    });
  }
  return list;
}

const columnOf = (path: readonly string[], type: Column['type']): Expression => ({
  type,
  aggregate: false,
  column: path,
  evaluate: (scope) => scope.column(path) ?? null,
});

/** A variable's number is a number, though an expression cannot know that beforehand. */
function typed(column: Column, rows: readonly (readonly Value[])[], index: number): Column {
  const first = rows.find((row) => row[index] !== null)?.[index];
  if (typeof first !== 'number')
    return typeof first === 'string' && column.type !== 'text' && !/^-?[\d.]+$/.test(first)
      ? { ...column, type: 'text' }
      : column;
  return {
    ...column,
    type: rows.every((row) => row[index] === null || Number.isInteger(row[index])) ? 'integer' : 'double',
  };
}

export function runQuery(query: Query, context: SqlContext): ResultSet | MysqlError {
  const bound = bind(query, context);
  if ('code' in bound) return bound;
  const find = finder(bound);
  const chosen = outputs(query, bound, find);
  if ('code' in chosen) return chosen;
  const scopeFor = (row: Value[][], group?: () => Iterable<Scope>): Scope =>
    scopeOf(
      context,
      (path) => {
        const at = find(path);
        return at === undefined ? undefined : (row[at[0]]?.[at[1]] ?? null);
      },
      group,
    );
  const { rows, problem } = combinations(bound, query, context, scopeFor);
  if (problem !== undefined) return problem;

  const scopes = grouped(query, chosen, rows, scopeFor);
  const answered: { values: Value[]; keys: Value[] }[] = [];
  for (const scope of scopes) {
    if (answered.length >= MAX_RESULT_ROWS || !context.spend(1)) break;
    const aliased = withAliases(scope, chosen);
    if (query.having !== undefined && !isTrue(query.having.evaluate(aliased))) continue;
    const values = chosen.map(({ expression }) => expression.evaluate(scope));
    const keys = query.orderBy.map(({ key }) => orderKey(key, aliased, values));
    const found = scope.problem ?? aliased.problem;
    if (found !== undefined) return found;
    answered.push({ values, keys });
  }
  let results = ordered(answered, query);
  if (query.distinct) results = distinct(results);
  if (query.union !== undefined) {
    const more = runQuery(query.union, context);
    if ('code' in more) return more;
    if (more.columns.length !== chosen.length)
      return { code: 1222, state: '21000', message: 'The used SELECT statements have a different number of columns' };
    results = [...results, ...more.rows.map((row) => [...row])];
  }
  if (query.limit !== undefined) results = results.slice(query.limit.offset, query.limit.offset + query.limit.count);
  return { columns: chosen.map(({ column }, i) => typed(column, results, i)), rows: results };
}

function* lazily<From, To>(list: Iterable<From>, make: (item: From) => To): Generator<To> {
  for (const item of list) yield make(item);
}

function grouped(
  query: Query,
  chosen: readonly Output[],
  rows: Value[][][],
  scopeFor: (row: Value[][], group?: () => Iterable<Scope>) => Scope,
): Iterable<Scope> {
  const aggregate = chosen.some(({ expression }) => expression.aggregate);
  if (!aggregate && query.groupBy.length === 0) return lazily(rows, scopeFor);
  const groups = new Map<string, Value[][][]>();
  if (query.groupBy.length === 0) groups.set('', rows);
  for (const row of query.groupBy.length === 0 ? [] : rows) {
    const scope = scopeFor(row);
    const key = JSON.stringify(query.groupBy.map((part) => part.evaluate(scope)));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return lazily(groups.values(), (group) => scopeFor(group[0] ?? [], () => lazily(group, scopeFor)));
}

/** HAVING and ORDER BY see the names of the result beside the columns. */
function withAliases(scope: Scope, chosen: readonly Output[]): Scope {
  const seen: Scope = Object.create(scope);
  seen.column = (path) => {
    const at = chosen.findIndex(
      ({ column }) => path.length === 1 && column.name.toLowerCase() === path[0]?.toLowerCase(),
    );
    const expression = chosen[at]?.expression;
    return expression === undefined ? scope.column(path) : expression.evaluate(scope);
  };
  return seen;
}

/** A number in ORDER BY is the position of a column. */
function orderKey(key: Expression, scope: Scope, values: readonly Value[]): Value {
  const value = key.evaluate(scope);
  return key.column === undefined && typeof value === 'number' && Number.isInteger(value)
    ? (values[value - 1] ?? null)
    : value;
}

function ordered(answered: { values: Value[]; keys: Value[] }[], query: Query): Value[][] {
  if (query.orderBy.length > 0)
    answered.sort((a, b) => {
      for (const [i, { descending }] of query.orderBy.entries()) {
        const order = compare(a.keys[i] ?? null, b.keys[i] ?? null) ?? 0;
        if (order !== 0) return descending ? -order : order;
      }
      return 0;
    });
  return answered.map(({ values }) => values);
}

function distinct(rows: Value[][]): Value[][] {
  const seen = new Set<string>();
  return rows.filter((row) => {
    const key = JSON.stringify(row);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
