import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { MAX_RECORD_BYTES, wireRecord } from '../../events/index.ts';
import { login, longestTurn, wireEvent, wireSession } from '../testing.ts';
import { parseLines } from './parse.ts';

const MANY = { maxLines: 100_000 };
const anything = z.unknown();
const bytesOf = (lines: readonly unknown[]): Buffer =>
  Buffer.from(lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));

test('lines that are no record are reported with their number and stop nothing', async () => {
  const parsed = await parseLines(
    bytesOf([wireSession(1), '{"n":2', '', 'null', { n: 4, record: 'nothing' }, wireEvent(5)]),
    wireRecord,
    MANY,
  );
  assert.deepEqual(
    parsed.records.map((record) => record.n),
    [1, 5],
  );
  assert.equal(parsed.refused, 3);
  assert.deepEqual(
    parsed.faults.map(({ line }) => line),
    [2, 4, 5],
  );
});

test('what a check complains of is a fault of that line', async () => {
  const check = (value: unknown): string | undefined => (value === 2 ? 'no twos' : undefined);
  const parsed = await parseLines(bytesOf(['1', '2', '3']), anything, { ...MANY, check });
  assert.deepEqual(parsed.records, [1, 3]);
  assert.deepEqual(parsed.faults, [{ line: 2, message: 'no twos' }]);
});

test('all faults are counted, and a bounded number of bounded messages is kept', async () => {
  const parsed = await parseLines(bytesOf(Array(5000).fill(`{"${'x'.repeat(2000)}`)), wireRecord, MANY);
  assert.equal(parsed.refused, 5000);
  assert.ok(parsed.faults.length <= 20);
  assert.ok(parsed.faults.every(({ message }) => message.length <= 500));
});

test('a line that is longer than a record may be is refused unread, and the next one is read', async () => {
  const parsed = await parseLines(bytesOf([`"${'x'.repeat(MAX_RECORD_BYTES)}"`, '1']), anything, MANY);
  assert.deepEqual(parsed.records, [1]);
  assert.equal(parsed.refused, 1);
});

test('what is nested so deep that it could not be written again is refused', async () => {
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  const wide = `{${Array.from({ length: 5000 }, (_, index) => `"k${index}":1`).join(',')}}`;
  const parsed = await parseLines(bytesOf([deep, wide, '[[[1]]]']), anything, MANY);
  assert.deepEqual(parsed.records, [[[[1]]]]);
  assert.equal(parsed.refused, 2);
});

test('more lines than there may be are not read', async () => {
  assert.equal((await parseLines(Buffer.from('\n'.repeat(50)), anything, { maxLines: 49 })).tooMany, true);
  assert.equal((await parseLines(Buffer.from('\n'.repeat(50)), anything, { maxLines: 50 })).tooMany, false);
});

test('hostile bytes never throw, and every line is either a record or a fault', async () => {
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .tuple(fc.constantFrom('seq', 'at', 'fields', 'src_ip', 'type', 'n', '__proto__'), fc.jsonValue())
      .map(([name, value]) => Buffer.from(JSON.stringify({ ...wireEvent(1), [name]: value }))),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(hostile, { maxLength: 20 }), async (lines) => {
      const bytes = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
      const parsed = await parseLines(bytes, wireRecord, MANY);
      const written = bytes
        .toString('latin1')
        .split('\n')
        .filter((line) => line !== '').length;
      assert.equal(parsed.records.length + parsed.refused, written);
    }),
    { numRuns: 200 },
  );
});

test('twenty thousand lines keep nobody waiting for 50 ms', async () => {
  const body = bytesOf(Array.from({ length: 20_000 }, (_, index) => wireEvent(index + 1, login('root', `p${index}`))));
  // The first thousand lines are read before, so that the measure is not that of a cold start.
  await parseLines(body.subarray(0, body.indexOf('\n{"record":"event","n":1001,')), wireRecord, MANY);
  let parsed: Awaited<ReturnType<typeof parseLines>> | undefined;
  const longest = await longestTurn(async () => {
    parsed = await parseLines(body, wireRecord, MANY);
  });
  assert.equal(parsed?.records.length, 20_000);
  assert.ok(longest < 50, `the longest turn took ${longest} ms`);
});
