import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { median, percentile } from './statistics.ts';

test('a percentile is the measured value of its nearest rank', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.equal(percentile(values, 0.5), 50);
  assert.equal(percentile(values, 0.95), 95);
  assert.equal(percentile(values, 0.99), 99);
  assert.equal(percentile(values, 1), 100);
  assert.equal(percentile(values, 0), 1);
  assert.equal(percentile([7], 0.99), 7);
});

test('of nothing there is no percentile and no median', () => {
  assert.ok(Number.isNaN(percentile([], 0.5)));
  assert.ok(Number.isNaN(median([])));
});

test('numbers are put in order as numbers', () => {
  assert.equal(median([100, 9, 20]), 20);
  assert.equal(median([4, 100, 2, 1]), 3);
  assert.equal(percentile([100, 9], 0.5), 9);
});

test('at least the share of the values lies at or below a percentile, and it is one of them', () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(fc.array(finite, { minLength: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
      const found = percentile(values, share);
      assert.ok(values.some((value) => value === found));
      const below = values.filter((value) => value <= found).length;
      assert.ok(below >= share * values.length - 1e-9);
    }),
  );
});
