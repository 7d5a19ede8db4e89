/** Bytes of a stream to frames. A decoder is a pure function of the bytes so far; `framed` does the buffering that every service needs. */

/** What one decoding step found. Peer bytes never throw: they are a frame, a need for more, or `malformed` with a code. */
export type Step<Frame> =
  | { kind: 'frame'; frame: Frame; used: number }
  | { kind: 'need'; bytes: number }
  | { kind: 'malformed'; code: string; used: number };

export type Decode<Frame> = (bytes: Buffer) => Step<Frame>;

export interface Framed<Frame> {
  /** Takes what arrived and yields each whole frame, or `malformed`. Stop iterating to leave the rest buffered (see `rest`). */
  push(chunk: Uint8Array): Generator<Exclude<Step<Frame>, { kind: 'need' }>>;
  /** Takes out what is buffered and not yet decoded: for a protocol that changes its framing midway (STARTTLS). */
  rest(): Buffer;
}

const FIRST_CAPACITY = 512;

/**
 * Buffers a stream and yields whole frames. Never holds more than `limit` bytes of an unfinished frame: a frame that would be longer is
 * `malformed` with the code `frame_too_large` and the buffer is dropped. Grows by doubling and asks the decoder again only once the bytes
 * that it said it needs are there, so that a client that sends byte by byte costs linear time.
 */
export function framed<Frame>(decode: Decode<Frame>, limit: number): Framed<Frame> {
  let buffer: Buffer = Buffer.alloc(0);
  let start = 0;
  let end = 0;
  let wanted = 1;

  function add(chunk: Uint8Array): void {
    if (end + chunk.length > buffer.length) {
      const pending = end - start;
      const capacity = Math.max(FIRST_CAPACITY, 2 ** Math.ceil(Math.log2(pending + chunk.length)));
      const grown = capacity > buffer.length || start === 0 ? Buffer.allocUnsafeSlow(capacity) : buffer;
      buffer.copy(grown, 0, start, end);
      buffer = grown;
      start = 0;
      end = pending;
    }
    buffer.set(chunk, end);
    end += chunk.length;
  }

  return {
    *push(chunk) {
      // The common case, a chunk that holds whole frames and nothing is pending, is decoded where it lies.
      if (start === end) {
        buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
        start = 0;
        end = chunk.length;
        wanted = 1;
      } else {
        add(chunk);
      }
      while (end - start >= wanted && end > start) {
        const step = decode(buffer.subarray(start, end));
        if (step.kind === 'need') {
          wanted = end - start + Math.max(1, step.bytes);
          if (wanted > limit) {
            start = end = 0;
            wanted = 1;
            yield { kind: 'malformed', code: 'frame_too_large', used: 0 };
          }
          break;
        }
        start += Math.max(1, step.used);
        if (start > end) start = end;
        wanted = 1;
        yield step;
      }
      // What stays pending must outlive the chunk that it lies in.
      if (start < end && buffer.buffer === chunk.buffer) {
        const kept = buffer.subarray(start, end);
        buffer = Buffer.allocUnsafeSlow(Math.max(FIRST_CAPACITY, 2 ** Math.ceil(Math.log2(kept.length))));
        kept.copy(buffer);
        end = kept.length;
        start = 0;
      }
    },
    rest() {
      const rest = Buffer.from(buffer.subarray(start, end));
      start = end = 0;
      wanted = 1;
      return rest;
    },
  };
}

/** Decodes lines ended by LF or CRLF, without their end. A line longer than `limit` is `malformed`. */
export function decodeLine(limit: number): Decode<Buffer> {
  return (bytes) => {
    const at = bytes.indexOf(0x0a);
    if (at < 0)
      return bytes.length > limit
        ? { kind: 'malformed', code: 'line_too_long', used: bytes.length }
        : { kind: 'need', bytes: 1 };
    if (at > limit) return { kind: 'malformed', code: 'line_too_long', used: at + 1 };
    return { kind: 'frame', frame: bytes.subarray(0, at > 0 && bytes[at - 1] === 0x0d ? at - 1 : at), used: at + 1 };
  };
}
