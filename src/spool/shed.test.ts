import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { openSpool, type RecordKind, type Spool, type SpoolOptions } from './index.ts';
import { killedCopy, limitedDisk, readAll, record, tempDir, texts, until } from './testing.ts';

const RUNS = 40;
const KINDS = [0, 1, 2] as const;

function open(t: TestContext, dir: string, options: Partial<SpoolOptions> = {}): Spool {
  const spool = openSpool({ dir, maxBytes: 4000, segmentBytes: 400, ...options });
  t.after(() => spool.close());
  return spool;
}

/** One append of one record for each turn, so that shedding keeps pace as it does in a sensor. */
async function appendSlowly(spool: Spool, count: number, kindOf: (at: number) => RecordKind): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    spool.append([record(`${kindOf(at)}:${String(at).padStart(30, '.')}`, kindOf(at))]);
    await until(() => spool.stats().bytes <= 4000);
  }
}

const waitingKinds = (spool: Spool): number[] => {
  const kinds = [0, 0, 0];
  for (const text of texts(spool)) kinds[Number(text[0])] = (kinds[Number(text[0])] ?? 0) + 1;
  return kinds;
};

test('transcripts go first, then probes, then the oldest records', async (t) => {
  const spool = open(t, tempDir(t));
  await appendSlowly(spool, 90, (at) => KINDS[at % 3] as RecordKind);
  const one = spool.stats();
  assert.ok(one.shed.transcripts > 10);
  assert.deepEqual([one.shed.probes, one.shed.records], [0, 0]);
  await appendSlowly(spool, 40, (at) => (at % 2 === 0 ? 1 : 2));
  const two = spool.stats();
  assert.ok(two.shed.probes > 10);
  assert.deepEqual([two.shed.records, waitingKinds(spool)[0]], [0, 0]);
  await appendSlowly(spool, 100, () => 2);
  assert.ok(spool.stats().shed.records > 10);
  assert.deepEqual(waitingKinds(spool).slice(0, 2), [0, 0]);
  const left = readAll(spool).map(({ seq }) => seq);
  assert.deepEqual([left.at(-1), left.length], [230, spool.stats().waiting]);
  // What is left is the newest, without a hole: only records were appended at the end.
  assert.equal((left.at(-1) ?? 0) - (left[0] ?? 0) + 1, left.length);
});

test('appends faster than the shedder do not pass the limit by more than a segment', (t) => {
  const spool = open(t, tempDir(t));
  for (let at = 0; at < 1000; at += 1) {
    spool.append([
      record(`${at}`, KINDS[at % 3] as RecordKind),
      { open: `s${at}`, payload: 'x' },
      { closed: `s${at}` },
    ]);
    assert.ok(spool.stats().bytes <= 4000 + 2 * 400);
  }
  const { recorded, waiting, shed, open: sessions } = spool.stats();
  assert.equal(recorded, 1000);
  assert.equal(waiting + shed.transcripts + shed.probes + shed.records, 1000);
  assert.equal(waiting, readAll(spool).length);
  assert.equal(sessions, 0);
});

test('a batch that was handed out can be acknowledged after its records were shed', async (t) => {
  const spool = open(t, tempDir(t));
  await appendSlowly(spool, 20, () => 0);
  const batch = spool.read(100_000, 10);
  assert.equal(batch?.last, 10);
  await appendSlowly(spool, 100, () => 2);
  assert.equal(spool.stats().shed.transcripts, 20);
  const before = spool.read(1, 1);
  spool.ack(spool.boot, 10);
  assert.deepEqual(spool.read(1, 1), before);
  assert.equal(spool.stats().acked, 0);
});

