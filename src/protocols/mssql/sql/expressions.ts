/** Parses expressions, by precedence (or, and, not, comparisons, + - & | ^, * / %, unary), and the SELECT that can stand inside one. */
import type { Cursor } from './cursor.ts';
import type { Expression, Select, SelectItem } from './syntax.ts';

const COMPARISONS: ReadonlySet<string> = new Set(['=', '<>', '!=', '<', '>', '<=', '>=', '!<', '!>']);
const SUMS: ReadonlySet<string> = new Set(['+', '-', '&', '|', '^']);
const PRODUCTS: ReadonlySet<string> = new Set(['*', '/', '%']);
/** Operands in one chain, and arguments of one call. */
const MAX_LIST = 2000;
/** Words that end an expression and are never a column. */
export const RESERVED: ReadonlySet<string> = new Set(
  (
    'select from where group order having union into as and or not in like is between on inner left right cross outer join ' +
    'exec execute set declare print use if else begin end while insert update delete create alter drop grant revoke deny ' +
    'backup restore reconfigure return waitfor truncate dbcc kill shutdown raiserror go then when'
  ).split(' '),
);

export function parseExpression(cursor: Cursor): Expression {
  return cursor.nested(() => chain(cursor, ['or'], (c) => chain(c, ['and'], parseNot)));
}

function chain(cursor: Cursor, words: readonly string[], operand: (cursor: Cursor) => Expression): Expression {
  let left = operand(cursor);
  for (let i = 0; i < MAX_LIST && words.includes(cursor.token.key); i += 1) {
    const operator = cursor.next().key;
    left = { kind: 'binaryOp', operator, left, right: operand(cursor) };
  }
  return left;
}

function parseNot(cursor: Cursor): Expression {
  if (cursor.take('not'))
    return cursor.nested(() => ({ kind: 'unary', operator: 'not', value: parseNot(cursor) }) as const);
  return parseComparison(cursor);
}

function parseComparison(cursor: Cursor): Expression {
  const left = parseSum(cursor);
  const key = cursor.token.key;
  if (COMPARISONS.has(key)) {
    cursor.next();
    return { kind: 'binaryOp', operator: key, left, right: parseSum(cursor) };
  }
  if (cursor.take('is')) {
    const negated = cursor.take('not');
    cursor.expect('null');
    return { kind: 'isNull', value: left, negated };
  }
  const negated = key === 'not' && ['in', 'like', 'between'].includes(cursor.peek(1).key) && cursor.take('not');
  if (cursor.take('like')) {
    const like: Expression = { kind: 'binaryOp', operator: 'like', left, right: parseSum(cursor) };
    if (cursor.take('escape')) parseSum(cursor);
    return negated ? { kind: 'unary', operator: 'not', value: like } : like;
  }
  if (cursor.take('between')) {
    const low = parseSum(cursor);
    cursor.expect('and');
    return { kind: 'between', value: left, low, high: parseSum(cursor), negated };
  }
  if (cursor.take('in')) {
    cursor.expect('(');
    if (cursor.is('select')) {
      const select = cursor.nested(() => parseSelect(cursor));
      cursor.expect(')');
      return { kind: 'in', value: left, list: [], select, negated };
    }
    const list = parseList(cursor);
    return { kind: 'in', value: left, list, select: undefined, negated };
  }
  return left;
}

/** Expressions up to the closing parenthesis, which is taken. */
function parseList(cursor: Cursor): Expression[] {
  const list: Expression[] = [];
  if (cursor.take(')')) return list;
  do {
    list.push(cursor.is('*') && cursor.next() ? { kind: 'star' } : parseExpression(cursor));
  } while (list.length < MAX_LIST && cursor.take(','));
  cursor.expect(')');
  return list;
}

function parseSum(cursor: Cursor): Expression {
  return infix(cursor, SUMS, (c) => infix(c, PRODUCTS, parseUnary));
}

function infix(cursor: Cursor, operators: ReadonlySet<string>, operand: (cursor: Cursor) => Expression): Expression {
  let left = operand(cursor);
  for (let i = 0; i < MAX_LIST && cursor.token.kind === 'symbol' && operators.has(cursor.token.key); i += 1) {
    const operator = cursor.next().key;
    left = { kind: 'binaryOp', operator, left, right: operand(cursor) };
  }
  return left;
}

function parseUnary(cursor: Cursor): Expression {
  const key = cursor.token.key;
  if (key === '-' || key === '+' || key === '~') {
    cursor.next();
    return cursor.nested(() => ({ kind: 'unary', operator: key, value: parseUnary(cursor) }) as const);
  }
  const value = parsePrimary(cursor);
  if (cursor.is('collate')) {
    cursor.next();
    cursor.next();
  }
  return value;
}

