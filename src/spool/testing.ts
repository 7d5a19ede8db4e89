/** What the spool's tests share: folders that go away, a disk that fills up, and reading everything back. */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { errorCode } from '../events/errors.ts';
import type { Entry, RecordKind, Spool, SpoolFs } from './contract.ts';
import { realFs } from './files.ts';

export function tempDir(t: Pick<TestContext, 'after'>): string {
  const dir = mkdtempSync(join(tmpdir(), 'spool-'));
  t.after(() => rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  return dir;
}

export const record = (payload: string, kind: RecordKind = 2): Entry => ({ kind, payload });

/** The folder as a process killed now leaves it. A deletion that is under way may come before or after. */
export function killedCopy(t: Pick<TestContext, 'after'>, dir: string): string {
  const copy = tempDir(t);
  mkdirSync(join(copy, 'segments'));
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const from = join(entry.parentPath, entry.name);
    try {
      copyFileSync(from, from.replace(dir, copy));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
    }
  }
  return copy;
}

export function segmentFiles(dir: string): string[] {
  return readdirSync(join(dir, 'segments'))
    .filter((name) => name.endsWith('.seg'))
    .sort()
    .map((name) => join(dir, 'segments', name));
}

export interface Drained {
  boot: string;
  seq: number;
  text: string;
}

/** Everything that waits, in order, without acknowledging it. */
export function readAll(spool: Spool, maxBytes = 1000, maxRecords = 7): Drained[] {
  const all: Drained[] = [];
  for (let batch = spool.read(maxBytes, maxRecords); batch !== undefined; ) {
    const { boot, last, records } = batch;
    for (const { seq, payload } of records) all.push({ boot, seq, text: payload.toString() });
    batch = spool.read(maxBytes, maxRecords, { boot, seq: last });
  }
  return all;
}

export const texts = (spool: Spool): string[] => readAll(spool).map((each) => each.text);

/** Far more than anything that a test waits for takes. */
const PATIENCE_MS = 30_000;

export async function until(condition: () => boolean): Promise<void> {
  for (const began = Date.now(); !condition(); ) {
    if (Date.now() - began > PATIENCE_MS) throw new Error('the condition did not come true');
    await new Promise((done) => setImmediate(done));
  }
}

export interface LimitedDisk {
  fs: SpoolFs;
  /** Bytes that all files together may have. */
  capacity: number;
  /** Thrown by each write instead of writing, if set. */
  failWith: string | undefined;
}

/** A disk of limited size: a write takes what fits, and the next one fails. */
export function limitedDisk(dir: string, capacity: number): LimitedDisk {
  const used = (): number =>
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
  const fail = (code: string): never => {
    throw Object.assign(new Error(code), { code });
  };
  const disk: LimitedDisk = { fs: realFs, capacity, failWith: undefined };
  const writeSync = (fd: number, data: Buffer | string, ...rest: number[]): number => {
    if (disk.failWith !== undefined) fail(disk.failWith);
    const isText = typeof data === 'string';
    const bytes = isText ? Buffer.from(data) : data;
    const [offset = 0, length = bytes.length, position = 0] = isText ? [0, bytes.length, rest[0]] : rest;
    const grows = Math.max(0, position + length - realFs.fstatSync(fd).size);
    const room = Math.max(0, disk.capacity - used());
    if (grows > 0 && room === 0) fail('ENOSPC');
    return realFs.writeSync(fd, bytes, offset, length - Math.max(0, grows - room), position);
  };
  disk.fs = { ...realFs, writeSync: writeSync as SpoolFs['writeSync'] };
  return disk;
}
