/** Answers as a ClickHouse server gives them: headers, compression, and errors before or in the middle of a result. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, createBrotliCompress, createGzip, createZstdCompress, type Gzip } from 'node:zlib';
import { cancelled, type EngineError, engineError, httpStatus } from './exception.ts';

/** Longest time a client may take to read a piece of a result. */
const STALL_MS = 60_000;
/** Smaller results are not worth compressing. */
const MIN_COMPRESSED = 1024;

export interface Summary {
  writtenRows: number;
  writtenBytes: number;
  resultBytes: number;
}

const CONTENT_TYPES: readonly (readonly [RegExp, string])[] = [
  [/^JSON$|^JSONCompact$/, 'application/json; charset=UTF-8'],
  [/JSON/, 'application/x-ndjson; charset=UTF-8'],
  [/^CSV/, 'text/csv; charset=UTF-8'],
  [/^(TabSeparated|TSV)/, 'text/tab-separated-values; charset=UTF-8'],
  [/^(Parquet|Arrow|ORC|Native|RowBinary|Raw|Avro|MsgPack|Npy)/, 'application/octet-stream'],
];

const contentType = (format: string): string =>
  CONTENT_TYPES.find(([pattern]) => pattern.test(format))?.[1] ?? 'text/plain; charset=UTF-8';

/** The codecs that the client library asks for, in the order we prefer them. */
const ENCODERS: readonly (readonly [string, () => Gzip])[] = [
  ['zstd', () => createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } })],
  ['gzip', () => createGzip({ level: 1 })],
  ['br', () => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
];

export class Answer {
  readonly #response: ServerResponse;
  readonly #queryId: string;
  readonly #started = performance.now();
  readonly #encoding: (typeof ENCODERS)[number] | undefined;
  /** A word that no peer can guess, so that no result can pretend to hold an error. */
  readonly #tag = randomBytes(8).toString('hex');

  constructor(request: IncomingMessage, response: ServerResponse, queryId: string, compress: boolean) {
    this.#response = response;
    this.#queryId = queryId;
    const accepted = String(request.headers['accept-encoding'] ?? '');
    if (compress) this.#encoding = ENCODERS.find(([name]) => accepted.includes(name));
  }

  /** A result: whole where it is one piece, else as it comes. The first pieces are awaited, so that an early error has its status. */
  async result(format: string, chunks: AsyncIterable<Buffer>): Promise<void> {
    const iterator = chunks[Symbol.asyncIterator]();
    try {
      const first = await iterator.next();
      const second = first.done === true ? first : await iterator.next();
      if (second.done === true) await this.#whole(format, first.value ?? Buffer.alloc(0));
      else await this.#pieces(format, [first.value as Buffer, second.value], iterator);
    } finally {
      await iterator.return?.();
    }
  }

  /** An answer without a result. */
  async done(summary: Summary): Promise<void> {
    await this.#whole('TabSeparated', Buffer.alloc(0), summary);
  }

  error(error: EngineError): void {
    const body = Buffer.from(`${error.text}\n`);
    if (this.#response.headersSent || this.#response.destroyed) {
      this.#response.destroy();
      return;
    }
    const headers = { ...this.#headers('TabSeparated'), 'X-ClickHouse-Exception-Code': String(error.number) };
    this.#response.writeHead(httpStatus(error), { ...headers, 'Content-Length': body.length });
    this.#response.end(body);
  }

  async #whole(format: string, body: Buffer, summary?: Summary): Promise<void> {
    const headers = {
      ...this.#headers(format),
      'X-ClickHouse-Summary': this.#summary(summary ?? { writtenRows: 0, writtenBytes: 0, resultBytes: body.length }),
    };
    if (this.#encoding !== undefined && body.length >= MIN_COMPRESSED) {
      this.#response.writeHead(200, { ...headers, 'Content-Encoding': this.#encoding[0] });
      const encoder = this.#encoding[1]();
      encoder.pipe(this.#response);
      encoder.end(body);
      return;
    }
    this.#response.writeHead(200, { ...headers, 'Content-Length': body.length });
    this.#response.end(body);
  }

  async #pieces(format: string, held: Buffer[], rest: AsyncIterator<Buffer>): Promise<void> {
    const encoder = this.#encoding?.[1]();
    const sink = encoder ?? this.#response;
    this.#response.writeHead(200, {
      ...this.#headers(format),
      ...(this.#encoding === undefined ? {} : { 'Content-Encoding': this.#encoding[0] }),
    });
    encoder?.pipe(this.#response);
    try {
      for (const chunk of held) await this.#write(sink, chunk);
      for (let step = await rest.next(); step.done !== true; step = await rest.next())
        await this.#write(sink, step.value);
    } catch (thrown) {
      // What is compressed so far leaves first, so that the error arrives in one piece.
      if (encoder !== undefined) await new Promise<void>((resolve) => encoder.flush(resolve));
      sink.write(this.#lateError(engineError(thrown)));
    }
    sink.end();
  }

  async #write(sink: NodeJS.WritableStream, chunk: Buffer): Promise<void> {
    if (this.#response.destroyed) throw cancelled();
    if (sink.write(chunk)) return;
    await drained(sink, this.#response);
  }

  /** An error behind a part of the result, in the form of ClickHouse 25.11 and later. */
  #lateError(error: EngineError): string {
    const message = `${error.text}\n`;
    const length = Buffer.byteLength(message);
    return `\r\n__exception__\r\n${this.#tag}\r\n${message}${length} ${this.#tag}\r\n__exception__\r\n`;
  }

  #headers(format: string): Record<string, string> {
    return {
      'Content-Type': contentType(format),
      'X-ClickHouse-Server-Display-Name': 'sundew-store',
      'X-ClickHouse-Query-Id': this.#queryId,
      'X-ClickHouse-Format': format,
      'X-ClickHouse-Timezone': 'UTC',
      'X-ClickHouse-Exception-Tag': this.#tag,
    };
  }

  #summary({ writtenRows, writtenBytes, resultBytes }: Summary): string {
    return JSON.stringify({
      read_rows: String(writtenRows),
      read_bytes: String(writtenBytes),
      written_rows: String(writtenRows),
      written_bytes: String(writtenBytes),
      total_rows_to_read: '0',
      result_rows: String(writtenRows),
      result_bytes: String(resultBytes),
      elapsed_ns: String(Math.round((performance.now() - this.#started) * 1e6)),
    });
  }
}

/** Waits until the client has read what it was sent. One that reads nothing for too long is cut off; one that left needs no wait. */
async function drained(sink: NodeJS.WritableStream, response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      sink.off('drain', end);
      response.off('close', end);
      resolve();
    };
    const timer = setTimeout(() => response.destroy(), STALL_MS);
    sink.on('drain', end);
    response.on('close', end);
  });
}
