/** `sundew up`, `sundew manager`, `sundew sensor`: what runs. */
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { errorCode, errorText, ProjectError } from '../../events/errors.ts';
import { PERSONA_KINDS } from '../../protocols/surfaces/persona.ts';
import type { ServiceListing } from '../../sensor/sensor.ts';
import { type Config, type ConfigLayer, loadConfig, UP_DEFAULTS } from '../config.ts';
import { makeDataFolder } from '../data-folder.ts';
import { type LogFile, openLogFile } from '../log-file.ts';
import { print } from '../output.ts';
import { sensorPart } from '../stack.ts';
import { startManager } from '../start-manager.ts';
import { type Part, Supervised, stopAll } from '../supervisor.ts';
import { UsageError } from '../usage.ts';

interface SensorFlags {
  bind?: string;
  portOffset?: number;
  persona?: string;
  services?: 'auto' | 'all' | string[];
}
interface UpFlags extends SensorFlags {
  data: string;
  config?: string;
  listen?: string;
}

function integer(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new InvalidArgumentError('write a whole number from 0 to 65535.');
  return Number(text);
}

const parseServices = (text: string): SensorFlags['services'] =>
  text === 'auto' || text === 'all' ? text : text.split(',').map((name) => name.trim());

const configOption = new Option('--config <file>', 'the configuration file').default(
  undefined,
  'sundew.yaml in the data folder',
);
const listenOption = new Option('--listen <address>', 'address and port of the dashboard and the API').default(
  undefined,
  '127.0.0.1:8420',
);

function withSensorOptions(command: Command, offset: string): Command {
  return command
    .addOption(new Option('--bind <address>', 'address that the decoys listen on').default(undefined, '127.0.0.1'))
    .addOption(
      new Option('--port-offset <n>', 'added to every port of a decoy').argParser(integer).default(undefined, offset),
    )
    .addOption(
      new Option('--persona <name>', 'the machine to pretend to be')
        .choices(PERSONA_KINDS)
        .default(undefined, 'windows-server'),
    )
    .addOption(new Option('--services <list>', 'auto, all, or names with commas between').argParser(parseServices));
}

/** Drops what was not given, so that the configuration file decides. */
function given<Layer extends object>(layer: Layer): Record<string, unknown> {
  return Object.fromEntries(Object.entries(layer).filter(([, value]) => value !== undefined));
}

const sensorLayer = ({ bind, portOffset, persona, services }: SensorFlags): Record<string, unknown> =>
  given({ bind, portOffset, persona, services });

/** Runs parts until a signal comes; says what happens to them. */
class Running {
  private readonly parts: Supervised[] = [];
  private stopping = false;
  readonly log: LogFile;

  constructor(dataDir: string) {
    makeDataFolder(dataDir);
    this.log = openLogFile(join(dataDir, 'logs', 'sundew.log'));
  }

  add(part: Part): Supervised {
    if (this.stopping) throw new ProjectError('STOPPING', 'stopped while starting');
    const supervised = new Supervised(part, this.log, (name, code, signal) => {
      process.stderr.write(
        `the ${name} ended (${signal ?? `code ${code}`}) and is started again; see ${this.log.path}\n`,
      );
    });
    this.parts.push(supervised);
    return supervised;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    // The sensor first, so that what it still has is on disk; the store last, so that the manager can finish.
    await stopAll(this.parts);
    this.log.close();
  }

  /** Starts by `start`, then waits for a signal; whatever happens, everything is stopped. */
  async run(start: () => Promise<void>): Promise<void> {
    const signalled = new Promise<void>((resolveSignal) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolveSignal());
    });
    try {
      await Promise.race([start(), signalled]);
      await signalled;
    } finally {
      await this.stop();
    }
  }
}

/** What a person sees first: where to look, what listens, and what to try. */
function welcome(
  manager: { url: string; signInToken: string } | undefined,
  services: readonly ServiceListing[],
  log: string,
): string {
  const lines: string[] = [''];
  if (manager !== undefined) {
    lines.push(
      `  Dashboard   ${manager.url}`,
      `  Sign in     ${manager.url}/signin#token=${manager.signInToken}`,
      '              (works once, for an hour)',
      '',
    );
  }
  if (services.length > 0) {
    lines.push('  Decoys');
    for (const service of services)
      lines.push(
        `    ${service.protocol.padEnd(8)} ${`${service.host}:${service.port}`.padEnd(22)} ${service.persona}`,
      );
    const http = services.find((service) => service.protocol === 'http');
    const host = (http?.host ?? '') === '0.0.0.0' ? '127.0.0.1' : http?.host;
    lines.push('');
    if (http !== undefined) lines.push(`  Try         curl http://${host}:${http.port}/`, '');
  }
  lines.push(`  Log         ${log}`, '  Stop        Ctrl-C', '');
  return lines.join('\n');
}

