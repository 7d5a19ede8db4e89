/**
 * The manager process. Its configuration comes as one line of JSON on standard input; when standard input closes, whoever started it is gone and it stops.
 * One line of JSON on standard output says that it is ready or why it is not.
 */
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { errorCode, errorText } from '../events/index.ts';
import { managerConfig } from './config.ts';
import { openLog } from './log.ts';
import { startManager } from './manager.ts';

const launch = z.strictObject({
  dataDir: z.string(),
  version: z.string(),
  config: managerConfig,
  store: z.strictObject({ socketPath: z.string(), token: z.string() }),
  localSensor: z.strictObject({ name: z.string(), token: z.string() }).optional(),
  webRoot: z.string().optional(),
});

const log = openLog('manager');
const say = (event: Readonly<Record<string, unknown>>): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
};

async function main(): Promise<void> {
  const input = createInterface({ input: process.stdin });
  const closed = new Promise<void>((resolve) => input.once('close', resolve));
  const line = await Promise.race([
    new Promise<string>((resolve) => input.once('line', resolve)),
    closed.then(() => ''),
  ]);
  if (line === '') return;
  const { localSensor, webRoot, ...options } = launch.parse(JSON.parse(line));
  const manager = await startManager({
    ...options,
    log,
    ...(localSensor === undefined ? {} : { localSensor }),
    ...(webRoot === undefined ? {} : { webRoot }),
  });
  say({ event: 'ready', url: manager.url, signInToken: manager.signInToken });
  await Promise.race([
    closed,
    new Promise((resolve) => process.once('SIGTERM', resolve)),
    new Promise((resolve) => process.once('SIGINT', resolve)),
  ]);
  await manager.stop();
}

process.on('unhandledRejection', (error) => log.error({ error: errorText(error) }, 'a rejection nobody caught'));

try {
  await main();
  process.exit(0);
} catch (error) {
  log.error({ code: errorCode(error), error: errorText(error) }, 'the manager cannot run');
  say({ event: 'failed', code: errorCode(error) ?? 'MANAGER_FAILED', message: errorText(error) });
  process.exit(1);
}
