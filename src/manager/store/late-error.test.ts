import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClickHouseError } from '@clickhouse/client';
import fc from 'fast-check';
import { withoutLateError } from './late-error.ts';

const TAG = '0123456789abcdef';
const text = 'Code: 159. DB::Exception: too slow (TIMEOUT_EXCEEDED)\n';
const tail = `\r\n__exception__\r\n${TAG}\r\n${text}${text.length} ${TAG}\r\n__exception__\r\n`;

async function* cut(bytes: Buffer, at: readonly number[]): AsyncGenerator<Buffer> {
  let from = 0;
  for (const to of [...at].sort((a, b) => a - b)) {
    yield bytes.subarray(from, to);
    from = to;
  }
  yield bytes.subarray(from);
}

async function read(body: AsyncIterable<Buffer>, tag?: string): Promise<{ bytes: Buffer; error: unknown }> {
  const pieces: Buffer[] = [];
  let error: unknown;
  try {
    for await (const piece of withoutLateError(body, tag)) pieces.push(piece);
  } catch (thrown) {
    error = thrown;
  }
  return { bytes: Buffer.concat(pieces), error };
}

test('an error behind a result is found wherever the stream is cut, and the result is whole', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), fc.array(fc.nat(250), { maxLength: 6 }), async (data, at) => {
      const bytes = Buffer.concat([data, Buffer.from(tail)]);
      const found = await read(
        cut(
          bytes,
          at.filter((n) => n < bytes.length),
        ),
        TAG,
      );
      assert.deepEqual(found.bytes, Buffer.from(data));
      assert.ok(found.error instanceof ClickHouseError);
      assert.equal(found.error.code, '159');
    }),
  );
});

test('a result without an error passes unchanged, also where it looks like one of another tag', async () => {
  const data = Buffer.from(tail.replaceAll(TAG, 'somebody elses t'));
  for (const tag of [TAG, undefined]) {
    const found = await read(cut(data, [1, 20, 40]), tag);
    assert.deepEqual(found.bytes, data);
    assert.equal(found.error, undefined);
  }
});
