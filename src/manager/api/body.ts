/** Bodies of records: lines of JSON, plain or compressed, unpacked and read within stated bounds. */
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import type { ZodType } from 'zod';
import { type Parsed, type ParseOptions, parseLines } from '../ingest/parse.ts';
import { Turnstile } from '../turnstile.ts';
import { HttpProblem } from './problem.ts';

export interface BodyLimits {
  /** Bytes as they come, and unpacked. */
  bytes: number;
  unpacked: number;
  lines: number;
}

const MEBIBYTE = 1_048_576;
/** An uplink sends batches of 8 MiB and 20,000 records. */
export const SENSOR_LIMITS: BodyLimits = { bytes: 16 * MEBIBYTE, unpacked: 32 * MEBIBYTE, lines: 50_000 };
export const IMPORT_LIMITS: BodyLimits = { bytes: 32 * MEBIBYTE, unpacked: 96 * MEBIBYTE, lines: 400_000 };
/** Bodies unpacked and read at the same time: the memory that they need is a multiple of their size. */
const AT_ONCE = 4;

const unpackers: Readonly<Record<string, (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>> = {
  zstd: promisify(zstdDecompress),
  gzip: promisify(gunzip),
};

async function unpack(request: FastifyRequest, most: number): Promise<Buffer> {
  const { body } = request;
  // A body of another type was read as what it is: as no records, it would be answered as if they were stored.
  if (!Buffer.isBuffer(body)) throw new HttpProblem({ status: 415, detail: 'send records as application/x-ndjson' });
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return body;
  const unpacker = Object.hasOwn(unpackers, encoding) ? unpackers[encoding] : undefined;
  if (unpacker === undefined)
    throw new HttpProblem({ status: 415, detail: 'send the records plain, or with the content encoding zstd or gzip' });
  try {
    return await unpacker(body, { maxOutputLength: most });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new HttpProblem({ status: 413, detail: `more than ${most} bytes unpacked` });
    throw new HttpProblem({ status: 400, type: 'body_unreadable', detail: 'the body cannot be unpacked' });
  }
}

const turnstile = new Turnstile(AT_ONCE);

/** The records of a body and the size of what they were read from. */
export async function readRecords<Record>(
  request: FastifyRequest,
  schema: ZodType<Record>,
  limits: BodyLimits,
  check: NonNullable<ParseOptions<Record>['check']>,
): Promise<Parsed<Record> & { bytes: number }> {
  return await turnstile.through(async () => {
    const body = await unpack(request, limits.unpacked);
    const parsed = await parseLines(body, schema, { maxLines: limits.lines, check });
    if (parsed.tooMany) throw new HttpProblem({ status: 413, detail: `more than ${limits.lines} lines` });
    return { ...parsed, bytes: body.length };
  });
}
