/** `sundew up` on one machine: seconds until it is ready, and the memory of all its processes while nothing happens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/cli/paths.ts';
import { freePort } from '../../test/support/stack.ts';
import type { Bench, Benchmark } from '../bench.ts';
import { processFigures, processTree } from '../proc.ts';
import { formatBytes, formatNumber, type Row } from '../report.ts';
import { settled } from '../settle.ts';

const RSS_LIMIT = 700_000_000;
const READY_SECONDS = 5;
const READY_MAX_MS = 60_000;
const randomOffset = (): number => 10_000 + Math.floor(Math.random() * 14_000);

async function startUp(bench: Bench, data: string): Promise<{ child: ChildProcess; seconds: number }> {
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [
      join(PACKAGE_ROOT, 'bin', 'sundew.mjs'),
      'up',
      ...['--data', data, '--listen', `127.0.0.1:${await freePort()}`, '--port-offset', String(randomOffset())],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  bench.atEnd(() => stopUp(child));
  await new Promise<void>((resolve, reject) => {
    let said = '';
    const timer = setTimeout(
      () => reject(new Error(`not ready after ${READY_MAX_MS / 1000} s: ${said}`)),
      READY_MAX_MS,
    );
    const look = (chunk: Buffer): void => {
      said += chunk.toString();
      // The last line of what it says when everything runs.
      if (!said.includes('Ctrl-C')) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`sundew up ended with ${code}: ${said}`));
    });
  });
  return { child, seconds: (performance.now() - started) / 1000 };
}

async function stopUp(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  await gone;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export const idle: Benchmark = {
  name: 'idle',
  title: 'Everything idle (sundew up)',
  async run(bench): Promise<Row[]> {
    const data = bench.newFolder('up');
    const first = await startUp(bench, data);
    await stopUp(first.child);
    const again = await startUp(bench, data);
    const pids = processTree(again.child.pid ?? 0);
    const total = (): number => sum(pids.map((pid) => processFigures(pid).rssBytes));
    const rss = await settled(total, {
      tolerance: 0.01,
      steadyMs: bench.choose(15_000, 2000),
      maxMs: bench.choose(120_000, 10_000),
    });
    const figures = pids.map((pid) => processFigures(pid));
    const bare = await bench.startBare({ turns: [], closes: false });
    const bareRss = processFigures(bare.pid).rssBytes;
    await bare.stop();
    await stopUp(again.child);
    const pss = figures.map((figure) => figure.pssBytes ?? Number.NaN);
    return [
      {
        what: `all ${pids.length} processes`,
        measured: `${formatBytes(rss)} RSS`,
        yardstick: `a bare server ${formatBytes(bareRss)}`,
        reach: 'under 700 MB',
        holds: rss < RSS_LIMIT,
        note: `in the order of their start ${figures.map((figure) => formatBytes(figure.rssBytes)).join(', ')}; shared pages counted once ${formatBytes(sum(pss))}`,
      },
      {
        what: 'ready in a new data folder',
        measured: `${formatNumber(first.seconds)} s`,
        yardstick: `a bare server ${formatNumber(bare.startMs / 1000)} s`,
        reach: 'under 5 s',
        holds: first.seconds < READY_SECONDS,
        note: `in a folder that is there already: ${formatNumber(again.seconds)} s`,
      },
    ];
  },
};
