import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { MAX_LIST, MAX_LONG_TEXT, MAX_RECORD_BYTES, MAX_SHORT_TEXT, sharedEvents } from '../events/index.ts';
import { fitEvent } from './fit.ts';

const fitted = (...parameters: Parameters<typeof fitEvent>): Record<string, unknown> =>
  JSON.parse(fitEvent(...parameters).json) as Record<string, unknown>;

test('what fits is encoded as it is', () => {
  const fields = { command: 'id', detail: { echoed: true } };
  assert.deepEqual(fitEvent(sharedEvents['command.input'], fields), { json: JSON.stringify(fields) });
});

test('a text is cut to the bound of its field, and the cut is told with the length before', () => {
  const fit = fitEvent(sharedEvents['command.input'], { command: 'x'.repeat(MAX_LONG_TEXT + 5) });
  assert.deepEqual(fit.cut, { path: 'command', length: MAX_LONG_TEXT + 5 });
  assert.equal(JSON.parse(fit.json).command.length, MAX_LONG_TEXT);
});

test('lists, texts in lists and texts of details are cut too', () => {
  const urls = Array.from({ length: MAX_LIST + 1 }, () => 'u');
  urls[3] = 'v'.repeat(MAX_LONG_TEXT + 1);
  const request = fitted(sharedEvents['file.requested'], { urls }) as { urls: string[] };
  assert.equal(request.urls.length, MAX_LIST);
  assert.equal(request.urls[3]?.length, MAX_LONG_TEXT);
  const detail = { long: 'a'.repeat(MAX_SHORT_TEXT + 1), list: ['b'.repeat(MAX_SHORT_TEXT + 1)] };
  const query = fitted(sharedEvents.query, { statement: 's', detail }) as { detail: { long: string; list: string[] } };
  assert.equal(query.detail.long.length, MAX_SHORT_TEXT);
  assert.equal(query.detail.list[0]?.length, MAX_SHORT_TEXT);
});

test('a cut never leaves half a character', () => {
  const { command } = fitted(sharedEvents['command.input'], { command: `a${'😀'.repeat(MAX_LONG_TEXT)}` });
  assert.equal(String(command).length, MAX_LONG_TEXT);
  assert.ok(String(command).isWellFormed());
});

test('what the caller handed over is left as it was', () => {
  const fields = { command: 'x'.repeat(MAX_LONG_TEXT + 1) };
  fitEvent(sharedEvents['command.input'], fields);
  assert.equal(fields.command.length, MAX_LONG_TEXT + 1);
});

test('fields that fit one by one and not together are cut to the size of a record', () => {
  const headers = Array.from({ length: MAX_LIST }, (_, index) => [`x-${index}`, '\u0001'.repeat(8000)]);
  const fit = fitEvent(sharedEvents.request, { method: 'GET', target: '/', headers });
  assert.ok(Buffer.byteLength(fit.json) < MAX_RECORD_BYTES);
  assert.equal(fit.cut?.path, 'record bytes');
  const request = JSON.parse(fit.json) as { method: string; headers: [string, string][] };
  assert.equal(request.method, 'GET');
  assert.equal(request.headers.length, MAX_LIST);
  assert.equal(request.headers[MAX_LIST - 1]?.[0], `x-${MAX_LIST - 1}`);
});

test('what does not fit for another reason than its size is an error', () => {
  assert.throws(() => fitEvent(sharedEvents['command.input'], { command: 7 }), TypeError);
  assert.throws(() => fitEvent(z.object({ count: z.int().max(5) }), { count: 6 }), TypeError);
  assert.throws(() => fitEvent(sharedEvents['command.input'], {}), TypeError);
});

test('whatever texts a peer makes of a request, the event fits its schema and a record', () => {
  // Lengths around the bounds are what matters, and generating that much text letter by letter takes long.
  const lengths = fc.constantFrom(
    0,
    1,
    MAX_SHORT_TEXT - 1,
    MAX_SHORT_TEXT + 1,
    MAX_LONG_TEXT,
    MAX_LONG_TEXT + 1,
    200_000,
  );
  const text = fc
    .tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }), lengths)
    .map(([unit, length]) => unit.repeat(Math.ceil(length / unit.length)).slice(0, length));
  const fields = fc.record(
    { method: text, target: text, headers: fc.array(fc.tuple(text, text), { maxLength: 12 }), body: text },
    { requiredKeys: ['method', 'target'] },
  );
  fc.assert(
    fc.property(fields, (given) => {
      const { json } = fitEvent(sharedEvents.request, given);
      sharedEvents.request.parse(JSON.parse(json));
      assert.ok(Buffer.byteLength(json) < MAX_RECORD_BYTES);
    }),
    { numRuns: 60 },
  );
});
