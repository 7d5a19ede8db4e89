/**
 * Text from a peer. Everything recorded is UTF-8; bytes that are not valid UTF-8 are written `\xNN`, and so that nothing is ambiguous a
 * literal backslash that would read as such an escape is written `\x5c`. The two functions are inverse: no byte is ever lost.
 */
import { isUtf8 } from 'node:buffer';

const ESCAPE = /\\x[0-9a-f]{2}/g;
const hex = (byte: number): string => `\\x${byte.toString(16).padStart(2, '0')}`;
const protectBackslash = (text: string): string =>
  text.includes('\\x') ? text.replace(ESCAPE, (m) => `\\x5c${m.slice(1)}`) : text;

/** Length of the valid UTF-8 sequence at `at`, or 0 (RFC 3629 §4: no overlong forms, no surrogates, nothing above U+10FFFF). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  const length =
    lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  return isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}

/** Bytes of a peer as recordable text. */
export function textFromBytes(bytes: Uint8Array): string {
  if (isUtf8(bytes))
    return protectBackslash(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  const parts: string[] = [];
  let start = 0;
  let at = 0;
  const flush = (end: number): void => {
    if (end > start) parts.push(protectBackslash(Buffer.from(bytes.subarray(start, end)).toString('utf8')));
  };
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    flush(at);
    parts.push(hex(bytes[at] ?? 0));
    at += 1;
    start = at;
  }
  flush(at);
  return parts.join('');
}

/** The bytes that `textFromBytes` read. */
export function bytesFromText(text: string): Buffer {
  const parts: Buffer[] = [];
  let start = 0;
  for (const match of text.matchAll(ESCAPE)) {
    parts.push(
      Buffer.from(text.slice(start, match.index), 'utf8'),
      Buffer.from([Number.parseInt(match[0].slice(2), 16)]),
    );
    start = match.index + match[0].length;
  }
  parts.push(Buffer.from(text.slice(start), 'utf8'));
  return Buffer.concat(parts);
}

/**
 * UTF-16LE bytes of a peer (TDS, NTLMSSP, SMB) as recordable text. A lone surrogate and an odd last byte, which UTF-8 cannot carry, are
 * written as the escaped bytes they came as.
 */
export function textFromUtf16(bytes: Uint8Array): string {
  const even = bytes.length & ~1;
  const text = protectBackslash(Buffer.from(bytes.buffer, bytes.byteOffset, even).toString('utf16le'));
  const whole = text.isWellFormed()
    ? text
    : text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, (unit) => {
        const code = unit.charCodeAt(0);
        return hex(code & 0xff) + hex(code >> 8);
      });
  return even === bytes.length ? whole : whole + hex(bytes[even] ?? 0);
}
