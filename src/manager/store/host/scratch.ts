/**
 * Files of requests under way. The rows of an insert always pass through a file that `file()` reads, never through a statement: the engine
 * ends inline rows at the first blank line and runs the rest as SQL. Results in formats with a beginning and an end pass through a file
 * too, because the engine's streams repeat both for every piece. Nothing here is synced: an insert that a crash cuts short was never
 * acknowledged, and its sender repeats it.
 */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EngineError, tooLarge } from './exception.ts';

/** Largest body of an insert, decompressed. */
export const MAX_ROWS_BYTES = 256 * 1_048_576;
/** Largest result that passes through a file. */
const MAX_RESULT_FILE_BYTES = 8 * 1024 * 1_048_576;
/** What such a result leaves free on the disk that the store needs. */
const MIN_FREE_BYTES = 1024 * 1_048_576;
/** How often a result that is being written is looked at. */
const WATCH_MS = 250;

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

  /** Lets `produce` have the engine write a result to a path, hands it to `use`, and removes the file. */
  async withResult(
    signal: AbortSignal,
    produce: (path: string, signal: AbortSignal) => Promise<unknown>,
    use: (path: string) => Promise<void>,
  ): Promise<void> {
    const path = join(this.#folder, `${randomUUID()}.result`);
    const stop = new AbortController();
    const watch = setInterval(() => {
      this.#check(path).catch((reason: unknown) => stop.abort(reason));
    }, WATCH_MS);
    try {
      await produce(path, AbortSignal.any([signal, stop.signal]));
      clearInterval(watch);
      await use(path);
    } catch (thrown) {
      throw stop.signal.aborted ? stop.signal.reason : thrown;
    } finally {
      clearInterval(watch);
      await rm(path, { force: true });
    }
  }

  /** Throws where a result has become too large, or the store's disk too full. */
  async #check(path: string): Promise<void> {
    const size = (await stat(path).catch(() => null))?.size ?? 0;
    const { bavail, bsize } = await statfs(this.#folder);
    if (size > MAX_RESULT_FILE_BYTES) {
      throw new EngineError(396, 'TOO_MANY_ROWS_OR_BYTES', `The result is larger than ${MAX_RESULT_FILE_BYTES} bytes`);
    }
    if (size > 0 && bavail * bsize < MIN_FREE_BYTES) {
      throw new EngineError(
        243,
        'NOT_ENOUGH_SPACE',
        `A result may not take the last ${MIN_FREE_BYTES} bytes of the disk`,
      );
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
