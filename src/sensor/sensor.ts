/** A running sensor: its services listen, its records go to the spool, and from there to the manager. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type EventRecord, encodeRecord, errorText, ProjectError } from '../events/index.ts';
import { type AnyService, services } from '../protocols/registry.ts';
import { makeIdentity } from '../protocols/surfaces/identity.ts';
import { makePersona } from '../protocols/surfaces/personas.ts';
import { openSpool, type Spool } from '../spool/index.ts';
import type { SensorConfig } from './config.ts';
import { keyFolder, loadSeed } from './keys.ts';
import { type Faults, type Listener, listen, Sessions } from './listener.ts';
import { closeRecovered } from './recover.ts';
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

/** The services that a configuration opens, with their options. All mistakes are reported together. */
export function chooseServices(config: SensorConfig): { service: AnyService; options: unknown }[] {
  const problems: string[] = [];
  const known = services.map((service) => service.name);
  const listed = Array.isArray(config.services) ? config.services : [];
  for (const name of [...listed, ...Object.keys(config.options)]) {
    if (!known.includes(name)) problems.push(`there is no service '${name}'; there are ${known.join(', ')}`);
  }
  const chosen = services.filter((service) => {
    if (config.services === 'all') return true;
    return config.services === 'auto'
      ? service.personas.includes(config.persona)
      : config.services.includes(service.name);
  });
  const withOptions = chosen.map((service) => {
    const options = service.options.safeParse(config.options[service.name] ?? {});
    if (!options.success) problems.push(`options.${service.name}: ${z.prettifyError(options.error)}`);
    return { service, options: options.data };
  });
  if (problems.length > 0) throw new ProjectError('CONFIG_INVALID', problems.join('\n'));
  return withOptions;
}

const REPORT_SHED_MS = 1000;

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
  const { dir, config, log } = options;
  const startedAt = new Date().toISOString();
  const chosen = chooseServices(config);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const spool: Spool = openSpool({ dir: join(dir, 'queue'), maxBytes: config.spoolBytes });
  const seed = loadSeed(dir);
  const persona = makePersona(config.persona, seed, Date.now());
  const identity = makeIdentity(persona, keyFolder(join(dir, 'keys')));
  const { recovery } = spool;
  if (recovery.records > 0 || recovery.tornBytes > 0 || recovery.corruptBytes > 0)
    log('info', 'the spool was recovered', { ...recovery });
  const closed = closeRecovered(spool);
  if (closed > 0) log('info', 'sessions of the last run were closed', { sessions: closed });

  const faultCounts: Record<string, number> = {};
  const faults: Faults = {
    add(code, error, facts) {
      faultCounts[code] = (faultCounts[code] ?? 0) + 1;
      log('error', 'a fault of the sensor', {
        code,
        ...facts,
        error: errorText(error),
        stack: error instanceof Error ? error.stack : undefined,
      });
    },
  };
  const sessions = new Sessions(config.limits);
  const turn = new Turn(spool);
  const listeners: Listener[] = [];
  const listings: ServiceListing[] = [];
  try {
    for (const { service, options: serviceOptions } of chosen) {
      for (const port of service.ports) {
        const listener = await listen({
          service,
          options: serviceOptions,
          host: config.bind,
          port,
          listenPort: port + config.portOffset,
          bootId: spool.boot,
          persona,
          identity,
          limits: config.limits,
          dataPorts: config.dataPorts,
          sessions,
          turn,
          faults,
        });
        listeners.push(listener);
        listings.push({
          protocol: service.name,
          transport: service.transport,
          host: config.bind,
          port: listener.port,
          persona: service.product(persona),
        });
      }
    }
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.close()));
    sessions.stop();
    await spool.close();
    throw error;
  }
  writeListing(join(dir, 'services.json'), listings);

  const shedReporter = setInterval(
    () => spool.reportShed((report) => shedEvent(Date.now(), { ...report })),
    REPORT_SHED_MS,
  );
  shedReporter.unref();
  const status = () => {
    const stats = spool.stats();
    return {
      version: options.version,
      started_at: startedAt,
      persona: config.persona,
      services: listings,
      open_sessions: sessions.size,
      recorded: stats.recorded,
      stored: stats.acked,
      waiting: stats.waiting,
      waiting_bytes: stats.waitingBytes,
      shed: stats.shed,
      faults: faultCounts,
    };
  };
  const uplink = options.manager === undefined ? undefined : new Uplink({ ...options.manager, spool, status, log });
  uplink?.start();

  return {
    services: listings,
    async stop() {
      const closing = listeners.map((listener) => listener.close());
      sessions.stop();
      turn.flush();
      await Promise.all(closing);
      clearInterval(shedReporter);
      await uplink?.stop();
      await spool.close();
    },
  };
}

/** What `sundew services` prints, for whoever may read the sensor's folder. */
function writeListing(path: string, listings: readonly ServiceListing[]): void {
  writeFileSync(`${path}.tmp`, `${JSON.stringify(listings)}\n`, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}
