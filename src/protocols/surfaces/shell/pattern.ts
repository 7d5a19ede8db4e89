/** Matching with the peer's own patterns in time that the peer cannot blow up: no backtracking engine ever sees them. */

/** Longer patterns match nothing. */
const MAX_PATTERN = 512;

/** A set `[…]` at `at`: which characters it holds, and where it ends; undefined where it is not closed. */
function readSet(pattern: string, at: number): { has: (char: string) => boolean; end: number } | undefined {
  const negated = pattern[at + 1] === '^' || pattern[at + 1] === '!';
  const from = at + (negated ? 2 : 1);
  const end = pattern.indexOf(']', from + 1);
  if (end < 0) return undefined;
  const inner = pattern.slice(from, end);
  const has = (char: string): boolean => {
    for (let i = 0; i < inner.length; i += 1) {
      const low = inner[i] ?? '';
      const high = inner[i + 1] === '-' && i + 2 < inner.length ? (inner[i + 2] ?? '') : low;
      if (char >= low && char <= high) return true;
      if (high !== low) i += 2;
    }
    return false;
  };
  return { has: (char) => has(char) !== negated, end };
}

/** Shell pattern (`*`, `?`, `[…]`, backslash) against a whole text; only the last `*` is ever tried again. */
export function globMatch(pattern: string, text: string): boolean {
  if (pattern.length > MAX_PATTERN) return pattern === text;
  let p = 0;
  let t = 0;
  let starAt = -1;
  let starText = 0;
  while (t < text.length) {
    const char = pattern[p];
    const set = char === '[' ? readSet(pattern, p) : undefined;
    const literal = char === '\\' ? pattern[p + 1] : char;
    if (char === '*') {
      starAt = p;
      starText = t;
      p += 1;
    } else if (set !== undefined ? set.has(text[t] ?? '') : char === '?' || literal === text[t]) {
      p = set !== undefined ? set.end + 1 : p + (char === '\\' ? 2 : 1);
      t += 1;
    } else if (starAt >= 0) {
      starText += 1;
      t = starText;
      p = starAt + 1;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p >= pattern.length;
}

export const hasGlob = (text: string): boolean => /[*?[]/.test(text);

interface Atom {
  matches(char: string): boolean;
  many: boolean;
  optional: boolean;
}

/** One alternative of a regular expression, read as a row of single-character atoms; groups are not read. */
function readAtoms(source: string, extended: boolean): Atom[] {
  const atoms: Atom[] = [];
  for (let at = 0; at < source.length; at += 1) {
    const char = source[at] ?? '';
    const last = atoms.at(-1);
    if (last !== undefined && (char === '*' || (extended && (char === '+' || char === '?')))) {
      last.many ||= char !== '?';
      last.optional ||= char !== '+';
      continue;
    }
    const set = char === '[' ? readSet(source, at) : undefined;
    const literal = char === '\\' ? (source[at + 1] ?? '\\') : char;
    if (set !== undefined) {
      atoms.push({ matches: set.has, many: false, optional: false });
      at = set.end;
    } else if (char === '.') atoms.push({ matches: () => true, many: false, optional: false });
    else if (!(extended && (char === '(' || char === ')'))) {
      atoms.push({ matches: (other) => other === literal, many: false, optional: false });
      if (char === '\\') at += 1;
    }
  }
  return atoms;
}

function settle(atoms: readonly Atom[], states: Set<number>): void {
  for (const state of states) if (atoms[state]?.optional) states.add(state + 1);
}

function advance(atoms: readonly Atom[], states: Set<number>, char: string): Set<number> {
  const next = new Set<number>();
  for (const state of states) {
    const atom = atoms[state];
    if (atom === undefined || !atom.matches(char)) continue;
    next.add(state + 1);
    if (atom.many) next.add(state);
  }
  return next;
}

interface Alternative {
  atoms: readonly Atom[];
  fromStart: boolean;
  toEnd: boolean;
}

/** Whether it matches anywhere: one pass with the set of states of every start at once. */
function occurs({ atoms, fromStart, toEnd }: Alternative, text: string): boolean {
  let states = new Set<number>([0]);
  for (let at = 0; ; at += 1) {
    if (!fromStart || at === 0) states.add(0);
    settle(atoms, states);
    if (states.has(atoms.length) && (!toEnd || at === text.length)) return true;
    if (at >= text.length) return false;
    states = advance(atoms, states, text[at] ?? '');
  }
}

/** Where it matches, leftmost and longest. */
function locate({ atoms, fromStart, toEnd }: Alternative, text: string): [number, number] | undefined {
  for (let start = 0; start <= (fromStart ? 0 : text.length); start += 1) {
    let states = new Set<number>([0]);
    let best = -1;
    for (let at = start; ; at += 1) {
      settle(atoms, states);
      if (states.has(atoms.length) && (!toEnd || at === text.length)) best = at;
      if (at >= text.length || states.size === 0) break;
      states = advance(atoms, states, text[at] ?? '');
    }
    if (best >= 0) return [start, best];
  }
  return undefined;
}

export interface Pattern {
  test(text: string): boolean;
  find(text: string): [number, number] | undefined;
  /** What one `test` of a text of that length costs, in steps of a shell. */
  cost(length: number): number;
}

/** Longest line that a pattern is tried on, and that it is located in; the rest of a longer one is not looked at. */
const MAX_TESTED = 4096;
const MAX_LOCATED = 256;
const CHARACTERS_PER_STEP = 2000;

/** A regular expression of grep or sed: characters, `.`, sets, `*`, anchors, and with `extended` also `+`, `?` and `|`. */
export function compilePattern(source: string, extended: boolean, ignoreCase: boolean): Pattern {
  const folded = (ignoreCase ? source.toLowerCase() : source).slice(0, MAX_PATTERN);
  const fold = (text: string, limit: number): string => (ignoreCase ? text.toLowerCase() : text).slice(0, limit);
  const plain = /^[^\\.[\]*^$+?|()]*$/.test(folded);
  const alternatives = (extended ? folded.split('|') : folded.split('\\|')).slice(0, 16).map((alternative) => {
    const fromStart = alternative.startsWith('^');
    const toEnd = alternative.endsWith('$') && !alternative.endsWith('\\$');
    return {
      atoms: readAtoms(alternative.slice(fromStart ? 1 : 0, toEnd ? -1 : undefined), extended),
      fromStart,
      toEnd,
    };
  });
  const size = alternatives.reduce((sum, { atoms }) => sum + atoms.length + 1, 0);
  return {
    test: (text) => {
      const line = fold(text, MAX_TESTED);
      return plain ? line.includes(folded) : alternatives.some((alternative) => occurs(alternative, line));
    },
    find: (text) => {
      const line = fold(text, MAX_LOCATED);
      for (const alternative of alternatives) {
        const found = occurs(alternative, line) ? locate(alternative, line) : undefined;
        if (found !== undefined) return found;
      }
      return undefined;
    },
    cost: (length) => Math.ceil(((plain ? 1 : size) * (length + 1)) / CHARACTERS_PER_STEP),
  };
}
