import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { csv, harmless, safeText, table } from './output.ts';

/** What a terminal obeys: controls but for none, and what turns or breaks lines. */
const isUnsafe = (char: string): boolean => {
  const code = char.codePointAt(0) ?? 0;
  const turns =
    [0x61c, 0x200e, 0x200f].includes(code) || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || turns;
};
const anyText = fc.string({ unit: 'binary' });

test('no text that is shown holds anything that a terminal obeys, and plain text stays as it is', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      assert.ok(![...safeText(text)].some(isUnsafe));
      assert.ok(![...harmless(text)].some((char) => isUnsafe(char) && !'\n\r\t'.includes(char)));
      if (![...text].some(isUnsafe)) assert.equal(safeText(text), text);
    }),
  );
  assert.equal(safeText('\u001b[31mred\u009b0m\u202e'), '\\x1b[31mred\\x9b0m\\u202e');
});

test('JSON that is made harmless says the same', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      assert.deepEqual(JSON.parse(harmless(JSON.stringify(value))), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('columns are as wide as they need to be, with numbers to the right', () => {
  const text = table(
    ['name', 'sessions'],
    [
      ['a', 7],
      ['much longer', 12_345],
      [null, 1],
    ],
  );
  assert.equal(text, 'name         sessions\na                   7\nmuch longer    12,345\n(missing)           1\n');
});

test('a table without rows has its head', () => {
  assert.equal(table(['a', 'b'], []), 'a  b\n');
});

test('a cell is one line and not wider than a screen', () => {
  const lines = table(['x', 'y'], [['a\nb\r\nc', 'z'.repeat(500)]])
    .trimEnd()
    .split('\n');
  assert.equal(lines.length, 2);
  assert.match(lines[1] ?? '', /^a\\x0ab\\x0d\\x0ac {2}z{59}…$/);
});

test('CSV has lines as RFC 4180 wants them and no formulas', () => {
  assert.equal(
    csv(
      ['a', 'n'],
      [
        ['=1+1', 2],
        [null, -3],
      ],
    ),
    "a,n\r\n'=1+1,2\r\n,-3\r\n",
  );
});
