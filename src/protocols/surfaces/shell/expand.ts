/** Word expansion (POSIX.1-2017, Shell Command Language, 2.6): tilde, parameters, commands, arithmetic, field splitting, path names. */
import { evaluate } from './arithmetic.ts';
import { globMatch, hasGlob } from './pattern.ts';
import { MAX_TEXT, MAX_VARIABLES, type Run, type Shell, type Streams, step, trimEnd } from './state.ts';
import { expandable, Incomplete, type Part, type Word } from './tokens.ts';

/** Fields that one expansion can make. */
const MAX_FIELDS = 1024;
/** Longer values are left whole by `${x#pattern}`, which tries every length. */
const MAX_TRIMMED = 256;

/** Runs the source of a `$(…)` and gives what it printed. */
export type Substitute = (shell: Shell, source: string, io: Streams) => Run<string>;

const cut = (text: string): string => (text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text);

export function setVariable(shell: Shell, name: string, value: string): void {
  if (!shell.variables.has(name) && shell.variables.size >= MAX_VARIABLES) {
    shell.common.host.limited('shell variables', MAX_VARIABLES);
    return;
  }
  shell.variables.set(name, cut(value));
}

export function lookup(shell: Shell, name: string): string | undefined {
  switch (name) {
    case '?':
      return String(shell.status);
    case '$':
      return String(shell.pid);
    case '!':
      return '';
    case '#':
      return String(shell.parameters.length);
    case '@':
    case '*':
      return shell.parameters.join(' ');
    case '-':
      return shell.interactive ? 'himBHs' : 'hB';
    case '0':
      return shell.name;
    case 'RANDOM':
      return String(shell.common.host.random(2).readUInt16BE() & 0x7fff);
    case 'PWD':
      return shell.cwd;
  }
  if (/^[0-9]+$/.test(name)) return shell.parameters[Number(name) - 1];
  return shell.variables.get(name);
}

function trimmed(value: string, op: string, pattern: string): string {
  if (value.length > MAX_TRIMMED) return value;
  const sizes = Array.from({ length: value.length + 1 }, (_, size) => size);
  if (op.length === 2) sizes.reverse();
  const head = op.startsWith('#');
  for (const size of sizes) {
    const piece = head ? value.slice(0, size) : value.slice(value.length - size);
    if (globMatch(pattern, piece)) return head ? value.slice(size) : value.slice(0, value.length - size);
  }
  return value;
}

function* variable(shell: Shell, part: Extract<Part, { kind: 'variable' }>, io: Streams, run: Substitute): Run<string> {
  step(shell);
  if (part.name.length > 1 && part.name.startsWith('#'))
    return String((lookup(shell, part.name.slice(1)) ?? '').length);
  const value = lookup(shell, part.name);
  if (part.op === '') return value ?? '';
  const argument = yield* expandHere(shell, part.argument, io, run);
  const missing = part.op.startsWith(':') ? value === undefined || value === '' : value === undefined;
  switch (part.op.replace(':', '')) {
    case '-':
      return missing ? argument : (value ?? '');
    case '=':
      if (missing) setVariable(shell, part.name, argument);
      return missing ? argument : (value ?? '');
    case '+':
      return missing ? '' : argument;
    case '?':
      return value ?? '';
    default:
      return trimmed(value ?? '', part.op, argument);
  }
}

function* partValue(shell: Shell, part: Part, io: Streams, run: Substitute): Run<string> {
  switch (part.kind) {
    case 'text':
      return part.text;
    case 'variable':
      return yield* variable(shell, part, io, run);
    case 'command':
      return trimEnd(yield* run(shell, part.source, io), '\n').replaceAll('\0', '');
    case 'arithmetic':
      step(shell);
      return evaluate(yield* expandHere(shell, part.source, io, run), (name) => lookup(shell, name) ?? '0');
  }
}

