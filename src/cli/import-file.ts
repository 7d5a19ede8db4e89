/**
 * Imports one file: lines are read and parsed here, and delivered to the manager in batches. The manager keeps how far a file has come, so that an
 * interrupted import goes on there.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { errorCode, ProjectError } from '../events/index.ts';
import { IMPORT_FORMATS, importerFor, importerNamed } from '../manager/ingest/importers/formats.ts';
import type { Importer } from '../manager/ingest/importers/importer.ts';
import { ApiError, type Client } from './client.ts';
import { type Line, readLines } from './lines.ts';
import { progress } from './progress.ts';

const compress = promisify(zstdCompress);
const COMPRESSION = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
/** Rows of one delivery, and the bytes of its records at most. */
const BATCH_ROWS = 10_000;
const BATCH_BYTES = 24 * 1_048_576;
/** Head and tail of the file that its fingerprint is made of. */
const FINGERPRINT_BYTES = 1_048_576;
const RETRIES = 60;
const RETRY_MS = 1000;
/** Faults kept for the report; all are counted. */
const MAX_FAULTS = 1000;

export interface FileReport {
  file: string;
  format: string;
  rows: number;
  imported: number;
  duplicates: number;
  invalid: number;
  first: string | null;
  last: string | null;
  faults: { line: number; reason: string }[];
}

interface Progress {
  rows: number;
  imported: number;
  duplicates: number;
  invalid: number;
  done: boolean;
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** What a file is recognised by: its size, its beginning and its end, and how it is read. Standard input has no memory. */
async function fingerprintOf(path: string, how: string): Promise<{ fingerprint: string; size: number | undefined }> {
  if (path === '-') return { fingerprint: `stdin-${process.pid}-${Date.now()}`, size: undefined };
  let size: number;
  try {
    const stats = await stat(path);
    if (!stats.isFile()) throw new ProjectError('IMPORT_NO_FILE', 'this is no file', { path });
    size = stats.size;
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT')
      throw new ProjectError('IMPORT_NO_FILE', 'there is no such file', { cause, path });
    if (errorCode(cause) === 'EACCES')
      throw new ProjectError('IMPORT_NO_FILE', 'may not be read by this user', { cause, path });
    throw cause;
  }
  const handle = await open(path);
  try {
    const hash = createHash('sha256').update(`${how} ${size} `);
    hash.update(await readAt(handle, 0, FINGERPRINT_BYTES));
    hash.update(await readAt(handle, Math.max(0, size - FINGERPRINT_BYTES), FINGERPRINT_BYTES));
    return { fingerprint: hash.digest('hex'), size };
  } finally {
    await handle.close();
  }
}

async function progressOf(client: Client, fingerprint: string): Promise<Progress | undefined> {
  try {
    return await client.get<Progress>(`/imports/${fingerprint}`);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

function chooseImporter(format: string, firstLine: string): Importer {
  const importer = format === 'auto' ? importerFor(firstLine) : importerNamed(format);
  if (importer === undefined) {
    throw new ProjectError(
      'IMPORT_UNKNOWN_FORMAT',
      `this is no export that is known here (${IMPORT_FORMATS.join(', ')}); nothing was imported`,
      { format },
    );
  }
  return importer;
}

class Batch {
  parts: string[] = [];
  rows = 0;
  bytes = 0;

  add(part: string): void {
    this.parts.push(part);
    this.bytes += part.length;
  }
  get full(): boolean {
    return this.rows >= BATCH_ROWS || this.bytes >= BATCH_BYTES;
  }
}

export async function importFile(
  client: Client,
  path: string,
  options: { format: string; sensor?: string },
): Promise<FileReport> {
  const { fingerprint, size } = await fingerprintOf(path, `${options.format} ${options.sensor ?? ''}`);
  let before = path === '-' ? undefined : await progressOf(client, fingerprint);
  if (before?.done === true) {
    // A whole file again: its rows are counted anew, and found to be duplicates.
    await client.send('DELETE', `/imports/${fingerprint}`);
    before = undefined;
  }
  const report: FileReport = {
    file: path,
    format: options.format,
    rows: 0,
    imported: before?.imported ?? 0,
    duplicates: before?.duplicates ?? 0,
    invalid: 0,
    first: null,
    last: null,
    faults: [],
  };
  if (before !== undefined && before.rows > 0 && process.stderr.isTTY)
    process.stderr.write(`${path}: going on after ${before.rows} rows\n`);
  const bar = progress(`importing ${path}`, size);
  let importer: Importer | undefined;
  let batch = new Batch();

  async function deliver(done: boolean): Promise<void> {
    const query = { file: path, format: report.format, rows: report.rows, invalid: report.invalid, done: String(done) };
    const body = await compress(Buffer.from(batch.parts.join('')), COMPRESSION);
    for (let tries = 1; ; tries += 1) {
      try {
        const response = await client.fetch('POST', `/imports/${fingerprint}`, {
          query,
          body,
          headers: { 'content-type': 'application/x-ndjson', 'content-encoding': 'zstd' },
        });
        const stored = (await response.json()) as Progress;
        report.imported = stored.imported;
        report.duplicates = stored.duplicates;
        break;
      } catch (error) {
        const again = (error instanceof ApiError && error.status === 503) || errorCode(error) === 'MANAGER_UNREACHABLE';
        if (!again || tries >= RETRIES) throw error;
        await sleep(RETRY_MS);
      }
    }
    batch = new Batch();
  }

  function take(line: Line): void {
    importer ??= chooseImporter(options.format, line.text);
    report.format = importer.name;
    report.rows += 1;
    const result = line.tooLong ? ({ kind: 'invalid', reason: 'is too long' } as const) : importer.read(line.text);
    if (result.kind === 'invalid') {
      report.invalid += 1;
      if (report.faults.length < MAX_FAULTS) report.faults.push({ line: line.number, reason: result.reason });
    } else {
      const at = result.row.session.started_at;
      if (report.first === null || at < report.first) report.first = at;
      if (report.last === null || at > report.last) report.last = at;
    }
    // Rows of an earlier run are stored; they are read for the report alone.
    if (before !== undefined && report.rows <= before.rows) return;
    batch.rows += 1;
    if (result.kind === 'row') {
      const sensor = options.sensor ?? result.row.sensor;
      batch.add(`${JSON.stringify({ record: 'session', sensor, ...result.row.session })}\n`);
      for (const event of result.row.events) batch.add(`${JSON.stringify({ record: 'event', sensor, ...event })}\n`);
    }
  }

  try {
    for await (const { lines, bytes } of readLines(path)) {
      for (const line of lines) {
        take(line);
        if (batch.full) await deliver(false);
      }
      bar.add(bytes, { note: `${report.rows.toLocaleString('en')} rows` });
    }
    if (importer === undefined) throw new ProjectError('IMPORT_EMPTY', 'there is nothing in it', { path });
    await deliver(true);
  } finally {
    bar.stop();
  }
  return report;
}
