import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesFromText, textFromBytes, textFromUtf16 } from './text.ts';

test('bytes that are UTF-8 are that text, and others are escaped one by one', () => {
  assert.equal(textFromBytes(Buffer.from('zażółć 😀')), 'zażółć 😀');
  assert.equal(textFromBytes(Buffer.from([0x61, 0xff, 0x62, 0xc3])), 'a\\xffb\\xc3');
  assert.equal(textFromBytes(Buffer.from([0xed, 0xa0, 0x80])), '\\xed\\xa0\\x80');
});

test('a literal backslash that reads like an escape is escaped itself, others are left alone', () => {
  assert.equal(textFromBytes(Buffer.from('\\x41 \\n \\xZZ')), '\\x5cx41 \\n \\xZZ');
});

test('no byte is lost: the text gives the bytes back', () => {
  const awkward = fc.oneof(
    fc.uint8Array(),
    fc.string().map((text) => Buffer.from(text)),
    fc
      .array(fc.constantFrom('\\', 'x', '5', 'c', 'f', 'é', '\xff'))
      .map((parts) => Buffer.from(parts.join(''), 'latin1')),
  );
  fc.assert(
    fc.property(awkward, (bytes) => {
      assert.deepEqual(bytesFromText(textFromBytes(bytes)), Buffer.from(bytes));
    }),
    { numRuns: 2000 },
  );
});

test('what is recorded of UTF-16 is always well-formed, lone surrogates and odd bytes escaped', () => {
  assert.equal(textFromUtf16(Buffer.from('sa-ß😀', 'utf16le')), 'sa-ß😀');
  assert.equal(textFromUtf16(Buffer.from([0x00, 0xd8, 0x41, 0x00])), '\\x00\\xd8A');
  assert.equal(textFromUtf16(Buffer.from([0x41, 0x00, 0x42])), 'A\\x42');
  fc.assert(fc.property(fc.uint8Array(), (bytes) => assert.ok(textFromUtf16(bytes).isWellFormed())));
});
