/** A running manager: its parts put together. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorText, ProjectError } from '../events/index.ts';
import { Accounts } from './accounts/accounts.ts';
import type { Context } from './api/context.ts';
import { buildServer } from './api/server.ts';
import { type ManagerConfig, splitListen } from './config.ts';
import { openControl } from './control/database.ts';
import { Disk } from './disk.ts';
import { loadPlaces } from './enrich/places.ts';
import { Sensors } from './fleet/sensors.ts';
import { Artifacts } from './ingest/artifacts.ts';
import type { Stored } from './ingest/gather.ts';
import { Imports } from './ingest/imports.ts';
import { Intake } from './ingest/intake.ts';
import { Hub } from './live/hub.ts';
import { LastLogins } from './live/last-logins.ts';
import type { LiveItem } from './live/matches.ts';
import { lockFolder } from './lock.ts';
import type { Log } from './log.ts';
import { eventFromRecord, sessionFromRecord } from './queries/records.ts';
import { localToken, saveRunFile } from './run-file.ts';
import { isRetryable, openStoreClient, type StoreClient } from './store/client.ts';
import { migrate } from './store/schema.ts';

export interface ManagerOptions {
  /** The data folder: control.sqlite, artifacts/, intake/, run/. */
  dataDir: string;
  config: ManagerConfig;
  store: { socketPath: string; token: string };
  /** The sensor of this machine and the token that its supervisor gave it. */
  localSensor?: { name: string; token: string };
  version: string;
  webRoot?: string;
  log: Log;
}

export interface RunningManager {
  url: string;
  /** A token that signs the owner in once. */
  signInToken: string;
  stop(): Promise<void>;
}

const MEBIBYTE = 1_048_576;
const INTAKE_CONNECTIONS = 2;

/** Why nothing can listen at an address, and what to do. */
function listenError(listen: string, cause: NodeJS.ErrnoException): ProjectError {
  switch (cause.code) {
    case 'EADDRINUSE':
      return new ProjectError(
        'MANAGER_PORT_IN_USE',
        `${listen} is in use by another program; stop it, or choose another --listen`,
        { cause, listen },
      );
    case 'EACCES':
      return new ProjectError(
        'MANAGER_PORT_FORBIDDEN',
        `${listen} needs the right to open ports below 1024 (CAP_NET_BIND_SERVICE), or another --listen`,
        { cause, listen },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new ProjectError('MANAGER_ADDRESS_UNKNOWN', `${listen}: this machine has no such address; see --listen`, {
        cause,
        listen,
      });
    default:
      return new ProjectError('MANAGER_CANNOT_LISTEN', `${listen}: ${cause.message}`, { cause, listen });
  }
}

/** How long the store may take to come up. */
const STORE_START_MS = 120_000;

async function storeReady(store: StoreClient, log: Log): Promise<void> {
  const deadline = Date.now() + STORE_START_MS;
  for (;;) {
    try {
      await store.ping();
      const { from, to } = await migrate(store);
      if (from < to) log.info({ from, to }, 'the store has a new schema');
      return;
    } catch (error) {
      if (!isRetryable(error) || Date.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

export async function startManager(options: ManagerOptions): Promise<RunningManager> {
  const { dataDir, config, log } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const unlock = lockFolder(dataDir);
  const undo: (() => void | Promise<void>)[] = [unlock];
  try {
    const control = openControl(join(dataDir, 'control.sqlite'));
    undo.push(() => control.close());
    const store = openStoreClient(options.store);
    undo.push(() => store.close());
    // Connections of its own: questions, however many, do not keep records waiting.
    const intakeStore = openStoreClient({ ...options.store, maxConnections: INTAKE_CONNECTIONS });
    undo.push(() => intakeStore.close());
    const [places] = await Promise.all([loadPlaces(), storeReady(store, log)]);

    const sensors = new Sensors(control);
    if (options.localSensor !== undefined) sensors.enrolLocal(options.localSensor.name, options.localSensor.token);
    const accounts = new Accounts(control);
    const artifacts = new Artifacts(join(dataDir, 'artifacts'));
    const hub = new Hub();
    const lastLogins = new LastLogins();
    const publish = (stored: readonly Stored[]): void => {
      if (hub.size === 0) return;
      const names = sensors.names();
      for (const item of stored)
        if ('event' in item && item.event.type === 'auth.attempt' && item.event.session_id !== null)
          lastLogins.note(item.event.session_id, item.event.fields);
      hub.publish(
        stored.map(
          (item): LiveItem =>
            'session' in item
              ? {
                  kind: 'session',
                  item: {
                    ...sessionFromRecord(item.session, item.sensorId, item.place, names),
                    ...lastLogins.take(item.session.id),
                  },
                }
              : { kind: 'record', item: eventFromRecord(item.event, item.sensorId, item.place, names) },
        ),
      );
    };
    const intake = new Intake({
      control,
      journalDir: join(dataDir, 'intake'),
      store: intakeStore,
      places,
      artifacts,
      log,
      publish,
    });
    undo.push(() => intake.stop());
    // The dashboard does not wait for it; deliveries and imports do.
    intake.recover().catch((error) => log.error({ error: errorText(error) }, 'the intake journal is not brought home'));

    const context: Context = {
      version: options.version,
      startedAt: new Date().toISOString(),
      store,
      accounts,
      sensors,
      intake,
      imports: new Imports(control, store, intake),
      artifacts,
      places,
      hub,
      disk: new Disk(dataDir, config.minFreeDiskMb * MEBIBYTE),
      log,
      localToken: localToken(dataDir),
      webRoot: options.webRoot,
    };
    const app = await buildServer(context);
    const { host, port } = splitListen(config.listen);
    const url = await app.listen({ host, port }).catch((cause: NodeJS.ErrnoException) => {
      throw listenError(config.listen, cause);
    });
    undo.push(() => app.close());
    const runFile = saveRunFile(dataDir, {
      url,
      token: context.localToken,
      pid: process.pid,
      version: options.version,
    });
    undo.push(() => rmSync(runFile, { force: true }));
    return {
      url,
      signInToken: accounts.makeLink(),
      stop: async () => {
        for (const step of undo.reverse()) await step();
      },
    };
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}
