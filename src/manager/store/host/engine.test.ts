import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { engineConfig } from './config.ts';
import { Engine, THREAD_POOL } from './engine.ts';
import { EngineError } from './exception.ts';
import type { SessionState } from './session.ts';

// The engine blocks a thread of libuv's pool for each statement; the pool is made when it is first used, which is below.
process.env.UV_THREADPOOL_SIZE = String(THREAD_POOL);
const folder = mkdtempSync(join(tmpdir(), 'engine-'));
const configFile = join(folder, 'engine.xml');
writeFileSync(configFile, engineConfig(512));
const engine = new Engine({ folder: join(folder, 'engine'), configFile, memoryMb: 512 });
after(() => rmSync(folder, { recursive: true, force: true }));

const state: SessionState = { database: 'default', settings: new Map(), params: new Map() };
const never = new AbortController().signal;
const ENDLESS = 'SELECT max(sipHash64(number)) FROM numbers(100000000000)';
const refusedWith = (number: number) => (error: unknown) => error instanceof EngineError && error.number === number;
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await turn();
};
const read = async (sql: string, signal = never, wanted = state): Promise<string> =>
  (await engine.run('read', wanted, sql, 'TabSeparated', signal)).toString('utf8').trim();

test('a connection that reads cannot change anything', async () => {
  await assert.rejects(read('CREATE TABLE t (a UInt8) ENGINE = Memory'), refusedWith(164));
});

test('a connection comes back from settings, databases and failed statements as it was', async () => {
  await engine.run('change', state, 'CREATE DATABASE other', 'TabSeparated', never);
  const question =
    "SELECT currentDatabase(), getSetting('max_threads'), getSetting('max_execution_time'), getSetting('max_block_size')";
  const usual = await read(question);
  const settings = new Map([
    ['max_threads', '1'],
    ['max_execution_time', '5'],
    ['max_block_size', '77'],
  ]);
  assert.equal(await read(question, never, { database: 'other', settings, params: new Map() }), 'other\t1\t5\t77');
  await assert.rejects(
    read('SELECT 1', never, { ...state, settings: new Map([['max_threads', 'none']]) }),
    EngineError,
  );
  await assert.rejects(read('SELECT 1', never, { ...state, database: 'nowhere' }), refusedWith(81));
  for (let i = 0; i < 12; i += 1) assert.equal(await read(question), usual);
});

test('statements that run and statements that wait are ended by their signals', async () => {
  const cancels = Array.from({ length: 9 }, () => new AbortController());
  const results = cancels.map((cancel) => read(ENDLESS, cancel.signal));
  const settled = Promise.allSettled(results);
  await until(() => engine.load.running === 6 && engine.load.waiting === 3);
  const light = read('SELECT 7');
  cancels[8]?.abort();
  await assert.rejects(results[8] as Promise<string>, refusedWith(394));
  assert.equal(engine.load.running, 6);
  cancels[0]?.abort();
  await assert.rejects(results[0] as Promise<string>, refusedWith(394));
  for (const cancel of cancels) cancel.abort();
  for (const result of await settled) assert.equal(result.status, 'rejected');
  assert.equal(await light, '7');
  await until(() => engine.load.running === 0);
});

test('a stream that is left holds nothing', async () => {
  for await (const piece of engine.stream(state, 'SELECT number FROM numbers(100000000000)', 'CSV', never)) {
    assert.ok(piece.length > 0);
    break;
  }
  assert.equal(engine.load.running, 0);
  assert.equal(
    await read(
      "SELECT count() FROM system.processes WHERE query LIKE '%100000000000%' AND query NOT LIKE '%system.processes%'",
    ),
    '0',
  );
});

test('closing lets changes end, ends questions, and refuses what comes later', async () => {
  await engine.run(
    'change',
    state,
    'CREATE TABLE slow (a UInt64) ENGINE = MergeTree ORDER BY a',
    'TabSeparated',
    never,
  );
  const change = engine.run(
    'change',
    state,
    'INSERT INTO slow SELECT number + sleepEachRow(0.01) FROM numbers(50)',
    'TabSeparated',
    never,
  );
  const question = read(ENDLESS);
  const asked = assert.rejects(question, refusedWith(236));
  await until(() => engine.load.running === 2);
  const closed = engine.close(10_000);
  const late = assert.rejects(read('SELECT 1'), refusedWith(236));
  await Promise.all([change, asked, late, closed]);
});
