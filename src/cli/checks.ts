/** What `sundew doctor` looks at. Each check is small, says what it saw, and what to do where it is not right. */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { errorText } from '../events/index.ts';
import { splitListen } from '../manager/config.ts';
import type { Sensor } from '../manager/fleet/sensors.ts';
import { chooseServices } from '../sensor/sensor.ts';
import { Client } from './client.ts';
import { type Config, loadConfig } from './config.ts';
import { runningManager } from './connect.ts';

export interface CheckResult {
  name: string;
  level: 'ok' | 'warning' | 'problem';
  text: string;
  advice?: string;
}

const GIBIBYTE = 1_073_741_824;
const LOW_MEMORY = 2 * GIBIBYTE;
const LOW_DISK = 5 * GIBIBYTE;
const LATE_MS = 30_000;

const ok = (name: string, text: string): CheckResult => ({ name, level: 'ok', text });
const warning = (name: string, text: string, advice: string): CheckResult => ({ name, level: 'warning', text, advice });
const problem = (name: string, text: string, advice: string): CheckResult => ({ name, level: 'problem', text, advice });

const gib = (bytes: number): string => `${(bytes / GIBIBYTE).toFixed(1)} GiB`;

function checkFolder(dataDir: string): CheckResult {
  if (!existsSync(dataDir)) return ok('data folder', `${dataDir} will be made at the first start`);
  try {
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    return ok('data folder', dataDir);
  } catch {
    return problem(
      'data folder',
      `${dataDir} may not be written by this user`,
      `run as its owner, or: sudo chown -R $(id -un) ${dataDir}`,
    );
  }
}

function checkDisk(dataDir: string): CheckResult {
  const stats = statfsSync(existsSync(dataDir) ? dataDir : '/');
  const free = stats.bavail * stats.bsize;
  if (free < LOW_DISK)
    return warning(
      'disk',
      `${gib(free)} free`,
      'make room, or choose a folder on a larger disk with --data: intake stops before the disk is full',
    );
  return ok('disk', `${gib(free)} free`);
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

async function checkPorts(config: Config): Promise<CheckResult[]> {
  const { host, port } = splitListen(config.manager.listen);
  const results = [portResult('manager port', host, port, await canListen(host, port))];
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

/** All checks. With a manager running its state is asked for, otherwise whether the ports that it needs are free. */
export async function runChecks(dataDir: string): Promise<CheckResult[]> {
  const results = [checkFolder(dataDir), checkDisk(dataDir), checkMemory(), checkClock()];
  let config: Config;
  try {
    config = loadConfig(dataDir, undefined, {}, { sensor: { services: 'all', portOffset: 20_000 } });
    results.push(
      ok('configuration', existsSync(join(dataDir, 'sundew.yaml')) ? join(dataDir, 'sundew.yaml') : 'defaults'),
    );
  } catch (error) {
    return [
      ...results,
      problem('configuration', errorText(error), 'mend the file; `sundew config check` says when it is right'),
    ];
  }
  const running = await runningManager(dataDir);
  if (running === undefined)
    return [...results, ok('manager', 'does not run on this data folder'), ...(await checkPorts(config))];
  results.push(ok('manager', `runs at ${running.url}`));
  return [...results, ...(await checkRunning(new Client(running)))];
}
