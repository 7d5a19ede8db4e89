/** The processes of one machine in a folder of their own, for tests: store host, manager, and a sensor where one is asked for. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '../../src/cli/client.ts';
import { type Config, type ConfigLayer, loadConfig } from '../../src/cli/config.ts';
import { openLogFile } from '../../src/cli/log-file.ts';
import { runningManager } from '../../src/cli/running-manager.ts';
import { makeStoreToken, managerPart, sensorPart, storePart } from '../../src/cli/stack.ts';
import { Supervised } from '../../src/cli/supervisor.ts';
import { errorText } from '../../src/events/index.ts';
import type { Persona } from '../../src/protocols/surfaces/persona.ts';
import { makePersona } from '../../src/protocols/surfaces/personas.ts';
import type { ServiceListing } from '../../src/sensor/sensor.ts';

export interface Stack {
  dataDir: string;
  config: Config;
  url: string;
  signInToken: string;
  client: Client;
  services: readonly ServiceListing[];
  store: Supervised;
  manager: Supervised;
  sensor: Supervised | undefined;
  /** The port of a service; the first where it has several. */
  port(protocol: string): number;
  stop(): Promise<void>;
}

/** A port nobody has at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const inUse = (error: unknown): boolean => (error as { code?: string }).code === 'SENSOR_PORT_IN_USE';
const OFFSET_TRIES = 5;
/** What is shown of the log of a stack that did not start. */
const LOG_TAIL = 2000;

/**
 * The ports of the services all move by one offset: one that nothing else has is found by trying. Below the range that outgoing connections take their ports
 * from, or a client that tries while the sensor is down can be given the sensor's own port.
 */
const randomOffset = (): number => 10_000 + Math.floor(Math.random() * 14_000);

/** Gives the sensor a seed whose machine fits: for client programs that know some versions of a product only. */
function writeSeed(dataDir: string, config: Config, fits: (persona: Persona) => boolean): void {
  for (let n = 0; ; n += 1) {
    const seed = createHash('sha256').update(String(n)).digest();
    if (!fits(makePersona(config.sensor.persona, seed, Date.now()))) continue;
    mkdirSync(join(dataDir, 'spool'), { mode: 0o700 });
    writeFileSync(join(dataDir, 'spool', 'seed'), `${seed.toString('hex')}\n`, { mode: 0o600 });
    return;
  }
}

export async function startStack(
  options: { sensor?: boolean; layer?: ConfigLayer; pauseMaxMs?: number; machine?: (persona: Persona) => boolean } = {},
): Promise<Stack> {
  const dataDir = mkdtempSync(join(tmpdir(), 'sundew-test-'));
  const log = openLogFile(join(dataDir, 'logs', 'sundew.log'));
  const listen = `127.0.0.1:${await freePort()}`;
  const load = (portOffset: number): Config =>
    loadConfig(dataDir, undefined, {
      manager: { listen, minFreeDiskMb: 0, ...options.layer?.manager },
      sensor: { services: 'all', portOffset, ...options.layer?.sensor },
    });
  let config = load(randomOffset());
  if (options.machine !== undefined) writeSeed(dataDir, config, options.machine);
  const token = makeStoreToken();
  const quiet = (): void => undefined;
  const store = new Supervised(storePart(dataDir, config, token), log, quiet, options.pauseMaxMs);
  const manager = new Supervised(managerPart(dataDir, config, token, true), log, quiet, options.pauseMaxMs);
  let sensor: Supervised | undefined;
  async function stop(): Promise<void> {
    await sensor?.stop();
    await manager.stop();
    await store.stop();
    log.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
  try {
    const [, ready] = await Promise.all([store.start(), manager.start()]);
    const url = String(ready.url);
    let services: ServiceListing[] = [];
    for (let tries = 1; options.sensor === true && sensor === undefined; tries += 1) {
      const candidate = new Supervised(sensorPart(dataDir, config, { url }), log, quiet, options.pauseMaxMs);
      try {
        services = (await candidate.start()).services as ServiceListing[];
        sensor = candidate;
      } catch (error) {
        if (!inUse(error) || tries >= OFFSET_TRIES) throw error;
        config = load(randomOffset());
      }
    }
    const target = await runningManager(dataDir);
    if (target === undefined) throw new Error('the manager does not answer');
    return {
      ...{ dataDir, config, url, services, store, manager, sensor },
      signInToken: String(ready.signInToken),
      client: new Client(target),
      port(protocol) {
        const service = services.find((listing) => listing.protocol === protocol);
        if (service === undefined) throw new Error(`no service ${protocol}`);
        return service.port;
      },
      stop,
    };
  } catch (error) {
    // A part that goes on running would keep the test's process alive for ever.
    const said = readFileSync(log.path, 'utf8').slice(-LOG_TAIL);
    await stop();
    throw new Error(`the stack did not start: ${errorText(error)}\n${said}`, { cause: error });
  }
}
