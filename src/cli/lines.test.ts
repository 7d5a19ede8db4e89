import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { JsonValues } from './json-values.ts';
import { type Line, MAX_LINE } from './line.ts';
import { readLines } from './lines.ts';

const dir = mkdtempSync(join(tmpdir(), 'sundew-lines-'));
after(() => rmSync(dir, { recursive: true }));

interface Seen {
  lines: Line[];
  bytes: number;
  error: unknown;
}
async function read(content: string | Buffer): Promise<Seen> {
  const path = join(dir, 'file');
  writeFileSync(path, content);
  const seen: Seen = { lines: [], bytes: 0, error: undefined };
  try {
    for await (const { lines, bytes } of readLines(path)) {
      seen.lines.push(...lines);
      seen.bytes += bytes;
    }
  } catch (error) {
    seen.error = error;
  }
  return seen;
}
const texts = async (content: string | Buffer): Promise<[number, string][]> => {
  const { lines, error } = await read(content);
  assert.equal(error, undefined);
  return lines.map(({ number, text }) => [number, text]);
};

test('lines have their numbers, blank ones are left out, and the last needs no newline', async () => {
  assert.deepEqual(await texts('a\n\n  \nb\r\n c '), [
    [1, 'a'],
    [4, 'b'],
    [5, 'c'],
  ]);
  assert.deepEqual(await texts(''), []);
  assert.deepEqual(await texts('\n\n'), []);
});

test('a byte order mark is no part of the first line, and one within the text stays', async () => {
  assert.deepEqual(await texts('\ufeffa\n\ufeffb\n'), [
    [1, 'a'],
    // What JavaScript calls white space is trimmed at the ends of a line.
    [2, 'b'],
  ]);
  assert.deepEqual(await texts('\ufeff'), []);
  assert.deepEqual(await texts(Buffer.from('\ufeffä\r\n€\r\n', 'utf16le')), [
    [1, 'ä'],
    [2, '€'],
  ]);
});

test('a packed file is unpacked, of several members too, and counted by its packed size', async () => {
  const packed = Buffer.concat([gzipSync('a\nb'), gzipSync('c\nd\n')]);
  const seen = await read(packed);
  assert.deepEqual(
    seen.lines.map(({ text }) => text),
    ['a', 'bc', 'd'],
  );
  assert.equal(seen.bytes, packed.length);
});

test('of a damaged file the whole lines before the damage come, then the damage', async () => {
  const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index} ${(index * 7919) % 104_729}`);
  const packed = gzipSync(`${lines.join('\n')}\n`);
  for (const damaged of [packed.subarray(0, packed.length >> 1), packed.subarray(0, packed.length - 1)]) {
    const seen = await read(damaged);
    assert.equal((seen.error as { code?: string }).code, 'IMPORT_DAMAGED');
    assert.ok(seen.lines.length > 1000);
    assert.deepEqual(
      seen.lines.map(({ text }) => text),
      lines.slice(0, seen.lines.length),
    );
  }
});

test('a line that is too long is told as that, and its neighbours are read', async () => {
  const { lines } = await read(`a\n${'x'.repeat(MAX_LINE + 1)}\n${'y'.repeat(MAX_LINE)}\nb\n`);
  assert.deepEqual(
    lines.map(({ number, text, tooLong }) => [number, text.length, tooLong]),
    [
      [1, 1, false],
      [2, 0, true],
      [3, MAX_LINE, false],
      [4, 1, false],
    ],
  );
});

test('arrays and objects over several lines are split into values, with the line that each begins on', async () => {
  assert.deepEqual(await texts('[{"a":1},{"b":[1,"]"]}]'), [
    [1, '{"a":1}'],
    [1, '{"b":[1,"]"]}'],
  ]);
  assert.deepEqual(await texts('\n[\n {"a":\n1}\n,\n "x\\"],",7 , null]\n'), [
    [3, '{"a":\n1}'],
    [6, '"x\\"],"'],
    [6, '7'],
    [6, 'null'],
  ]);
  assert.deepEqual(await texts('{\n"a":1\n}\n{\n"b":2\n}'), [
    [1, '{\n"a":1\n}'],
    [4, '{\n"b":2\n}'],
  ]);
  assert.deepEqual(await texts('{"a":1},\n{"b":2}\n'), [
    [1, '{"a":1}'],
    [2, '{"b":2}'],
  ]);
});

test('an array that is cut off ends with what is there, and stray brackets harm nothing', async () => {
  assert.deepEqual(await texts('[{"a":1},{"b":'), [
    [1, '{"a":1}'],
    [1, '{"b":'],
  ]);
  assert.deepEqual(await texts('[}]'), [[1, '}']]);
  assert.deepEqual(await texts('[]'), []);
});

test('after a text that is not closed reading goes on at the next object', async () => {
  assert.deepEqual(await texts('[\n{"a":"1},\n{"b":2},\n]'), [
    [2, '{"a":"1},'],
    [3, '{"b":2}'],
  ]);
  assert.deepEqual(await texts('[{"a":"x\n "y": 1\n},\n{"b":2}]'), [
    [1, '{"a":"x'],
    [4, '{"b":2}'],
  ]);
});

test('values come out the same however the bytes are cut, and hostile bytes do not throw', () => {
  const bytes = fc.oneof(
    fc.json().map((text) => Buffer.from(text)),
    fc.array(fc.constantFrom(...'[]{}",:\\\n 1a'), { maxLength: 60 }).map((chars) => Buffer.from(chars.join(''))),
    fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array)),
  );
  fc.assert(
    fc.property(bytes, fc.array(fc.nat({ max: 60 }), { maxLength: 6 }), (content, cuts) => {
      const whole = new JsonValues(1000);
      const expected = [...whole.push(content), ...whole.end()];
      const split = new JsonValues(1000);
      const places = [0, ...cuts.map((cut) => Math.min(cut, content.length)).sort((a, b) => a - b), content.length];
      const found = places.slice(1).flatMap((to, index) => split.push(content.subarray(places[index], to)));
      assert.deepEqual([...found, ...split.end()], expected);
    }),
    { numRuns: 2000 },
  );
});

test('every array of JSON comes apart into its elements', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 8 }), fc.constantFrom(undefined, 1, '\t'), (values, indent) => {
      const splitter = new JsonValues(1_000_000);
      const text = JSON.stringify(values, null, indent);
      const lines = [...splitter.push(Buffer.from(text)), ...splitter.end()];
      assert.deepEqual(
        lines.map((line) => JSON.parse(line.text) as unknown),
        JSON.parse(text),
      );
    }),
  );
});

test('a value that is too long is told as that', () => {
  const splitter = new JsonValues(10);
  const lines = [...splitter.push(Buffer.from('["1234567890123",{"a":1}')), ...splitter.end()];
  assert.deepEqual(
    lines.map(({ text, tooLong }) => [text, tooLong]),
    [
      ['', true],
      ['{"a":1}', false],
    ],
  );
});