/** A text in which only `$` and backquotes are expanded. */
export function* expandHere(shell: Shell, source: string, io: Streams, run: Substitute): Run<string> {
  if (!/[$`\\]/.test(source)) return source;
  try {
    return yield* expandText(shell, expandable(source), io, run);
  } catch (error) {
    if (error instanceof Incomplete) return source;
    throw error;
  }
}

function tilde(shell: Shell, text: string): string {
  const match = /^~([a-z0-9_-]*)(?=\/|$)/.exec(text);
  if (match === null) return text;
  const { user, machine } = shell.common;
  const name = match[1] ?? '';
  const home =
    name === '' || name === user.name
      ? (shell.variables.get('HOME') ?? user.home)
      : name === 'root'
        ? '/root'
        : name === machine.user
          ? `/home/${name}`
          : undefined;
  return home === undefined ? text : home + text.slice(match[0].length);
}

/** The word as one text: for assignments, redirections and `case`. */
export function* expandText(shell: Shell, word: Word, io: Streams, run: Substitute): Run<string> {
  let text = '';
  for (const [index, part] of word.entries()) {
    const value = yield* partValue(shell, part, io, run);
    text += index === 0 && part.kind === 'text' && !part.quoted ? tilde(shell, value) : value;
    if (text.length > MAX_TEXT) return cut(text);
  }
  return text;
}

/** A word as a pattern for `case`: quoted characters stand for themselves. */
export function* expandPattern(shell: Shell, word: Word, io: Streams, run: Substitute): Run<string> {
  let pattern = '';
  for (const part of word) {
    const value = yield* partValue(shell, part, io, run);
    pattern += part.quoted ? value.replace(/[*?[\\]/g, '\\$&') : value;
  }
  return cut(pattern);
}

function paths(shell: Shell, pattern: string): string[] {
  const { fs } = shell.common;
  let found = [pattern.startsWith('/') ? '/' : ''];
  for (const piece of pattern.split('/').filter((text) => text !== '')) {
    const next: string[] = [];
    for (const base of found) {
      step(shell, 4);
      const prefix = base === '' || base === '/' ? base : `${base}/`;
      if (!hasGlob(piece)) {
        if (typeof fs.find(shell.cwd, prefix + piece) !== 'string') next.push(prefix + piece);
        continue;
      }
      const folder = fs.find(shell.cwd, base === '' ? '.' : base);
      if (typeof folder === 'string' || folder.entry.kind !== 'directory') continue;
      for (const name of fs.list(folder.path)) {
        if ((piece.startsWith('.') || !name.startsWith('.')) && globMatch(piece, name)) next.push(prefix + name);
      }
    }
    found = next.slice(0, MAX_FIELDS);
  }
  return found;
}

/** The fields that a list of words becomes. */
export function* expandWords(shell: Shell, words: readonly Word[], io: Streams, run: Substitute): Run<string[]> {
  const fields: string[] = [];
  for (const word of words) {
    step(shell);
    let field: string | undefined;
    let glob = false;
    const finish = (): void => {
      if (field !== undefined) fields.push(...(glob ? orSelf(paths(shell, field), field) : [field]));
      field = undefined;
      glob = false;
    };
    for (const [index, part] of word.entries()) {
      if (part.kind === 'variable' && part.quoted && part.name === '@' && part.op === '') {
        for (const [at, value] of shell.parameters.entries()) {
          if (at > 0) finish();
          field = (field ?? '') + value;
        }
        continue;
      }
      const value = yield* partValue(shell, part, io, run);
      if (part.kind === 'text' || part.quoted) {
        field = cut((field ?? '') + (index === 0 && !part.quoted ? tilde(shell, value) : value));
        glob ||= part.kind === 'text' && !part.quoted && hasGlob(value);
        continue;
      }
      const pieces = value.split(/[ \t\n]+/);
      for (const [at, piece] of pieces.slice(0, MAX_FIELDS).entries()) {
        if (at > 0) finish();
        if (piece === '') continue;
        field = cut((field ?? '') + piece);
        glob ||= hasGlob(piece);
      }
    }
    finish();
    if (fields.length > MAX_FIELDS) return fields.slice(0, MAX_FIELDS);
  }
  return fields;
}

const orSelf = (found: readonly string[], pattern: string): readonly string[] => (found.length > 0 ? found : [pattern]);
