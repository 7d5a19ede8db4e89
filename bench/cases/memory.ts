/** Memory of a sensor alone: idle with every service, and for each idle connection that it holds. */
import type { Bench, Benchmark } from '../bench.ts';
import { factsOf, isServed, type ModeFacts, recordDialogue } from '../modes.ts';
import { processFigures } from '../proc.ts';
import { formatBytes, formatNumber, type Row } from '../report.ts';
import { settled } from '../settle.ts';

const IDLE_LIMIT = 120_000_000;
const HELD_LIMIT = 60_000;
const SOURCES = 8;

const restingRss = (bench: Bench, pid: number): Promise<number> =>
  settled(() => processFigures(pid).rssBytes, {
    tolerance: 0.005,
    steadyMs: bench.choose(5000, 1000),
    maxMs: bench.choose(60_000, 5000),
  });

async function idle(bench: Bench): Promise<Row> {
  bench.say('idle');
  const sensor = await bench.startSensor({ services: 'all' });
  const bare = await bench.startBare({ turns: [], closes: false });
  const rss = await restingRss(bench, sensor.pid);
  const bareRss = await restingRss(bench, bare.pid);
  const listeners = sensor.services.length;
  await bare.stop();
  await sensor.stop();
  return {
    what: 'sensor idle with every service',
    measured: `${formatBytes(rss)} RSS`,
    yardstick: `bare server ${formatBytes(bareRss)}; Dionaea 62 MB`,
    reach: 'under 120 MB',
    holds: rss < IDLE_LIMIT,
    note: `${listeners} listening ports`,
  };
}

/**
 * Growth from some held connections to many: the first of them bring the collector to work on what the start left behind, which would hide what the rest
 * take.
 */
async function held(bench: Bench, facts: ModeFacts): Promise<Row> {
  bench.say(`held ${facts.service} connections`);
  const connections = bench.choose(2000, 600);
  const before = bench.choose(500, 200);
  const sensor = await bench.startSensor({ services: [facts.service], persona: facts.persona });
  const bare = await bench.startBare(await recordDialogue(sensor, facts));
  const each: Record<'sensor' | 'bare', number> = { sensor: Number.NaN, bare: Number.NaN };
  let open = 0;
  for (const which of ['sensor', 'bare'] as const) {
    const { pid } = which === 'sensor' ? sensor : bare;
    const order = {
      mode: facts.mode,
      host: '127.0.0.1',
      port: which === 'sensor' ? sensor.port(facts.service) : bare.port,
      sources: SOURCES,
      greets: facts.greets,
    };
    const first = await bench.hold({ ...order, connections: before });
    const low = await restingRss(bench, pid);
    const rest = await bench.hold({ ...order, connections });
    if (which === 'sensor') open = rest.held;
    each[which] = ((await restingRss(bench, pid)) - low) / Math.max(1, rest.held);
    await rest.release();
    await first.release();
  }
  await bare.stop();
  await sensor.stop();
  // Less than nothing is no measurement: the collector gave back more than the connections took.
  const telling = each.sensor > 0;
  return {
    what: `each idle ${facts.service} connection held`,
    measured: `${formatBytes(each.sensor)} RSS`,
    yardstick: `bare server ${formatBytes(each.bare)}`,
    reach: 'under 60 kB',
    holds: open < connections ? false : telling ? each.sensor < HELD_LIMIT : undefined,
    note: `${formatNumber(open)} of ${formatNumber(connections)} held after the greeting, beyond ${before} before${telling ? '' : '; lost in the noise'}`,
  };
}

export const memory: Benchmark = {
  name: 'memory',
  title: 'Sensor memory',
  async run(bench) {
    const rows = [await idle(bench)];
    for (const facts of [factsOf('ftp-login'), factsOf('telnet-login')])
      if (isServed(facts)) rows.push(await held(bench, facts));
    return rows;
  },
};
