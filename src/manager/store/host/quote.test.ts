import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { quoteBytes, quoteName, quoteText } from './quote.ts';

/** Reads a literal as the engine does: `\xHH` is a byte, everything else itself. */
function unquote(literal: string): Buffer {
  const body = literal.slice(1, -1);
  const bytes = body.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1');
}

test('a literal holds its bytes and is printable ASCII without a quote or a backslash of its own', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const literal = quoteBytes(bytes);
      assert.match(literal, /^'(?:[ -&(-[\]-~]|\\x[0-9a-f]{2})*'$/);
      assert.deepEqual(unquote(literal), Buffer.from(bytes));
    }),
  );
});

test('text and names are quoted in UTF-8', () => {
  assert.equal(quoteText("it's é"), "'it\\x27s \\xc3\\xa9'");
  assert.equal(quoteName('a`b\\'), '`a\\x60b\\x5c`');
});
