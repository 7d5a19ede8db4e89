import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from './exception.ts';
import { Pool } from './pool.ts';

const never = new AbortController().signal;
const refusedWith = (number: number) => (error: unknown) => error instanceof EngineError && error.number === number;

test('those who wait are served in their order', async () => {
  const pool = new Pool(['only']);
  const item = await pool.take(never);
  const order: number[] = [];
  const waiting = [1, 2, 3].map(async (n) => {
    const given = await pool.take(never);
    order.push(n);
    pool.give(given);
  });
  pool.give(item);
  await Promise.all(waiting);
  assert.deepEqual(order, [1, 2, 3]);
  assert.equal(await pool.take(never), 'only');
});

test('one who gives up leaves the line, and the next is served', async () => {
  const pool = new Pool(['only']);
  const item = await pool.take(never);
  const cancel = new AbortController();
  const first = pool.take(cancel.signal);
  const second = pool.take(never);
  cancel.abort();
  await assert.rejects(first, refusedWith(394));
  pool.give(item);
  assert.equal(await second, 'only');
  await assert.rejects(pool.take(AbortSignal.abort()), refusedWith(394));
});

test('a line that is full, and a wait that is long, are answered with "too many"', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const pool = new Pool(['only']);
  await pool.take(never);
  const line: Promise<unknown>[] = [];
  while (pool.waiting < 64) line.push(pool.take(never));
  await assert.rejects(pool.take(never), refusedWith(202));
  t.mock.timers.tick(30_000);
  for (const wait of line) await assert.rejects(wait, refusedWith(202));
  assert.equal(pool.waiting, 0);
});
