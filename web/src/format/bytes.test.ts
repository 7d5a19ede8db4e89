import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesFromBase64, hexLines, textFromBytes } from './bytes.ts';

test('base64 gives back the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      assert.deepEqual(bytesFromBase64(Buffer.from(bytes).toString('base64')), bytes);
    }),
  );
});

test('UTF-8 is read as UTF-8', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\\x')),
      (text) => {
        assert.equal(textFromBytes(Buffer.from(text)), text);
      },
    ),
  );
});

test('bytes that are no UTF-8 are escaped one by one, and hide nothing of what follows', () => {
  assert.equal(textFromBytes(Uint8Array.of(0x61, 0xff, 0xc3, 0x28, 0x62)), 'a\\xff\\xc3(b');
  assert.equal(textFromBytes(Uint8Array.of(0xed, 0xa0, 0x80)), '\\xed\\xa0\\x80');
  assert.equal(textFromBytes(Uint8Array.of(0xc0, 0xaf)), '\\xc0\\xaf');
});

test('a backslash is never mistaken for the escape of a byte', () => {
  assert.equal(textFromBytes(Buffer.from('\\xff \\xyz')), '\\x5cxff \\xyz');
});

test('a byte order mark is kept, for its mark to be seen', () => {
  assert.equal(textFromBytes(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), '\ufeffa');
});

test('the hex dump has sixteen bytes a line, in two halves', () => {
  const lines = hexLines(Uint8Array.from({ length: 18 }, (_, at) => at + 0x40));
  assert.deepEqual(lines[0], {
    offset: '000000',
    hex: '40 41 42 43 44 45 46 47  48 49 4a 4b 4c 4d 4e 4f',
    ascii: '@ABCDEFGHIJKLMNO',
  });
  assert.equal(lines[1]?.offset, '000010');
  assert.equal(lines[1]?.hex.trim(), '50 51');
});
