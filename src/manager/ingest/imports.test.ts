import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { type EventRecord, errorCode, type SessionRecord, uuidFromName, uuidv7 } from '../../events/index.ts';
import type { StoreClient } from '../store/client.ts';
import { startTestHost, type TestHost } from '../store/host/testing.ts';
import { migrate } from '../store/schema.ts';
import { makeEvent, makeSession, testFolder } from '../testing.ts';
import { type ImportBatch, Imports } from './imports.ts';
import { never, openIntake, storeWith, type TestIntake } from './testing.ts';

let host: TestHost;
let store: StoreClient;
before(async () => {
  host = await startTestHost();
  store = host.connect();
  await migrate(store);
});
after(async () => {
  await host.close();
});

let folder: ReturnType<typeof testFolder>;
let taken: TestIntake;
let imports: Imports;
/** A sensor of its own for each test: what it stored is counted by it. */
let sensor: string;
beforeEach(() => {
  folder = testFolder();
  sensor = `imported-${uuidv7(Date.now())}`;
  taken = openIntake(folder.path, store);
  imports = new Imports(taken.control, store, taken.intake);
});
afterEach(async () => {
  await taken.intake.stop();
  folder.remove();
});

/** Row `n` of the other system: the same session and event whenever it is read. */
function row(n: number): { session: SessionRecord; event: EventRecord } {
  const at = new Date(Date.UTC(2024, 0, 1) + n * 60_000).toISOString();
  const id = uuidFromName(`${sensor} ${n}`);
  return {
    session: makeSession({ id, started_at: at, events: 1, honeypot: 'dionaea' }),
    event: makeEvent({ session_id: id, at, honeypot: 'dionaea' }),
  };
}

function batch(rows: readonly number[], given: Partial<ImportBatch> = {}): ImportBatch {
  return {
    fingerprint: 'file-1',
    file: 'a.json',
    format: 'mhn-session',
    rows: rows.length,
    invalid: 0,
    done: false,
    sessions: rows.map((n) => ({ sensorId: sensor, session: row(n).session })),
    events: rows.map((n) => ({ sensorId: sensor, event: row(n).event })),
    bytes: 1000,
    ...given,
  };
}

async function stored(): Promise<{ sessions: number; events: number; distinct: number }> {
  const count = async (sql: string): Promise<number> =>
    Number((await store.query<{ n: string }>(`${sql} WHERE sensor_id = {s:String}`, { s: sensor }))[0]?.n);
  return {
    sessions: await count('SELECT count() AS n FROM sessions'),
    events: await count('SELECT count() AS n FROM events'),
    distinct: await count('SELECT uniqExact(id) AS n FROM sessions'),
  };
}
const once = (n: number): { sessions: number; events: number; distinct: number } => ({
  sessions: n,
  events: n,
  distinct: n,
});
const counts = ({ rows, imported, duplicates }: { rows: number; imported: number; duplicates: number }) => ({
  rows,
  imported,
  duplicates,
});

test('a row that comes twice in a batch, in the next one, or in another file is stored once and counted', async () => {
  assert.deepEqual(counts(await imports.take(batch([1, 2, 2, 3, 1]))), { rows: 5, imported: 3, duplicates: 2 });
  assert.deepEqual(counts(await imports.take(batch([3, 4], { rows: 7 }))), { rows: 7, imported: 4, duplicates: 3 });
  const other = await imports.take(batch([4, 5, 1], { fingerprint: 'file-2', rows: 3, done: true }));
  assert.deepEqual(counts(other), { rows: 3, imported: 1, duplicates: 2 });
  assert.deepEqual(await stored(), once(5));
});

test('imports of the same rows at the same time store each row once', async () => {
  const rows = Array.from({ length: 200 }, (_, index) => index);
  const results = await Promise.all(
    ['a', 'b', 'c', 'd'].map((fingerprint) => imports.take(batch(rows, { fingerprint, done: true }))),
  );
  assert.equal(
    results.reduce((sum, { imported }) => sum + imported, 0),
    200,
  );
  for (const { imported, duplicates } of results) assert.equal(imported + duplicates, 200);
  assert.deepEqual(await stored(), once(200));
});

