/** Where things are: the data folder and what is in it, and the files of the program. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const PACKAGE_ROOT = resolve(import.meta.dirname, '../..');
export const VERSION = (JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string })
  .version;

/** The data folder where none is given: that of the user, by the XDG base directory specification. */
export function defaultDataDir(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'sundew');
}

/** A unix socket's path fits into 107 bytes; a folder too deep for that gets its socket in the system's folder for temporary files. */
const MAX_SOCKET_PATH = 107;

export function storeSocket(dataDir: string): string {
  const inside = join(dataDir, 'run', 'store', 'store.sock');
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH) return inside;
  return join(
    tmpdir(),
    `sundew-${process.getuid?.() ?? 0}-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`,
    'store.sock',
  );
}
