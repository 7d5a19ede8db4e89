/** A manager with the generated export in its store: made once, used by the benchmarks of the import and of the dashboard. */
import { spawn } from 'node:child_process';
import { createReadStream, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { PACKAGE_ROOT } from '../src/cli/paths.ts';
import { type Stack, startStack } from '../test/support/stack.ts';
import type { Bench } from './bench.ts';
import { REFERENCE_ROWS, writeMhnExport } from './generate-mhn.ts';
import { settled } from './settle.ts';

const USUAL_ROWS = 400_000;
const QUICK_ROWS = 20_000;

export interface Imported {
  stack: Stack;
  rows: number;
  /** Rows that the import says are stored, and sessions that the store says it has. */
  imported: number;
  sessions: number;
  seconds: number;
  jsonBytes: number;
  gzipBytes: number;
  storeBytes: number;
  /** Reading every line and parsing its JSON, in one process. */
  parseSeconds: number;
}

/** Bytes that a folder takes on the disk. */
function diskBytes(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    // The engine removes parts while we look.
    const stats = lstatSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false });
    if (stats?.isFile() === true) bytes += stats.blocks * 512;
  }
  return bytes;
}

async function parseAll(path: string): Promise<number> {
  const started = performance.now();
  let rest = '';
  let rows = 0;
  for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 20 })) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (JSON.parse(line) !== null) rows += 1;
  }
  if (rows === 0) throw new Error('nothing was generated');
  return (performance.now() - started) / 1000;
}

async function gzipSize(path: string): Promise<number> {
  let bytes = 0;
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), createGzip({ level: 6 }), async (packed) => {
    for await (const chunk of packed) bytes += (chunk as Buffer).length;
  });
  return bytes;
}

/** The command, as a person calls it. */
function runImport(file: string, dataDir: string): Promise<{ imported: number; seconds: number }> {
  const started = performance.now();
  const command = ['import', file, '--data', dataDir, '--json'];
  const child = spawn(process.execPath, [join(PACKAGE_ROOT, 'bin', 'sundew.mjs'), ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code !== 0) reject(new Error(`the import ended with ${code}`));
      else
        resolve({
          imported: (JSON.parse(printed) as { imported: number }).imported,
          seconds: (performance.now() - started) / 1000,
        });
    });
  });
}

async function make(bench: Bench): Promise<Imported> {
  const rows = bench.full ? REFERENCE_ROWS : bench.choose(USUAL_ROWS, QUICK_ROWS);
  const file = join(bench.newFolder('export'), 'session.json');
  bench.say(`an export of ${rows.toLocaleString('en')} rows`);
  const jsonBytes = await writeMhnExport(file, rows);
  bench.say('the yardsticks');
  const parseSeconds = await parseAll(file);
  const gzipBytes = await gzipSize(file);
  const stack = await startStack();
  bench.atEnd(() => stack.stop());
  const store = join(stack.dataDir, 'store');
  const emptyBytes = diskBytes(store);
  bench.say('the import');
  const { imported, seconds } = await runImport(file, stack.dataDir);
  bench.say('the store merges');
  const storeBytes = await settled(() => diskBytes(store), {
    tolerance: 0.01,
    // Replaced parts are removed some minutes after a merge.
    steadyMs: bench.choose(60_000, 2000),
    maxMs: bench.choose(900_000, 5000),
  });
  const { sessions } = await stack.client.get<{ sessions: number }>('/stats/summary');
  return {
    ...{ stack, rows, imported, sessions, seconds, jsonBytes, gzipBytes, parseSeconds },
    storeBytes: storeBytes - emptyBytes,
  };
}

const made = new WeakMap<Bench, Promise<Imported>>();

export function imported(bench: Bench): Promise<Imported> {
  const before = made.get(bench);
  if (before !== undefined) return before;
  const now = make(bench);
  made.set(bench, now);
  return now;
}
