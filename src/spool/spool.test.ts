import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { realFs } from './files.ts';
import { openSpool, type Spool, type SpoolFs, type SpoolOptions, type SpoolStats } from './index.ts';
import { killedCopy, readAll, record, segmentFiles, tempDir, texts, until } from './testing.ts';

function open(t: TestContext, dir: string, options: Partial<SpoolOptions> = {}): Spool {
  const spool = openSpool({ dir, maxBytes: 1_000_000, ...options });
  t.after(() => spool.close());
  return spool;
}

test('records come back in order with their numbers', (t) => {
  const spool = open(t, tempDir(t));
  assert.equal(spool.nextSeq, 1);
  spool.append([record('a', 0), record('é', 1)]);
  spool.append([record('c')]);
  assert.deepEqual(
    readAll(spool),
    ['a', 'é', 'c'].map((text, at) => ({ boot: spool.boot, seq: at + 1, text })),
  );
  assert.equal(spool.nextSeq, 4);
});

test('the same read begins with the same record until it is acknowledged', (t) => {
  const spool = open(t, tempDir(t));
  spool.append(['a', 'b', 'c'].map((text) => record(text)));
  const batch = spool.read(100, 2);
  assert.deepEqual([batch?.first, batch?.last], [1, 2]);
  assert.deepEqual(spool.read(100, 2), batch);
  spool.ack(spool.boot, 2);
  assert.deepEqual(texts(spool), ['c']);
});

test('a batch keeps to its limits and holds at least one record', (t) => {
  const spool = open(t, tempDir(t));
  spool.append(['aaaa', 'bbbb', 'cccc'].map((text) => record(text)));
  assert.equal(spool.read(8, 10)?.last, 2);
  assert.equal(spool.read(7, 10)?.last, 1);
  assert.equal(spool.read(1, 10)?.last, 1);
});

test('a batch never spans two boots, and numbers restart', async (t) => {
  const dir = tempDir(t);
  const before = openSpool({ dir, maxBytes: 1_000_000 });
  before.append([record('old')]);
  await before.close();
  const spool = open(t, dir);
  spool.append([record('new')]);
  assert.notEqual(spool.boot, before.boot);
  const first = spool.read(100, 10);
  assert.deepEqual([first?.boot, first?.first, first?.last], [before.boot, 1, 1]);
  assert.deepEqual(
    readAll(spool).map(({ boot, seq }) => [boot, seq]),
    [
      [before.boot, 1],
      [spool.boot, 1],
    ],
  );
});

test('acknowledging a boot acknowledges all before it, and deletes their segments', async (t) => {
  const dir = tempDir(t);
  const before = openSpool({ dir, maxBytes: 1_000_000, segmentBytes: 200 });
  for (let at = 0; at < 20; at += 1) before.append([record(`old ${at}`)]);
  await before.close();
  const spool = open(t, dir, { segmentBytes: 200 });
  spool.append([record('one'), record('two')]);
  assert.ok(segmentFiles(dir).length > 3);
  spool.ack(spool.boot, 1);
  await until(() => segmentFiles(dir).length === 1);
  assert.deepEqual(texts(spool), ['two']);
});

test('acknowledgements are idempotent, never go back and never beyond what exists', (t) => {
  const spool = open(t, tempDir(t));
  spool.append([record('a'), record('b')]);
  spool.ack(spool.boot, 99);
  spool.append([record('c')]);
  assert.deepEqual(texts(spool), ['c']);
  spool.ack(spool.boot, 1);
  spool.ack('018f0000-0000-7000-8000-000000000000', 5);
  spool.ack(spool.boot, Number.NaN);
  assert.deepEqual(texts(spool), ['c']);
  assert.deepEqual([spool.stats().recorded, spool.stats().acked, spool.stats().waiting], [3, 2, 1]);
});

test('what was acknowledged stays so after a clean close', async (t) => {
  const dir = tempDir(t);
  const before = openSpool({ dir, maxBytes: 1_000_000 });
  before.append(['a', 'b', 'c'].map((text) => record(text)));
  before.ack(before.boot, 2);
  await before.close();
  const spool = open(t, dir);
  assert.deepEqual(texts(spool), ['c']);
  assert.equal(spool.recovery.cursor, 'read');
});

