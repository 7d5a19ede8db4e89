import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { errorCode } from '../../events/index.ts';
import { testFolder } from '../testing.ts';
import { Journal, type Segment } from './journal.ts';

let folder: ReturnType<typeof testFolder>;
beforeEach(() => {
  folder = testFolder();
});
afterEach(() => folder.remove());

const content: Omit<Segment, 'id'> = {
  rows: new Map([
    ['sessions', Buffer.from('{"a":1}\n')],
    ['events', Buffer.from('{"b":"\u00e9\\n"}\n{"b":2}\n')],
  ]),
  watermarks: [{ sensor_id: 's', boot_id: 'b', seq: 7 }],
  imports: [],
};

test('a segment is read back as it was written, and is gone when it is let go', async () => {
  const journal = new Journal(folder.path);
  const written = await journal.write(content);
  const again = new Journal(folder.path);
  assert.deepEqual(await again.left(), [written.id]);
  assert.deepEqual(await again.read(written.id), written);
  await again.removeIfThere(written.id);
  await again.removeIfThere(written.id);
  assert.deepEqual(readdirSync(folder.path), []);
});

test('segments are found in the order in which they were written', async () => {
  const journal = new Journal(folder.path);
  const ids: string[] = [];
  for (let n = 0; n < 3; n += 1) {
    ids.push((await journal.write(content)).id);
    const begun = Date.now();
    while (Date.now() === begun);
  }
  assert.deepEqual(await journal.left(), ids);
});

test('a half-written segment was never acknowledged and is removed', async () => {
  const journal = new Journal(folder.path);
  writeFileSync(join(folder.path, 'x.segment.tmp'), '{"id":');
  assert.deepEqual(await journal.left(), []);
  assert.deepEqual(readdirSync(folder.path), []);
});

test('a segment that was cut or written over is told from a whole one', async () => {
  const journal = new Journal(folder.path);
  const cut = await journal.write(content);
  const path = join(folder.path, `${cut.id}.segment`);
  truncateSync(path, readFileSync(path).length - 3);
  await assert.rejects(journal.read(cut.id), (error) => errorCode(error) === 'INTAKE_SEGMENT_CORRUPT');
  writeFileSync(path, '\0\0\0\0');
  await assert.rejects(journal.read(cut.id), (error) => errorCode(error) === 'INTAKE_SEGMENT_CORRUPT');
});

test('what is set aside is kept, counted, and not found again', async () => {
  const journal = new Journal(folder.path);
  const { id } = await journal.write(content);
  assert.equal(journal.asideCount, 0);
  const path = await journal.setAside(id);
  assert.ok(readFileSync(path).length > 0);
  assert.deepEqual(await journal.left(), []);
  assert.equal(new Journal(folder.path).asideCount, 1);
});

test('a journal that cannot write leaves nothing, and writes again when it can', async () => {
  const dir = join(folder.path, 'journal');
  const journal = new Journal(dir);
  rmSync(dir, { recursive: true });
  await assert.rejects(journal.write(content), (error) => errorCode(error) === 'ENOENT');
  mkdirSync(dir);
  await journal.write(content);
  assert.equal((await journal.left()).length, 1);
});

function mountSmall(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('a full disk refuses a segment and keeps nothing of it', async (t) => {
  const dir = join(folder.path, 'small');
  mkdirSync(dir);
  if (!mountSmall(dir)) {
    t.skip('this user may not mount a small disk');
    return;
  }
  try {
    const journal = new Journal(dir);
    const large = new Map([['sessions' as const, Buffer.alloc(400_000, 'x')]]);
    await assert.rejects(journal.write({ ...content, rows: large }), (error) => errorCode(error) === 'ENOSPC');
    assert.deepEqual(readdirSync(dir), []);
    await journal.write(content);
    assert.equal((await journal.left()).length, 1);
  } finally {
    execFileSync('umount', [dir]);
  }
});
