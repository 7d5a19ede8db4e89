/**
 * Imports one file: lines are read and parsed here, and delivered to the manager in batches. The manager keeps how far a file has come, so that an
 * interrupted import goes on there.
 */
import { createHash, randomUUID } from 'node:crypto';
import { accessSync, statSync } from 'node:fs';
import { constants, type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { constants as zlib, zstdCompress } from 'node:zlib';
import { errorCode, errorText, ProjectError } from '../events/index.ts';
import { IMPORT_FORMATS, importerFor, importerNamed } from '../manager/ingest/importers/formats.ts';
import type { Importer } from '../manager/ingest/importers/importer.ts';
import { ApiError, type Client } from './client.ts';
import type { Line } from './line.ts';
import { readLines } from './lines.ts';
import { progress } from './progress.ts';

const compress = promisify(zstdCompress);
const COMPRESSION = { params: { [zlib.ZSTD_c_compressionLevel]: 1 } };
/** Rows of one delivery, and the bytes of its records at most. */
const BATCH_ROWS = 10_000;
const BATCH_BYTES = 24 * 1_048_576;
/** Head and tail of the file that its fingerprint is made of. */
const FINGERPRINT_BYTES = 1_048_576;
const RETRIES = 60;
const RETRY_MS = 1000;
/** Lines that are looked at for one that tells the format, and how much is kept of each of those before it. */
const LOOK_LINES = 100;
const MAX_UNREAD = 65_536;
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
  /** Why the file could not be read to its end, if it could not. What came before is stored. */
  damage: string | null;
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

/** Says of each file that cannot be read why, before anything is started for it. Reads nothing: a pipe can be read but once. */
export function checkFile(path: string): void {
  if (path === '-') return;
  try {
    if (statSync(path).isDirectory())
      throw new ProjectError('IMPORT_NO_FILE', 'this is a folder; name the files in it', { path });
    accessSync(path, constants.R_OK);
  } catch (cause) {
    switch (errorCode(cause)) {
      case 'ENOENT':
      case 'ENOTDIR':
        throw new ProjectError('IMPORT_NO_FILE', 'there is no such file', { cause, path });
      case 'EACCES':
        throw new ProjectError('IMPORT_NO_FILE', 'may not be read by this user', { cause, path });
      default:
        throw cause;
    }
  }
}

interface Identity {
  fingerprint: string;
  size: number | undefined;
}

/** What a file is recognised by: its size, its beginning and its end, and how it is read. Standard input and pipes have no memory. */
async function identityOf(path: string, how: string): Promise<Identity> {
  const stats = path === '-' ? undefined : await stat(path);
  if (stats?.isFile() !== true)
    return { fingerprint: `stream-${process.pid}-${Date.now()}-${randomUUID()}`, size: undefined };
  const { size } = stats;
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

const unknownFormat = (): ProjectError =>
  new ProjectError(
    'IMPORT_UNKNOWN_FORMAT',
    `this is no export that is known here (${IMPORT_FORMATS.join(', ')}); nothing was imported`,
  );

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

/** Imports a file that `checkFile` let pass. */
export async function importFile(
  client: Client,
  path: string,
  options: { format: string; sensor?: string },
): Promise<FileReport> {
  checkFile(path);
  const { fingerprint, size } = await identityOf(path, `${options.format} ${options.sensor ?? ''}`);
  let before = size === undefined ? undefined : await progressOf(client, fingerprint);
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
    damage: null,
  };
  const storedRows = before?.rows ?? 0;
  if (storedRows > 0 && process.stderr.isTTY) process.stderr.write(`${path}: going on after ${storedRows} rows\n`);
  const bar = progress(`importing ${path}`, size);
  let importer = options.format === 'auto' ? undefined : importerNamed(options.format);
  /** Lines from before one that tells what the file is. */
  const unread: Line[] = [];
  let headerRead = false;
  let batch = new Batch();

  async function deliver(done: boolean): Promise<void> {
    const query = { file: path, format: report.format, rows: report.rows, invalid: report.invalid, done: String(done) };
    const body = await compress(Buffer.from(batch.parts.join('')), COMPRESSION);
    const stored = await persistently(client, async () => {
      const response = await client.fetch('POST', `/imports/${fingerprint}`, {
        query,
        body,
        headers: { 'content-type': 'application/x-ndjson', 'content-encoding': 'zstd' },
      });
      return (await response.json()) as Progress;
    });
    report.imported = stored.imported;
    report.duplicates = stored.duplicates;
    batch = new Batch();
  }

  function read(line: Line, by: Importer): void {
    report.rows += 1;
    const result = line.tooLong ? ({ kind: 'invalid', reason: 'is too long' } as const) : by.read(line.text);
    if (result.kind === 'invalid') {
      report.invalid += 1;
      if (report.faults.length < MAX_FAULTS) report.faults.push({ line: line.number, reason: result.reason });
    } else {
      const at = result.row.session.started_at;
      if (report.first === null || at < report.first) report.first = at;
      if (report.last === null || at > report.last) report.last = at;
    }
    // Rows of an earlier run are stored; they are read for the report alone.
    if (report.rows <= storedRows) return;
    batch.rows += 1;
    if (result.kind === 'row') {
      const sensor = options.sensor ?? result.row.sensor;
      batch.add(`${JSON.stringify({ record: 'session', sensor, ...result.row.session })}\n`);
      for (const event of result.row.events) batch.add(`${JSON.stringify({ record: 'event', sensor, ...event })}\n`);
    }
  }

  function take(line: Line): void {
    importer ??= importerFor(line.text);
    if (importer === undefined) {
      // The first lines of a file may be broken ones as well as any others.
      unread.push(line.tooLong ? line : { ...line, text: line.text.slice(0, MAX_UNREAD) });
      if (unread.length > LOOK_LINES) throw unknownFormat();
      return;
    }
    report.format = importer.name;
    if (importer.withHeader !== undefined && !headerRead) {
      importer = importer.withHeader(line.text);
      headerRead = true;
      return;
    }
    if (unread.length > 0) for (const one of unread.splice(0)) read(one, importer);
    read(line, importer);
  }

  try {
    for await (const { lines, bytes } of readLines(path)) {
      for (const line of lines) {
        take(line);
        if (batch.full) await deliver(false);
      }
      bar.add(bytes, { note: `${report.rows.toLocaleString('en')} rows` });
    }
  } catch (error) {
    if (errorCode(error) !== 'IMPORT_DAMAGED' || importer === undefined) throw error;
    report.damage = errorText(error);
  } finally {
    bar.stop();
  }
  if (unread.length > 0) throw unknownFormat();
  if (importer === undefined || (report.rows === 0 && report.damage === null))
    throw new ProjectError('IMPORT_EMPTY', 'there is nothing in it', { path });
  await deliver(report.damage === null);
  return report;
}

/** Repeats what failed because the manager is away for a moment, or takes nothing in at the moment. */
async function persistently<Result>(client: Client, action: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await action();
    } catch (error) {
      const again =
        error instanceof ApiError
          ? error.status === 503 || error.status === 504
          : !(error instanceof ProjectError) || errorCode(error) === 'MANAGER_UNREACHABLE';
      if (!again || tries >= RETRIES) throw error;
      await sleep(RETRY_MS);
      await client.renew();
    }
  }
}
