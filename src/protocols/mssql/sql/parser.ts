/** Parses a batch to statements. A statement that is known by its verb alone is skipped to where the next may begin. */
import { Cursor, SyntaxProblem } from './cursor.ts';
import { parseExpression, parseSelect, parseType } from './expressions.ts';
import { lex } from './lexer.ts';
import type { Argument, Batch, Expression, InsertSource, Statement } from './syntax.ts';

type Body<Kind extends Statement['kind']> = Extract<Statement, { kind: Kind }>;

/** Statements of one batch that are parsed at all. */
const MAX_STATEMENTS = 5000;
/** Columns of one table; SQL Server's own bound. */
const MAX_COLUMNS = 1024;
const STARTERS: ReadonlySet<string> = new Set(
  (
    'select set declare exec execute use print if while begin insert update delete create alter drop truncate grant revoke deny ' +
    'backup restore reconfigure return waitfor dbcc kill shutdown raiserror throw commit rollback save merge bulk with open fetch ' +
    'close deallocate checkpoint go break continue goto'
  ).split(' '),
);
const CHANGES: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'create', 'alter', 'drop', 'truncate']);
/** What ends a statement, beside the words that begin one. */
const ENDERS: ReadonlySet<string> = new Set([';', 'end', 'else']);

export function parseBatch(text: string): Batch {
  const { tokens } = lex(text);
  const cursor = new Cursor(tokens);
  const statements: Statement[] = [];
  try {
    while (!cursor.over && statements.length < MAX_STATEMENTS) {
      if (cursor.take(';')) continue;
      statements.push(parseStatement(cursor, statements.length === 0));
    }
  } catch (thrown) {
    if (!(thrown instanceof SyntaxProblem)) throw thrown;
    return { statements: [], error: { near: thrown.token.text, line: thrown.token.line } };
  }
  return { statements, error: undefined };
}

function parseStatement(cursor: Cursor, first: boolean): Statement {
  return cursor.nested(() => {
    const token = cursor.token;
    const { key, line } = token;
    switch (key) {
      case 'select':
        return { kind: 'select', line, select: parseSelect(cursor) };
      case 'set':
        return parseSet(cursor);
      case 'declare':
        return parseDeclare(cursor);
      case 'exec':
      case 'execute':
        cursor.next();
        return parseExec(cursor, line);
      case 'use': {
        cursor.next();
        return { kind: 'use', line, database: cursor.path().at(-1) ?? '' };
      }
      case 'print':
        cursor.next();
        return { kind: 'print', line, value: parseExpression(cursor) };
      case 'if':
        return parseIf(cursor);
      case 'while': {
        cursor.next();
        const condition = parseExpression(cursor);
        return { kind: 'while', line, condition, body: [inner(cursor)] };
      }
      case 'begin':
        return parseBlock(cursor);
      case 'reconfigure':
        cursor.next();
        if (cursor.take('with')) cursor.next();
        return { kind: 'reconfigure', line };
      case 'return':
        cursor.next();
        skipStatement(cursor);
        return { kind: 'return', line };
    }
    if (CHANGES.has(key)) return parseChange(cursor);
    if (STARTERS.has(key)) {
      cursor.next();
      skipStatement(cursor);
      return { kind: 'other', line, verb: key };
    }
    // The first statement of a batch may call a procedure without EXEC.
    if (first && (token.kind === 'word' || token.kind === 'quoted')) return parseExec(cursor, line);
    return cursor.fail();
  });
}

function inner(cursor: Cursor): Statement {
  while (cursor.take(';'));
  return parseStatement(cursor, false);
}

function parseSet(cursor: Cursor): Statement {
  const line = cursor.next().line;
  const target = cursor.token;
  if (target.kind === 'variable') {
    cursor.next();
    const operator = cursor.next();
    if (!['=', '+=', '-=', '*='].includes(operator.key)) cursor.fail();
    const name = target.text.toLowerCase();
    const right = parseExpression(cursor);
    const value: Expression =
      operator.key === '='
        ? right
        : { kind: 'binaryOp', operator: operator.key.charAt(0), left: { kind: 'variable', name }, right };
    return { kind: 'set', line, name, value };
  }
  skipStatement(cursor);
  return { kind: 'option', line };
}

