import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSpool } from './index.ts';
import { tempDir } from './testing.ts';

const open = (dir: string) => openSpool({ dir, maxBytes: 1_000_000 });

/** A process that lives until it is told to end. */
async function otherProcess(): Promise<{ pid: number; started: string; end: () => Promise<void> }> {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume(); console.log("ready")']);
  await once(child.stdout, 'data');
  const { pid } = child;
  assert.ok(pid !== undefined);
  const stat = existsSync('/proc') ? readFileSync(`/proc/${pid}/stat`, 'latin1') : '';
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  return {
    pid,
    started,
    end: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

function lockedBy(dir: string, content: string): string {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'lock'), content);
  return dir;
}

test('a folder is opened once, and again after close', async (t) => {
  const dir = tempDir(t);
  const spool = open(dir);
  assert.throws(() => open(dir), { code: 'SPOOL_LOCKED', facts: { path: join(dir, 'lock'), pid: process.pid } });
  await spool.close();
  assert.ok(!existsSync(join(dir, 'lock')));
  await open(dir).close();
});

test('another process that lives keeps its folder, and is named', async (t) => {
  const other = await otherProcess();
  const dir = lockedBy(tempDir(t), `${other.pid} ${other.started}\n`);
  assert.throws(() => open(dir), { code: 'SPOOL_LOCKED', message: new RegExp(`process ${other.pid} `) });
  await other.end();
  const spool = open(dir);
  assert.equal(spool.recovery.staleLock, true);
  await spool.close();
});

test('a lock of a dead process is taken over though its number was given to another', async (t) => {
  const other = await otherProcess();
  const spool = open(lockedBy(tempDir(t), `${other.pid} 1\n`));
  assert.equal(spool.recovery.staleLock, true);
  await spool.close();
  await other.end();
});

test('a lock with our own number that we do not hold is an earlier process’s', async (t) => {
  const spool = open(lockedBy(tempDir(t), `${process.pid} 1\n`));
  assert.equal(spool.recovery.staleLock, true);
  await spool.close();
});

test('a lock without a name is respected while it is fresh', async (t) => {
  const dir = lockedBy(tempDir(t), '');
  assert.throws(() => open(dir), { code: 'SPOOL_LOCKED' });
  utimesSync(join(dir, 'lock'), 1, 1);
  await open(dir).close();
});

test('a spool that cannot be opened leaves no lock behind', (t) => {
  const dir = tempDir(t);
  mkdirSync(join(dir, 'segments'));
  mkdirSync(join(dir, 'segments', '00000001-00000001.seg'));
  assert.throws(() => open(dir), { code: 'SPOOL_OPEN_FAILED' });
  assert.ok(!existsSync(join(dir, 'lock')));
});
