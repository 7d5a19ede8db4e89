/** A running sensor: its services listen, its records go to the spool, and from there to the manager. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EventRecord, encodeRecord, errorText, ProjectError } from '../events/index.ts';
import { type AnyService, services } from '../protocols/registry.ts';
import { makeIdentity } from '../protocols/surfaces/identity.ts';
import { makePersona } from '../protocols/surfaces/personas.ts';
import { openSpool, type Spool } from '../spool/index.ts';
import type { SensorConfig } from './config.ts';
import { keyFolder, loadSeed } from './keys.ts';
import { type Faults, type Listener, listen } from './listener.ts';
import { type ConfigProblem, problemsOf } from './problems.ts';
import { closeRecovered } from './recover.ts';
import { Sessions } from './sessions.ts';
import { Turn } from './turn.ts';
import { Uplink } from './uplink.ts';

export type SensorLog = (
  level: 'info' | 'warn' | 'error',
  message: string,
  facts: Readonly<Record<string, unknown>>,
) => void;

export interface SensorOptions {
  /** The sensor's folder: spool, seed, keys and `services.json`. */
  dir: string;
  config: SensorConfig;
  /** Where the records go; without it they stay on the spool. */
  manager?: { url: string; token: string };
  version: string;
  log: SensorLog;
}

export interface ServiceListing {
  protocol: string;
  transport: string;
  host: string;
  port: number;
  persona: string;
}

export interface Sensor {
  services: readonly ServiceListing[];
  stop(): Promise<void>;
}

const MAX_PORT = 65_535;

