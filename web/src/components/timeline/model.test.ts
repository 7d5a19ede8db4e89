import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { barTotals, makeBars, timeTicks, valueTicks } from './model.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOON = Date.UTC(2026, 10, 22, 12);
const row = (at: number, value: string | null, sessions: number) => ({
  at: new Date(at).toISOString(),
  value,
  sessions,
  sources: 1,
});

test('empty hours become bars of zero, so that the range is covered', () => {
  const data = [row(NOON - 3 * HOUR, 'ssh', 2), row(NOON, 'ssh', 5)];
  const bars = makeBars({ interval: 'hour', data }, NOON - 5 * HOUR, NOON + HOUR, 100);
  assert.deepEqual(bars.counts, [[0, 0, 2, 0, 0, 5]]);
  assert.equal(bars.starts[0], NOON - 5 * HOUR);
});

test('the largest series comes first and other last, whatever its size', () => {
  const data = [row(NOON, 'other', 99), row(NOON, 'ftp', 1), row(NOON, 'mssql', 7), row(NOON, null, 1)];
  const bars = makeBars({ interval: 'hour', data }, null, null, 100);
  assert.deepEqual(bars.series, [
    { name: 'mssql', total: 7 },
    { name: 'ftp', total: 1 },
    { name: 'other', total: 100 },
  ]);
  assert.deepEqual(barTotals(bars, new Set(['other'])), [8]);
});

test('no data is no bars', () => {
  assert.deepEqual(makeBars({ interval: 'hour', data: [] }, 0, NOON, 100).starts, []);
});

test('whatever the range, bars are few and no session is lost', () => {
  const rows = fc.array(fc.tuple(fc.nat(900 * DAY), fc.constantFrom('a', 'b'), fc.nat(9)), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(
      rows,
      fc.constantFrom('minute', 'hour', 'day'),
      fc.integer({ min: 10, max: 200 }),
      (list, interval, max) => {
        const data = list.map(([at, name, sessions]) => row(NOON - at, name, sessions));
        const bars = makeBars({ interval, data }, null, null, max);
        assert.ok(bars.starts.length <= max + 2, `${bars.starts.length} bars of ${max}`);
        const total = barTotals(bars, new Set()).reduce((sum, value) => sum + value, 0);
        assert.equal(
          total,
          list.reduce((sum, [, , sessions]) => sum + sessions, 0),
        );
      },
    ),
  );
});

test('the value axis has whole round ticks and reaches the highest bar', () => {
  assert.deepEqual(valueTicks(0), [0, 1]);
  assert.deepEqual(valueTicks(3), [0, 1, 2, 3]);
  assert.deepEqual(valueTicks(97), [0, 25, 50, 75, 100]);
  assert.deepEqual(valueTicks(10), [0, 3, 6, 9, 12]);
  fc.assert(
    fc.property(fc.nat(100_000_000), (most) => {
      const ticks = valueTicks(most);
      assert.ok((ticks.at(-1) ?? 0) >= most && ticks.length <= 6 && ticks.every(Number.isInteger));
    }),
  );
});

test('days start at midnight of the zone', () => {
  const offset = 2 * HOUR;
  const { at, unit } = timeTicks(NOON - 3 * DAY, NOON, 6, offset);
  assert.equal(unit, 'time');
  assert.ok(at.length === 6 && at.every((tick) => (tick + offset) % (12 * HOUR) === 0));
});

test('a range of months has ticks where months begin, and one of years where years begin', () => {
  const months = timeTicks(Date.UTC(2025, 0, 15), Date.UTC(2025, 5, 15), 6, 0);
  assert.equal(months.unit, 'month');
  assert.deepEqual(
    months.at,
    [1, 2, 3, 4, 5].map((month) => Date.UTC(2025, month)),
  );
  const years = timeTicks(Date.UTC(2018, 2, 1), Date.UTC(2026, 10, 23), 12, 0);
  assert.equal(years.unit, 'year');
  assert.deepEqual(
    years.at,
    [2019, 2020, 2021, 2022, 2023, 2024, 2025, 2026].map((year) => Date.UTC(year)),
  );
});

test('whatever the range, ticks are in it and few', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100_000 }),
      fc.nat(100_000),
      fc.integer({ min: 2, max: 20 }),
      (days, ago, most) => {
        const to = NOON - ago * HOUR;
        const from = to - days * DAY;
        const { at } = timeTicks(from, to, most, HOUR);
        assert.ok(at.length <= most + 2 && at.every((tick) => tick >= from && tick < to), `${at.length} of ${most}`);
      },
    ),
  );
});
