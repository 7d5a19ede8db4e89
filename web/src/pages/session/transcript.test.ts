import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { base64Bytes, splitParts } from './transcript.ts';

test('the size of a part is known without decoding it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      assert.equal(base64Bytes(Buffer.from(bytes).toString('base64')), bytes.length);
    }),
  );
});

test('parts without bytes are not shown', () => {
  const parts = splitParts([
    { offset_ms: 0, direction: 'in', data: '' },
    { offset_ms: 4, direction: 'out', data: 'aGk=' },
  ]);
  assert.deepEqual(parts, [{ key: 1, offsetMs: 4, direction: 'out', data: 'aGk=', bytes: 2 }]);
});