function parsePrimary(cursor: Cursor): Expression {
  const token = cursor.token;
  switch (token.kind) {
    case 'string':
      cursor.next();
      return { kind: 'text', value: token.text };
    case 'number':
      cursor.next();
      return { kind: 'number', value: Number(token.text), integer: /^\d+$/.test(token.text) };
    case 'binary': {
      cursor.next();
      const digits = token.text.slice(2);
      return { kind: 'binary', value: Buffer.from(digits.length % 2 === 1 ? `0${digits}` : digits, 'hex') };
    }
    case 'variable':
      cursor.next();
      return { kind: 'variable', name: token.text.toLowerCase() };
    case 'symbol':
      if (token.key !== '(') return cursor.fail();
      cursor.next();
      return parseParenthesised(cursor);
    case 'word':
      return parseWord(cursor);
    case 'quoted':
      return parsePath(cursor);
    case 'end':
      return cursor.fail();
  }
}

function parseParenthesised(cursor: Cursor): Expression {
  if (cursor.is('select')) {
    const select = cursor.nested(() => parseSelect(cursor));
    cursor.expect(')');
    return { kind: 'scalar', select };
  }
  const value = parseExpression(cursor);
  cursor.expect(')');
  return value;
}

function parseWord(cursor: Cursor): Expression {
  const key = cursor.token.key;
  const opens = cursor.peek(1).key === '(';
  if (key === 'null') {
    cursor.next();
    return { kind: 'null' };
  }
  if (key === 'case') return parseCase(cursor);
  if (key === 'exists' && opens) {
    cursor.next();
    cursor.next();
    const select = cursor.nested(() => parseSelect(cursor));
    cursor.expect(')');
    return { kind: 'exists', select };
  }
  if ((key === 'cast' || key === 'try_cast') && opens) {
    cursor.next();
    cursor.next();
    const value = parseExpression(cursor);
    cursor.expect('as');
    const type = parseType(cursor);
    cursor.expect(')');
    return { kind: 'cast', ...type, value };
  }
  if ((key === 'convert' || key === 'try_convert') && opens) {
    cursor.next();
    cursor.next();
    const type = parseType(cursor);
    cursor.expect(',');
    const value = parseExpression(cursor);
    if (cursor.take(',')) parseExpression(cursor);
    cursor.expect(')');
    return { kind: 'cast', ...type, value };
  }
  if (RESERVED.has(key) && !(opens && (key === 'left' || key === 'right'))) return cursor.fail();
  return parsePath(cursor);
}

export function parseType(cursor: Cursor): { type: string; size: number | undefined } {
  const path = cursor.path();
  const type = (path.at(-1) ?? '').toLowerCase();
  let size: number | undefined;
  if (cursor.take('(')) {
    size = cursor.token.kind === 'number' ? Number(cursor.token.text) : undefined;
    cursor.skipGroup();
  }
  return { type, size };
}

/** A column, or a function with its arguments. */
function parsePath(cursor: Cursor): Expression {
  const line = cursor.token.line;
  const path = cursor.path();
  if (cursor.take('(')) {
    const name = path.join('.').toLowerCase();
    return { kind: 'call', name, args: cursor.nested(() => parseList(cursor)), line };
  }
  return { kind: 'column', path, line };
}

function parseCase(cursor: Cursor): Expression {
  cursor.next();
  return cursor.nested(() => {
    const subject = cursor.is('when') ? undefined : parseExpression(cursor);
    const branches: [Expression, Expression][] = [];
    while (branches.length < MAX_LIST && cursor.take('when')) {
      const condition = parseExpression(cursor);
      cursor.expect('then');
      branches.push([condition, parseExpression(cursor)]);
    }
    const otherwise: Expression = cursor.take('else') ? parseExpression(cursor) : { kind: 'null' };
    cursor.expect('end');
    return { kind: 'case', subject, branches, otherwise } as const;
  });
}

/** Where a SELECT's clause ends, and a new statement may begin. */
const CLAUSE_ENDS: ReadonlySet<string> = new Set([
  'where',
  'group',
  'order',
  'having',
  'union',
  'into',
  'from',
  'for',
  'option',
  ';',
  ')',
  'select',
  'exec',
  'execute',
  'declare',
  'print',
  'use',
  'if',
  'else',
  'begin',
  'end',
  'while',
  'insert',
  'update',
  'delete',
  'create',
  'alter',
  'drop',
  'grant',
  'waitfor',
  'truncate',
  'dbcc',
  'backup',
  'restore',
  'reconfigure',
  'return',
  'set',
  'go',
  'except',
  'intersect',
  'commit',
  'rollback',
]);

