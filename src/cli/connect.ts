/** Finds the manager that a command talks to: the one given, the running one of the data folder, or one started for as long as the command runs. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunFile, runFilePath } from '../manager/manager.ts';
import { Client, type Target } from './client.ts';
import { loadConfig } from './config.ts';
import { openLogFile } from './log-file.ts';
import { makeStoreToken, managerPart, storePart } from './stack.ts';
import { Supervised } from './supervisor.ts';
import { UsageError } from './usage.ts';

export interface Where {
  data: string;
  url?: string;
  token?: string;
}

const ANSWER_MS = 3000;

/** The running manager of a data folder, if it answers. */
export async function runningManager(dataDir: string): Promise<Target | undefined> {
  const path = runFilePath(dataDir);
  if (!existsSync(path)) return undefined;
  let run: RunFile;
  try {
    run = JSON.parse(readFileSync(path, 'utf8')) as RunFile;
  } catch (cause) {
    throw new UsageError(`${path} cannot be read; run this as the user who runs the manager`, { cause, path });
  }
  const answers = await fetch(new URL('/api/v1/health', run.url), { signal: AbortSignal.timeout(ANSWER_MS) }).then(
    (response) => response.ok,
    () => false,
  );
  return answers ? { url: run.url, token: run.token } : undefined;
}

/** Runs `action` against a manager. A manager that was started for it is stopped again. */
export async function withManager<Result>(where: Where, action: (client: Client) => Promise<Result>): Promise<Result> {
  if (where.url !== undefined) {
    if (where.token === undefined)
      throw new UsageError('--url needs --token; make one with `sundew token add NAME` on the manager');
    return await action(new Client({ url: where.url, token: where.token }));
  }
  const running = await runningManager(where.data);
  if (running !== undefined) return await action(new Client(running));
  return await withTemporaryManager(where.data, action);
}

async function withTemporaryManager<Result>(
  dataDir: string,
  action: (client: Client) => Promise<Result>,
): Promise<Result> {
  const config = loadConfig(dataDir, undefined, { manager: { listen: '127.0.0.1:0' } });
  const log = openLogFile(join(dataDir, 'logs', 'sundew.log'));
  const token = makeStoreToken();
  const died = (name: string): void => {
    process.stderr.write(`the ${name} ended and is started again; see ${log.path}\n`);
  };
  const store = new Supervised(storePart(dataDir, config, token), log, died);
  const manager = new Supervised(managerPart(dataDir, config, token, false), log, died);
  const stop = async (): Promise<void> => {
    await manager.stop();
    await store.stop();
    log.close();
  };
  const interrupted = (): void => {
    void stop().then(() => process.exit(130));
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    await Promise.all([store.start(), manager.start()]);
    const target = await runningManager(dataDir);
    if (target === undefined) throw new UsageError(`the manager of ${dataDir} does not answer`);
    return await action(new Client(target));
  } finally {
    process.removeListener('SIGINT', interrupted);
    process.removeListener('SIGTERM', interrupted);
    await stop();
  }
}
