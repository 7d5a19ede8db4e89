import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { errorCode, uuidv7, type WireRecord } from '../../events/index.ts';
import { openControl } from '../control/database.ts';
import { type StoreClient, StoreError } from '../store/client.ts';
import { startTestHost, type TestHost } from '../store/host/testing.ts';
import { migrate } from '../store/schema.ts';
import { BOOT, login, longestTurn, testFolder, wireEvent, wireSession, wireSessions } from '../testing.ts';
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
/** A sensor of its own for each test: what it stored is counted by it. */
let sensor: string;
beforeEach(() => {
  folder = testFolder();
  sensor = uuidv7(Date.now());
});
afterEach(() => folder.remove());

const delivery = (
  records: readonly WireRecord[],
  given: { sensorId?: string; last?: number; bytes?: number } = {},
) => ({
  sensorId: sensor,
  bootId: BOOT,
  records,
  last: records.at(-1)?.n ?? 0,
  bytes: 1000,
  ...given,
});

async function count(table: 'sessions' | 'events', sensorId = sensor): Promise<{ rows: number; distinct: number }> {
  const id = table === 'sessions' ? 'id' : '(session_id, seq)';
  const [row] = await store.query<{ n: string; d: string }>(
    `SELECT count() AS n, uniqExact(${id}) AS d FROM ${table} WHERE sensor_id = {s:String}`,
    { s: sensorId },
  );
  return { rows: Number(row?.n), distinct: Number(row?.d) };
}
const once = (rows: number): { rows: number; distinct: number } => ({ rows, distinct: rows });
const segments = ({ journalDir }: TestIntake): string[] =>
  readdirSync(journalDir).filter((file) => file.endsWith('.segment'));
const hasCode = (code: string) => (error: unknown) => errorCode(error) === code;

describe('what comes twice', () => {
  test('a batch that is delivered twice is stored once', async () => {
    const { intake } = openIntake(folder.path, store);
    const records = [...wireSessions(1, 5), wireEvent(6)];
    await intake.deliver(delivery(records));
    await intake.deliver(delivery(records));
    await Promise.all([intake.deliver(delivery(records)), intake.deliver(delivery(records))]);
    assert.deepEqual(await count('sessions'), once(5));
    assert.deepEqual(await count('events'), once(1));
    await intake.stop();
  });

  test('of overlapping batches, each record is stored once', async () => {
    const { intake } = openIntake(folder.path, store);
    const records = wireSessions(1, 30);
    await Promise.all(
      [records.slice(0, 10), records.slice(5, 15), records.slice(0, 20), records.slice(19, 30)].map((part) =>
        intake.deliver(delivery(part)),
      ),
    );
    assert.deepEqual(await count('sessions'), once(30));
    await intake.stop();
  });

  test('a gap is what the spool shed: what comes behind it is stored', async () => {
    const { intake } = openIntake(folder.path, store);
    await intake.deliver(delivery(wireSessions(1, 3)));
    await intake.deliver(delivery(wireSessions(100, 102), { last: 110 }));
    await intake.deliver(delivery(wireSessions(111, 111)));
    assert.deepEqual(await count('sessions'), once(7));
    await intake.stop();
  });

  test('runs of a sensor count each for themselves, and so do sensors', async () => {
    const { intake } = openIntake(folder.path, store);
    const other = uuidv7(Date.now());
    await intake.deliver(delivery(wireSessions(1, 3)));
    await intake.deliver({ ...delivery(wireSessions(1, 2)), bootId: uuidv7(Date.now()) });
    await intake.deliver(delivery(wireSessions(1, 4), { sensorId: other }));
    assert.deepEqual(await count('sessions'), once(5));
    assert.deepEqual(await count('sessions', other), once(4));
    await intake.stop();
  });

  test('a delivery whose records were all refused still moves on', async () => {
    const { intake } = openIntake(folder.path, store);
    await intake.deliver(delivery([], { last: 5 }));
    await intake.deliver(delivery(wireSessions(4, 7)));
    assert.deepEqual(await count('sessions'), once(2));
    await intake.stop();
  });
});