/** The address under which a process of this machine reaches a manager that listens on all of them. */
const localUrl = (url: string): string => url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');

async function runManager(
  running: Running,
  dataDir: string,
  config: Config,
  withLocalSensor: boolean,
): Promise<{ url: string; signInToken: string }> {
  const ready = await startManager(dataDir, config, withLocalSensor, (part) => running.add(part));
  return { url: String(ready.url), signInToken: String(ready.signInToken) };
}

async function startSensor(
  running: Running,
  dataDir: string,
  config: Config,
  manager: { url: string; token?: string } | undefined,
): Promise<ServiceListing[]> {
  try {
    const ready = await running.add(sensorPart(dataDir, config, manager)).start();
    return ready.services as ServiceListing[];
  } catch (cause) {
    if (errorCode(cause) !== 'SPOOL_LOCKED') throw cause;
    throw new ProjectError(
      'DATA_IN_USE',
      `a sensor runs on the data folder ${dataDir} already: ${errorText(cause)}; stop it, or choose another folder with --data`,
      { cause, dataDir },
    );
  }
}

/**
 * The configuration under the flags. Names of services, their options and an offset of one's own can be wrong in ways that only the services know; these
 * are loaded into this process only then, because it stays for as long as its parts do.
 */
async function configOf(
  dataDir: string,
  given: string | undefined,
  flags: ConfigLayer,
  defaults: ConfigLayer = {},
): Promise<Config> {
  const config = loadConfig(dataDir, given, flags, { defaults });
  const { services, options, portOffset } = config.sensor;
  const usual = portOffset === 0 || portOffset === UP_DEFAULTS.sensor?.portOffset;
  if (typeof services === 'string' && Object.keys(options).length === 0 && usual) return config;
  const { chooseServices } = await import('../../sensor/sensor.ts');
  return loadConfig(dataDir, given, flags, { defaults, check: chooseServices });
}

export function upCommand(): Command {
  return withSensorOptions(new Command('up'), '20000')
    .addOption(listenOption)
    .addOption(configOption)
    .addHelpText(
      'after',
      `
By default the decoys listen on 127.0.0.1 with 20000 added to every port, so that trying it exposes nothing.
The real thing, as root or with the right to open low ports:
  sundew up --bind 0.0.0.0 --port-offset 0 --services auto`,
    )
    .action(async (flags: UpFlags) => {
      const dataDir = resolve(flags.data);
      const config = await configOf(
        dataDir,
        flags.config,
        { manager: given({ listen: flags.listen }), sensor: sensorLayer(flags) },
        UP_DEFAULTS,
      );
      const running = new Running(dataDir);
      await running.run(async () => {
        const manager = await runManager(running, dataDir, config, true);
        const services = await startSensor(running, dataDir, config, { url: localUrl(manager.url) });
        print(welcome(manager, services, running.log.path));
      });
    });
}

export function managerCommand(): Command {
  return new Command('manager')
    .addOption(listenOption)
    .addOption(configOption)
    .addHelpText('after', '\nExample:\n  sundew manager --data /var/lib/sundew --listen 127.0.0.1:8420')
    .action(async (flags: UpFlags) => {
      const dataDir = resolve(flags.data);
      const config = await configOf(dataDir, flags.config, { manager: given({ listen: flags.listen }) });
      const running = new Running(dataDir);
      await running.run(async () => {
        print(welcome(await runManager(running, dataDir, config, false), [], running.log.path));
      });
    });
}

export function sensorCommand(): Command {
  return withSensorOptions(new Command('sensor'), '0')
    .addOption(configOption)
    .option('--manager <url>', 'where records are delivered to')
    .option('--token <token>', 'the credential of this sensor, as `sundew sensors add` printed it')
    .addHelpText(
      'after',
      '\nExample:\n  sundew sensor --manager http://manager.example:8420 --token sds_… --bind 0.0.0.0',
    )
    .action(async (flags: UpFlags & { manager?: string; token?: string }) => {
      const { manager, token } = flags;
      if ((manager === undefined) !== (token === undefined))
        throw new UsageError(
          '--manager and --token belong together; `sundew sensors add NAME` on the manager prints both',
        );
      if (manager !== undefined && !URL.canParse(manager))
        throw new UsageError(`--manager ${manager} is no address; write http://HOST:PORT`);
      const dataDir = resolve(flags.data);
      const config = await configOf(dataDir, flags.config, { sensor: sensorLayer(flags) });
      const running = new Running(dataDir);
      await running.run(async () => {
        const services = await startSensor(
          running,
          dataDir,
          config,
          manager === undefined || token === undefined ? undefined : { url: manager, token },
        );
        print(welcome(undefined, services, running.log.path));
      });
    });
}
