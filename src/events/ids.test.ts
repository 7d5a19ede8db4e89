import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UUID, uuidFromName, uuidv7 } from './ids.ts';

test('a UUIDv7 begins with its time, carries version and variant, and does not repeat', () => {
  const at = Date.UTC(2026, 10, 22);
  const ids = Array.from({ length: 2000 }, () => uuidv7(at));
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) {
    assert.match(id, UUID);
    assert.match(id, /^.{14}7.{4}[89ab]/);
    assert.equal(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16), at);
  }
});

test('a name has one id, and another name another', () => {
  assert.equal(uuidFromName('a'), uuidFromName('a'));
  assert.notEqual(uuidFromName('a'), uuidFromName('b'));
  assert.match(uuidFromName('a'), /^.{14}8.{4}[89ab]/);
});
