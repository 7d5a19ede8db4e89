/**
 * The lexical layer of ClickHouse SQL (src/Parsers/Lexer.cpp), as far as it takes to know where a statement ends. What could be read in
 * two ways is refused rather than guessed: heredocs, characters outside ASCII where no quote holds them, a backslash outside quotes.
 */
import { syntaxError } from './exception.ts';

export interface Token {
  /** `word` is a bare name, keyword or number; `quoted` is any quoted string or name; `symbol` is one other character. */
  kind: 'word' | 'quoted' | 'symbol';
  text: string;
  start: number;
  end: number;
  /** How many brackets are open around it. */
  depth: number;
}

/** Most brackets inside one another. The engine's own parser stops at 1000 (`max_parser_depth`). */
const MAX_DEPTH = 1000;

const isSpace = (c: string): boolean => c === ' ' || c === '\n' || c === '\t' || c === '\r' || c === '\f' || c === '\v';
const isWord = (c: string): boolean =>
  (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c === '_';

/** End of the quoted text that opens at `at`. A doubled quote stands for one of them. */
function quotedEnd(sql: string, at: number, escapes: boolean): number {
  const mark = sql[at];
  for (let i = at + 1; i < sql.length; i += 1) {
    const c = sql[i];
    if (c === '\\' && escapes) i += 1;
    else if (c === mark && escapes && sql[i + 1] === mark) i += 1;
    else if (c === mark) return i + 1;
  }
  throw syntaxError('a quote is not closed');
}

/** End of the space and comments that start at `at`. */
function skipSpace(sql: string, at: number): number {
  let i = at;
  while (i < sql.length) {
    const c = sql[i] ?? '';
    const next = sql[i + 1];
    if (isSpace(c)) i += 1;
    else if ((c === '-' && next === '-') || (c === '#' && (next === ' ' || next === '!'))) {
      const end = sql.indexOf('\n', i);
      i = end < 0 ? sql.length : end + 1;
    } else if (c === '/' && next === '*') {
      const end = sql.indexOf('*/', i + 2);
      if (end < 0) throw syntaxError('a comment is not closed');
      i = end + 2;
    } else break;
  }
  return i;
}

/** The tokens of a statement one by one, lazily: behind `INSERT … FORMAT X` come data, which must not be read as SQL. */
export function* tokens(sql: string): Generator<Token, void> {
  let depth = 0;
  let at = skipSpace(sql, 0);
  while (at < sql.length) {
    const c = sql[at] ?? '';
    const start = at;
    if (isWord(c)) {
      while (at < sql.length && isWord(sql[at] ?? '')) at += 1;
      const text = sql.slice(start, at);
      yield { kind: 'word', text, start, end: at, depth };
      // x'41' and b'01' have no escapes: a backslash in them would end the string for the engine and not for us.
      if (sql[at] === "'" && /^[xb]$/i.test(text)) {
        const end = quotedEnd(sql, at, false);
        yield { kind: 'quoted', text: sql.slice(at, end), start: at, end, depth };
        at = end;
      }
    } else if (c === "'" || c === '"' || c === '`') {
      at = quotedEnd(sql, at, true);
      yield { kind: 'quoted', text: sql.slice(start, at), start, end: at, depth };
    } else if (c === '\0' || c === '$' || c === '\\' || c > '~') {
      throw syntaxError(`unexpected character at position ${start}`);
    } else {
      at += 1;
      if (c === ')' || c === ']' || c === '}') depth -= 1;
      if (depth < 0) throw syntaxError(`a bracket closes at position ${start} that was never opened`);
      yield { kind: 'symbol', text: c, start, end: at, depth };
      if (c === '(' || c === '[' || c === '{') depth += 1;
      if (depth > MAX_DEPTH) throw syntaxError('brackets are nested too deeply');
    }
    at = skipSpace(sql, at);
  }
  if (depth !== 0) throw syntaxError('a bracket is not closed');
}

const ESCAPES: Readonly<Record<string, number>> = { b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, a: 7, e: 27, '0': 0 };

/** The name that a bare or quoted token stands for. */
export function nameOf(token: Token): string {
  if (token.kind !== 'quoted') return token.text;
  const mark = token.text[0] ?? '';
  const bytes: Buffer[] = [];
  for (const [part] of token.text.slice(1, -1).matchAll(/\\x[0-9a-f]{2}|\\.|""|``|''|[^\\"`']+|["`']/gis)) {
    const escaped = part[0] === '\\' ? (part[1] ?? '') : null;
    if (escaped === 'x' && part.length === 4) bytes.push(Buffer.from(part.slice(2), 'hex'));
    else if (escaped !== null) bytes.push(Buffer.from(escaped in ESCAPES ? [ESCAPES[escaped] ?? 0] : escaped));
    else bytes.push(Buffer.from(part === mark + mark ? mark : part));
  }
  return Buffer.concat(bytes).toString('utf8');
}
