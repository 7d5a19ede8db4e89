/** The bytes of a file or of standard input as UTF-8: unpacked where they are gzip, converted where they are UTF-16, without a byte order mark. */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { errorText, ProjectError } from '../events/errors.ts';

const READ_BYTES = 1_048_576;
/** Packed bytes unpacked at once: what comes of them, a thousand times as much at worst, is held in memory. */
const UNPACK_BYTES = 65_536;
const GZIP = [0x1f, 0x8b] as const;
const UTF16_LITTLE = [0xff, 0xfe] as const;
const UTF8_MARK = [0xef, 0xbb, 0xbf] as const;

const beginsWith = (bytes: Buffer, mark: readonly number[]): boolean =>
  mark.every((byte, index) => bytes[index] === byte);

export interface Bytes {
  chunks: AsyncIterable<Buffer>;
  /** Bytes read of the file, before unpacking: what a progress bar can show. */
  read(): number;
}

async function* rawChunks(path: string, count: (bytes: number) => void): AsyncGenerator<Buffer> {
  const raw: Readable = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: READ_BYTES });
  for await (const chunk of raw as AsyncIterable<Buffer>) {
    count(chunk.length);
    yield chunk;
  }
}

/**
 * Everything that can be unpacked comes out before the damage is told: a stream that ends in an error throws away what waits in it, so that the
 * unpacker is asked piece by piece here.
 */
async function* unpacked(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  let out: Buffer[] = [];
  gunzip.on('data', (chunk: Buffer) => out.push(chunk));
  const failed = new Promise<Error>((resolve) => gunzip.once('error', resolve));
  const ended = new Promise<undefined>((resolve) => gunzip.once('end', () => resolve(undefined)));
  function* taken(): Generator<Buffer> {
    const pieces = out;
    out = [];
    yield* pieces;
  }
  const damaged = (cause: Error): ProjectError =>
    new ProjectError('IMPORT_DAMAGED', `cannot be unpacked to its end: ${errorText(cause)}`, { cause });
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += UNPACK_BYTES) {
      const written = new Promise<undefined>((resolve) =>
        gunzip.write(chunk.subarray(at, at + UNPACK_BYTES), () => resolve(undefined)),
      );
      const failure = await Promise.race([failed, written]);
      yield* taken();
      if (failure !== undefined) throw damaged(failure);
    }
  }
  gunzip.end();
  const failure = await Promise.race([failed, ended]);
  yield* taken();
  if (failure !== undefined) throw damaged(failure);
}

async function* peeked(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield head;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** Chunks again after a look at the first bytes; as many as the longest mark has, where there are so many. */
async function peek(chunks: AsyncIterable<Buffer>): Promise<{ head: Buffer; chunks: AsyncIterable<Buffer> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (head.length < UTF8_MARK.length) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return { head, chunks: peeked(head, iterator) };
}

async function* asText(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { head, chunks } = await peek(source);
  if (beginsWith(head, UTF16_LITTLE)) {
    // What PowerShell writes for `mongoexport … > file`.
    const decoder = new TextDecoder('utf-16le');
    for await (const chunk of chunks) yield Buffer.from(decoder.decode(chunk, { stream: true }));
    return;
  }
  let skip = beginsWith(head, UTF8_MARK) ? UTF8_MARK.length : 0;
  for await (const chunk of chunks) {
    yield skip > 0 ? chunk.subarray(skip) : chunk;
    skip = 0;
  }
}

export async function openBytes(path: string): Promise<Bytes> {
  let read = 0;
  const raw = await peek(
    rawChunks(path, (bytes) => {
      read += bytes;
    }),
  );
  return { chunks: asText(beginsWith(raw.head, GZIP) ? unpacked(raw.chunks) : raw.chunks), read: () => read };
}
