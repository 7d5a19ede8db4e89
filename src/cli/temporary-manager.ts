/** A manager with its store for as long as one command runs, where none runs on the data folder. */
import { join } from 'node:path';
import { errorCode, ProjectError } from '../events/errors.ts';
import { Client, type Target } from './client.ts';
import { loadConfig } from './config.ts';
import { makeDataFolder } from './data-folder.ts';
import { openLogFile } from './log-file.ts';
import { runningManager } from './running-manager.ts';
import { startManager } from './start-manager.ts';
import { type Part, Supervised, stopAll } from './supervisor.ts';

const EXIT_OF = { SIGINT: 130, SIGTERM: 143 } as const;

export async function withTemporaryManager<Result>(
  dataDir: string,
  action: (client: Client) => Promise<Result>,
): Promise<Result> {
  const config = loadConfig(dataDir, undefined, { manager: { listen: '127.0.0.1:0' } });
  makeDataFolder(dataDir);
  const log = openLogFile(join(dataDir, 'logs', 'sundew.log'));
  const parts: Supervised[] = [];
  const add = (part: Part): Supervised => {
    const supervised = new Supervised(part, log, (name) => {
      process.stderr.write(`the ${name} ended and is started again; see ${log.path}\n`);
    });
    parts.push(supervised);
    return supervised;
  };
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= stopAll(parts).finally(() => log.close());
    return stopped;
  };
  const interrupted = (signal: keyof typeof EXIT_OF): void => {
    void stop().then(() => process.exit(EXIT_OF[signal]));
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  const find = (): Promise<Target | undefined> => runningManager(dataDir);
  try {
    // Another command may have been faster: then its manager serves both for as long as it is there.
    await startManager(dataDir, config, false, add).catch((error: unknown) => {
      if (errorCode(error) !== 'DATA_IN_USE') throw error;
    });
    const target = await find();
    if (target === undefined)
      throw new ProjectError('MANAGER_UNREACHABLE', `the manager of ${dataDir} does not answer; see ${log.path}`, {
        dataDir,
      });
    return await action(new Client(target, find));
  } finally {
    process.removeListener('SIGINT', interrupted);
    process.removeListener('SIGTERM', interrupted);
    await stop();
  }
}
