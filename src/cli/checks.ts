/** What `sundew doctor` looks at. Each check is small, says what it saw, and what to do where it is not right. */
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { freemem, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { errorText } from '../events/index.ts';
import { splitListen } from '../manager/config.ts';
import type { Sensor } from '../manager/fleet/sensors.ts';
import { chooseServices } from '../sensor/sensor.ts';
import { Client } from './client.ts';
import { type Config, loadConfig, UP_DEFAULTS } from './config.ts';
import { folderTrouble } from './data-folder.ts';
import { runningManager } from './running-manager.ts';
import { runningSensor } from './running-sensor.ts';

export interface CheckResult {
  name: string;
  level: 'ok' | 'warning' | 'problem';
  text: string;
  advice?: string;
}

const MEBIBYTE = 1_048_576;
const GIBIBYTE = 1_073_741_824;
const LOW_MEMORY = 2 * GIBIBYTE;
const LOW_DISK = 5 * GIBIBYTE;
const LATE_MS = 30_000;

const ok = (name: string, text: string): CheckResult => ({ name, level: 'ok', text });
const warning = (name: string, text: string, advice: string): CheckResult => ({ name, level: 'warning', text, advice });
const problem = (name: string, text: string, advice: string): CheckResult => ({ name, level: 'problem', text, advice });

const gib = (bytes: number): string => `${(bytes / GIBIBYTE).toFixed(1)} GiB`;

/** The folder itself, or where it will be made: the nearest one above it that is there. */
function nearest(dataDir: string): string {
  let dir = resolve(dataDir);
  while (!existsSync(dir) && dirname(dir) !== dir) dir = dirname(dir);
  return dir;
}

function checkFolder(dataDir: string): CheckResult {
  const dir = nearest(dataDir);
  try {
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    if (!statSync(dir).isDirectory())
      return problem('data folder', `${dir} is a file`, 'move it away, or choose another folder with --data');
    return ok('data folder', dir === resolve(dataDir) ? dataDir : `${dataDir} will be made at the first start`);
  } catch (error) {
    return problem(
      'data folder',
      `${dir} cannot be used: ${folderTrouble(error)}`,
      `run as its owner, or: sudo chown -R $(id -un) ${dir}`,
    );
  }
}

function checkDisk(dataDir: string, minFreeBytes: number): CheckResult {
  const stats = statfsSync(nearest(dataDir));
  const free = stats.bavail * stats.bsize;
  const advice = 'make room, or choose a folder on a larger disk with --data: intake stops before the disk is full';
  if (free < minFreeBytes)
    return problem('disk', `${gib(free)} free, and nothing is taken in below ${gib(minFreeBytes)}`, advice);
  return free < LOW_DISK ? warning('disk', `${gib(free)} free`, advice) : ok('disk', `${gib(free)} free`);
}

function checkMemory(): CheckResult {
  if (totalmem() < LOW_MEMORY)
    return warning(
      'memory',
      `${gib(totalmem())} in all`,
      'the manager wants 2 GiB; a sensor alone is content with 256 MiB. Lower manager.storeMemoryMb if it must be',
    );
  return ok('memory', `${gib(freemem())} free of ${gib(totalmem())}`);
}

function checkClock(): CheckResult {
  const now = new Date();
  if (now.getUTCFullYear() < 2026)
    return problem(
      'clock',
      `this machine thinks it is ${now.toISOString()}`,
      'set the clock, and let it be kept: sudo timedatectl set-ntp true',
    );
  return ok('clock', now.toISOString());
}

function canListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function portResult(name: string, host: string, port: number, code: string | undefined): CheckResult {
  switch (code) {
    case undefined:
      return ok(name, `${host} port ${port} is free`);
    case 'EADDRINUSE':
      return problem(
        name,
        `${host} port ${port} is in use`,
        `see which program has it: ss -ltnp 'sport = :${port}'; stop it or choose another port`,
      );
    case 'EACCES':
      return problem(
        name,
        `${host} port ${port} needs the right to open low ports`,
        'run as root, give Node CAP_NET_BIND_SERVICE, or use --port-offset',
      );
    default:
      return problem(name, `${host} port ${port}: ${code}`, 'check sensor.bind and manager.listen');
  }
}

async function checkManagerPort(config: Config): Promise<CheckResult> {
  const { host, port } = splitListen(config.manager.listen);
  return portResult('manager port', host, port, await canListen(host, port));
}

async function checkDecoyPorts(config: Config): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const { service } of chooseServices(config.sensor)) {
    for (const real of service.ports) {
      const decoy = real + config.sensor.portOffset;
      results.push(
        portResult(`port of ${service.name}`, config.sensor.bind, decoy, await canListen(config.sensor.bind, decoy)),
      );
    }
  }
  return results;
}

