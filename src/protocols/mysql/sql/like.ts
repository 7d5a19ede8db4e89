/** LIKE: `%` any text, `_` any one character, `\` takes the next as it is; without regard to case. */

/** A longer pattern matches nothing: none that is needed comes near it, and matching costs text times pattern. */
const MAX_PATTERN = 512;

export function matchesLike(value: string, pattern: string): boolean {
  if (pattern.length > MAX_PATTERN) return false;
  const text = value.toLowerCase();
  const wanted = pieces(pattern.toLowerCase());
  let at = 0;
  let piece = 0;
  let star = -1;
  let mark = 0;
  while (at < text.length) {
    const current = wanted[piece];
    if (current === ANY) {
      star = piece;
      mark = at;
      piece += 1;
    } else if (current !== undefined && (current === ONE || current === text.charAt(at))) {
      at += 1;
      piece += 1;
    } else if (star >= 0) {
      piece = star + 1;
      mark += 1;
      at = mark;
    } else {
      return false;
    }
  }
  while (wanted[piece] === ANY) piece += 1;
  return piece === wanted.length;
}

/** Marks that no single character equals. */
const ANY = '%%';
const ONE = '__';

function pieces(pattern: string): string[] {
  const list: string[] = [];
  for (let i = 0; i < pattern.length; i += 1) {
    const char = pattern.charAt(i);
    if (char === '\\' && i + 1 < pattern.length) {
      i += 1;
      list.push(pattern.charAt(i));
    } else {
      list.push(char === '%' ? ANY : char === '_' ? ONE : char);
    }
  }
  return list;
}
