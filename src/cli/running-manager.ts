/** The running manager of a data folder. */
import { errorText, ProjectError } from '../events/errors.ts';
import { loadRunFile, type RunFile, runFilePath } from '../manager/run-file.ts';
import { ApiError, Client, type Target } from './client.ts';

const ANSWER_MS = 5000;

function runFileOf(dataDir: string): RunFile | undefined {
  try {
    return loadRunFile(dataDir);
  } catch (cause) {
    const path = runFilePath(dataDir);
    throw new ProjectError(
      'DATA_FORBIDDEN',
      `${path} cannot be read (${errorText(cause)}); run this as the user who runs the manager`,
      { cause, path },
    );
  }
}

/**
 * The running manager of a data folder, if it answers. Asked with its credential: what answers at an address that a killed manager left behind may
 * be that of another folder.
 */
export async function runningManager(dataDir: string): Promise<Target | undefined> {
  const run = runFileOf(dataDir);
  if (run === undefined) return undefined;
  const client = new Client(run);
  try {
    await client.fetch('GET', '/me', { signal: AbortSignal.timeout(ANSWER_MS) });
    return { url: run.url, token: run.token };
  } catch (error) {
    // One that is in trouble is there all the same, and says so itself to whoever asks for more.
    return error instanceof ApiError && error.status >= 500 ? { url: run.url, token: run.token } : undefined;
  }
}
