/**
 * Shell source to tokens (POSIX.1-2017, Shell Command Language, 2.3): operators, and words as the parts that expansion works on. Source is a
 * byte string (one character a byte). One pass, except that a nested `$(…)` is cut out here and read again when it runs.
 */

export type Part =
  | { kind: 'text'; text: string; quoted: boolean }
  | { kind: 'variable'; name: string; op: string; argument: string; quoted: boolean }
  | { kind: 'command'; source: string; quoted: boolean }
  | { kind: 'arithmetic'; source: string; quoted: boolean };
export type Word = readonly Part[];

export type Token =
  | { kind: 'word'; word: Word; raw: string }
  | { kind: 'op'; text: string }
  | { kind: 'redirect'; op: string; fd: number | undefined; heredoc: Heredoc | undefined }
  | { kind: 'end' };

/** The body of `<< word`, filled in when the line that announced it has ended. */
export interface Heredoc {
  body: string;
  delimiter: string;
  expand: boolean;
  stripTabs: boolean;
}

/** The source ends inside a quotation or a construct: a shell asks for another line. */
export class Incomplete extends Error {}
/** The source cannot be read; `near` is the token that the shell complains of. */
export class SyntaxFault extends Error {
  readonly near: string;
  constructor(near: string) {
    super(near);
    this.near = near;
  }
}

const OPERATORS = ['&&', '||', ';;', '|&', ';', '&', '|', '(', ')', '\n'] as const;
const REDIRECTS = ['<<<', '<<-', '&>>', '<<', '>>', '<&', '>&', '&>', '>|', '<>', '<', '>'] as const;
const WORD_END = /[\s;&|<>()]/;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const PLAIN = /[^\s;&|<>()\\'"`$]+/y;
const DOUBLE_PLAIN = /[^\\"`$]+/y;
const ANSI = /\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.))/gs;
const ANSI_LETTERS: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  e: '\x1b',
  f: '\f',
  v: '\v',
};

function ansiText(text: string): string {
  return text.replace(ANSI, (_all, hex?: string, octal?: string, letter?: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
    return ANSI_LETTERS[letter ?? ''] ?? letter ?? '';
  });
}

