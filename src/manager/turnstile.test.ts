import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Shares, Turnstile } from './turnstile.ts';

test('no more than so many are inside, the others come in their order, and a failure lets the next in', async () => {
  const turnstile = new Turnstile(2);
  let inside = 0;
  let most = 0;
  const order: number[] = [];
  const work = Array.from({ length: 10 }, (_, index) =>
    turnstile.through(async () => {
      inside += 1;
      most = Math.max(most, inside);
      order.push(index);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
      if (index % 3 === 0) throw new Error('this one fails');
    }),
  );
  assert.equal(turnstile.waiting, 8);
  await Promise.allSettled(work);
  assert.equal(most, 2);
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
  assert.equal(turnstile.waiting, 0);
  assert.equal(await turnstile.through(async () => 'free'), 'free');
});

test('each has its share, and gets it back when it leaves', () => {
  const shares = new Shares(2);
  assert.deepEqual(
    [shares.enter('a'), shares.enter('a'), shares.enter('a'), shares.enter('b')],
    [true, true, false, true],
  );
  shares.leave('a');
  assert.equal(shares.enter('a'), true);
  assert.equal(shares.enter('a'), false);
});
