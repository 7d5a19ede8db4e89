import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headers, nullableText, number, otherFields, texts } from './fields.ts';

test('fields of another shape than expected are shown as they are, and never throw', () => {
  const odd = { username: 5, headers: [['A', 1], 'b', []], urls: 'x', status: Number.NaN };
  assert.equal(nullableText(odd, 'username'), null);
  assert.deepEqual(headers(odd), [
    ['A', '1'],
    ['', ''],
  ]);
  assert.deepEqual(texts(odd, 'urls'), []);
  assert.equal(number(odd, 'status'), undefined);
});

test('an empty user name is not a missing one', () => {
  assert.equal(nullableText({ username: '' }, 'username'), '');
  assert.equal(nullableText({ username: null }, 'username'), null);
});

test('nothing that is recorded is left out: what has no place of its own is listed', () => {
  const fields = { command: 'id', detail: { tty: 'pts/0', rows: 24 }, extra: { a: [1] }, gone: null };
  assert.deepEqual(otherFields(fields, ['command']), [
    ['tty', 'pts/0'],
    ['rows', '24'],
    ['extra', '{"a":[1]}'],
  ]);
});
