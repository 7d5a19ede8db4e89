/** Finds the manager that a command talks to: the one given, the running one of the data folder, or one started for as long as the command runs. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ProjectError } from '../events/errors.ts';
import { Client, type Target } from './client.ts';
import { runningManager } from './running-manager.ts';
import { UsageError } from './usage.ts';

export interface Where {
  data: string;
  url?: string;
  token?: string;
}

/** What a command does without a running manager: start one for itself, start one only where there is something to read, or give up. */
export type Without = 'start' | 'start-if-data' | 'give-up';

function checkUrl(url: string): void {
  const { protocol } = URL.canParse(url) ? new URL(url) : { protocol: '' };
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new UsageError(`--url ${url} is no address of a manager; write http://HOST:PORT`, { url });
}

/** Runs `action` against a manager. A manager that was started for it is stopped again. */
export async function withManager<Result>(
  where: Where,
  without: Without,
  action: (client: Client) => Promise<Result>,
): Promise<Result> {
  if (where.url !== undefined) {
    checkUrl(where.url);
    if (where.token === undefined)
      throw new UsageError('--url needs --token; make one with `sundew token add NAME` on the manager');
    if (!/^[\x21-\x7e]+$/.test(where.token)) throw new UsageError('--token is no token: it holds blanks or worse');
    return await action(new Client({ url: where.url, token: where.token }));
  }
  if (where.token !== undefined) throw new UsageError('--token belongs to the manager that --url names; add --url');
  const dataDir = resolve(where.data);
  const find = (): Promise<Target | undefined> => runningManager(dataDir);
  const running = await find();
  if (running !== undefined) return await action(new Client(running, find));
  if (without === 'give-up')
    throw new ProjectError('MANAGER_NOT_RUNNING', `no manager runs on ${dataDir}; start one with \`sundew up\``, {
      dataDir,
    });
  if (without === 'start-if-data' && !existsSync(join(dataDir, 'store')))
    throw new ProjectError(
      'DATA_MISSING',
      `there is nothing in ${dataDir} yet; \`sundew up\` or \`sundew import\` begins it, --data names another folder`,
      { dataDir },
    );
  const { withTemporaryManager } = await import('./temporary-manager.ts');
  return await withTemporaryManager(dataDir, action);
}
