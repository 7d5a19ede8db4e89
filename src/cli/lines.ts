/** The lines of a file or of standard input, unpacked where it is compressed, in groups as they are read. */
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ProjectError } from '../events/index.ts';

/** A longer line is reported and skipped. */
const MAX_LINE = 16 * 1_048_576;
const READ_BYTES = 1_048_576;
const NEWLINE = 0x0a;

export interface Line {
  /** From 1. */
  number: number;
  text: string;
  tooLong: boolean;
}

/** Lets what was read for a look through again. */
async function* withHead(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

/** `bytes` counts what was read of the file, before unpacking: what a progress bar can show. */
export async function* readLines(path: string): AsyncGenerator<{ lines: Line[]; bytes: number }> {
  const raw: Readable = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: READ_BYTES });
  let read = 0;
  raw.on('data', (chunk: Buffer) => {
    read += chunk.length;
  });
  raw.pause();
  const chunks = raw[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first = await chunks.next();
  if (first.done === true) return;
  const packed = first.value[0] === 0x1f && first.value[1] === 0x8b;
  const source = Readable.from(withHead(first.value, chunks), { objectMode: false });
  const unpacked = packed ? source.pipe(createGunzip()) : source;
  if (packed) source.on('error', (error) => unpacked.destroy(error));

  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let number = 0;
  let counted = 0;
  const finish = (lines: Line[], last: Buffer): void => {
    number += 1;
    const tooLong = pendingBytes + last.length > MAX_LINE;
    const bytes = tooLong ? Buffer.alloc(0) : pending.length === 0 ? last : Buffer.concat([...pending, last]);
    pending = [];
    pendingBytes = 0;
    const text = bytes
      .toString('utf8')
      .replace(number === 1 ? /^\ufeff/ : /(?!)/, '')
      .trim();
    if (text !== '' || tooLong) lines.push({ number, text, tooLong });
  };
  try {
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      const lines: Line[] = [];
      let from = 0;
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
        finish(lines, chunk.subarray(from, at));
        from = at + 1;
      }
      const rest = chunk.subarray(from);
      if (rest.length > 0) {
        // Of a line that is too long already only the length is kept.
        if (pendingBytes <= MAX_LINE) pending.push(rest);
        pendingBytes += rest.length;
      }
      yield { lines, bytes: read - counted };
      counted = read;
    }
  } catch (cause) {
    throw new ProjectError(
      'IMPORT_DAMAGED',
      `cannot be unpacked to its end: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause, path },
    );
  }
  const lines: Line[] = [];
  if (pendingBytes > 0) finish(lines, Buffer.alloc(0));
  yield { lines, bytes: read - counted };
}
