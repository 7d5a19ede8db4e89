/**
 * Attempts a second of a sensor alone, beside a bare server that says the same. The same client against both in turn, each first in every other round;
 * the ratio is the median of the rounds' own ratios. Afterwards every attempt is looked up in the spool.
 */
import type { AloneSensor, BareServer, Bench, Benchmark } from '../bench.ts';
import type { LoadResult } from '../load/main.ts';
import { isServed, LOGIN_MODES, type ModeFacts, recordDialogue, TELNET_SHELL } from '../modes.ts';
import { processFigures } from '../proc.ts';
import { type Expected, verifyRecorded } from '../recorded.ts';
import { formatBytes, formatMs, formatNumber, formatPercent, formatRate, type Row } from '../report.ts';
import { median } from '../statistics.ts';

const CONCURRENCY = 16;
const SOURCES = 8;
const BARE_SHARE = 0.6;
const SHELL_CPU_MS = 3;

interface Measured {
  result: LoadResult;
  /** CPU time of the server for each attempt, in milliseconds. */
  cpuMs: number;
}

interface Pair {
  sensor: Measured[];
  bare: Measured[];
}

async function measure(bench: Bench, facts: ModeFacts, server: AloneSensor | BareServer, run: string, seconds: number) {
  const port = 'queue' in server ? server.port(facts.service) : server.port;
  const before = processFigures(server.pid);
  const result = await bench.load({
    mode: facts.mode,
    host: '127.0.0.1',
    port,
    sources: SOURCES,
    run,
    concurrency: CONCURRENCY,
    seconds,
  });
  const after = processFigures(server.pid);
  // A yardstick that fails would flatter what is measured by it.
  if (!('queue' in server) && result.ok < result.attempts)
    throw new Error(
      `the bare server failed ${result.attempts - result.ok} of ${result.attempts} ${facts.mode} attempts`,
    );
  return { result, cpuMs: ((after.cpuSeconds - before.cpuSeconds) * 1000) / Math.max(1, result.attempts) };
}

async function measurePair(
  bench: Bench,
  facts: ModeFacts,
): Promise<{ pair: Pair; expected: Expected[]; rssBytes: number; queue: string }> {
  const sensor = await bench.startSensor({
    services: [facts.service],
    persona: facts.persona,
    ...(facts.options === undefined ? {} : { options: { [facts.service]: facts.options } }),
  });
  const bare = await bench.startBare(await recordDialogue(sensor, facts));
  const expected: Expected[] = [];
  const pair: Pair = { sensor: [], bare: [] };
  const seconds = bench.choose(5, 1);
  const rounds = bench.choose(4, 1);
  // The first round warms both up and is checked for its records, but not counted.
  for (let round = 0; round <= rounds; round += 1) {
    const order = round % 2 === 0 ? (['sensor', 'bare'] as const) : (['bare', 'sensor'] as const);
    for (const which of order) {
      const run = `${which === 'sensor' ? 's' : 'b'}${round}`;
      const length = round === 0 ? seconds / 2 : seconds;
      const measured = await measure(bench, facts, which === 'sensor' ? sensor : bare, run, length);
      if (which === 'sensor') expected.push({ mode: facts.mode, run, result: measured.result });
      if (round > 0) pair[which].push(measured);
    }
  }
  const { rssBytes } = processFigures(sensor.pid);
  await bare.stop();
  await sensor.stop();
  return { pair, expected, rssBytes, queue: sensor.queue };
}

const middle = (runs: readonly Measured[], of: (run: Measured) => number): number => median(runs.map(of));
const rateOf = (run: Measured): number => run.result.perSecond;

/** Everything that did not end well, by how it ended. */
function troubles(runs: readonly LoadResult[]): string {
  const counts = new Map<string, number>();
  for (const { outcomes } of runs)
    for (const [result, count] of Object.entries(outcomes))
      if (result !== 'ok') counts.set(result, (counts.get(result) ?? 0) + count);
  return [...counts].map(([result, count]) => `${count} ${result}`).join(', ');
}

async function measureMode(bench: Bench, facts: ModeFacts): Promise<Row[]> {
  bench.say(facts.title);
  const { pair, expected, rssBytes, queue } = await measurePair(bench, facts);
  const rate = middle(pair.sensor, rateOf);
  const bareRate = middle(pair.bare, rateOf);
  const ratio = median(
    pair.sensor.map((run, index) => run.result.perSecond / (pair.bare[index]?.result.perSecond ?? Number.NaN)),
  );
  const verdict = await verifyRecorded(queue, expected);
  const failures = troubles(expected.map((run) => run.result));
  const cpuMs = middle(pair.sensor, (run) => run.cpuMs);
  const p50 = middle(pair.sensor, (run) => run.result.latency.p50);
  const p99 = middle(pair.sensor, (run) => run.result.latency.p99);
  const rows: Row[] = [];
  const bareText = `bare server ${formatRate(bareRate)}, ${formatNumber(middle(pair.bare, (run) => run.cpuMs))} ms CPU each`;
  const shown = `${formatRate(rate)} = ${formatPercent(ratio)} of bare`;
  const note = `${formatNumber(cpuMs)} ms CPU each, p50/p99 ${formatNumber(p50)}/${formatMs(p99)}, RSS afterwards ${formatBytes(rssBytes)}`;
  if (facts.mode === 'telnet-shell') {
    rows.push({
      what: `${facts.title}, sessions`,
      measured: `${formatNumber(cpuMs)} ms CPU each (${shown})`,
      yardstick: bareText,
      reach: `under ${SHELL_CPU_MS} ms CPU each`,
      holds: cpuMs < SHELL_CPU_MS,
      note,
    });
  } else {
    rows.push({
      what: `${facts.title}, attempts`,
      measured: shown,
      yardstick: bareText,
      reach: `at least ${formatPercent(BARE_SHARE)} of bare`,
      holds: ratio >= BARE_SHARE,
      note,
    });
    if (facts.other !== undefined) {
      const { name, perSecond, times } = facts.other;
      rows.push({
        what: `${facts.title}, against ${name}`,
        measured: `${formatNumber(rate / perSecond)} times`,
        yardstick: `${name} ${formatRate(perSecond)}, measured before with such clients`,
        reach: `at least ${times} times`,
        holds: rate >= perSecond * times,
      });
    }
  }
  rows.push({
    what: `${facts.title}, recorded`,
    measured: `${formatNumber(verdict.recorded)} of ${formatNumber(verdict.attempts)}`,
    yardstick: '',
    reach: 'all, once, with what was given away',
    holds: verdict.attempts > 0 && verdict.lost === 0 && verdict.doubled === 0,
    note: [
      verdict.lost > 0 ? `${verdict.lost} lost` : '',
      verdict.doubled > 0 ? `${verdict.doubled} too often` : '',
      failures === '' ? 'no attempt failed' : `failed: ${failures}`,
    ]
      .filter((part) => part !== '')
      .join('; '),
  });
  return rows;
}

export const throughput: Benchmark = {
  name: 'throughput',
  title: 'Sensor alone: attempts completed and recorded',
  async run(bench) {
    const rows: Row[] = [];
    for (const facts of [...LOGIN_MODES, TELNET_SHELL])
      if (isServed(facts)) rows.push(...(await measureMode(bench, facts)));
    return rows;
  },
};