test('a batch that was stored already is answered with what is known, and stores nothing', async () => {
  const first = await imports.take(batch([1, 2, 3]));
  assert.deepEqual(await imports.take(batch([1, 2, 3])), first);
  assert.deepEqual(await imports.take(batch([1], { rows: 1 })), first);
  assert.deepEqual(imports.progress('file-1'), first);
  assert.deepEqual(await stored(), once(3));
});

test('the end of a file is noted even when it brings no row', async () => {
  await imports.take(batch([1, 2]));
  const end = await imports.take(batch([], { rows: 2, done: true }));
  assert.deepEqual([end.done, end.imported], [true, 2]);
  assert.deepEqual(await imports.take(batch([], { rows: 2, done: true })), end);
});

test('a file that is begun again is counted from its first row, and all of it is duplicates', async () => {
  await imports.take(batch([1, 2], { done: true }));
  imports.restart('file-1');
  assert.equal(imports.progress('file-1'), undefined);
  assert.deepEqual(counts(await imports.take(batch([1, 2], { done: true }))), { rows: 2, imported: 0, duplicates: 2 });
  assert.deepEqual(await stored(), once(2));
});

test('events of a session that is left out are left out with it', async () => {
  await imports.take(batch([1]));
  const orphan = { sensorId: sensor, event: makeEvent({ session_id: uuidFromName('nobody') }) };
  await imports.take(
    batch([1], { fingerprint: 'file-2', events: [{ sensorId: sensor, event: row(1).event }, orphan] }),
  );
  assert.deepEqual(await stored(), once(1));
});

test('more ids than one question may name are all looked for', async () => {
  const rows = Array.from({ length: 7000 }, (_, index) => index);
  await imports.take(batch(rows));
  const again = await imports.take(batch(rows, { fingerprint: 'file-2' }));
  assert.deepEqual(counts(again), { rows: 7000, imported: 0, duplicates: 7000 });
});

test('rows of many years are one batch', async () => {
  const years = Array.from({ length: 40 }, (_, index) => index);
  const spread = years.flatMap((year) => [0, 4, 8].map((month) => ({ year: 1980 + year, month })));
  await imports.take(
    batch([], {
      rows: spread.length,
      sessions: spread.map(({ year, month }) => ({
        sensorId: sensor,
        session: makeSession({ started_at: new Date(Date.UTC(year, month, 1)).toISOString() }),
      })),
    }),
  );
  assert.equal((await stored()).sessions, 120);
});

test('what a killed manager left of an import is stored once, and its importer goes on behind it', async () => {
  const died = new Promise<void>((resolve) => {
    const crashing = openIntake(
      folder.path,
      storeWith(store, async (table, insert) => {
        if (table === 'sessions') return await insert();
        resolve();
        return await never();
      }),
    );
    void new Imports(crashing.control, store, crashing.intake).take(batch([1, 2, 3]));
  });
  await died;
  const next = openIntake(folder.path, store);
  const again = new Imports(next.control, store, next.intake);
  // Nobody waited for the journal: the batch comes while it is brought home.
  const progress = await again.take(batch([1, 2, 3]));
  assert.deepEqual(counts(progress), { rows: 3, imported: 3, duplicates: 0 });
  assert.deepEqual(await stored(), once(3));
  await next.intake.stop();
});

test('more batches than may wait are refused', async () => {
  const attempts = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) => imports.take(batch([index], { fingerprint: `f${index}` }))),
  );
  const refused = attempts.filter((attempt) => attempt.status === 'rejected');
  assert.ok(refused.length > 0 && refused.length < 20);
  for (const { reason } of refused) assert.equal(errorCode(reason), 'INTAKE_FULL');
  assert.deepEqual(await stored(), once(20 - refused.length));
  await imports.take(batch([100], { fingerprint: 'later' }));
});