test('acknowledging while a segment is copied leaves neither a loss nor a double', async (t) => {
  const spool = open(t, tempDir(t));
  const seen: number[] = [];
  for (let at = 0; at < 400; at += 1) {
    spool.append([record(`${at}`.padStart(40, '.'), at % 2 === 0 ? 0 : 2)]);
    if (at % 3 === 0) await new Promise((done) => setImmediate(done));
    if (at % 5 !== 0) continue;
    const batch = spool.read(130, 3);
    for (const each of batch?.records ?? []) seen.push(each.seq);
    if (batch !== undefined) spool.ack(batch.boot, batch.last);
  }
  for (const { seq } of readAll(spool)) seen.push(seq);
  const { shed, recorded } = spool.stats();
  assert.deepEqual(
    seen,
    [...new Set(seen)].sort((a, b) => a - b),
  );
  assert.equal(seen.length + shed.transcripts + shed.probes + shed.records, recorded);
});

test('what was shed is reported as a record, for each reason, and survives a death', async (t) => {
  const dir = tempDir(t);
  const spool = open(t, dir);
  await appendSlowly(spool, 200, (at) => (at % 2 === 0 ? 0 : 2));
  const { shed } = spool.stats();
  await until(() => existsSync(join(dir, 'cursor')) && statSync(join(dir, 'cursor')).size > 0);
  await spool.close();
  const next = open(t, killedCopy(t, dir), { maxBytes: 100_000 });
  assert.equal(
    next.reportShed((report) => JSON.stringify(report)),
    1,
  );
  assert.deepEqual(JSON.parse(texts(next).at(-1) ?? ''), { ...shed, reason: 'size' });
  assert.equal(
    next.reportShed(() => assert.fail('nothing is left to report')),
    0,
  );
});

test('a spool that is over its limit when it is opened sheds at once', async (t) => {
  const dir = tempDir(t);
  const before = openSpool({ dir, maxBytes: 100_000, segmentBytes: 400 });
  for (let at = 0; at < 200; at += 1) before.append([record('x'.repeat(30), KINDS[at % 3] as RecordKind)]);
  await before.close();
  const spool = open(t, dir);
  await until(() => spool.stats().bytes <= 4000);
  assert.equal(spool.stats().shed.transcripts, 67);
});