test('without its cursor everything that is there is handed out again', async (t) => {
  for (const damage of ['lost', 'corrupt'] as const) {
    const dir = tempDir(t);
    const before = openSpool({ dir, maxBytes: 1_000_000 });
    before.append(['a', 'b'].map((text) => record(text)));
    before.ack(before.boot, 1);
    await before.close();
    if (damage === 'lost') rmSync(join(dir, 'cursor'));
    else writeFileSync(join(dir, 'cursor'), '{"ordinal":1}\n00000000\n');
    const spool = open(t, dir);
    assert.equal(spool.recovery.cursor, damage === 'lost' ? 'none' : 'corrupt');
    assert.deepEqual(texts(spool), ['a', 'b']);
  }
});

test('waiting ends with a record after the position, or with the signal', async (t) => {
  const spool = open(t, tempDir(t));
  const idle = new AbortController();
  const first = spool.waitForRecords(idle.signal);
  spool.append([record('a')]);
  await first;
  await spool.waitForRecords(idle.signal);
  const second = spool.waitForRecords(idle.signal, { boot: spool.boot, seq: 1 });
  const third = spool.waitForRecords(idle.signal, { boot: spool.boot, seq: 2 });
  spool.append([record('b')]);
  await second;
  idle.abort(new Error('enough'));
  await assert.rejects(third, /enough/);
});

test('closing ends those who wait, and refuses what comes after', async (t) => {
  const spool = open(t, tempDir(t));
  const waiting = spool.waitForRecords(new AbortController().signal);
  const closing = spool.close();
  await assert.rejects(waiting, { code: 'SPOOL_CLOSED' });
  await closing;
  assert.throws(() => spool.append([record('late')]), { code: 'SPOOL_CLOSED' });
});

/** The real disk, where each sync is told of and may be refused. */
function watchedSyncs(onSync: (what: 'data' | 'folder') => void): SpoolFs {
  const openHandle = async (...args: Parameters<SpoolFs['openHandle']>): Promise<FileHandle> => {
    const handle = await realFs.openHandle(...args);
    const { datasync, sync } = handle;
    return Object.assign(handle, {
      async datasync() {
        onSync('data');
        await datasync.call(handle);
      },
      async sync() {
        onSync('folder');
        await sync.call(handle);
      },
    });
  };
  return { ...realFs, openHandle };
}

test('synced resolves once the data and its folder are synced', async (t) => {
  const done: string[] = [];
  const spool = open(t, tempDir(t), {
    segmentBytes: 100,
    syncMs: 1_000_000,
    fs: watchedSyncs((what) => done.push(what)),
  });
  await spool.synced();
  assert.deepEqual(done.splice(0).sort(), ['data', 'folder']);
  spool.append([record('x'.repeat(50))]);
  await spool.synced();
  assert.deepEqual(done.splice(0).sort(), ['data']);
  spool.append([record('y'.repeat(50))]);
  await spool.synced();
  assert.deepEqual(done.splice(0).sort(), ['data', 'folder']);
  spool.append([record('x'.repeat(10))]);
  spool.append([record('y'.repeat(50))]);
  await spool.synced();
  assert.deepEqual(done.splice(0).sort(), ['data', 'data', 'folder']);
});

test('without being asked, what was appended is synced soon', async (t) => {
  let syncs = 0;
  const spool = open(t, tempDir(t), { syncMs: 1, fs: watchedSyncs(() => (syncs += 1)) });
  await spool.synced();
  const before = syncs;
  spool.append([record('a')]);
  await until(() => syncs > before);
});

test('a sync that fails is told to those who asked for it', async (t) => {
  let broken = false;
  const fs = watchedSyncs(() => {
    if (broken) throw Object.assign(new Error('broken'), { code: 'EIO' });
  });
  const spool = open(t, tempDir(t), { fs });
  await spool.synced();
  broken = true;
  spool.append([record('a')]);
  await assert.rejects(spool.synced(), { code: 'SPOOL_SYNC_FAILED' });
  assert.equal(spool.stats().failure, 'EIO');
  broken = false;
  spool.append([record('b')]);
  await spool.synced();
  assert.equal(spool.stats().failure, undefined);
});

