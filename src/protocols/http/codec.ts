/**
 * HTTP/1.x messages from a stream of bytes (RFC 9112), without judging them: the request line and the header block are handed over as they
 * came, because each imitated server refuses other things in its own words. What is malformed here is what no server could frame.
 */
import { type Framed, framed, type Step } from '../kernel/codec.ts';

/** Longest request line and longest header block that are waited for. The imitated servers stop earlier, see `products/`. */
export const MAX_LINE_BYTES = 65_536;
export const MAX_FIELDS_BYTES = 65_536;
/** A chunk-size line with its extensions (RFC 9112 §7.1.1), and all trailers together. */
const MAX_CHUNK_LINE = 4096;
const MAX_TRAILER_BYTES = 8192;

/** Bytes of what is malformed that are kept to be shown. */
export const MAX_SHOWN = 512;

const CR = 0x0d;
const LF = 0x0a;
const EMPTY = Buffer.alloc(0);

/** A request line or header block is latin1 text, one character for each byte; `bareLf` where a line ended without CR. */
export type Frame =
  | { kind: 'line'; line: string; bareLf: boolean }
  | { kind: 'fields'; lines: readonly string[]; bareLf: boolean }
  | { kind: 'body'; bytes: Buffer; last: boolean };

/** What the imitated server does before a request line is whole. */
export interface LinePolicy {
  /** Blank lines before a request line are passed over (RFC 9112 §2.2). */
  skipsBlankLines: boolean;
  /** The request line is refused at this beginning, without waiting for its end. */
  refusesPrefix(bytes: Buffer): boolean;
}

export interface Decoder {
  push(chunk: Uint8Array): ReturnType<Framed<Frame>['push']>;
  /** After `fields`: what follows is a body of that length, or in chunks. Without it the next request line follows. */
  body(length: number | 'chunked'): void;
  /** Bytes of an unfinished line or header block. */
  rest(): Buffer;
  /** The beginning of what was malformed last. */
  offending(): Buffer;
}

type Mode = 'line' | 'fields' | 'length' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailers';