/** Where the text after an opening `(` or `{` at `from` ends, quotations and nesting minded; throws where it does not. */
function closing(source: string, from: number, open: string, close: string): number {
  let depth = 1;
  for (let at = from; at < source.length; at += 1) {
    const char = source[at];
    if (char === '\\') at += 1;
    else if (char === "'") {
      at = source.indexOf("'", at + 1);
      if (at < 0) throw new Incomplete();
    } else if (char === open) depth += 1;
    else if (char === close) {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  throw new Incomplete();
}

/** `$…` at `at`: the part, and where it ends. */
function dollar(source: string, at: number, quoted: boolean): { part: Part; end: number } {
  const next = source[at + 1] ?? '';
  if (next === '(') {
    if (source[at + 2] === '(') {
      const end = closing(source, at + 3, '(', ')');
      if (source[end + 1] === ')')
        return { part: { kind: 'arithmetic', source: source.slice(at + 3, end), quoted }, end: end + 2 };
    }
    const end = closing(source, at + 2, '(', ')');
    return { part: { kind: 'command', source: source.slice(at + 2, end), quoted }, end: end + 1 };
  }
  if (next === '{') {
    const end = closing(source, at + 2, '{', '}');
    const inner = source.slice(at + 2, end);
    const match = /^(#?(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[?$!#@*-]))(?:(:?[-=?+]|##?|%%?)([\s\S]*))?$/.exec(inner);
    if (match === null) return { part: { kind: 'text', text: '', quoted }, end: end + 1 };
    return {
      part: { kind: 'variable', name: match[1] ?? '', op: match[2] ?? '', argument: match[3] ?? '', quoted },
      end: end + 1,
    };
  }
  NAME.lastIndex = at + 1;
  const name = NAME.exec(source)?.[0] ?? (/[0-9?$!#@*-]/.test(next) ? next : undefined);
  if (name === undefined) return { part: { kind: 'text', text: '$', quoted }, end: at + 1 };
  return { part: { kind: 'variable', name, op: '', argument: '', quoted }, end: at + 1 + name.length };
}

function backquoted(source: string, at: number, quoted: boolean): { part: Part; end: number } {
  let end = at + 1;
  while (end < source.length && source[end] !== '`') end += source[end] === '\\' ? 2 : 1;
  if (end >= source.length) throw new Incomplete();
  return {
    part: { kind: 'command', source: source.slice(at + 1, end).replace(/\\([`\\$])/g, '$1'), quoted },
    end: end + 1,
  };
}

function doubleQuoted(source: string, from: number, parts: Part[]): number {
  let at = from;
  const text = (value: string): void => void parts.push({ kind: 'text', text: value, quoted: true });
  text('');
  while (at < source.length) {
    const char = source[at];
    if (char === '"') return at + 1;
    if (char === '$' || char === '`') {
      const { part, end } = char === '$' ? dollar(source, at, true) : backquoted(source, at, true);
      parts.push(part);
      at = end;
    } else if (char === '\\') {
      const next = source[at + 1];
      if (next === undefined) throw new Incomplete();
      if (next !== '\n') text('$`"\\'.includes(next) ? next : `\\${next}`);
      at += 2;
    } else {
      DOUBLE_PLAIN.lastIndex = at;
      const run = DOUBLE_PLAIN.exec(source)?.[0] ?? '';
      text(run);
      at += run.length;
    }
  }
  throw new Incomplete();
}

/** The word at `from`, which is not blank. */
function readWord(source: string, from: number): { word: Part[]; end: number } {
  const word: Part[] = [];
  let at = from;
  while (at < source.length) {
    const char = source[at] ?? '';
    if (char === "'") {
      const end = source.indexOf("'", at + 1);
      if (end < 0) throw new Incomplete();
      word.push({ kind: 'text', text: source.slice(at + 1, end), quoted: true });
      at = end + 1;
    } else if (char === '"') {
      at = doubleQuoted(source, at + 1, word);
    } else if (char === '$' && source[at + 1] === "'") {
      let end = at + 2;
      while (end < source.length && source[end] !== "'") end += source[end] === '\\' ? 2 : 1;
      if (end >= source.length) throw new Incomplete();
      word.push({ kind: 'text', text: ansiText(source.slice(at + 2, end)), quoted: true });
      at = end + 1;
    } else if (char === '$' || char === '`') {
      const { part, end } = char === '$' ? dollar(source, at, false) : backquoted(source, at, false);
      word.push(part);
      at = end;
    } else if (char === '\\') {
      const next = source[at + 1];
      if (next === undefined) throw new Incomplete();
      if (next !== '\n') word.push({ kind: 'text', text: next, quoted: true });
      at += 2;
    } else if (WORD_END.test(char)) {
      break;
    } else {
      PLAIN.lastIndex = at;
      const run = PLAIN.exec(source)?.[0] ?? char;
      word.push({ kind: 'text', text: run, quoted: false });
      at += run.length;
    }
  }
  return { word, end: at };
}

/** The parts of a text in which only `$` and backquotes count: a here-document's body. */
export function expandable(source: string): Word {
  const parts: Part[] = [];
  let at = 0;
  while (at < source.length) {
    const char = source[at] ?? '';
    if (char === '$' || char === '`') {
      const { part, end } = char === '$' ? dollar(source, at, true) : backquoted(source, at, true);
      parts.push(part);
      at = end;
    } else if (char === '\\' && '$`\\'.includes(source[at + 1] ?? ' ')) {
      parts.push({ kind: 'text', text: source[at + 1] ?? '', quoted: true });
      at += 2;
    } else {
      const next = source.slice(at + 1).search(/[$`\\]/);
      const end = next < 0 ? source.length : at + 1 + next;
      parts.push({ kind: 'text', text: source.slice(at, end), quoted: true });
      at = end;
    }
  }
  return parts;
}

const literal = (word: Word): string => word.map((part) => (part.kind === 'text' ? part.text : '')).join('');

/** All tokens of the source. Throws `Incomplete`. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  const waiting: Heredoc[] = [];
  let at = 0;

  function readHeredocs(): void {
    for (const heredoc of waiting.splice(0)) {
      const lines: string[] = [];
      for (;;) {
        if (at >= source.length) throw new Incomplete();
        const end = source.indexOf('\n', at);
        const line = source.slice(at, end < 0 ? source.length : end);
        at = end < 0 ? source.length : end + 1;
        const shown = heredoc.stripTabs ? line.replace(/^\t+/, '') : line;
        if (shown === heredoc.delimiter) break;
        lines.push(`${shown}\n`);
      }
      heredoc.body = lines.join('');
    }
  }

  while (at < source.length) {
    const char = source[at] ?? '';
    if (char === ' ' || char === '\t' || char === '\r') {
      at += 1;
      continue;
    }
    if (char === '\\' && source[at + 1] === '\n') {
      at += 2;
      continue;
    }
    if (char === '#') {
      const end = source.indexOf('\n', at);
      at = end < 0 ? source.length : end;
      continue;
    }
    const digits = /^[0-9]{1,2}(?=[<>])/.exec(source.slice(at, at + 3))?.[0] ?? '';
    const redirect = REDIRECTS.find((op) => source.startsWith(op, at + digits.length));
    if (redirect !== undefined) {
      at += digits.length + redirect.length;
      let heredoc: Heredoc | undefined;
      if (redirect === '<<' || redirect === '<<-') {
        while (source[at] === ' ' || source[at] === '\t') at += 1;
        const { word, end } = readWord(source, at);
        if (end === at) throw new SyntaxFault('newline');
        at = end;
        const expand = word.every((part) => part.kind !== 'text' || !part.quoted);
        heredoc = { body: '', delimiter: literal(word), expand, stripTabs: redirect === '<<-' };
        waiting.push(heredoc);
      }
      tokens.push({ kind: 'redirect', op: redirect, fd: digits === '' ? undefined : Number(digits), heredoc });
      continue;
    }
    const op = OPERATORS.find((known) => source.startsWith(known, at));
    if (op !== undefined) {
      at += op.length;
      tokens.push({ kind: 'op', text: op });
      if (op === '\n') readHeredocs();
      continue;
    }
    const { word, end } = readWord(source, at);
    // Other control characters and blanks of `\s` that start no word are skipped.
    if (end === at) at += 1;
    else tokens.push({ kind: 'word', word, raw: source.slice(at, end) });
    at = Math.max(at, end);
  }
  if (waiting.length > 0) throw new Incomplete();
  tokens.push({ kind: 'end' });
  return tokens;
}
