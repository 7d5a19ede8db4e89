/** `run/manager.json`: where the manager of a data folder is, and a credential for whoever may read the file. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface RunFile {
  url: string;
  token: string;
  pid: number;
  version: string;
}

/** Shorter than any token of ours: what is left of a file cut off. */
const MIN_TOKEN = 20;

export const runFilePath = (dataDir: string): string => join(dataDir, 'run', 'manager.json');

/** Undefined where there is no file, or none that can be made sense of; throws where it may not be read. */
export function loadRunFile(dataDir: string): RunFile | undefined {
  let text: string;
  try {
    text = readFileSync(runFilePath(dataDir), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
  try {
    const run = JSON.parse(text) as Partial<RunFile>;
    const whole = typeof run.token === 'string' && run.token.length > MIN_TOKEN && URL.canParse(run.url ?? '');
    return whole ? (run as RunFile) : undefined;
  } catch {
    // Cut off by a power failure: as good as none, and the manager writes a new one.
    return undefined;
  }
}

/** A manager that is started again after it was killed keeps the credential, so that commands that were under way go on. */
export const localToken = (dataDir: string): string =>
  loadRunFile(dataDir)?.token ?? randomBytes(32).toString('base64url');

/** Puts the file in place, whole, and returns its path. */
export function saveRunFile(dataDir: string, content: RunFile): string {
  const path = runFilePath(dataDir);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.tmp`, `${JSON.stringify(content)}\n`, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
  return path;
}