test('what several sensors deliver meanwhile is joined into one segment', async () => {
  const { intake } = openIntake(folder.path, store);
  const sensors = Array.from({ length: 6 }, () => uuidv7(Date.now()));
  await Promise.all(sensors.map((sensorId) => intake.deliver(delivery(wireSessions(1, 4), { sensorId }))));
  assert.ok(intake.state.segments <= 2, `${intake.state.segments} segments`);
  for (const sensorId of sensors) assert.deepEqual(await count('sessions', sensorId), once(4));
  assert.deepEqual([intake.state.waiting, intake.state.stored_sessions], [0, 24]);
  await intake.stop();
});

test('those who watch see what was stored, and nothing twice; their faults are their own', async () => {
  const seen = openIntake(folder.path, store);
  const records = [wireSession(1), wireEvent(2, login('root', 'x'))];
  await seen.intake.deliver(delivery(records));
  await seen.intake.deliver(delivery(records));
  await seen.intake.stop();
  assert.equal(seen.published.length, 2);
  seen.control.close();
  const failing = openIntake(folder.path, store, {
    publish: () => {
      throw new TypeError('a watcher is broken');
    },
  });
  await failing.intake.deliver(delivery(wireSessions(3, 4)));
  assert.deepEqual(await count('sessions'), once(3));
  await failing.intake.stop();
});

describe('a crash', () => {
  const records = [...wireSessions(1, 20), ...Array.from({ length: 20 }, (_, n) => wireEvent(21 + n, { seq: n }))];

  /** A manager dies at `point` while it takes the records in; another one starts in the folder, and the sensor delivers again. */
  async function crashAt(crashing: StoreClient): Promise<TestIntake> {
    const first = openIntake(folder.path, crashing);
    void first.intake.deliver(delivery(records)).catch(() => undefined);
    await untilJournalled(first);
    const second = openIntake(folder.path, store);
    await Promise.all([second.intake.recover(), second.intake.deliver(delivery(records))]);
    return second;
  }
  let died: Promise<void>;
  let die: () => void;
  const untilJournalled = async (_: TestIntake): Promise<void> => await died;
  beforeEach(() => {
    died = new Promise((resolve) => {
      die = resolve;
    });
  });

  async function checkOnce(second: TestIntake): Promise<void> {
    assert.deepEqual(await count('sessions'), once(20));
    assert.deepEqual(await count('events'), once(20));
    assert.deepEqual(segments(second), []);
    await second.intake.stop();
  }

  test('between journal and store stores everything once', async () => {
    const crashing = storeWith(store, () => {
      die();
      return never();
    });
    await checkOnce(await crashAt(crashing));
  });

  test('between two tables stores everything once', async () => {
    const crashing = storeWith(store, async (table, insert) => {
      if (table === 'sessions') return await insert();
      die();
      return await never();
    });
    await checkOnce(await crashAt(crashing));
  });

  test('behind the store, before it is noted, stores everything once', async () => {
    const crashing = storeWith(store, async (table, insert) => {
      await insert();
      if (table === 'sessions') return;
      die();
      await never();
    });
    await checkOnce(await crashAt(crashing));
  });

  test('when all is noted and only the file is left stores everything once, however much came since', async () => {
    const aside = join(folder.path, 'kept');
    let name = '';
    const first: TestIntake = openIntake(
      folder.path,
      storeWith(store, async (_, insert) => {
        [name = ''] = segments(first);
        copyFileSync(join(first.journalDir, name), aside);
        await insert();
      }),
    );
    await first.intake.deliver(delivery(records));
    await first.intake.stop();
    copyFileSync(aside, join(first.journalDir, name));
    let inserts = 0;
    const second = openIntake(
      folder.path,
      storeWith(store, async (_, insert) => {
        inserts += 1;
        await insert();
      }),
    );
    await second.intake.recover();
    assert.equal(inserts, 0, 'the store may have forgotten the token by now');
    await checkOnce(second);
  });

  test('what cannot be noted is not answered for, and not taken twice', async () => {
    const control = openControl(join(folder.path, 'control.sqlite'));
    let fails = 3;
    const failing = {
      ...control,
      transaction<T>(action: () => T): T {
        fails -= 1;
        if (fails >= 0) throw new Error('database or disk is full');
        return control.transaction(action);
      },
    };
    const taken = openIntake(folder.path, store, { control: failing });
    await Promise.all([taken.intake.deliver(delivery(records)), taken.intake.deliver(delivery(records))]);
    assert.ok(fails < 0);
    await checkOnce(taken);
  });

  test('that left a segment nobody can read does not keep the manager down: it is put aside', async () => {
    const { journalDir, intake } = openIntake(folder.path, store);
    await intake.stop();
    writeFileSync(join(journalDir, `${uuidv7(Date.now())}.segment`), 'no segment\n');
    const second = openIntake(folder.path, store);
    await second.intake.deliver(delivery(records));
    assert.equal(second.intake.state.refused_segments, 1);
    await checkOnce(second);
  });
});

