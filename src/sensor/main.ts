/**
 * The sensor process. Its configuration comes as one line of JSON on standard input, so that no secret stands in the process list; when standard input
 * closes, whoever started it is gone and it stops. One line of JSON on standard output says that it is ready or why it is not; the log is JSON lines on
 * standard error.
 */
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { errorCode, errorText } from '../events/index.ts';
import { sensorConfig } from './config.ts';
import { type SensorLog, startSensor } from './sensor.ts';

const launch = z.strictObject({
  dir: z.string(),
  version: z.string(),
  config: sensorConfig,
  manager: z.strictObject({ url: z.url(), token: z.string() }).optional(),
});

const log: SensorLog = (level, message, facts) => {
  process.stderr.write(
    `${JSON.stringify({ level, time: new Date().toISOString(), part: 'sensor', msg: message, ...facts })}\n`,
  );
};
const say = (event: Readonly<Record<string, unknown>>): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
};

async function main(): Promise<void> {
  const input = createInterface({ input: process.stdin });
  const closed = new Promise<void>((resolve) => input.once('close', resolve));
  const [line] = await Promise.race([
    new Promise<[string]>((resolve) => input.once('line', (text) => resolve([text]))),
    closed.then((): [string] => ['']),
  ]);
  if (line === '') return;
  const { manager, ...options } = launch.parse(JSON.parse(line));
  const sensor = await startSensor({ ...options, log, ...(manager === undefined ? {} : { manager }) });
  say({ event: 'ready', services: sensor.services });
  await Promise.race([
    closed,
    new Promise((resolve) => process.once('SIGTERM', resolve)),
    new Promise((resolve) => process.once('SIGINT', resolve)),
  ]);
  await sensor.stop();
}

// A bug must not end the sensor: it is logged, and the connection it happened in is left to its limits.
process.on('uncaughtException', (error) =>
  log('error', 'an exception nobody caught', { error: errorText(error), stack: error.stack }),
);
process.on('unhandledRejection', (error) => log('error', 'a rejection nobody caught', { error: errorText(error) }));

try {
  await main();
  process.exit(0);
} catch (error) {
  say({ event: 'failed', code: errorCode(error) ?? 'SENSOR_FAILED', message: errorText(error) });
  process.exit(1);
}
