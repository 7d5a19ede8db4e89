/** One manager for a data folder. The lock is a SQLite transaction that stays open: the system lets it go with the process, however that ends. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ProjectError } from '../events/index.ts';

export function lockFolder(dataDir: string): () => void {
  const dir = join(dataDir, 'run');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const db = new DatabaseSync(join(dir, 'manager.lock'));
  try {
    db.exec('PRAGMA journal_mode = DELETE; PRAGMA busy_timeout = 500; BEGIN EXCLUSIVE');
  } catch (cause) {
    db.close();
    throw new ProjectError(
      'DATA_IN_USE',
      `another manager uses the data folder ${dataDir}; stop it, or choose another folder with --data`,
      { cause, dataDir },
    );
  }
  return () => db.close();
}
