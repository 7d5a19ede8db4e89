import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseError } from '@clickhouse/client';
import { isRetryable, refusesData, type StoreError, storeError } from './errors.ts';

const none = { cancelled: false, timedOut: false };
const answered = (number: number): StoreError =>
  storeError(parseError(`Code: ${number}. DB::Exception: text (SOME_TYPE)`), none);

test("the store's numbers become our codes", () => {
  const codes = [241, 159, 202, 243, 60, 516, 396, 394, 236, 62, 27].map((number) => answered(number).code);
  assert.deepEqual(codes, [
    'STORE_MEMORY',
    'STORE_TIMEOUT',
    'STORE_BUSY',
    'STORE_DISK_FULL',
    'STORE_UNKNOWN_OBJECT',
    'STORE_DENIED',
    'STORE_TOO_LARGE',
    'STORE_CANCELLED',
    'STORE_UNREACHABLE',
    'STORE_REJECTED',
    'STORE_REJECTED',
  ]);
  assert.deepEqual(answered(60).facts, { clickhouse: 60, type: 'SOME_TYPE' });
});

test('a broken connection is worth another try, a refused statement or a cancelled one is not', () => {
  const broken = storeError(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }), none);
  assert.equal(broken.code, 'STORE_UNREACHABLE');
  for (const error of [broken, answered(202), answered(241), answered(243), answered(159)])
    assert.equal(isRetryable(error), true);
  for (const error of [answered(62), answered(60), answered(394), new Error('x'), undefined])
    assert.equal(isRetryable(error), false);
});

test('rows are put aside for what is in them, and wait for everything else', () => {
  for (const error of [answered(62), answered(27), answered(396), new TypeError('no function')])
    assert.equal(refusesData(error), true);
  for (const error of [answered(60), answered(516), answered(394), answered(236), answered(252), answered(243)])
    assert.equal(refusesData(error), false);
});

test('the signal that fired is the reason, whatever the connection says', () => {
  const thrown = new Error('The user aborted a request.');
  assert.equal(storeError(thrown, { cancelled: true, timedOut: false }).code, 'STORE_CANCELLED');
  assert.equal(storeError(thrown, { cancelled: false, timedOut: true }).code, 'STORE_TIMEOUT');
});

test('a mistake of ours is no failure of the store', () => {
  assert.throws(() => storeError(new TypeError('no function'), none), TypeError);
});
