/** 400 connects at once, each a whole attempt: how long until the last is served. Dionaea accepted about 80 of them in 11 seconds. */
import type { Bench, Benchmark } from '../bench.ts';
import type { Mode } from '../load/conversations.ts';
import type { LoadResult } from '../load/main.ts';
import { factsOf, isServed, type ModeFacts, recordDialogue } from '../modes.ts';
import { formatMs, type Row } from '../report.ts';
import { median } from '../statistics.ts';

const CONNECTS = 400;
const SOURCES = 8;
const LIMIT_MS = 1000;
const MODES: readonly Mode[] = ['tcp-connect', 'http-get', 'ftp-login', 'mssql-login'];

async function measureMode(bench: Bench, facts: ModeFacts): Promise<Row> {
  const sensor = await bench.startSensor({ services: [facts.service], persona: facts.persona });
  const bare = await bench.startBare(await recordDialogue(sensor, facts));
  const rounds = bench.choose(5, 2);
  const results = { sensor: [] as LoadResult[], bare: [] as LoadResult[] };
  for (let round = 0; round < rounds; round += 1) {
    for (const which of ['sensor', 'bare'] as const) {
      const result = await bench.load({
        mode: facts.mode,
        host: '127.0.0.1',
        port: which === 'sensor' ? sensor.port(facts.service) : bare.port,
        sources: SOURCES,
        run: `${which === 'sensor' ? 's' : 'b'}${round}`,
        concurrency: CONNECTS,
        attempts: CONNECTS,
        seconds: 60,
      });
      results[which].push(result);
    }
  }
  await bare.stop();
  await sensor.stop();
  const worst = Math.max(...results.sensor.map((result) => result.seconds * 1000));
  const served = Math.min(...results.sensor.map((result) => result.ok));
  const bareServed = Math.min(...results.bare.map((result) => result.ok));
  if (bareServed < CONNECTS) throw new Error(`the bare server served ${bareServed} of ${CONNECTS}`);
  return {
    what: `${facts.title}, ${CONNECTS} at once`,
    measured: `${served} served, the last after ${formatMs(worst)} (worst of ${rounds})`,
    yardstick: `bare server ${formatMs(median(results.bare.map((result) => result.seconds * 1000)))}`,
    reach: 'all within 1 s',
    holds: served === CONNECTS && worst <= LIMIT_MS,
    note: 'the first burst meets a sensor that has just started',
  };
}

export const burst: Benchmark = {
  name: 'burst',
  title: 'Burst of connects',
  async run(bench) {
    const rows: Row[] = [];
    for (const mode of MODES) {
      const facts = factsOf(mode);
      if (isServed(facts)) rows.push(await measureMode(bench, facts));
    }
    return rows;
  },
};