test('it works under the permission model, with its folder alone', async (t) => {
  const dir = tempDir(t);
  const script = join(tempDir(t), 'script.ts');
  const part = import.meta.dirname;
  writeFileSync(
    script,
    `import { openSpool } from ${JSON.stringify(join(part, 'index.ts'))};
    const spool = openSpool({ dir: ${JSON.stringify(dir)}, maxBytes: 4000, segmentBytes: 400 });
    for (let at = 0; at < 300; at += 1) {
      spool.append([{ kind: at % 2, payload: String(at).padStart(40) }]);
      if (at % 10 === 0) await new Promise((done) => setImmediate(done));
    }
    await spool.synced();
    while (spool.stats().bytes > 4000) await new Promise((done) => setImmediate(done));
    spool.ack(spool.boot, spool.read(1, 1).last);
    await spool.close();
    console.log(JSON.stringify(spool.stats()));`,
  );
  const readable = [join(part, '..'), join(part, '../../package.json'), script, dir].map(
    (path) => `--allow-fs-read=${path}`,
  );
  const args = ['--permission', ...readable, `--allow-fs-write=${dir}`, script];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const stats = JSON.parse(stdout) as SpoolStats;
  assert.equal(stats.failure, undefined);
  assert.ok(stats.shed.transcripts > 0);
  const spool = open(t, dir);
  assert.equal(spool.recovery.cursor, 'read');
  assert.equal(spool.stats().waiting, stats.waiting);
});

test('sessions still open are known to the next start, until they are closed there', async (t) => {
  const dir = tempDir(t);
  const before = open(t, dir, { segmentBytes: 300 });
  before.append([{ open: 'A', payload: 'first\nsecond line' }, { open: 'B', payload: 'b' }, record('x')]);
  for (let at = 0; at < 40; at += 1) before.append([record(`filler ${at}`)]);
  before.append([{ closed: 'B' }, { open: 'C', payload: '' }]);
  before.ack(before.boot, before.nextSeq - 1);
  await before.synced();
  await until(() => segmentFiles(dir).length === 1);

  const second = killedCopy(t, dir);
  const spool = open(t, second, { segmentBytes: 300 });
  const left = [
    ['A', 'first\nsecond line'],
    ['C', ''],
  ];
  assert.deepEqual([...spool.recoveredOpen], left);
  spool.append([record('A ended'), { closed: 'A' }]);
  assert.equal(spool.stats().open, 1);

  const third = open(t, killedCopy(t, second));
  assert.deepEqual([...third.recoveredOpen], left.slice(1));
});

test('the records of earlier boots can be visited, without those acknowledged', async (t) => {
  const dir = tempDir(t);
  for (const name of ['a', 'b']) {
    const spool = openSpool({ dir, maxBytes: 1_000_000, segmentBytes: 100 });
    spool.append([0, 1, 2].map((at) => record(`${name}${at}`, at as 0)));
    if (name === 'a') spool.ack(spool.boot, 1);
    await spool.close();
  }
  const spool = open(t, dir);
  spool.append([record('new')]);
  const seen: string[] = [];
  spool.scanOlder(({ kind, seq, payload }) => seen.push(`${payload} ${seq} ${kind}`));
  assert.deepEqual(seen, ['a1 2 1', 'a2 3 2', 'b0 1 0', 'b1 2 1', 'b2 3 2']);
});

test('the age of the oldest waiting record is not that of its segment', (t) => {
  let now = 1_000;
  const spool = open(t, tempDir(t), { now: () => now });
  assert.equal(spool.stats().oldestAt, undefined);
  now = 5_000;
  spool.append([record('a')]);
  now = 6_000;
  spool.append([record('b')]);
  assert.equal(spool.stats().oldestAt, 5_000);
});

test('a record too long for a frame is counted as shed, and its neighbours are kept', (t) => {
  const spool = open(t, tempDir(t), { maxBytes: 100_000_000 });
  spool.append([record('a'), record('x'.repeat(5_000_000)), record('é'.repeat(2_200_000)), record('d')]);
  assert.deepEqual(
    readAll(spool).map(({ seq, text }) => [seq, text]),
    [
      [1, 'a'],
      [4, 'd'],
    ],
  );
  assert.equal(spool.stats().shed.records, 2);
});

test('files that are not the spool’s are left alone and named', (t) => {
  const dir = tempDir(t);
  const first = open(t, dir);
  const copy = killedCopy(t, dir);
  writeFileSync(join(copy, 'notes.txt'), 'mine');
  writeFileSync(join(copy, 'segments', 'other'), 'mine');
  writeFileSync(join(copy, 'segments', '00000001-00000001.seg.tmp'), 'half a copy');
  const spool = open(t, copy);
  assert.deepEqual(spool.recovery.unknown, ['notes.txt', 'segments/other']);
  assert.ok(existsSync(join(copy, 'notes.txt')) && existsSync(join(copy, 'segments', 'other')));
  assert.ok(!existsSync(join(copy, 'segments', '00000001-00000001.seg.tmp')));
  assert.deepEqual(first.recovery.unknown, []);
});