test('whatever is appended, read, acknowledged and shed, every record is delivered or counted', async () => {
  const action = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('append' as const),
        kinds: fc.array(fc.constantFrom(...KINDS), { maxLength: 12 }),
        bytes: fc.nat(150),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('deliver' as const), bytes: fc.nat(800) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('turns' as const), turns: fc.integer({ min: 1, max: 30 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 60, size: 'max' }), async (actions) => {
      const cleanups: (() => void)[] = [];
      const dir = tempDir({ after: (cleanup) => cleanups.push(cleanup as () => void) });
      let spool = openSpool({ dir, maxBytes: 3000, segmentBytes: 300 });
      const appended = new Map<string, RecordKind>();
      const delivered: string[] = [];
      const shed = [0, 0, 0];
      const addShed = (): void => {
        const counts = spool.stats().shed;
        shed[0] = (shed[0] ?? 0) + counts.transcripts;
        shed[1] = (shed[1] ?? 0) + counts.probes;
        shed[2] = (shed[2] ?? 0) + counts.records;
      };
      const deliver = (bytes: number): boolean => {
        const batch = spool.read(bytes, 50);
        if (batch === undefined) return false;
        for (const { payload } of batch.records) delivered.push(payload.toString().trim());
        spool.ack(batch.boot, batch.last);
        return true;
      };
      try {
        for (const step of actions) {
          if (step.do === 'append') {
            const entries = step.kinds.map((kind) => {
              const name = String(appended.size);
              appended.set(name, kind);
              return record(name.padEnd(step.bytes), kind);
            });
            spool.append(entries);
          } else if (step.do === 'deliver') deliver(step.bytes);
          else if (step.do === 'turns')
            for (let turn = 0; turn < step.turns; turn += 1) await new Promise((done) => setImmediate(done));
          else {
            addShed();
            await spool.close();
            spool = openSpool({ dir, maxBytes: 3000, segmentBytes: 300 });
          }
          const { recorded, acked, waiting, shed: counts, bytes } = spool.stats();
          assert.equal(recorded, acked + waiting + counts.transcripts + counts.probes + counts.records);
          assert.ok(bytes <= 3000 + 3 * 300 + 12 * 165);
        }
        while (deliver(1000));
        addShed();
        const numbers = delivered.map(Number);
        assert.deepEqual(
          numbers,
          [...new Set(numbers)].sort((a, b) => a - b),
        );
        const missing = [0, 0, 0];
        for (const [name, kind] of appended) if (!delivered.includes(name)) missing[kind] = (missing[kind] ?? 0) + 1;
        assert.deepEqual(missing, shed);
      } finally {
        await spool.close();
        for (const cleanup of cleanups) cleanup();
      }
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
});

test('on a full disk the reserve keeps appends going while transcripts are shed', async (t) => {
  const dir = tempDir(t);
  const disk = limitedDisk(dir, 60_000);
  const spool = open(t, dir, { fs: disk.fs, maxBytes: 1_000_000, segmentBytes: 4000 });
  await until(() => existsSync(join(dir, 'reserve')) && statSync(join(dir, 'reserve')).size === 4000);
  const reserved = (): boolean => existsSync(join(dir, 'reserve')) && statSync(join(dir, 'reserve')).size === 4000;
  for (let at = 0; at < 2000; at += 1) {
    spool.append([record(`${at}`.padStart(20), at % 2 === 0 ? 0 : 2)]);
    await until(reserved);
  }
  const { shed, waiting } = spool.stats();
  assert.ok(shed.transcripts > 400);
  assert.equal(shed.records, 0);
  assert.equal(waiting + shed.transcripts, 2000);
  spool.reportShed((report) => report.reason);
  assert.equal(texts(spool).at(-1), 'disk_full');
});

test('a disk filled by others costs what finds no room, and nothing more', async (t) => {
  const dir = tempDir(t);
  const disk = limitedDisk(dir, 100_000);
  const spool = open(t, dir, { fs: disk.fs, maxBytes: 1_000_000, segmentBytes: 4000 });
  spool.append([record('kept'), { open: 'A', payload: 'a' }, { open: 'B', payload: 'b' }]);
  await until(() => existsSync(join(dir, 'reserve')) && statSync(join(dir, 'reserve')).size === 4000);
  disk.capacity = 0;
  for (let at = 0; at < 50; at += 1)
    spool.append([
      record(`lost ${at}`, KINDS[at % 3] as RecordKind),
      { open: `s${at}`, payload: `payload ${at}` },
      ...(at === 7 ? [] : [{ closed: `s${at}` }]),
      { closed: 'A' },
    ]);
  assert.deepEqual(spool.stats().shed, { transcripts: 17, probes: 17, records: 16 });
  assert.equal(spool.stats().failure, 'ENOSPC');
  assert.deepEqual(texts(spool), ['kept']);
  disk.capacity = 100_000;
  spool.append([record('back')]);
  assert.equal(spool.stats().failure, undefined);
  assert.deepEqual(texts(spool), ['kept', 'back']);
  assert.equal(readAll(spool).at(-1)?.seq, 52);
  // The table of open sessions on disk has caught up with what happened meanwhile.
  const next = open(t, killedCopy(t, dir), { maxBytes: 1_000_000 });
  assert.deepEqual(
    [...next.recoveredOpen],
    [
      ['B', 'b'],
      ['s7', 'payload 7'],
    ],
  );
});

test('a write that takes only a part leaves nothing of it', (t) => {
  const dir = tempDir(t);
  const disk = limitedDisk(dir, 100_000);
  const spool = open(t, dir, { fs: disk.fs, maxBytes: 1_000_000, segmentBytes: 50_000 });
  spool.append([record('kept')]);
  disk.capacity = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 40);
  spool.append([record('x'.repeat(10)), record('y'.repeat(10)), record('z'.repeat(10))]);
  assert.deepEqual(spool.stats().shed, { transcripts: 0, probes: 0, records: 3 });
  spool.append([record('fits')]);
  const next = open(t, killedCopy(t, dir));
  assert.equal(next.recovery.tornBytes, 0);
  assert.deepEqual(texts(next), ['kept', 'fits']);
});

