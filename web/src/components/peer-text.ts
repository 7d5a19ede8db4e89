/**
 * Makes text from a peer safe to look at. React never turns text into markup, but text alone can lie: a right-to-left override turns
 * `gpj.exe` around, a zero-width character makes two user names look alike, a control character vanishes. Such characters become marks
 * that are seen and named (Unicode 17 §23.2 and §23.8, UTS #39 §3.1); everything else stays as it is.
 */

export type Segment = { kind: 'text'; text: string } | { kind: 'mark'; text: string; name: string } | { kind: 'break' };

const NAMES: Readonly<Record<number, string>> = {
  0: 'null',
  7: 'bell',
  8: 'backspace',
  9: 'tab',
  10: 'line feed',
  13: 'carriage return',
  27: 'escape',
  127: 'delete',
  173: 'soft hyphen',
  847: 'combining grapheme joiner',
  1564: 'Arabic letter mark',
  4447: 'Hangul filler',
  4448: 'Hangul filler',
  6158: 'Mongolian vowel separator',
  8203: 'zero width space',
  8204: 'zero width non-joiner',
  8205: 'zero width joiner',
  8206: 'left-to-right mark',
  8207: 'right-to-left mark',
  8232: 'line separator',
  8233: 'paragraph separator',
  8234: 'left-to-right embedding',
  8235: 'right-to-left embedding',
  8236: 'pop directional formatting',
  8237: 'left-to-right override',
  8238: 'right-to-left override',
  8288: 'word joiner',
  8294: 'left-to-right isolate',
  8295: 'right-to-left isolate',
  8296: 'first strong isolate',
  8297: 'pop directional isolate',
  12644: 'Hangul filler',
  65279: 'byte order mark',
  65440: 'Hangul filler',
  65533: 'replacement character',
};

/** ASCII's own names for its controls: every font has their letters, few have pictures of them. */
const CONTROLS = [
  ...['NUL', 'SOH', 'STX', 'ETX', 'EOT', 'ENQ', 'ACK', 'BEL', 'BS', 'TAB', 'LF', 'VT', 'FF', 'CR', 'SO', 'SI', 'DLE'],
  ...['DC1', 'DC2', 'DC3', 'DC4', 'NAK', 'SYN', 'ETB', 'CAN', 'EM', 'SUB', 'ESC', 'FS', 'GS', 'RS', 'US'],
] as const;

/** Controls, format characters, lone surrogates, private use, what is invisible by design; and the `\xNN` of bytes that were no UTF-8. */
const SPECIAL =
  /\\x5c(?=x[0-9a-f]{2})|\\x[0-9a-f]{2}|[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufffd]/gu;

/** Records write a backslash so where it would otherwise read as the escape of a byte. */
const LITERAL_BACKSLASH = '\\x5c';

/** Text as it was sent, apart from the bytes that no text can hold: for the clipboard. */
export function sentText(text: string): string {
  return text.replace(/\\x5c(?=x[0-9a-f]{2})/g, '\\');
}

/** `U+202E right-to-left override`. */
export function characterName(code: number): string {
  const point = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  const name = NAMES[code];
  return name === undefined ? point : `${point} ${name}`;
}

/** Short visible form: the name of a control, the code point of the rest. */
function glyph(code: number): string {
  const control = CONTROLS[code];
  if (control !== undefined) return control;
  if (code === 0x7f) return 'DEL';
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Splits text into what can be shown as it is and what needs a mark. With `multiline` a line feed also breaks the line. */
export function segments(text: string, multiline: boolean): Segment[] {
  const result: Segment[] = [];
  let start = 0;
  for (const match of text.matchAll(SPECIAL)) {
    if (match.index > start) result.push({ kind: 'text', text: text.slice(start, match.index) });
    start = match.index + match[0].length;
    if (match[0] === LITERAL_BACKSLASH) {
      result.push({ kind: 'text', text: '\\' });
      continue;
    }
    if (match[0].startsWith('\\')) {
      result.push({ kind: 'mark', text: match[0], name: 'a byte that is not UTF-8' });
      continue;
    }
    const code = match[0].codePointAt(0) ?? 0;
    const next = text.charCodeAt(start);
    // In text of several lines CR LF is the usual end of a line and needs no mark; a lone CR can hide what stands before it.
    if (!(multiline && (code === 10 || (code === 13 && next === 10))))
      result.push({ kind: 'mark', text: glyph(code), name: characterName(code) });
    if (multiline && code === 10) result.push({ kind: 'break' });
  }
  if (start < text.length) result.push({ kind: 'text', text: text.slice(start) });
  return result;
}

/** The same as plain text, for titles and labels, where there is no markup. */
export function visibleText(text: string): string {
  return segments(text, false)
    .map((segment) => (segment.kind === 'break' ? '' : segment.kind === 'text' ? segment.text : `⟨${segment.text}⟩`))
    .join('');
}

/** At most `limit` UTF-16 units from the start, never half of a character. */
export function cutText(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? limit - 1 : limit);
}
