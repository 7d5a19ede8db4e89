/**
 * What every store must do, whichever driver is behind the client: the embedded engine, or a ClickHouse server. A test file calls
 * `storeContract` with a way to open one.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import {
  isRetryable,
  type StoreClient,
  StoreError,
  type StoreErrorCode,
  type StoreFormat,
  type StoreParams,
} from './client.ts';

export interface StoreUnderTest {
  connect(database?: string): StoreClient;
  close(): Promise<unknown>;
  /** Ends the store as a crash would and brings it up again; absent where the tests do not own it. */
  crash?(): Promise<void>;
}

/** What makes an acknowledged batch durable and a repeated one harmless; on every table, also on those that views fill. */
const DURABLE =
  'SETTINGS non_replicated_deduplication_window=1000, fsync_after_insert=1, fsync_part_directory=1, max_suspicious_broken_parts=10000';
/** Runs for minutes unless somebody ends it. */
const ENDLESS = 'SELECT max(sipHash64(number)) AS m FROM numbers(100000000000)';
const ROUNDS = 10;

const lines = (rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

async function fails(work: Promise<unknown>, code: StoreErrorCode): Promise<StoreError> {
  let found: unknown;
  await assert.rejects(work, (error) => {
    found = error;
    return true;
  });
  assert.ok(found instanceof StoreError, String(found));
  assert.equal(found.code, code, found.message);
  return found;
}

export function storeContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`store contract: ${name}`, () => {
    const database = `contract_${randomUUID().replaceAll('-', '')}`;
    let store: StoreUnderTest;
    let client: StoreClient;

    const one = async <Row>(sql: string, params?: StoreParams): Promise<Row> => {
      const [row] = await client.query<Row>(sql, params);
      assert.ok(row !== undefined);
      return row;
    };
    const count = async (table: string): Promise<number> =>
      Number((await one<{ c: string }>(`SELECT count() AS c FROM ${table}`)).c);
    /** Waits until no statement with this word in it runs. */
    const untilEnded = async (word: string): Promise<void> => {
      for (;;) {
        const sql =
          'SELECT count() AS c FROM system.processes WHERE position(query, {w:String}) > 0 AND query NOT LIKE {own:String}';
        const row = await one<{ c: string }>(sql, { w: word, own: '%system.processes%' });
        if (Number(row.c) === 0) return;
      }
    };

    before(async () => {
      store = await open();
      await store.connect().command(`CREATE DATABASE ${database}`);
      client = store.connect(database);
    });
    after(async () => {
      await client.command(`DROP DATABASE ${database}`);
      await store.close();
    });

    test('it answers a ping', async () => {
      await client.ping();
    });

    test('numbers of 64 bits, dates and arrays come back as they are', async () => {
      const row = await one(
        "SELECT toUInt64(18446744073709551615) AS n, toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC') AS t, [1, 2] AS a",
      );
      assert.deepEqual(row, { n: '18446744073709551615', t: '2026-01-02 03:04:05.678', a: [1, 2] });
    });

    test('a database of its own holds what the client makes', async () => {
      assert.deepEqual(await one('SELECT currentDatabase() AS d'), { d: database });
    });

    test('hostile strings come back from parameters byte for byte', async () => {
      const strings = [
        '',
        'it\'s \\ a "quote" `tick`',
        'line\nline\r\n\n\ttab',
        'nul\0inside\0',
        '\\N',
        "\\'; DROP TABLE x; --",
        '{s:String} $$heredoc$$ /* */ -- ;',
        'é中😀\u{10ffff}',
        "[1,'a']",
        'x'.repeat(100_000),
      ];
      for (const s of strings) {
        const row = await one<{ s: string; n: string }>('SELECT {s:String} AS s, length({s:String}) AS n', { s });
        assert.equal(row.s, s);
        assert.equal(Number(row.n), Buffer.byteLength(s));
      }
      const row = await one<{ a: string[] }>('SELECT {a:Array(String)} AS a', { a: strings });
      assert.deepEqual(row.a, strings);
    });

    test('a parameter of a megabyte comes back whole', async () => {
      const s = '\\\'"\n\0é'.repeat(150_000);
      assert.ok(Buffer.byteLength(s) > 1_000_000);
      assert.equal((await one<{ s: string }>('SELECT {s:String} AS s', { s })).s, s);
    });

    test('parameters of concurrent statements do not mix', async () => {
      const answers = await Promise.all(
        Array.from({ length: 48 }, (_, i) => one<{ v: string }>('SELECT {v:String} AS v', { v: `value ${i}` })),
      );
      assert.deepEqual(
        answers.map(({ v }) => v),
        answers.map((_, i) => `value ${i}`),
      );
    });

    test('a parameter that is missing is an error, even where an earlier statement had it', async () => {
      await Promise.all(Array.from({ length: 16 }, () => one('SELECT {left:String} AS v', { left: 'behind' })));
      await fails(client.query('SELECT {left:String} AS v'), 'STORE_REJECTED');
    });

    test('settings hold for their statement alone', async () => {
      const read = (): Promise<{ v: string }[]> => client.query("SELECT toString(getSetting('max_rows_to_read')) AS v");
      const usual = await read();
      const set = await client.query(
        "SELECT toString(getSetting('max_rows_to_read')) AS v",
        {},
        { settings: { max_rows_to_read: 12_345 } },
      );
      assert.deepEqual(set, [{ v: '12345' }]);
      for (const answer of await Promise.all(Array.from({ length: 16 }, read))) assert.deepEqual(answer, usual);
    });

    test('a second statement in a text is refused, and neither runs', async () => {
      await client.command('CREATE TABLE victim (a UInt8) ENGINE = MergeTree ORDER BY a');
      for (const sql of [
        'SELECT 1; DROP TABLE victim',
        'DROP TABLE victim; SELECT 1',
        "SELECT 'a''b';\n-- x\nDROP TABLE victim",
      ]) {
        await fails(client.command(sql), 'STORE_REJECTED');
      }
      assert.equal(await count('victim'), 0);
    });

    test('blank lines and SQL in the rows of an insert are rows, or refuse it', async () => {
      await client.command(`CREATE TABLE inj (id UInt64, s String) ENGINE = MergeTree ORDER BY id ${DURABLE}`);
      await client.command('CREATE TABLE inj_victim (a UInt8) ENGINE = MergeTree ORDER BY a');
      const insert = (rows: string, token: string): Promise<void> => client.insert('inj', ['id', 's'], rows, { token });
      await insert('{"id":1,"s":"x"}\n\n{"id":2,"s":"y"}\n\n', 'blank');
      await fails(insert('{"id":3,"s":"x"}\n\nDROP TABLE inj_victim\n', 'sql'), 'STORE_REJECTED');
      await fails(insert('{"id":3,"s":"x"}\n;DROP TABLE inj_victim;\n', 'semicolon'), 'STORE_REJECTED');
      await insert(lines([{ id: 4, s: '\n\nDROP TABLE inj_victim\n' }]), 'inside');
      assert.equal(await count('inj'), 3);
      assert.equal(await count('inj_victim'), 0);
    });

    test('one bad row refuses the batch, and no row of it is stored', async () => {
      await client.command(`CREATE TABLE whole (id UInt64, s String) ENGINE = MergeTree ORDER BY id ${DURABLE}`);
      const rows = `${lines(Array.from({ length: 5000 }, (_, id) => ({ id, s: 'x' })))}{"id":"no number","s":"x"}\n`;
      const error = await fails(client.insert('whole', ['id', 's'], rows, { token: 'bad' }), 'STORE_REJECTED');
      assert.equal(isRetryable(error), false);
      await fails(
        client.insert('whole', ['id', 's'], '{"id":1,"s":"x","misspelt":1}\n', { token: 'bad2' }),
        'STORE_REJECTED',
      );
      assert.equal(await count('whole'), 0);
    });

    test('hostile bytes in rows are kept', async () => {
      await client.command(`CREATE TABLE bytes (id UInt64, s String) ENGINE = MergeTree ORDER BY id ${DURABLE}`);
      const rows = Buffer.concat([
        Buffer.from('{"id":1,"s":"a\\u0000b"}\n{"id":2,"s":"'),
        Buffer.from([0xff, 0xfe, 0x00, 0xc0]),
        Buffer.from('"}\n{"id":3,"s":"\\ud83d\\ude00"}\n{"id":4,"s":"\\ud800x"}\n{"id":5,"s":"\\udc00"}\n'),
      ]);
      await client.insert('bytes', ['id', 's'], rows, { token: 'bytes' });
      const found = await client.query<{ h: string }>('SELECT hex(s) AS h FROM bytes ORDER BY id');
      assert.deepEqual(
        found.map(({ h }) => h),
        // The halves of a pair: a first one stays the text of its escape, a second one becomes three bytes.
        ['610062', 'FFFE00C0', 'F09F9880', Buffer.from('\\ud800x').toString('hex').toUpperCase(), 'EDB080'],
      );
    });

    test('a batch that comes twice is stored once, in the tables behind views too', async () => {
      await client.command(`CREATE TABLE base (id UInt64, s String) ENGINE = MergeTree ORDER BY id ${DURABLE}`);
      await client.command(
        `CREATE TABLE sums (k UInt8, c SimpleAggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY k ${DURABLE}`,
      );
      await client.command(
        'CREATE MATERIALIZED VIEW sums_mv TO sums AS SELECT toUInt8(id % 7) AS k, count() AS c FROM base GROUP BY k',
      );
      const rows = lines(Array.from({ length: 1000 }, (_, id) => ({ id, s: `row ${id}` })));
      await client.insert('base', ['id', 's'], rows, { token: 'first' });
      await client.insert('base', ['id', 's'], rows, { token: 'first' });
      assert.equal(await count('base'), 1000);
      assert.deepEqual(await one('SELECT sum(c) AS c FROM sums'), { c: '1000' });
      await client.insert('base', ['id', 's'], rows, { token: 'second' });
      assert.equal(await count('base'), 2000);
      assert.deepEqual(await one('SELECT sum(c) AS c FROM sums'), { c: '2000' });
    });

    test('rows may leave fields out and fill columns that are only read', async () => {
      await client.command(
        `CREATE TABLE blobs (id UInt64, kind String DEFAULT 'none', data_b64 String EPHEMERAL, data String DEFAULT base64Decode(data_b64),
         size UInt64 MATERIALIZED length(data)) ENGINE = MergeTree ORDER BY id ${DURABLE}`,
      );
      await client.insert('blobs', ['id', 'data_b64'], '{"id":1,"data_b64":"AAEKCv8="}\n', { token: 'b1' });
      await client.insert('blobs', ['id', 'kind'], '{"id":2}\n{"id":3,"kind":"x"}\n', { token: 'b2' });
      assert.deepEqual(await client.query('SELECT id, kind, hex(data) AS h, size FROM blobs ORDER BY id'), [
        { id: '1', kind: 'none', h: '00010A0AFF', size: '5' },
        { id: '2', kind: 'none', h: '', size: '0' },
        { id: '3', kind: 'x', h: '', size: '0' },
      ]);
    });

    test('a column that is added can be filled at once', async () => {
      await client.command(`CREATE TABLE grows (id UInt64) ENGINE = MergeTree ORDER BY id ${DURABLE}`);
      await client.insert('grows', ['id'], '{"id":1}\n', { token: 'g1' });
      await client.command("ALTER TABLE grows ADD COLUMN s String DEFAULT 'old'");
      await client.insert('grows', ['id', 's'], '{"id":2,"s":"new"}\n', { token: 'g2' });
      assert.deepEqual(await client.query('SELECT * FROM grows ORDER BY id'), [
        { id: '1', s: 'old' },
        { id: '2', s: 'new' },
      ]);
    });

    test('bytes of a result arrive as the store made them', async () => {
      await client.command(`CREATE TABLE raw (id UInt64, s String) ENGINE = MergeTree ORDER BY id ${DURABLE}`);
      await client.command(
        'INSERT INTO raw SELECT number, concat(char(10), char(10), char(0), char(255), toString(number)) FROM numbers(50000)',
      );
      const read = async (sql: string, format: StoreFormat, params: StoreParams = {}): Promise<Buffer> => {
        const pieces: Buffer[] = [];
        for await (const piece of client.stream(sql, params, { format })) pieces.push(piece);
        return Buffer.concat(pieces);
      };
      const blob = await read('SELECT s FROM raw WHERE id = {id:UInt64}', 'RawBLOB', { id: 7 });
      assert.deepEqual(blob, Buffer.from([10, 10, 0, 255, 0x37]));
      // A Parquet file has its mark at both ends and nowhere else, and its footer's length before the last one.
      const parquet = await read('SELECT * FROM raw ORDER BY id', 'Parquet');
      assert.equal(parquet.toString('latin1').split('PAR1').length, 3);
      assert.equal(parquet.indexOf('PAR1'), 0);
      assert.equal(parquet.lastIndexOf('PAR1'), parquet.length - 4);
      assert.ok(parquet.readUInt32LE(parquet.length - 8) < parquet.length - 12);
      const csv = (await read('SELECT id FROM raw ORDER BY id', 'CSVWithNames')).toString('utf8').split('\n');
      assert.deepEqual(csv, ['"id"', ...Array.from({ length: 50_000 }, (_, id) => String(id)), '']);
      const plain = (await read('SELECT id FROM raw ORDER BY id', 'TabSeparated')).toString('utf8').split('\n');
      assert.deepEqual(plain, [...csv.slice(1)]);
      assert.equal((await read('SELECT id FROM raw WHERE id > 60000', 'CSVWithNames')).toString('utf8'), '"id"\n');
    });

    test('a large result streams row by row, and leaving it ends the statement', async () => {
      let rows = 0;
      for await (const row of client.streamRows<{ n: string }>(
        "SELECT number AS n, 'leave' AS w FROM numbers(100000000000)",
      )) {
        assert.equal(row.n, String(rows));
        rows += 1;
        if (rows === 50_000) break;
      }
      assert.equal(rows, 50_000);
      await untilEnded("'leave'");
    });

    test('an error in the middle of a result is thrown', async () => {
      const sql = "SELECT throwIf(number = 200000, 'in the middle') AS t, number FROM numbers(250000)";
      const drain = async (body: AsyncIterable<unknown>): Promise<void> => {
        for await (const _ of body);
      };
      await fails(drain(client.stream(sql, {}, { format: 'CSVWithNames' })), 'STORE_REJECTED');
      await fails(drain(client.streamRows(sql)), 'STORE_REJECTED');
    });

    test('a cancelled statement returns at once and ends in the store', async () => {
      const cancel = new AbortController();
      const running = client.query(`${ENDLESS} WHERE 'cancel me' != ''`, {}, { signal: cancel.signal });
      running.catch(() => undefined);
      for (;;) {
        const row = await one<{ c: string }>(
          "SELECT count() AS c FROM system.processes WHERE query LIKE '%cancel me%' AND query NOT LIKE '%system.processes%'",
        );
        if (Number(row.c) === 1) break;
      }
      const from = performance.now();
      cancel.abort();
      const error = await fails(running, 'STORE_CANCELLED');
      assert.equal(isRetryable(error), false);
      await untilEnded('cancel me');
      assert.ok(performance.now() - from < 1000);
    });

    test('inserts go on while questions keep every reader busy', async () => {
      await client.command(`CREATE TABLE busy (id UInt64) ENGINE = MergeTree ORDER BY id ${DURABLE}`);
      const cancel = new AbortController();
      const heavy = Promise.allSettled(
        Array.from({ length: 8 }, () => client.query(`${ENDLESS} WHERE 'busy' != ''`, {}, { signal: cancel.signal })),
      );
      // Asked on the way of changes, because no reader is free to ask.
      const seen = `INSERT INTO busy SELECT throwIf(count() < 4) FROM system.processes WHERE query LIKE '%''busy'' != %'`;
      while (
        !(await client.command(seen).then(
          () => true,
          () => false,
        ))
      );
      await client.insert('busy', ['id'], '{"id":1}\n', { token: 'busy' });
      assert.equal(cancel.signal.aborted, false);
      cancel.abort();
      await heavy;
      assert.equal(await count('busy WHERE id = 1'), 1);
    });

    test('a statement that takes too long is ended', async () => {
      const error = await fails(client.query(ENDLESS, {}, { settings: { max_execution_time: 0.3 } }), 'STORE_TIMEOUT');
      assert.equal(isRetryable(error), true);
      await fails(client.query(ENDLESS, {}, { timeoutMs: 200 }), 'STORE_TIMEOUT');
    });

    test('a statement that needs too much memory fails alone', async () => {
      const greedy = 'SELECT length(groupArray(number)) AS n FROM numbers(2000000000)';
      const error = await fails(
        client.query(greedy, {}, { settings: { max_memory_usage: 100_000_000 } }),
        'STORE_MEMORY',
      );
      assert.equal(isRetryable(error), true);
      assert.deepEqual(await one('SELECT 1 AS x'), { x: 1 });
    });

    test('what does not exist is named by its own code', async () => {
      await fails(client.query('SELECT 1 FROM nowhere'), 'STORE_UNKNOWN_OBJECT');
      await fails(client.query('SELECT no_such_column FROM system.one'), 'STORE_UNKNOWN_OBJECT');
      await fails(client.insert('nowhere', ['id'], '{"id":1}\n', { token: 'n' }), 'STORE_UNKNOWN_OBJECT');
      await fails(store.connect('no_such_database').query('SELECT 1'), 'STORE_UNKNOWN_OBJECT');
      await fails(client.query('SELECT 1', {}, { settings: { no_such_setting: 1 } }), 'STORE_REJECTED');
      await fails(client.query('SELECT FROM WHERE'), 'STORE_REJECTED');
    });

    test('a store that dies amid inserts loses and doubles nothing of what is repeated', async (t) => {
      const { crash } = store;
      if (crash === undefined) return t.skip('the store is not ours to kill');
      await client.command(`CREATE TABLE crash (id UInt64, s String) ENGINE = MergeTree ORDER BY id ${DURABLE}`);
      await client.command(
        `CREATE TABLE crash_sums (k UInt8, c SimpleAggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY k ${DURABLE}`,
      );
      await client.command(
        'CREATE MATERIALIZED VIEW crash_mv TO crash_sums AS SELECT toUInt8(id % 5) AS k, count() AS c FROM crash GROUP BY k',
      );
      const size = 400;
      let stored = 0;
      const batch = (n: number): Promise<void> =>
        client.insert(
          'crash',
          ['id', 's'],
          lines(Array.from({ length: size }, (_, i) => ({ id: n * size + i, s: 'x'.repeat(50) }))),
          { token: `batch ${n}` },
        );
      for (let round = 0; round < ROUNDS; round += 1) {
        // The kill falls into an insert: somewhere between its first byte and its answer, a little later each round.
        const before = stored;
        let crashing: Promise<void> | undefined;
        for (;;) {
          const insert = batch(stored);
          if (stored - before === 2 + (round % 3)) {
            await new Promise((resolve) => setTimeout(resolve, round * 1.5));
            crashing = crash();
          }
          try {
            await insert;
            stored += 1;
          } catch (error) {
            assert.ok(isRetryable(error), String(error));
          }
          if (crashing !== undefined) break;
        }
        await crashing;
      }
      await batch(stored);
      // What was acknowledged before a kill may be repeated as well.
      await batch(Math.max(0, stored - 1));
      stored += 1;
      assert.deepEqual(await one('SELECT count() AS c, uniqExact(id) AS u FROM crash'), {
        c: String(stored * size),
        u: String(stored * size),
      });
      assert.deepEqual(await one('SELECT sum(c) AS c FROM crash_sums'), { c: String(stored * size) });
    });
  });
}