export function parseSelect(cursor: Cursor): Select {
  const line = cursor.token.line;
  cursor.expect('select');
  if (!cursor.take('distinct')) cursor.take('all');
  let top: Expression | undefined;
  if (cursor.take('top')) {
    top = parsePrimary(cursor);
    cursor.take('percent');
  }
  const items: SelectItem[] = [];
  do {
    items.push(parseItem(cursor));
  } while (items.length < MAX_LIST && cursor.take(','));
  const select: Select = {
    items,
    top,
    from: undefined,
    joined: false,
    into: undefined,
    where: undefined,
    union: undefined,
    line,
  };
  if (cursor.take('into')) select.into = cursor.path();
  if (cursor.take('from')) parseFrom(cursor, select);
  if (cursor.take('where')) select.where = parseExpression(cursor);
  skipClause(cursor, ['group', 'having', 'order', 'for', 'option']);
  if (cursor.take('union') || cursor.take('except') || cursor.take('intersect')) {
    cursor.take('all');
    select.union = cursor.nested(() => parseSelect(cursor));
  }
  return select;
}

function parseItem(cursor: Cursor): SelectItem {
  if (cursor.take('*')) return { value: { kind: 'star' }, name: '', assign: undefined };
  const token = cursor.token;
  if (token.kind === 'variable' && cursor.peek(1).key === '=') {
    cursor.next();
    cursor.next();
    return { value: parseExpression(cursor), name: '', assign: token.text.toLowerCase() };
  }
  // `alias.*` and `name = value`.
  if (cursor.peek(1).key === '.' && cursor.peek(2).key === '*') {
    for (let i = 0; i < 3; i += 1) cursor.next();
    return { value: { kind: 'star' }, name: '', assign: undefined };
  }
  if ((token.kind === 'word' || token.kind === 'quoted') && cursor.peek(1).key === '=' && !RESERVED.has(token.key)) {
    cursor.next();
    cursor.next();
    return { value: parseExpression(cursor), name: token.text, assign: undefined };
  }
  const value = parseExpression(cursor);
  const named = cursor.take('as');
  const alias = cursor.token;
  if (alias.kind === 'quoted' || alias.kind === 'string' || (alias.kind === 'word' && (named || isAlias(alias.key)))) {
    cursor.next();
    return { value, name: alias.text, assign: undefined };
  }
  if (named) cursor.fail();
  return { value, name: value.kind === 'column' ? (value.path.at(-1) ?? '') : '', assign: undefined };
}

const isAlias = (key: string): boolean => !RESERVED.has(key) && !CLAUSE_ENDS.has(key);

function parseSource(cursor: Cursor, select: Select): void {
  if (cursor.take('(')) {
    // A derived table is recorded with the statement; its rows are not made.
    cursor.skipGroup();
    select.joined = true;
  } else {
    const path = cursor.path();
    if (cursor.take('(')) cursor.skipGroup();
    if (select.from === undefined) select.from = path;
    else select.joined = true;
  }
  const named = cursor.take('as');
  const alias = cursor.token;
  if (alias.kind === 'quoted' || (alias.kind === 'word' && (named || isAlias(alias.key)) && alias.key !== 'with'))
    cursor.next();
  if (cursor.is('with') && cursor.peek(1).key === '(') {
    cursor.next();
    cursor.next();
    cursor.skipGroup();
  }
}

function parseFrom(cursor: Cursor, select: Select): void {
  parseSource(cursor, select);
  for (let i = 0; i < MAX_LIST; i += 1) {
    if (cursor.take(',')) {
      parseSource(cursor, select);
      continue;
    }
    const before = cursor.token;
    for (const word of ['inner', 'left', 'right', 'full', 'outer', 'cross', 'apply']) cursor.take(word);
    if (cursor.take('join') || cursor.token !== before) {
      parseSource(cursor, select);
      if (cursor.take('on')) parseExpression(cursor);
      continue;
    }
    return;
  }
}

/** GROUP BY, HAVING, ORDER BY, FOR and OPTION do not change what is answered. */
function skipClause(cursor: Cursor, words: readonly string[]): void {
  while (words.includes(cursor.token.key)) {
    cursor.next();
    while (!cursor.over && !CLAUSE_ENDS.has(cursor.token.key)) {
      if (cursor.next().key === '(') cursor.skipGroup();
    }
  }
}
