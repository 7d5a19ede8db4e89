/** SQL text to tokens, as MySQL's lexer cuts it. Text is a byte string (latin1), so that a binary literal survives. One pass, no backtracking. */

export interface Token {
  kind: 'word' | 'name' | 'string' | 'number' | 'variable' | 'parameter' | 'operator';
  /** A word as written, a name or string without its quotes, an operator's characters. */
  text: string;
  /** Where it begins and ends in the statement. */
  from: number;
  to: number;
}

/** More tokens than this are not looked at: the statement counts as one that nobody understands. */
export const MAX_TOKENS = 20_000;

const SPACE = /[ \t\r\n\f\v]+/y;
const LINE_COMMENT = /(?:#|--(?=[\s]|$))[^\n]*/y;
// The content of a version comment runs on servers of that version and later: only its marks are skipped.
const VERSION_COMMENT = /\/\*!\d{0,6}|\*\//y;
const HEX = /0x[0-9a-fA-F]+|[xX]'[0-9a-fA-F]*'/y;
const BITS = /0b[01]+|[bB]'[01]*'/y;
const NUMBER = /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const WORD = /[A-Za-z_$\x80-\xff][\w$\x80-\xff]*/y;
const VARIABLE = /@@?(?:[\w.$\x80-\xff]+|`[^`]*`|'[^']*'|"[^"]*")?/y;
const OPERATOR = /<=>|<=|>=|<>|!=|:=|\|\||&&|<<|>>|->>|->|[-+*/%=<>!~^&|(),.;:{}[\]\\]/y;

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  '0': '\0',
  Z: '\x1a',
  '%': '\\%',
  _: '\\_',
};

/** The content of a quoted string whose quote stands at `from`, and where it ends; undefined where it never does. */
function quoted(text: string, from: number): { content: string; to: number } | undefined {
  const quote = text.charAt(from);
  const special = quote === '`' ? /`/g : quote === "'" ? /['\\]/g : /["\\]/g;
  const parts: string[] = [];
  let start = from + 1;
  special.lastIndex = start;
  for (let match = special.exec(text); match !== null; match = special.exec(text)) {
    const { index } = match;
    const next = text.charAt(index + 1);
    if (match[0] === '\\') {
      if (next === '') return undefined;
      parts.push(text.slice(start, index), ESCAPES[next] ?? next);
    } else if (next === quote) {
      parts.push(text.slice(start, index), quote);
    } else {
      parts.push(text.slice(start, index));
      return { content: parts.join(''), to: index + 1 };
    }
    start = index + 2;
    special.lastIndex = start;
  }
  return undefined;
}

const hexDigits = (literal: string): string => literal.replace(/^0x|^[xX]'|'$/g, '');

function bytesOfHex(digits: string): string {
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex').toString('latin1');
}

function bytesOfBits(digits: string): string {
  const hex = digits
    .padStart(Math.ceil(digits.length / 8) * 8, '0')
    .replace(/[01]{4}/g, (four) => Number.parseInt(four, 2).toString(16));
  return bytesOfHex(hex);
}

function blockComment(text: string, at: number): string | undefined {
  if (!text.startsWith('/*', at) || text.charAt(at + 2) === '!') return undefined;
  const end = text.indexOf('*/', at + 2);
  return text.slice(at, end < 0 ? text.length : end + 2);
}

/** The tokens of a text, or where it stops making sense. */
export function tokenize(text: string): { tokens: Token[]; stuckAt: number | undefined } {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    return match === null || match[0] === '' ? undefined : match[0];
  };
  while (at < text.length) {
    const skipped = take(SPACE) ?? take(LINE_COMMENT) ?? blockComment(text, at) ?? take(VERSION_COMMENT);
    if (skipped !== undefined) {
      at += skipped.length;
      continue;
    }
    if (tokens.length >= MAX_TOKENS) return { tokens, stuckAt: at };
    const token = nextToken(text, at, take);
    if (token === undefined) return { tokens, stuckAt: at };
    tokens.push(token);
    at = token.to;
  }
  return { tokens, stuckAt: undefined };
}

function nextToken(text: string, at: number, take: (pattern: RegExp) => string | undefined): Token | undefined {
  const make = (kind: Token['kind'], raw: string, content = raw): Token => ({
    kind,
    text: content,
    from: at,
    to: at + raw.length,
  });
  const first = text.charAt(at);
  if (first === "'" || first === '"' || first === '`') {
    const string = quoted(text, at);
    if (string === undefined) return undefined;
    return { kind: first === '`' ? 'name' : 'string', text: string.content, from: at, to: string.to };
  }
  if (first === '?') return make('parameter', '?');
  const hex = take(HEX);
  if (hex !== undefined) return make('string', hex, bytesOfHex(hexDigits(hex)));
  const bits = take(BITS);
  if (bits !== undefined) return make('string', bits, bytesOfBits(bits.replace(/^0b|^[bB]'|'$/g, '')));
  const number = take(NUMBER);
  if (number !== undefined && !/[A-Za-z_$]/.test(text.charAt(at + number.length))) return make('number', number);
  if (number !== undefined) {
    // A name may begin with digits.
    const tail = /[\w$]+/y;
    tail.lastIndex = at;
    return make('word', tail.exec(text)?.[0] ?? number);
  }
  const word = take(WORD);
  if (word !== undefined) return make('word', word);
  const variable = take(VARIABLE);
  if (variable !== undefined) return make('variable', variable);
  const operator = take(OPERATOR);
  return operator === undefined ? undefined : make('operator', operator);
}

/** Splits at semicolons. Empty statements at the end are none. */
export function splitStatements(tokens: readonly Token[]): Token[][] {
  const statements: Token[][] = [[]];
  for (const token of tokens) {
    if (token.kind === 'operator' && token.text === ';') statements.push([]);
    else statements.at(-1)?.push(token);
  }
  while (statements.length > 1 && statements.at(-1)?.length === 0) statements.pop();
  return statements;
}
