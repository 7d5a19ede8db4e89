/** Evaluates expressions and SELECT statements over the catalogue. */
import type { Cell, Column } from '../tokens.ts';
import type { Table } from './catalogue.ts';
import { bareFunction, callFunction, globalVariable, type Surroundings } from './functions.ts';
import type { Expression, Select, SelectItem } from './syntax.ts';
import {
  arithmetic,
  columnFor,
  compare,
  convert,
  intValue,
  like,
  NULL,
  SqlError,
  textValue,
  toNumber,
  toText,
  type Value,
} from './values.ts';

export interface Scope {
  env: Surroundings;
  variables: Map<string, Value>;
  /** The row at hand, in a SELECT from a table. */
  table: Table | undefined;
  row: readonly Cell[] | undefined;
  findTable(path: readonly string[]): Table | undefined;
  /** Counts down with every step; what runs out ends the batch. */
  budget: { left: number };
}

export interface ResultSet {
  columns: Column[];
  rows: Cell[][];
}

const TRUE = intValue(1);
const FALSE = intValue(0);
const truth = (value: boolean | null): Value => (value === null ? NULL : value ? TRUE : FALSE);
export const isTrue = (value: Value): boolean => value.cell !== null && value.cell !== 0 && value.cell !== false;

/** Thrown when a batch has cost more steps than a decoy answers; caught where batches run. */
export class BudgetSpent extends Error {}

export function evaluate(expression: Expression, scope: Scope): Value {
  scope.budget.left -= 1;
  if (scope.budget.left < 0) throw new BudgetSpent();
  switch (expression.kind) {
    case 'text':
      return textValue(expression.value);
    case 'number':
      if (!expression.integer) return { type: 'float', cell: expression.value };
      return { type: expression.value > 2_147_483_647 ? 'bigint' : 'int', cell: expression.value };
    case 'binary':
      return { type: 'varbinary', cell: expression.value };
    case 'null':
      return NULL;
    case 'star':
      return intValue(1);
    case 'variable':
      return variable(expression.name, scope);
    case 'column':
      return column(expression.path, scope);
    case 'call':
      return callFunction(
        expression.name,
        expression.args.map((argument) => evaluate(argument, scope)),
        scope.env,
      );
    case 'cast':
      return convert(evaluate(expression.value, scope), expression.type, expression.size);
    case 'unary':
      return unary(expression.operator, evaluate(expression.value, scope));
    case 'binaryOp':
      return chain(expression, scope);
    case 'in': {
      const value = evaluate(expression.value, scope);
      const list =
        expression.select === undefined
          ? expression.list.map((item) => evaluate(item, scope))
          : firstColumn(expression.select, scope);
      if (value.cell === null) return NULL;
      return truth(list.some((item) => compare(value, item) === 0) !== expression.negated);
    }
    case 'between': {
      const value = evaluate(expression.value, scope);
      const low = compare(value, evaluate(expression.low, scope));
      const high = compare(value, evaluate(expression.high, scope));
      return low === null || high === null ? NULL : truth((low >= 0 && high <= 0) !== expression.negated);
    }
    case 'isNull':
      return truth((evaluate(expression.value, scope).cell === null) !== expression.negated);
    case 'case': {
      const subject = expression.subject === undefined ? undefined : evaluate(expression.subject, scope);
      for (const [condition, result] of expression.branches) {
        const value = evaluate(condition, scope);
        if (subject === undefined ? isTrue(value) : compare(subject, value) === 0) return evaluate(result, scope);
      }
      return evaluate(expression.otherwise, scope);
    }
    case 'exists':
      return truth(runSelect(expression.select, scope).rows.length > 0);
    case 'scalar':
      return firstColumn(expression.select, scope)[0] ?? NULL;
  }
}

function variable(name: string, scope: Scope): Value {
  const value = scope.variables.get(name) ?? (name.startsWith('@@') ? globalVariable(name, scope.env) : undefined);
  if (value === undefined) throw new SqlError(137, 15, 2, `Must declare the scalar variable "${name}".`);
  return value;
}

function column(path: readonly string[], scope: Scope): Value {
  const name = path.at(-1) ?? '';
  const key = name.toLowerCase();
  const at = scope.table?.columns.findIndex((known) => known.name.toLowerCase() === key) ?? -1;
  const found = scope.table?.columns[at];
  if (found !== undefined) return { type: found.type, cell: scope.row?.[at] ?? null };
  const bare = path.length === 1 ? bareFunction(key, scope.env) : undefined;
  if (bare !== undefined) return bare;
  if (path.length > 1)
    throw new SqlError(4104, 16, 1, `The multi-part identifier "${path.join('.')}" could not be bound.`);
  throw new SqlError(207, 16, 1, `Invalid column name '${name}'.`);
}

function unary(operator: string, value: Value): Value {
  if (value.cell === null) return value;
  switch (operator) {
    case 'not':
      return truth(!isTrue(value));
    case '-':
      return { type: value.type === 'nvarchar' ? 'int' : value.type, cell: -(toNumber(value) ?? 0) };
    case '~':
      return intValue(~(toNumber(value) ?? 0));
    default:
      return value;
  }
}

/** Folds a chain of operators from its left end, so that a long concatenation costs no depth. */
function chain(expression: Extract<Expression, { kind: 'binaryOp' }>, scope: Scope): Value {
  const links: Extract<Expression, { kind: 'binaryOp' }>[] = [];
  let left: Expression = expression;
  while (left.kind === 'binaryOp') {
    links.push(left);
    left = left.left;
  }
  let value = evaluate(left, scope);
  for (let link = links.pop(); link !== undefined; link = links.pop()) value = operate(link, value, scope);
  return value;
}

