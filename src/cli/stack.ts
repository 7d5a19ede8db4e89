/** The processes of one machine: store host, manager and sensor, as parts for the supervisor. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { PACKAGE_ROOT, storeSocket, VERSION } from './paths.ts';
import type { Part } from './supervisor.ts';

const source = (path: string): string => join(PACKAGE_ROOT, 'src', path);
/** libuv's threads for the engine: its sessions and what the process itself needs (see the store host). */
const STORE_THREADS = '24';

/** Compiled code is kept from start to start: a part starts faster, and is smaller without the compiler. Each trusts only its own folder. */
const compileCache = (dir: string): Record<string, string> => ({ NODE_COMPILE_CACHE: join(dir, 'compiled') });

/** The name of the local sensor: that of the machine. */
const LOCAL_SENSOR = (): string =>
  hostname()
    .replace(/[^\w.@ -]/g, '-')
    .slice(0, 64) || 'local';

/** The token between the local sensor and its manager: made once, so that each can be restarted alone. */
function localSensorToken(dataDir: string): string {
  const path = join(dataDir, 'secrets', 'local-sensor');
  mkdirSync(join(dataDir, 'secrets'), { recursive: true, mode: 0o700 });
  if (!existsSync(path))
    writeFileSync(path, `sds_${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  return readFileSync(path, 'utf8').trim();
}

export function storePart(dataDir: string, config: Config, token: string): Part {
  const args = [
    source('manager/store/host/main.ts'),
    '--data',
    join(dataDir, 'store'),
    '--socket',
    storeSocket(dataDir),
    '--memory-mb',
    String(config.manager.storeMemoryMb),
  ];
  return {
    name: 'store',
    args,
    input: { token },
    environment: { UV_THREADPOOL_SIZE: STORE_THREADS, ...compileCache(join(dataDir, 'run')) },
  };
}

export function managerPart(dataDir: string, config: Config, token: string, withLocalSensor: boolean): Part {
  return {
    name: 'manager',
    args: [source('manager/main.ts')],
    environment: compileCache(join(dataDir, 'run')),
    input: {
      dataDir,
      version: VERSION,
      config: config.manager,
      store: { socketPath: storeSocket(dataDir), token },
      ...(withLocalSensor ? { localSensor: { name: LOCAL_SENSOR(), token: localSensorToken(dataDir) } } : {}),
      webRoot: join(PACKAGE_ROOT, 'web', 'dist'),
    },
  };
}

/**
 * The sensor under Node's permission model: it reads the program and its own folder, writes its own folder, and starts no process and loads no native code.
 */
export function sensorPart(
  dataDir: string,
  config: Config,
  manager: { url: string; token?: string } | undefined,
): Part {
  const dir = join(dataDir, 'spool');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const readable = [
    join(PACKAGE_ROOT, 'src'),
    join(PACKAGE_ROOT, 'node_modules'),
    join(PACKAGE_ROOT, 'package.json'),
    dir,
    '/proc/sys/kernel/random/boot_id',
  ];
  return {
    name: 'sensor',
    args: [
      '--permission',
      ...readable.map((path) => `--allow-fs-read=${path}`),
      `--allow-fs-write=${dir}`,
      source('sensor/main.ts'),
    ],
    environment: compileCache(dir),
    input: {
      dir,
      version: VERSION,
      config: config.sensor,
      ...(manager === undefined
        ? {}
        : { manager: { url: manager.url, token: manager.token ?? localSensorToken(dataDir) } }),
    },
  };
}

export const makeStoreToken = (): string => randomBytes(32).toString('base64url');
