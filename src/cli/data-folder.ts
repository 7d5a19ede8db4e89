/** The data folder as the commands that write to it find or make it: what is wrong with it is said once, before anything is started. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { errorCode, errorText, ProjectError } from '../events/errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'it is on a file system that is mounted read-only',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'there is a file in its place',
  EEXIST: 'there is a file in its place',
  ENAMETOOLONG: 'the name is too long',
};

/** Why a folder cannot be used, in words. */
export const folderTrouble = (error: unknown): string => REASONS[errorCode(error) ?? ''] ?? errorText(error);

export function makeDataFolder(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new ProjectError(
      'DATA_UNUSABLE',
      `the data folder ${dataDir} cannot be used: ${folderTrouble(cause)}; mend that, or choose another with --data`,
      { cause, dataDir },
    );
  }
}