/** The services that a configuration opens, with their options. All mistakes are reported together. */
export function chooseServices(config: SensorConfig): { service: AnyService; options: unknown }[] {
  const problems: ConfigProblem[] = [];
  const known = services.map((service) => service.name);
  const unknown = (name: string): string => `there is no service '${name}'; there are ${known.join(', ')}`;
  const listed = Array.isArray(config.services) ? config.services : [];
  for (const [index, name] of listed.entries())
    if (!known.includes(name)) problems.push({ path: ['services', index], message: unknown(name) });
  for (const name of Object.keys(config.options))
    if (!known.includes(name)) problems.push({ path: ['options', name], message: unknown(name) });
  // Options of services that stay closed are read too: a mistake in them is one all the same.
  const withOptions = services.map((service) => {
    const options = service.options.safeParse(config.options[service.name] ?? {});
    for (const issue of options.error?.issues ?? []) problems.push(...problemsOf(issue, ['options', service.name]));
    return { service, options: options.data };
  });
  const chosen = withOptions.filter(({ service }) => {
    if (config.services === 'all') return true;
    return config.services === 'auto'
      ? service.personas.includes(config.persona)
      : config.services.includes(service.name);
  });
  for (const { service } of chosen) {
    const over = service.ports.filter((port) => port + config.portOffset > MAX_PORT);
    if (over.length > 0)
      problems.push({
        path: ['portOffset'],
        message: `${service.name} on ${over.join(', ')} would get a port above ${MAX_PORT}`,
      });
  }
  if (problems.length > 0)
    throw new ProjectError(
      'CONFIG_INVALID',
      problems.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`).join('\n'),
      { problems },
    );
  return chosen;
}

const REPORT_SHED_MS = 1000;
/** How long peers have to take what was sent to them when the sensor stops. */
const STOP_GRACE_MS = 1000;

function shedEvent(now: number, fields: Record<string, unknown>): string {
  const event: EventRecord = {
    ...{
      src_ip: null,
      src_port: null,
      dst_ip: null,
      dst_port: null,
      transport: '',
      protocol: '',
      service: '',
      honeypot: 'sundew',
    },
    session_id: null,
    seq: 0,
    at: new Date(now).toISOString(),
    type: 'records.shed',
    fields,
  };
  return encodeRecord({ record: 'event', ...event });
}

export async function startSensor(options: SensorOptions): Promise<Sensor> {
  const { dir, config } = options;
  const chosen = chooseServices(config);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const spool = openSpool({ dir: join(dir, 'queue'), maxBytes: config.spoolBytes });
  const running = new RunningSensor(options, spool);
  try {
    await running.open(chosen);
  } catch (error) {
    await running.stop();
    throw error;
  }
  return running;
}

/** A sensor from the moment it has its spool. `stop` lets go of whatever of it is there. */
class RunningSensor implements Sensor {
  readonly services: ServiceListing[] = [];
  private readonly startedAt = new Date().toISOString();
  private readonly options: SensorOptions;
  private readonly spool: Spool;
  private readonly sessions: Sessions;
  private readonly turn: Turn;
  private readonly faultCounts: Record<string, number> = {};
  private readonly faults: Faults = { add: (code, error, facts) => this.fault(code, error, facts) };
  private readonly listeners: Listener[] = [];
  private shedReporter: NodeJS.Timeout | undefined;
  private uplink: Uplink | undefined;

  constructor(options: SensorOptions, spool: Spool) {
    this.options = options;
    this.spool = spool;
    this.sessions = new Sessions(options.config.limits);
    this.turn = new Turn(spool, (error) => this.fault('turn_failed', error, {}));
  }

  async open(chosen: ReturnType<typeof chooseServices>): Promise<void> {
    const { dir, config, log } = this.options;
    const seed = loadSeed(dir);
    const persona = makePersona(config.persona, seed, Date.now());
    const identity = makeIdentity(persona, keyFolder(join(dir, 'keys')));
    this.recover();
    for (const { service, options } of chosen) {
      for (const port of service.ports) {
        const listener = await listen({
          ...{ service, options, persona, identity, port, listenPort: port + config.portOffset },
          ...{ host: config.bind, limits: config.limits, dataPorts: config.dataPorts, bootId: this.spool.boot },
          ...{ sessions: this.sessions, turn: this.turn, faults: this.faults },
        });
        this.listeners.push(listener);
        this.services.push({
          protocol: service.name,
          transport: service.transport,
          host: config.bind,
          port: listener.port,
          persona: service.product(persona),
        });
      }
    }
    writeListing(join(dir, 'services.json'), this.services);
    this.shedReporter = setInterval(
      () => this.spool.reportShed((report) => shedEvent(Date.now(), { ...report })),
      REPORT_SHED_MS,
    );
    this.shedReporter.unref();
    const { manager } = this.options;
    if (manager === undefined) return;
    this.uplink = new Uplink({ ...manager, spool: this.spool, status: () => this.status(), log });
    this.uplink.start();
  }

  private recover(): void {
    const { log } = this.options;
    const { recovery } = this.spool;
    if (recovery.records > 0 || recovery.tornBytes > 0 || recovery.corruptBytes > 0)
      log('info', 'the spool was recovered', { ...recovery });
    const closed = closeRecovered(this.spool);
    if (closed > 0) log('info', 'sessions of the last run were closed', { sessions: closed });
  }

  private fault(code: string, error: unknown, facts: Readonly<Record<string, unknown>>): void {
    this.faultCounts[code] = (this.faultCounts[code] ?? 0) + 1;
    const stack = error instanceof Error ? error.stack : undefined;
    this.options.log('error', 'a fault of the sensor', { code, ...facts, error: errorText(error), stack });
  }

  private status(): unknown {
    const stats = this.spool.stats();
    return {
      version: this.options.version,
      started_at: this.startedAt,
      persona: this.options.config.persona,
      services: this.services,
      open_sessions: this.sessions.size,
      recorded: stats.recorded,
      stored: stats.acked,
      waiting: stats.waiting,
      waiting_bytes: stats.waitingBytes,
      shed: stats.shed,
      faults: this.faultCounts,
    };
  }

  async stop(): Promise<void> {
    const closing = Promise.all(this.listeners.map((listener) => listener.close()));
    this.sessions.stop();
    this.turn.flush();
    // A listener is closed when its last socket is, and a peer that does not read keeps its own.
    const grace = setTimeout(() => this.sessions.destroyLingering(), STOP_GRACE_MS);
    await closing;
    clearTimeout(grace);
    clearInterval(this.shedReporter);
    await this.uplink?.stop();
    // What data connections recorded as they were closed.
    this.turn.flush();
    await this.spool.close();
  }
}

/** What `sundew services` prints, for whoever may read the sensor's folder. */
function writeListing(path: string, listings: readonly ServiceListing[]): void {
  writeFileSync(`${path}.tmp`, `${JSON.stringify(listings)}\n`, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}
