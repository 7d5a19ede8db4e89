/**
 * Files of requests under way. The rows of an insert always pass through a file that `file()` reads, never through a statement: the engine
 * ends inline rows at the first blank line and runs the rest as SQL. Results in formats with a beginning and an end pass through a file
 * too, because the engine's streams repeat both for every piece. Nothing here is synced: an insert that a crash cuts short was never
 * acknowledged, and its sender repeats it.
 */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { tooLarge } from './exception.ts';

/** Largest body of an insert, decompressed. */
export const MAX_ROWS_BYTES = 256 * 1_048_576;

export interface RowsFile {
  path: string;
  bytes: number;
  /** Lines that hold more than spaces. */
  lines: number;
}

const NEWLINE = 0x0a;
const SPACE = 0x20;

export class ScratchFolder {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the folder, and removes what a killed process left in it. */
  async open(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
  }

  /** Writes rows to a file, hands it to `use`, and removes it. */
  async withRows<T>(
    rows: Iterable<Buffer> | AsyncIterable<Buffer>,
    signal: AbortSignal,
    use: (file: RowsFile) => Promise<T>,
  ): Promise<T> {
    const path = join(this.#folder, `${randomUUID()}.rows`);
    try {
      const counter = new LineCounter();
      await pipeline(rows, counter, createWriteStream(path, { mode: 0o600 }), { signal });
      return await use({ path, bytes: counter.bytes, lines: counter.lines });
    } finally {
      await rm(path, { force: true });
    }
  }

  /** Hands `use` a path for the engine to write a result to, and removes the file. */
  async withResult<T>(use: (path: string) => Promise<T>): Promise<T> {
    const path = join(this.#folder, `${randomUUID()}.result`);
    try {
      return await use(path);
    } finally {
      await rm(path, { force: true });
    }
  }
}

/** Counts what passes and holds it to the limit. */
class LineCounter extends Transform {
  bytes = 0;
  lines = 0;
  #blank = true;

  override _transform(chunk: Buffer, _encoding: string, done: (error: Error | null, chunk?: Buffer) => void): void {
    this.bytes += chunk.length;
    if (this.bytes > MAX_ROWS_BYTES) {
      done(tooLarge(`The rows of an insert are larger than ${MAX_ROWS_BYTES} bytes`));
      return;
    }
    let start = 0;
    while (start < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, start);
      const end = newline < 0 ? chunk.length : newline;
      for (let i = start; this.#blank && i < end; i += 1) this.#blank = (chunk[i] ?? 0) <= SPACE;
      if (newline >= 0) {
        if (!this.#blank) this.lines += 1;
        this.#blank = true;
      }
      start = end + 1;
    }
    done(null, chunk);
  }

  override _flush(done: (error?: Error | null) => void): void {
    if (!this.#blank) this.lines += 1;
    done();
  }
}
