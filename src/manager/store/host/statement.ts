/**
 * What a request asks for, known before any of it reaches the engine. The embedded engine would run every statement of a text one after
 * another, so that one statement is all that is let through; rows of an INSERT are cut off, because the engine ends inline rows at the
 * first blank line and runs the rest as SQL.
 */
import { badArguments, EngineError, syntaxError } from './exception.ts';
import { nameOf, type Token, tokens } from './tokens.ts';

export type Columns =
  | { kind: 'all' }
  | { kind: 'only'; names: readonly string[] }
  | { kind: 'except'; names: readonly string[] };

export type Statement =
  /** Its result can be streamed. `body` is what stands before the closing FORMAT clause, and `tail` what stands behind it. */
  | {
      kind: 'select';
      sql: string;
      body: string;
      tail: string;
      format: string | null;
      placeholders: ReadonlySet<string>;
    }
  /** SHOW, DESCRIBE, EXPLAIN…: changes nothing, and the result is small. */
  | { kind: 'inspect'; sql: string; format: string | null; placeholders: ReadonlySet<string> }
  /** DDL, INSERT … SELECT, KILL, SYSTEM… */
  | { kind: 'change'; sql: string; format: string | null; placeholders: ReadonlySet<string> }
  /** Rows in a format, inline in `data`, in the body of the request, or both. */
  | { kind: 'insert'; table: string; columns: Columns; settings: string; format: string; data: string };

/** Longest statement without its rows. A list of a hundred thousand addresses fits; whole data sets belong into an insert. */
export const MAX_STATEMENT = 4 * 1_048_576;

const SELECT_WORDS = new Set(['SELECT', 'WITH', 'FROM']);
const INSPECT_WORDS = new Set(['SHOW', 'DESCRIBE', 'DESC', 'EXPLAIN', 'EXISTS', 'CHECK']);
/** What only makes sense in a session, and there are none: every statement starts from the same state. */
const SESSION_WORDS = new Set(['SET', 'USE', 'BEGIN', 'START', 'COMMIT', 'ROLLBACK']);

const upper = (token: Token | undefined): string =>
  token?.kind === 'word' ? token.text.toUpperCase() : (token?.text ?? '');
const isWord = (token: Token | undefined, word: string): boolean => token?.kind === 'word' && upper(token) === word;

export function parseStatement(text: string): Statement {
  const first = tokens(text).next().value;
  if (first === undefined) throw syntaxError('the statement is empty');
  if (isWord(first, 'INSERT')) {
    const insert = parseInsert(text);
    if (insert !== null) return insert;
  }
  return parsePlain(text);
}

function parsePlain(text: string): Statement {
  if (text.length > MAX_STATEMENT) throw tooLong();
  const all = [...tokens(text)];
  const stop = all.findIndex((token) => token.text === ';' && token.kind === 'symbol');
  if (stop >= 0 && stop < all.length - 1) throw syntaxError('Multi-statements are not allowed');
  const list = stop < 0 ? all : all.slice(0, stop);
  const head = list[0];
  if (head === undefined) throw syntaxError('the statement is empty');
  const word = upper(head);
  if (SESSION_WORDS.has(word))
    throw noSession(`${word} has no effect beyond its own request; give settings with the request`);
  if (list.some((token, i) => isWord(token, 'INTO') && isWord(list[i + 1], 'OUTFILE'))) {
    throw badArguments('INTO OUTFILE is not allowed');
  }
  if (word === 'CREATE' && list.slice(1, 4).some((token) => /^TEMP(ORARY)?$/.test(upper(token)))) {
    throw noSession('temporary tables need a session');
  }
  const sql = text.slice(0, list.at(-1)?.end ?? 0);
  const clause = outputFormat(list);
  const common = { sql, format: clause?.name ?? null, placeholders: placeholdersOf(list) };
  if (SELECT_WORDS.has(word) || word === '(') {
    const body = sql.slice(0, clause?.start ?? sql.length);
    return { kind: 'select', ...common, body, tail: sql.slice(clause?.end ?? sql.length) };
  }
  return { kind: INSPECT_WORDS.has(word) ? 'inspect' : 'change', ...common };
}

const tooLong = (): EngineError => syntaxError(`the statement is longer than ${MAX_STATEMENT} characters`);
const noSession = (message: string): EngineError => new EngineError(113, 'THERE_IS_NO_SESSION', message);

/** The format that a closing FORMAT clause names, and where the clause stands. */
function outputFormat(list: readonly Token[]): { name: string; start: number; end: number } | null {
  for (let i = list.length - 2; i > 0; i -= 1) {
    const clause = list[i];
    const name = list[i + 1];
    if (clause === undefined || !isWord(clause, 'FORMAT') || clause.depth !== 0 || name?.kind !== 'word') continue;
    if (i + 2 < list.length && !isWord(list[i + 2], 'SETTINGS')) return null;
    return { name: name.text, start: clause.start, end: name.end };
  }
  return null;
}