function operate(link: Extract<Expression, { kind: 'binaryOp' }>, left: Value, scope: Scope): Value {
  switch (link.operator) {
    case 'and':
      return left.cell !== null && !isTrue(left) ? FALSE : both(left, evaluate(link.right, scope));
    case 'or':
      return isTrue(left) ? TRUE : either(left, evaluate(link.right, scope));
  }
  const right = evaluate(link.right, scope);
  if (link.operator === 'like') {
    const text = toText(left);
    const pattern = toText(right);
    if (text === null || pattern === null) return NULL;
    // Work in proportion to the text is paid for.
    scope.budget.left -= (text.length * pattern.length) >> 6;
    return truth(like(text.slice(0, 4000), pattern));
  }
  const order = ['=', '<>', '!=', '<', '>', '<=', '>=', '!<', '!>'].includes(link.operator)
    ? compare(left, right)
    : undefined;
  if (order === null) return NULL;
  switch (link.operator) {
    case '=':
      return truth(order === 0);
    case '<>':
    case '!=':
      return truth(order !== 0);
    case '<':
      return truth(order !== undefined && order < 0);
    case '>':
      return truth(order !== undefined && order > 0);
    case '<=':
    case '!>':
      return truth(order !== undefined && order <= 0);
    case '>=':
    case '!<':
      return truth(order !== undefined && order >= 0);
    default: {
      const result = arithmetic(link.operator, left, right);
      if (typeof result.cell === 'string') scope.budget.left -= result.cell.length >> 8;
      return result;
    }
  }
}

const both = (left: Value, right: Value): Value =>
  isTrue(left) && isTrue(right) ? TRUE : left.cell === null || right.cell === null ? NULL : FALSE;
const either = (left: Value, right: Value): Value =>
  isTrue(right) ? TRUE : left.cell === null || right.cell === null ? NULL : FALSE;

function firstColumn(select: Select, scope: Scope): Value[] {
  const { columns, rows } = runSelect(select, scope);
  return rows.map((row) => ({ type: columns[0]?.type ?? 'int', cell: row[0] ?? null }));
}

/** The rows of a SELECT; assignments to variables are made as they are met. */
export function runSelect(select: Select, scope: Scope): ResultSet {
  const table = select.from === undefined ? undefined : scope.findTable(select.from);
  if (select.from !== undefined && table === undefined)
    throw new SqlError(208, 16, 1, `Invalid object name '${select.from.join('.')}'.`);
  const result = table === undefined ? withoutTable(select, scope) : fromTable(select, table, scope);
  if (select.top !== undefined) {
    const most = toNumber(evaluate(select.top, scope)) ?? 0;
    result.rows = result.rows.slice(0, Math.max(0, most));
  }
  if (select.union !== undefined) {
    const more = runSelect(select.union, scope);
    if (more.columns.length !== result.columns.length)
      throw new SqlError(
        205,
        16,
        1,
        'All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists.',
      );
    result.columns = result.columns.map((known, i) => widen(known, more.columns[i]));
    result.rows.push(...more.rows);
  }
  return result;
}

/** A column that holds the values of both sides of a UNION. */
function widen(one: Column, other: Column | undefined): Column {
  if (other === undefined) return one;
  if (one.type === 'nvarchar' || other.type === 'nvarchar')
    return { name: one.name, type: 'nvarchar', size: Math.max(one.size ?? 30, other.size ?? 30) };
  return one;
}

function withoutTable(select: Select, scope: Scope): ResultSet {
  const holds = select.where === undefined || isTrue(evaluate(select.where, scope));
  const columns: Column[] = [];
  const row: Cell[] = [];
  for (const item of select.items) {
    const value = evaluate(item.value, scope);
    if (item.assign !== undefined) scope.variables.set(item.assign, value);
    else {
      columns.push(columnFor(item.name, value));
      row.push(value.cell);
    }
  }
  return { columns, rows: holds && columns.length > 0 ? [row] : [] };
}

const isAggregate = (item: SelectItem): boolean =>
  item.value.kind === 'call' && ['count', 'count_big', 'min', 'max'].includes(item.value.name);

function fromTable(select: Select, table: Table, outer: Scope): ResultSet {
  const matches = table.rows.filter((row) => {
    if (select.where === undefined || select.joined) return true;
    return isTrue(evaluate(select.where, { ...outer, table, row }));
  });
  if (select.items.length > 0 && select.items.every(isAggregate)) {
    const columns = select.items.map((item) => ({ name: item.name, type: 'int' as const }));
    return { columns, rows: [select.items.map(() => matches.length)] };
  }
  const columns: Column[] = [];
  const makers: ((row: readonly Cell[]) => Cell)[] = [];
  for (const item of select.items) {
    if (item.value.kind === 'star') {
      table.columns.forEach((known, at) => {
        columns.push(known);
        makers.push((row) => row[at] ?? null);
      });
      continue;
    }
    const sample = evaluate(item.value, { ...outer, table, row: matches[0] ?? [] });
    const known = item.value.kind === 'column' ? columnOf(table, item.value.path.at(-1) ?? '') : undefined;
    if (item.assign === undefined)
      columns.push(
        known === undefined
          ? { ...columnFor(item.name, sample), ...(sample.type === 'nvarchar' ? { size: 4000 } : {}) }
          : { ...known, name: item.name || known.name },
      );
    const { value, assign } = item;
    makers.push((row) => {
      const made = evaluate(value, { ...outer, table, row });
      if (assign !== undefined) outer.variables.set(assign, made);
      return made.cell;
    });
  }
  const rows = matches.map((row) => makers.map((make) => make(row)));
  return columns.length === 0 ? { columns, rows: [] } : { columns, rows };
}

function columnOf(table: Table, name: string): Column | undefined {
  return table.columns.find((known) => known.name.toLowerCase() === name.toLowerCase());
}