export function openDecoder(policy: LinePolicy): Decoder {
  let mode: Mode = 'line';
  /** Bytes at the front of the buffer that were searched before and hold no end. */
  let searched = 0;
  let remaining = 0;
  let offending: Buffer = EMPTY;

  function found<F extends Frame>(frame: F, used: number, next: Mode): Step<Frame> {
    mode = next;
    searched = 0;
    return { kind: 'frame', frame, used };
  }
  function more(searchedTo: number): Step<Frame> {
    searched = Math.max(0, searchedTo);
    return { kind: 'need', bytes: 1 };
  }
  function malformed(code: string, bytes: Buffer): Step<Frame> {
    offending = Buffer.from(bytes.subarray(0, MAX_SHOWN));
    mode = 'line';
    searched = 0;
    return { kind: 'malformed', code, used: bytes.length };
  }

  function decodeRequestLine(bytes: Buffer): Step<Frame> {
    let start = 0;
    if (policy.skipsBlankLines) while (bytes[start] === CR || bytes[start] === LF) start += 1;
    const end = bytes.indexOf(LF, Math.max(start, searched));
    if (end < 0 ? bytes.length - start > MAX_LINE_BYTES : end - start > MAX_LINE_BYTES)
      return malformed('line_too_long', bytes);
    if (end < 0) {
      if (start < bytes.length && policy.refusesPrefix(bytes.subarray(start))) return malformed('bad_method', bytes);
      return more(bytes.length);
    }
    const bareLf = end === 0 || bytes[end - 1] !== CR;
    return found(
      { kind: 'line', line: bytes.toString('latin1', start, bareLf ? end : end - 1), bareLf },
      end + 1,
      'fields',
    );
  }

  function decodeFields(bytes: Buffer): Step<Frame> {
    if (bytes[0] === LF) return found({ kind: 'fields', lines: [], bareLf: true }, 1, 'line');
    if (bytes[0] === CR && bytes[1] === LF) return found({ kind: 'fields', lines: [], bareLf: false }, 2, 'line');
    const from = Math.max(0, searched - 2);
    const crlf = bytes.indexOf('\n\r\n', from, 'latin1');
    const lf = (crlf < 0 ? bytes : bytes.subarray(0, crlf + 1)).indexOf('\n\n', from, 'latin1');
    const end = lf >= 0 ? lf : crlf;
    if (end < 0 ? bytes.length > MAX_FIELDS_BYTES : end > MAX_FIELDS_BYTES) return malformed('header_too_large', bytes);
    if (end < 0) return more(bytes.length);
    const text = bytes.toString('latin1', 0, end);
    const used = lf >= 0 ? lf + 2 : crlf + 3;
    const block = text.endsWith('\r') ? text.slice(0, -1) : text;
    let bareLf = lf >= 0 || block.length === text.length;
    let lines = block.split('\r\n');
    if (lines.some((line) => line.includes('\n'))) {
      bareLf = true;
      lines = block.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
    }
    return found({ kind: 'fields', lines, bareLf }, used, 'line');
  }

  function decodeLength(bytes: Buffer, next: Mode): Step<Frame> {
    const part = bytes.subarray(0, Math.min(bytes.length, remaining));
    remaining -= part.length;
    const done = remaining === 0;
    return found({ kind: 'body', bytes: part, last: done && next === 'line' }, part.length, done ? next : mode);
  }

  function decodeChunkSize(bytes: Buffer): Step<Frame> {
    const end = bytes.indexOf(LF, searched);
    if (end < 0 ? bytes.length > MAX_CHUNK_LINE : end > MAX_CHUNK_LINE) return malformed('bad_chunk', bytes);
    if (end < 0) return more(bytes.length);
    const line = bytes.toString('latin1', 0, end);
    const size = /^([0-9a-fA-F]{1,12})[ \t]*(?:;|\r?$)/.exec(line)?.[1];
    if (size === undefined) return malformed('bad_chunk', bytes);
    remaining = Number.parseInt(size, 16);
    return found({ kind: 'body', bytes: EMPTY, last: false }, end + 1, remaining === 0 ? 'trailers' : 'chunk-data');
  }

  function decodeChunkEnd(bytes: Buffer): Step<Frame> {
    if (bytes[0] === LF) return found({ kind: 'body', bytes: EMPTY, last: false }, 1, 'chunk-size');
    if (bytes[0] !== CR || (bytes.length > 1 && bytes[1] !== LF)) return malformed('bad_chunk', bytes);
    if (bytes.length < 2) return more(0);
    return found({ kind: 'body', bytes: EMPTY, last: false }, 2, 'chunk-size');
  }

  function decodeTrailers(bytes: Buffer): Step<Frame> {
    const fields = decodeFields(bytes);
    if (fields.kind === 'need' && bytes.length > MAX_TRAILER_BYTES) return malformed('bad_chunk', bytes);
    if (fields.kind !== 'frame') return fields;
    return found({ kind: 'body', bytes: EMPTY, last: true }, fields.used, 'line');
  }

  function decode(bytes: Buffer): Step<Frame> {
    switch (mode) {
      case 'line':
        return decodeRequestLine(bytes);
      case 'fields':
        return decodeFields(bytes);
      case 'length':
        return decodeLength(bytes, 'line');
      case 'chunk-size':
        return decodeChunkSize(bytes);
      case 'chunk-data':
        return decodeLength(bytes, 'chunk-end');
      case 'chunk-end':
        return decodeChunkEnd(bytes);
      case 'trailers':
        return decodeTrailers(bytes);
    }
  }

  const frames = framed(decode, MAX_LINE_BYTES + MAX_FIELDS_BYTES);
  return {
    push: (chunk) => frames.push(chunk),
    body(length) {
      mode = length === 'chunked' ? 'chunk-size' : 'length';
      remaining = length === 'chunked' ? 0 : length;
    },
    rest: () => frames.rest(),
    offending: () => offending,
  };
}