/** The names in `{name:Type}`. A map literal opens with a quote or a number and a value that is no bare word. */
function placeholdersOf(list: readonly Token[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (let i = 0; i < list.length - 2; i += 1) {
    const name = list[i + 1];
    if (list[i]?.text === '{' && name?.kind === 'word' && list[i + 2]?.text === ':') names.add(name.text);
  }
  return names;
}

/** Reads tokens one at a time, so that nothing behind the last one asked for is looked at. */
class Reader {
  readonly #tokens: Iterator<Token, void>;
  last: Token | undefined;

  constructor(text: string) {
    this.#tokens = tokens(text);
  }

  next(): Token {
    const step = this.#tokens.next();
    if (step.done === true) throw syntaxError('the INSERT statement is not complete');
    this.last = step.value;
    return step.value;
  }
}

/** Reads `INSERT INTO t (columns) SETTINGS … FORMAT X rows` or `… VALUES rows`; null where the rows come from a SELECT. */
function parseInsert(text: string): Statement | null {
  const reader = new Reader(text);
  reader.next();
  if (!isWord(reader.next(), 'INTO')) throw syntaxError('INSERT must be followed by INTO');
  let token = reader.next();
  if (isWord(token, 'TABLE')) token = reader.next();
  if (isWord(token, 'FUNCTION')) throw badArguments('INSERT INTO FUNCTION is not allowed');
  const tableStart = token.start;
  let tableEnd = token.end;
  if (token.kind === 'symbol') throw syntaxError('INSERT INTO must name a table');
  for (token = reader.next(); token.text === '.'; token = reader.next()) tableEnd = reader.next().end;

  let columns: Columns = { kind: 'all' };
  if (token.text === '(' && token.kind === 'symbol') {
    const read = parseColumns(reader);
    if (read === null) return null;
    columns = read;
    token = reader.next();
  }
  let settings = '';
  if (isWord(token, 'SETTINGS')) {
    const start = token.start;
    let end = token.end;
    for (token = reader.next(); !startsRows(token); token = reader.next()) {
      if (token.kind === 'symbol' && token.text === ';') throw syntaxError('the INSERT statement has no rows');
      end = token.end;
    }
    settings = text.slice(start, end);
  }
  if (tableEnd > MAX_STATEMENT || token.start > MAX_STATEMENT) throw tooLong();
  const table = text.slice(tableStart, tableEnd);
  if (isWord(token, 'VALUES')) {
    return { kind: 'insert', table, columns, settings, format: 'Values', data: text.slice(token.end) };
  }
  if (isWord(token, 'FORMAT')) {
    const name = reader.next();
    if (name.kind !== 'word') throw syntaxError('FORMAT must be followed by a name');
    // `INSERT … FORMAT Values (1)` and `FORMAT JSONEachRow\n{…}` carry their rows behind the name; one separator is not data.
    const data = text.slice(name.end).replace(/^[ \t]*(?:\r?\n|;[ \t\r\n]*$)?/, '');
    return { kind: 'insert', table, columns, settings, format: name.text, data };
  }
  if (isWord(token, 'FROM')) throw badArguments('INSERT … FROM INFILE is not allowed');
  if (token.depth === 0 && ['SELECT', 'WITH', '('].includes(upper(token))) return null;
  throw syntaxError('INSERT must say where its rows come from');
}

const startsRows = (token: Token): boolean =>
  token.depth === 0 && ['FORMAT', 'VALUES', 'SELECT', 'WITH', 'FROM', '('].includes(upper(token));

/** The list behind the table: names, or `* EXCEPT (names)`; null where it is a SELECT in brackets. */
function parseColumns(reader: Reader): Columns | null {
  let token = reader.next();
  if (isWord(token, 'SELECT') || isWord(token, 'WITH')) return null;
  const except = token.text === '*' && token.kind === 'symbol';
  if (except) {
    if (!isWord(reader.next(), 'EXCEPT') || reader.next().text !== '(')
      throw syntaxError('only (* EXCEPT (columns)) is known');
    token = reader.next();
  }
  const names: string[] = [];
  for (;;) {
    if (token.kind === 'symbol') throw syntaxError('the column list is not a list of names');
    let name = nameOf(token);
    let separator = reader.next().text;
    for (; separator === '.'; separator = reader.next().text) name += `.${nameOf(reader.next())}`;
    names.push(name);
    if (separator === ')') break;
    if (separator !== ',') throw syntaxError('the column list is not a list of names');
    token = reader.next();
  }
  if (except && reader.next().text !== ')') throw syntaxError('the column list is not closed');
  return { kind: except ? 'except' : 'only', names };
}
