import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, test } from 'node:test';
import { errorCode } from '../../events/index.ts';
import { testFolder } from '../testing.ts';
import { openControl } from './database.ts';

let folder: ReturnType<typeof testFolder>;
let path: string;
beforeEach(() => {
  folder = testFolder();
  path = join(folder.path, 'control.sqlite');
});
afterEach(() => folder.remove());

test('a new database gets every table, and one that has them is left as it is', () => {
  const first = openControl(path);
  first.db.prepare("INSERT INTO users (username, role, created_at) VALUES ('ann', 'admin', '2026')").run();
  const version = first.db.prepare('PRAGMA user_version').get()?.user_version;
  first.close();
  const second = openControl(path);
  assert.equal(second.db.prepare('PRAGMA user_version').get()?.user_version, version);
  assert.equal(second.db.prepare('SELECT count(*) AS n FROM users').get()?.n, 1);
  second.close();
});

test('a database of a newer version is refused and left as it is', () => {
  openControl(path).close();
  const newer = new DatabaseSync(path);
  newer.exec('PRAGMA user_version = 1000');
  newer.close();
  assert.throws(
    () => openControl(path),
    (error) => errorCode(error) === 'CONTROL_TOO_NEW' && /newer version/.test(String(error)),
  );
  const after = new DatabaseSync(path);
  assert.equal(after.prepare('PRAGMA user_version').get()?.user_version, 1000);
  after.close();
});

test('what is acknowledged is synced, and references are kept', () => {
  const control = openControl(path);
  assert.equal(control.db.prepare('PRAGMA synchronous').get()?.synchronous, 2);
  assert.equal(control.db.prepare('PRAGMA foreign_keys').get()?.foreign_keys, 1);
  control.close();
});

test('a transaction that fails undoes everything, and the next one works', () => {
  const control = openControl(path);
  const add = (name: string): void => {
    control.db.prepare('INSERT INTO users (username, role, created_at) VALUES (?, ?, ?)').run(name, 'admin', '2026');
  };
  assert.throws(() =>
    control.transaction(() => {
      add('ann');
      throw new RangeError('no');
    }),
  );
  control.transaction(() => add('bob'));
  assert.deepEqual(
    control.db
      .prepare('SELECT username FROM users')
      .all()
      .map((row) => row.username),
    ['bob'],
  );
  control.close();
});

test('a failure that ended the transaction by itself is told as it is', () => {
  const control = openControl(path);
  assert.throws(
    () =>
      control.transaction(() => {
        control.db.exec('ROLLBACK');
        throw new RangeError('the disk was full');
      }),
    RangeError,
  );
  control.close();
});