interface Status {
  store: boolean;
  disk: { free_bytes: number };
  intake: { waiting: number; trouble: string | null; refused_segments: number };
}

async function checkRunning(client: Client): Promise<CheckResult[]> {
  const status = await client.get<Status>('/status');
  const results: CheckResult[] = [
    status.store
      ? ok('store', 'answers')
      : problem(
          'store',
          'does not answer',
          'it is started again by itself; if this stays, read logs/sundew.log in the data folder',
        ),
    status.intake.trouble === null
      ? ok('intake', `${status.intake.waiting} records wait`)
      : problem(
          'intake',
          status.intake.trouble,
          'records wait on the sensors meanwhile; mend the reason and they are stored',
        ),
  ];
  if (status.intake.refused_segments > 0)
    results.push(
      warning(
        'intake',
        `${status.intake.refused_segments} segments were refused by the store`,
        'they are kept in intake/*.refused; report them as a fault of this program',
      ),
    );
  const { data: sensors } = await client.get<{ data: Sensor[] }>('/sensors');
  for (const sensor of sensors) {
    const name = `sensor ${sensor.name}`;
    const age =
      sensor.last_contact_at === null ? Number.POSITIVE_INFINITY : Date.now() - Date.parse(sensor.last_contact_at);
    if (sensor.revoked_at !== null) continue;
    if (age > LATE_MS)
      results.push(
        warning(
          name,
          `was last heard of ${sensor.last_contact_at ?? 'never'}`,
          'is it running, and does its log say that it reaches the manager?',
        ),
      );
    else
      results.push(
        ok(name, `${sensor.status?.services.length ?? 0} services, ${sensor.status?.waiting ?? 0} records wait`),
      );
    const shed = Object.values(sensor.status?.shed ?? {}).reduce((sum, count) => sum + count, 0);
    if (shed > 0)
      results.push(
        warning(
          name,
          `${shed} records were shed because its spool was full`,
          'raise sensor.spoolBytes, or mend what keeps it from delivering',
        ),
      );
  }
  return results;
}

/** The sensor of this folder: what it has open where it runs, otherwise whether it could. */
async function checkSensor(dataDir: string, config: Config): Promise<CheckResult[]> {
  const services = runningSensor(dataDir);
  return services === undefined
    ? await checkDecoyPorts(config)
    : [ok('sensor', `runs on this data folder with ${services.length} services`)];
}

/** All checks. What runs is asked for its state; of what does not, whether the ports that it needs are free. */
export async function runChecks(dataDir: string, configPath?: string): Promise<CheckResult[]> {
  const results = [checkFolder(dataDir), checkMemory(), checkClock()];
  let config: Config;
  try {
    config = loadConfig(dataDir, configPath, {}, { defaults: UP_DEFAULTS, check: chooseServices });
    const path = configPath ?? join(dataDir, 'sundew.yaml');
    results.push(ok('configuration', existsSync(path) ? path : 'defaults'));
  } catch (error) {
    return [
      ...results,
      problem('configuration', errorText(error), 'mend the file; `sundew config check` says when it is right'),
    ];
  }
  results.push(checkDisk(dataDir, config.manager.minFreeDiskMb * MEBIBYTE));
  const running = await runningManager(dataDir);
  const manager =
    running === undefined
      ? [ok('manager', 'does not run on this data folder'), await checkManagerPort(config)]
      : [ok('manager', `runs at ${running.url}`), ...(await checkRunning(new Client(running)))];
  return [...results, ...manager, ...(await checkSensor(dataDir, config))];
}