test('a disk that fails for another reason costs no old records', (t) => {
  const dir = tempDir(t);
  const disk = limitedDisk(dir, 100_000);
  const spool = open(t, dir, { fs: disk.fs });
  for (let at = 0; at < 30; at += 1) spool.append([record(`${at}`)]);
  disk.failWith = 'EIO';
  spool.append([record('lost'), record('lost', 0)]);
  assert.equal(spool.stats().failure, 'EIO');
  disk.failWith = undefined;
  spool.append([record('back')]);
  assert.equal(texts(spool).length, 31);
  assert.deepEqual(spool.stats().shed, { transcripts: 1, probes: 0, records: 1 });
});

test('a spool opens on a full disk, gives up old records for new ones, and goes on once there is room', async (t) => {
  const dir = tempDir(t);
  const before = openSpool({ dir, maxBytes: 1_000_000, segmentBytes: 400 });
  before.append([record('old'), { open: 'A', payload: 'a' }]);
  await before.close();
  const disk = limitedDisk(dir, 0);
  const spool = openSpool({ dir, maxBytes: 1_000_000, segmentBytes: 400, fs: disk.fs });
  spool.append([record('no room', 0)]);
  assert.deepEqual(texts(spool), ['old']);
  disk.capacity = 160;
  spool.append([record('new')]);
  assert.deepEqual(texts(spool), ['new']);
  assert.deepEqual(spool.stats().shed, { transcripts: 1, probes: 0, records: 1 });
  disk.capacity = 100_000;
  spool.append([record('newer')]);
  await spool.close();
  const next = open(t, dir);
  assert.deepEqual([...next.recoveredOpen.keys()], ['A']);
  assert.deepEqual(texts(next), ['new', 'newer']);
});

/** A file system of one megabyte, or why there can be none. */
function smallDisk(t: TestContext): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'spool-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir], { stdio: 'ignore' });
  } catch {
    rmdirSync(dir);
    return undefined;
  }
  t.after(async () => {
    // A handle that the spool has let go may take the system a moment to close.
    await until(() => {
      try {
        execFileSync('umount', [dir], { stdio: 'ignore' });
        return true;
      } catch {
        return false;
      }
    });
    rmdirSync(dir);
  });
  return dir;
}

test('a real file system that is full behaves the same', async (t) => {
  const dir = smallDisk(t);
  if (dir === undefined) return t.skip('mounting a tmpfs is not permitted');
  const options = { dir, maxBytes: 100_000_000, segmentBytes: 65_536 };
  const spool = openSpool(options);
  const payload = 'x'.repeat(1000);
  for (let at = 0; at < 5000; at += 1) {
    spool.append([record(`${at} ${payload}`, at % 4 === 0 ? 2 : 0), { open: `s${at}`, payload: 'p' }]);
    spool.append([{ closed: `s${at}` }]);
    if (at % 8 === 0) await new Promise((done) => setImmediate(done));
  }
  const { recorded, waiting, shed, open: sessions } = spool.stats();
  assert.equal(recorded, 5000);
  assert.ok(shed.transcripts > 3000 && waiting > 100);
  assert.equal(waiting + shed.transcripts + shed.records, 5000);
  assert.equal(sessions, 0);
  const left = texts(spool);
  assert.equal(left.length, waiting);
  const last = readAll(spool).at(-1);
  assert.ok(last !== undefined && last.seq > 4900);
  await spool.close();
  const again = openSpool(options);
  assert.deepEqual(texts(again), left);
  assert.equal(again.recoveredOpen.size, 0);
  assert.equal(again.recovery.corruptRecords, 0);
  await again.close();
});