describe('a store in trouble', () => {
  test('that is down for a while is waited for, and nothing is lost', async () => {
    const { intake } = openIntake(folder.path, store);
    await intake.deliver(delivery(wireSessions(1, 3)));
    await host.kill();
    const waiting = Promise.all([
      intake.deliver(delivery(wireSessions(4, 6))),
      intake.deliver(delivery([wireEvent(1)], { sensorId: uuidv7(Date.now()) })),
    ]);
    while (intake.state.trouble === null) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(intake.state.waiting > 0);
    await host.start();
    await waiting;
    assert.deepEqual(await count('sessions'), once(6));
    assert.deepEqual([intake.state.trouble, intake.state.waiting], [null, 0]);
    await intake.stop();
  });

  test('does not keep the manager from stopping; what was on its way is stored by the next one, once', async () => {
    const down = storeWith(store, () => Promise.reject(new StoreError('STORE_UNREACHABLE', 'nobody answers')));
    const first = openIntake(folder.path, down);
    const given = [
      first.intake.deliver(delivery(wireSessions(1, 3))),
      first.intake.deliver(delivery(wireSessions(4, 5))),
    ];
    const refused = Promise.all(given.map((one) => assert.rejects(one, hasCode('INTAKE_STOPPED'))));
    while (first.intake.state.trouble === null) await new Promise((resolve) => setTimeout(resolve, 5));
    await first.intake.stop();
    await refused;
    await assert.rejects(first.intake.deliver(delivery(wireSessions(9, 9))), hasCode('INTAKE_STOPPED'));
    assert.equal(segments(first).length, 1, 'only what had been journalled before is in the journal');
    first.control.close();

    const second = openIntake(folder.path, store);
    await second.intake.deliver(delivery(wireSessions(1, 5)));
    const { rows } = await count('sessions');
    assert.equal(rows, 5);
    assert.deepEqual(segments(second), []);
    await second.intake.stop();
  });

  test('that never answers is given up at a stop, and nothing is put aside', async () => {
    const hanging = openIntake(
      folder.path,
      storeWith(store, async () => {
        // As a connection that is silent: only the caller's signal ends it.
        await new Promise((_, reject) => setTimeout(() => reject(new StoreError('STORE_CANCELLED', 'given up')), 300));
      }),
    );
    const given = assert.rejects(hanging.intake.deliver(delivery(wireSessions(1, 3))), hasCode('INTAKE_STOPPED'));
    while (segments(hanging).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await hanging.intake.stop();
    await given;
    assert.equal(hanging.intake.state.refused_segments, 0);
    assert.equal(segments(hanging).length, 1);
  });

  test('that refuses our credential or lacks a table is waited for: the records are not to blame', async () => {
    for (const code of ['STORE_DENIED', 'STORE_UNKNOWN_OBJECT'] as const) {
      let times = 0;
      const { intake } = openIntake(
        folder.path,
        storeWith(store, async (_, insert) => {
          times += 1;
          if (times <= 2) throw new StoreError(code, 'not now');
          await insert();
        }),
      );
      const sensorId = uuidv7(Date.now());
      await intake.deliver(delivery(wireSessions(1, 3), { sensorId }));
      assert.deepEqual(await count('sessions', sensorId), once(3));
      assert.equal(intake.state.refused_segments, 0);
      await intake.stop();
    }
  });

  test('that refuses a segment for its rows: it is put aside and counted, the rest of it and all others are stored', async () => {
    const taken = openIntake(folder.path, store);
    const { intake } = taken;
    // No schema lets this through; the store must refuse it all the same.
    const impossible = wireSession(1, { src_ip: 'fe80::1%eth0' });
    await intake.deliver(delivery([impossible, wireEvent(2)]));
    assert.equal(intake.state.refused_segments, 1);
    assert.deepEqual(await count('sessions'), once(0));
    assert.deepEqual(await count('events'), once(1));
    await intake.deliver(delivery(wireSessions(3, 4)));
    assert.deepEqual(await count('sessions'), once(2));
    assert.equal(readdirSync(taken.journalDir).filter((file) => file.endsWith('.refused')).length, 1);
    assert.equal(taken.published.length, 2, 'what is not stored is not shown');
    await intake.stop();
    taken.control.close();
    assert.equal(openIntake(folder.path, store).intake.state.refused_segments, 1, 'it is counted after a restart too');
  });
});

describe('bounds', () => {
  test('a journal that cannot be written gives the delivery back, and nothing of it is stored', async () => {
    const taken = openIntake(folder.path, store);
    rmSync(taken.journalDir, { recursive: true });
    await assert.rejects(taken.intake.deliver(delivery(wireSessions(1, 3))), hasCode('ENOENT'));
    assert.deepEqual(await count('sessions'), once(0));
    assert.equal(taken.intake.state.waiting, 0);
    mkdirSync(taken.journalDir);
    await taken.intake.deliver(delivery(wireSessions(1, 3)));
    assert.deepEqual(await count('sessions'), once(3));
    await taken.intake.stop();
  });

  test('more bytes or records than may wait are refused, and taken when there is room again', async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { intake } = openIntake(
      folder.path,
      storeWith(store, async (_, insert) => {
        await gate;
        await insert();
      }),
    );
    const first = intake.deliver(delivery(wireSessions(1, 2), { bytes: 200 * 1_048_576 }));
    const next = delivery(wireSessions(3, 4), { bytes: 100 * 1_048_576 });
    await assert.rejects(intake.deliver(next), hasCode('INTAKE_FULL'));
    open();
    await first;
    await intake.deliver(next);
    assert.deepEqual(await count('sessions'), once(4));
    await intake.stop();
  });

  test('what makes us fail spoils the delivery of its sensor alone', async () => {
    const { intake } = openIntake(folder.path, store);
    const poison = wireEvent(1, {
      fields: {
        get command() {
          throw new RangeError('deeper than the stack');
        },
      },
    });
    const bad = uuidv7(Date.now());
    const results = await Promise.allSettled([
      intake.deliver(delivery(wireSessions(1, 2))),
      intake.deliver(delivery([poison], { sensorId: bad })),
      intake.deliver(delivery(wireSessions(3, 4))),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(await count('sessions'), once(4));
    await intake.stop();
  });

  test('times of ten thousand years fill the store with no partitions, and stop nothing', async () => {
    const { intake } = openIntake(folder.path, store);
    const years = Array.from(
      { length: 300 },
      (_, index) => `${String(index * 33).padStart(4, '0')}-03-01T00:00:00.000Z`,
    );
    await intake.deliver(delivery(years.map((started_at, index) => wireSession(index + 1, { started_at }))));
    assert.deepEqual(await count('sessions'), once(300));
    const [row] = await store.query<{ n: string }>(
      'SELECT uniqExact(toYYYYMM(started_at)) AS n FROM sessions WHERE sensor_id = {s:String}',
      { s: sensor },
    );
    assert.equal(Number(row?.n), 1);
    await intake.stop();
  });

  test('a full segment keeps the process from nothing for 50 ms', async () => {
    const { intake } = openIntake(folder.path, store);
    const batch = (first: number): WireRecord[] =>
      Array.from({ length: 20_000 }, (_, n) => wireEvent(first + n, { seq: n, ...login('root', `p${n}`) }));
    await intake.deliver(delivery(batch(1).slice(0, 2000)));
    const whole = batch(1);
    const longest = await longestTurn(() => intake.deliver(delivery(whole)));
    assert.equal((await count('events')).rows, 20_000);
    assert.ok(longest < 50, `the longest turn took ${longest} ms`);
    await intake.stop();
  });
});

test('artifacts arrive with the records, and one that is not what it says holds up nothing', async () => {
  const { intake, artifacts, log } = openIntake(folder.path, store);
  const bytes = Buffer.from('a captured file');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const piece = { record: 'artifact' as const, size: bytes.length, offset: 0, data: bytes.toString('base64') };
  await intake.deliver(
    delivery([{ ...piece, n: 1, sha256: 'f'.repeat(64) }, { ...piece, n: 2, sha256 }, wireSession(3)]),
  );
  assert.ok(artifacts.has(sha256));
  assert.ok(!artifacts.has('f'.repeat(64)));
  assert.ok(log.lines.some((line) => line.includes('ffff')));
  assert.deepEqual(await count('sessions'), once(1));
  await intake.stop();
});
