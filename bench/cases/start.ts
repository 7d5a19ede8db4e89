/** From the start of a sensor's process until its services listen. */
import type { Benchmark } from '../bench.ts';
import { formatMs } from '../report.ts';
import { median } from '../statistics.ts';

const LIMIT_MS = 500;

export const start: Benchmark = {
  name: 'start',
  title: 'Sensor start',
  async run(bench) {
    const rounds = bench.choose(7, 2);
    const dir = bench.newFolder('sensor');
    const first = await bench.startSensor({ services: 'all' }, dir);
    await first.stop();
    const times: number[] = [];
    const bareTimes: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const sensor = await bench.startSensor({ services: 'all' }, dir);
      times.push(sensor.startMs);
      await sensor.stop();
      const bare = await bench.startBare({ turns: [], closes: false });
      bareTimes.push(bare.startMs);
      await bare.stop();
    }
    const ms = median(times);
    return [
      {
        what: 'sensor with every service, started again',
        measured: formatMs(ms),
        yardstick: `bare server ${formatMs(median(bareTimes))}`,
        reach: 'under 500 ms (as a bundle)',
        holds: ms < LIMIT_MS,
        note: `from source, median of ${rounds}; the first start, with a new seed and new keys, took ${formatMs(first.startMs)}`,
      },
    ];
  },
};
