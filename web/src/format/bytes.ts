/** Bytes of a transcript as text and as a hex dump. */

/** Bytes in one line of a hex dump. */
const WIDTH = 16;

export function bytesFromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

/** Length of the well-formed UTF-8 sequence at `at`, or 0 (RFC 3629 §4). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  const length =
    lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const second = bytes[at + 1] ?? 0;
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let next = at + 2; next < at + length; next += 1) if (((bytes[next] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}

/** A backslash that would read as the escape of a byte. */
const BACKSLASH = /\\(?=x[0-9a-f]{2})/g;

/** UTF-8 where it is UTF-8, `\xNN` where it is not: the form in which the rest of the records keep a peer's text. */
export function textFromBytes(bytes: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const parts: string[] = [];
  const add = (end: number): void => {
    if (end > start) parts.push(decoder.decode(bytes.subarray(start, end)).replace(BACKSLASH, '\\x5c'));
  };
  let start = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    add(at);
    parts.push(`\\x${hex(bytes[at] ?? 0)}`);
    at += 1;
    start = at;
  }
  add(at);
  return parts.join('');
}

export interface HexLine {
  offset: string;
  hex: string;
  ascii: string;
}

export function hexLines(bytes: Uint8Array): HexLine[] {
  const lines: HexLine[] = [];
  for (let at = 0; at < bytes.length; at += WIDTH) {
    const row = [...bytes.subarray(at, at + WIDTH)];
    const cells = row.map(hex);
    lines.push({
      offset: at.toString(16).padStart(6, '0'),
      hex: `${cells.slice(0, 8).join(' ').padEnd(23)}  ${cells.slice(8).join(' ').padEnd(23)}`,
      ascii: row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join(''),
    });
  }
  return lines;
}
