/**
 * From the spool to stored and acknowledged: deliveries of eight simulated sensors to a real manager with its store, everything on this machine's cores,
 * while a dashboard is open. First as fast as it goes, then at the steady rate. Afterwards the store is asked how many sessions it has.
 */
import { join } from 'node:path';
import { type Stack, startStack } from '../../test/support/stack.ts';
import type { Bench, Benchmark } from '../bench.ts';
import type { DeliverOrder, DeliverResult } from '../ingest/main.ts';
import { fillSpool, makePool, type Pool } from '../ingest/pool.ts';
import { keepAsking } from '../page.ts';
import { processFigures } from '../proc.ts';
import { formatBytes, formatMs, formatNumber, formatPercent, formatRate, type Row } from '../report.ts';
import { percentile } from '../statistics.ts';

const SENSORS = 8;
const BURST_PER_SECOND = 50_000;
const STEADY_PER_SECOND = 10_000;
const QUERY_LIMIT_MS = 300;
/** Records of a delivery: a sensor that catches up sends full batches, one that keeps up small ones. */
const FULL_BATCH = 20_000;
const SMALL_BATCH = 2500;
const PAGE_EVERY_MS = 1000;
/** Seconds of the steady rate in the design, and usually here. */
const STEADY_FULL = 600;

async function deliver(bench: Bench, order: DeliverOrder): Promise<DeliverResult> {
  const { result, child } = bench.worker('ingest/main.ts', order);
  const delivered = (await result) as DeliverResult;
  child.stdin?.end();
  return delivered;
}

interface Measured {
  delivered: DeliverResult;
  queries: number[];
  cpuSeconds: number;
  rssBytes: number;
  /** Sessions that the store has more than before. */
  stored: number;
}

const sessionsIn = async (stack: Stack): Promise<number> =>
  (await stack.client.get<{ sessions: number }>('/stats/summary')).sessions;

async function measure(bench: Bench, stack: Stack, order: DeliverOrder): Promise<Measured> {
  const pids = [stack.manager.pid ?? 0, stack.store.pid ?? 0];
  const cpu = (): number => pids.reduce((sum, pid) => sum + processFigures(pid).cpuSeconds, 0);
  const before = { sessions: await sessionsIn(stack), cpu: cpu() };
  const page = new AbortController();
  const asking = keepAsking(stack.client, PAGE_EVERY_MS, page.signal);
  // A failure of either ends both.
  const delivered = await Promise.race([
    deliver(bench, order),
    asking.then(() => Promise.reject(new Error('no page'))),
  ]);
  page.abort();
  const queries = await asking;
  return {
    delivered,
    queries,
    cpuSeconds: cpu() - before.cpu,
    rssBytes: pids.reduce((sum, pid) => sum + processFigures(pid).rssBytes, 0),
    stored: (await sessionsIn(stack)) - before.sessions,
  };
}

function rowsOf(steadySeconds: number | undefined, measured: Measured, bare: DeliverResult, pool: Pool): Row[] {
  const { delivered, queries, stored } = measured;
  const steady = steadySeconds !== undefined;
  const title = steady ? `steady for ${steadySeconds} s` : 'burst';
  const wanted = steady ? STEADY_PER_SECOND : BURST_PER_SECOND;
  const rate = delivered.sessions / delivered.seconds;
  const bareRate = bare.sessions / bare.seconds;
  const p95 = percentile(queries, 0.95);
  const share = (pool.records / pool.sessions).toFixed(1);
  // A short run can miss the steady numbers, and not prove them. What is offered is the steady rate less the last batch of each sensor.
  const proven = (ok: boolean): boolean | undefined => (!ok ? false : steadySeconds === STEADY_FULL ? true : undefined);
  return [
    {
      what: `${title}, sessions stored and acknowledged`,
      measured: `${formatRate(rate)} (${formatRate(delivered.records / delivered.seconds)} records)`,
      yardstick: `unpack and sync to a file ${formatRate(bareRate)}; ${formatPercent(rate / bareRate)} of it`,
      reach: `at least ${formatRate(wanted)}${steady ? ' for ten minutes' : ''}`,
      holds: steady ? proven(rate >= wanted * 0.99) : rate >= wanted,
      note: `${share} records and ${formatBytes(pool.bytes / pool.sessions)} of JSON a session; ${formatNumber((measured.cpuSeconds * 1e6) / delivered.sessions)} µs CPU of manager and store each; acknowledged p50/p95 ${formatNumber(delivered.latency.p50)}/${formatMs(delivered.latency.p95)}; ${delivered.putOff} put off; RSS of both ${formatBytes(measured.rssBytes)}`,
    },
    {
      what: `${title}, stored once`,
      measured: `${formatNumber(stored)} of ${formatNumber(delivered.sessions)}`,
      yardstick: '',
      reach: 'all that were acknowledged',
      holds: stored === delivered.sessions,
    },
    {
      what: `${title}, the dashboard's queries meanwhile`,
      measured: `p95 ${formatMs(p95)}`,
      yardstick: '',
      reach: steady ? `p95 under ${QUERY_LIMIT_MS} ms for ten minutes` : '',
      holds: steady ? proven(p95 < QUERY_LIMIT_MS) : undefined,
      note: `${queries.length} answers, p50 ${formatMs(percentile(queries, 0.5))}, slowest ${formatMs(percentile(queries, 1))}`,
    },
  ];
}

export const ingest: Benchmark = {
  name: 'ingest',
  title: 'Ingest: spool to stored and acknowledged',
  async run(bench) {
    const attempts = bench.choose(60_000, 4000);
    bench.say(`a sensor records ${attempts} logins to deliver`);
    const queue = await fillSpool(bench, attempts);
    const full = await makePool(queue, bench.newFolder('full'), bench.choose(FULL_BATCH, SMALL_BATCH));
    const small = await makePool(queue, bench.newFolder('small'), SMALL_BATCH);

    bench.say('the yardstick');
    const bare = await bench.startBare({ file: join(bench.newFolder('bare'), 'records') }, 'ingest.ts');
    const names = Array.from({ length: SENSORS }, (_, index) => `bench-${index}`);
    const seconds = bench.choose(20, 3);
    const toBare = await deliver(bench, {
      url: `http://127.0.0.1:${bare.port}`,
      tokens: names,
      batches: full.batches,
      seconds: bench.choose(10, 2),
    });
    await bare.stop();

    const stack = await startStack();
    bench.atEnd(() => stack.stop());
    const tokens: string[] = [];
    for (const name of names)
      tokens.push((await stack.client.send<{ token: string }>('POST', '/sensors', { name })).token);
    const order = { url: stack.url, tokens };
    bench.say('as fast as it goes');
    const fast = await measure(bench, stack, { ...order, batches: full.batches, seconds });
    bench.say(`at ${STEADY_PER_SECOND} sessions a second`);
    const steadySeconds = bench.full ? STEADY_FULL : seconds;
    const steady = await measure(bench, stack, {
      ...order,
      batches: small.batches,
      seconds: steadySeconds,
      perSecond: STEADY_PER_SECOND,
    });
    await stack.stop();
    return [...rowsOf(undefined, fast, toBare, full), ...rowsOf(steadySeconds, steady, toBare, small)];
  },
};
