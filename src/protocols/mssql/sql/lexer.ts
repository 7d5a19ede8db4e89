/** Transact-SQL text to tokens, in one pass. */

export type TokenKind = 'word' | 'quoted' | 'string' | 'number' | 'binary' | 'variable' | 'symbol' | 'end';
export interface Token {
  kind: TokenKind;
  /** A word in its own spelling, a string without its quotes, a symbol. */
  text: string;
  /** The word in lower case; empty for every other kind but symbols. */
  key: string;
  line: number;
}

/** A batch of more tokens is recorded whole and answered as far as this. */
export const MAX_TOKENS = 20_000;

const SPACE = /\s+/y;
const WORD = /[\p{L}_#][\p{L}\p{N}_#$@]*/uy;
const VARIABLE = /@@?[\p{L}\p{N}_#$]+/uy;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?/iy;
const BINARY = /0x[0-9a-f]*/iy;
const SYMBOL = /<>|<=|>=|!=|!<|!>|\+=|-=|\*=|::|[^\s]/y;

export function lex(text: string): { tokens: Token[]; truncated: boolean } {
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;

  function match(pattern: RegExp): string | undefined {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  }
  function count(part: string): void {
    for (let i = part.indexOf('\n'); i >= 0; i = part.indexOf('\n', i + 1)) line += 1;
  }
  function push(kind: TokenKind, value: string): void {
    tokens.push({ kind, text: value, key: kind === 'word' || kind === 'symbol' ? value.toLowerCase() : '', line });
  }
  /** A quoted piece from `start`, where the closing mark is doubled to stand for itself; unclosed, it ends with the text. */
  function quoted(start: number, close: string): string {
    const parts: string[] = [];
    let from = start;
    for (;;) {
      const end = text.indexOf(close, from);
      if (end < 0) {
        parts.push(text.slice(from));
        at = text.length;
        break;
      }
      parts.push(text.slice(from, end));
      at = end + 1;
      if (text[at] !== close) break;
      parts.push(close);
      from = at + 1;
    }
    return parts.join('');
  }
  function skipComment(): boolean {
    if (text.startsWith('--', at)) {
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end;
      return true;
    }
    if (!text.startsWith('/*', at)) return false;
    // Comments nest in Transact-SQL.
    const start = at;
    let depth = 0;
    const mark = /\/\*|\*\//g;
    mark.lastIndex = at;
    for (let found = mark.exec(text); ; found = mark.exec(text)) {
      if (found === null) {
        at = text.length;
        break;
      }
      depth += found[0] === '/*' ? 1 : -1;
      if (depth === 0) {
        at = mark.lastIndex;
        break;
      }
    }
    count(text.slice(start, at));
    return true;
  }

  while (at < text.length && tokens.length < MAX_TOKENS) {
    const space = match(SPACE);
    if (space !== undefined) {
      count(space);
      at += space.length;
      continue;
    }
    if (skipComment()) continue;
    const first = text[at] ?? '';
    const start = at;
    const national = (first === 'N' || first === 'n') && text[at + 1] === "'";
    if (first === "'" || national) {
      push('string', quoted(at + (national ? 2 : 1), "'"));
      count(text.slice(start, at));
      continue;
    }
    if (first === '[' || first === '"') {
      push('quoted', quoted(at + 1, first === '[' ? ']' : '"'));
      count(text.slice(start, at));
      continue;
    }
    const kinds: [TokenKind, RegExp][] = [
      ['binary', BINARY],
      ['number', NUMBER],
      ['variable', VARIABLE],
      ['word', WORD],
      ['symbol', SYMBOL],
    ];
    for (const [kind, pattern] of kinds) {
      const found = match(pattern);
      if (found === undefined) continue;
      push(kind, found);
      at += found.length;
      break;
    }
  }
  const truncated = at < text.length;
  push('end', '');
  return { tokens, truncated };
}
