import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LastLogins } from './last-logins.ts';

test('the last login of a session is given once', () => {
  const logins = new LastLogins();
  logins.note('a', { username: 'root', password: 'one' });
  logins.note('a', { username: 'root', password: null, hash: 'x' });
  logins.note('b', { username: 'sa', password: 'two' });
  assert.deepEqual(logins.take('a'), { username: 'root', password: null });
  assert.equal(logins.take('a'), undefined);
  assert.deepEqual(logins.take('b'), { username: 'sa', password: 'two' });
});

test('sessions that never end push each other out', () => {
  const logins = new LastLogins();
  for (let session = 0; session < 10_001; session += 1) logins.note(String(session), { username: 'x' });
  assert.equal(logins.take('0'), undefined);
  assert.deepEqual(logins.take('10000'), { username: 'x', password: null });
});