function parseDeclare(cursor: Cursor): Statement {
  const line = cursor.next().line;
  const variables: Body<'declare'>['variables'] = [];
  do {
    const name = cursor.next();
    if (name.kind !== 'variable') {
      // A cursor: `declare c cursor for select …`.
      skipStatement(cursor, true);
      return { kind: 'other', line, verb: 'declare' };
    }
    cursor.take('as');
    const { type } = parseType(cursor);
    if (type === 'table' && cursor.take('(')) cursor.skipGroup();
    const value = cursor.take('=') ? parseExpression(cursor) : undefined;
    variables.push({ name: name.text.toLowerCase(), type, value });
  } while (variables.length < MAX_STATEMENTS && cursor.take(','));
  return { kind: 'declare', line, variables };
}

function parseExec(cursor: Cursor, line: number): Statement {
  if (cursor.take('(')) {
    const text = parseExpression(cursor);
    cursor.expect(')');
    if (cursor.take('at')) cursor.path();
    return { kind: 'execText', line, text };
  }
  let into: string | undefined;
  if (cursor.token.kind === 'variable') {
    const variable = cursor.next().text.toLowerCase();
    if (cursor.take('=')) into = variable;
    else return { kind: 'exec', line, procedure: [variable], args: parseArguments(cursor), into: undefined };
  }
  const procedure = cursor.path();
  return { kind: 'exec', line, procedure, args: parseArguments(cursor), into };
}

function parseArguments(cursor: Cursor): Argument[] {
  const args: Argument[] = [];
  if (atEnd(cursor)) return args;
  do {
    let name: string | undefined;
    if (cursor.token.kind === 'variable' && cursor.peek(1).key === '=') {
      name = cursor.next().text.toLowerCase();
      cursor.next();
    }
    const token = cursor.token;
    // A bare word is a string here: `exec sp_configure xp_cmdshell, 1`; DEFAULT is null.
    const bare = token.kind === 'word' && token.key !== 'null' && cursor.peek(1).key !== '(';
    const value: Expression =
      bare || token.kind === 'quoted' ? { kind: 'text', value: cursor.next().text } : parseExpression(cursor);
    const output = cursor.take('output') || cursor.take('out');
    args.push({ name, value, output });
  } while (args.length < MAX_STATEMENTS && cursor.take(','));
  if (cursor.take('with')) cursor.next();
  return args;
}

function atEnd(cursor: Cursor): boolean {
  const { key, kind } = cursor.token;
  return kind === 'end' || ENDERS.has(key) || STARTERS.has(key);
}

function parseIf(cursor: Cursor): Statement {
  const line = cursor.next().line;
  const condition = parseExpression(cursor);
  const then = [inner(cursor)];
  let semicolons = 0;
  while (cursor.peek(semicolons).key === ';') semicolons += 1;
  if (cursor.peek(semicolons).key !== 'else') return { kind: 'if', line, condition, then, otherwise: [] };
  for (let i = 0; i <= semicolons; i += 1) cursor.next();
  return { kind: 'if', line, condition, then, otherwise: [inner(cursor)] };
}

function parseBlock(cursor: Cursor): Statement {
  const line = cursor.next().line;
  if (cursor.take('tran') || cursor.take('transaction')) {
    skipStatement(cursor);
    return { kind: 'other', line, verb: 'begin' };
  }
  const caught = cursor.take('try') || cursor.take('catch');
  const body: Statement[] = [];
  while (!cursor.is('end')) {
    if (cursor.over || body.length >= MAX_STATEMENTS) cursor.fail();
    if (cursor.take(';')) continue;
    body.push(parseStatement(cursor, false));
  }
  cursor.next();
  if (!caught) return { kind: 'block', line, body };
  cursor.next();
  if (!(cursor.is('begin') && cursor.peek(1).key === 'catch')) return { kind: 'block', line, body };
  // What stands in CATCH is for an error that a decoy's answers do not raise inside TRY.
  parseBlock(cursor);
  return { kind: 'block', line, body };
}

