import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countryName } from './country.ts';
import { formatBytes, formatCompact, formatCount, formatShare, plural } from './number.ts';
import { formatBrief, formatBucket, formatDuration, formatExact, formatOffset, formatTime, stepName } from './time.ts';

const AT = Date.UTC(2026, 10, 22, 10, 4, 7, 250);

test('counts are grouped, and compact only where they are long', () => {
  assert.equal(formatCount(4_140_381), '4,140,381');
  assert.equal(formatCompact(9_999), '9,999');
  assert.match(formatCompact(4_140_381), /^4\.1\s?[Mm]$/);
});

test('a share that is small but there is not shown as zero', () => {
  assert.equal(formatShare(1, 1_000_000), '<0.1%');
  assert.equal(formatShare(0, 0), '0%');
  assert.equal(formatShare(1, 8), '12.5%');
});

test('one is one and more are many', () => {
  assert.equal(plural(1, 'login'), '1 login');
  assert.equal(plural(1200, 'country', 'countries'), '1,200 countries');
});

test('bytes stay within four digits', () => {
  assert.deepEqual([0, 999, 1000, 1234, 999_960, 123_456_789].map(formatBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '1.2 kB',
    '1.0 MB',
    '123 MB',
  ]);
});

test('the year shows only when it is another one', () => {
  assert.equal(formatTime(AT, 'utc', AT), '22 Nov 10:04:07');
  assert.equal(formatTime(AT, 'utc', Date.UTC(2027, 0, 1)), '22 Nov 2026 10:04:07');
  assert.equal(formatExact(AT, 'utc'), '22 Nov 2026 10:04:07.250 UTC');
});

test('a bucket of a day has no clock', () => {
  assert.equal(formatBucket(Date.UTC(2026, 10, 22), 86_400_000, 'local'), '22 Nov 2026');
  assert.equal(formatBucket(Date.UTC(2026, 10, 22, 10), 3_600_000, 'utc'), '22 Nov 2026 10:00');
});

test('durations carry two units and never sixty of one', () => {
  assert.deepEqual([0, 340, 4_200, 59_940, 59_960, 200_000, 3_599_900, 7_500_000, 180_000_000].map(formatDuration), [
    '0 ms',
    '340 ms',
    '4.2 s',
    '59.9 s',
    '1 min 0 s',
    '3 min 20 s',
    '1 h 0 min',
    '2 h 5 min',
    '2 d 2 h',
  ]);
});

test('the length of a bar is said in words', () => {
  assert.deepEqual([60_000, 900_000, 3_600_000, 604_800_000].map(stepName), ['minute', '15 minutes', 'hour', '7 days']);
});

test('offsets line up', () => {
  assert.equal(formatOffset(340), '+0.340 s');
  assert.equal(formatOffset(724_100), '+12:04.100');
});

test('a country code that nobody knows is shown as it is', () => {
  assert.equal(countryName('NL'), 'Netherlands');
  assert.equal(countryName('nonsense'), 'nonsense');
});

test('a brief time is never taken for one of today', () => {
  const now = Date.UTC(2026, 10, 22, 10);
  assert.equal(formatBrief(now - 60_000, 'utc', now), '09:59:00');
  assert.equal(formatBrief(now - 86_400_000, 'utc', now), '21 Nov');
  assert.equal(formatBrief(Date.UTC(2018, 9, 30), 'utc', now), 'Oct 2018');
});