/** The names in `(a int, b varchar(10), primary key (a))`, whose opening was taken. */
function parseColumns(cursor: Cursor): string[] {
  const names: string[] = [];
  while (!cursor.over && !cursor.take(')')) {
    const token = cursor.next();
    if (!['constraint', 'primary', 'unique', 'foreign', 'check', 'index'].includes(token.key)) names.push(token.text);
    while (!cursor.over && !cursor.is(',') && !cursor.is(')')) if (cursor.next().key === '(') cursor.skipGroup();
    cursor.take(',');
    if (names.length > MAX_COLUMNS) cursor.fail();
  }
  return names;
}

function parseInsert(cursor: Cursor): Statement {
  const line = cursor.next().line;
  cursor.take('into');
  const named = ['word', 'quoted', 'variable'].includes(cursor.token.kind);
  const path = cursor.token.kind === 'variable' ? [cursor.next().text] : named ? cursor.path() : [];
  const columns = cursor.take('(') ? parseColumns(cursor) : [];
  let source: InsertSource | undefined;
  if (cursor.is('select')) source = { kind: 'select', select: parseSelect(cursor) };
  else if (cursor.is('exec') || cursor.is('execute')) {
    const at = cursor.next().line;
    source = { kind: 'exec', statement: parseExec(cursor, at) };
  } else if (cursor.take('values')) {
    const rows: Expression[][] = [];
    do {
      cursor.expect('(');
      const row: Expression[] = [];
      do row.push(parseExpression(cursor));
      while (row.length <= MAX_COLUMNS && cursor.take(','));
      cursor.expect(')');
      rows.push(row);
    } while (rows.length < MAX_STATEMENTS && cursor.take(','));
    source = { kind: 'values', rows };
  } else skipStatement(cursor);
  return { kind: 'insert', line, path, columns, source };
}

function parseChange(cursor: Cursor): Statement {
  if (cursor.is('insert')) return parseInsert(cursor);
  const { key: verb, line } = cursor.next();
  let object = 'table';
  if (verb === 'create' || verb === 'alter' || verb === 'drop') {
    cursor.take('or') && cursor.take('alter');
    object = cursor.next().key;
    if (object === 'unique' || object === 'clustered' || object === 'nonclustered') object = cursor.next().key;
    if (cursor.is('if')) {
      cursor.next();
      cursor.take('exists');
    }
  } else {
    cursor.take('top') && cursor.take('(') && cursor.skipGroup();
    cursor.take('from');
    cursor.take('table');
  }
  const named = cursor.token.kind === 'word' || cursor.token.kind === 'quoted';
  const path = named ? cursor.path() : [];
  if (verb === 'create' && object === 'table' && cursor.take('(')) {
    const columns = parseColumns(cursor);
    skipStatement(cursor);
    return { kind: 'createTable', line, path, columns };
  }
  // The body of a procedure, function, trigger or view goes to the end of the batch; a CREATE or ALTER may hold any word.
  if (['proc', 'procedure', 'function', 'trigger', 'view'].includes(object)) while (!cursor.over) cursor.next();
  else skipStatement(cursor, true, verb);
  return { kind: 'change', line, verb, object, path };
}

/** Skips to the end of the statement; `holds` lets it contain SELECT, SET, WITH and EXEC as their grammar does. */
function skipStatement(cursor: Cursor, holds = false, verb = ''): void {
  let selects = holds ? 1 : 0;
  let sets = verb === 'update' || verb === 'alter' || verb === '' ? 1 : 0;
  while (!cursor.over) {
    const { key } = cursor.token;
    if (ENDERS.has(key)) return;
    if (STARTERS.has(key)) {
      if (holds && key === 'select' && selects > 0) selects -= 1;
      else if (holds && key === 'set' && sets > 0) sets -= 1;
      else if (key !== 'with' && key !== 'close' && key !== 'open') return;
    }
    if (cursor.next().key === '(') cursor.skipGroup();
  }
}
