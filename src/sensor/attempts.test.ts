import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Attempts, FORGET_MS, MAX_SOURCES } from './attempts.ts';

test('attempts count by source and service', () => {
  const attempts = new Attempts();
  assert.equal(attempts.add('ftp', '192.0.2.1', 0), 1);
  assert.equal(attempts.add('ftp', '192.0.2.1', 1), 2);
  assert.equal(attempts.add('ftp', '192.0.2.2', 2), 1);
  assert.equal(attempts.add('mysql', '192.0.2.1', 3), 1);
  assert.equal(attempts.add('ftp', '192.0.2.1', 4), 3);
});

test('a source that was quiet for long enough begins anew', () => {
  const attempts = new Attempts();
  attempts.add('ftp', '192.0.2.1', 0);
  assert.equal(attempts.add('ftp', '192.0.2.1', FORGET_MS), 2);
  assert.equal(attempts.add('ftp', '192.0.2.1', 2 * FORGET_MS + 1), 1);
});

test('past the bound the source that was quiet for the longest is forgotten', () => {
  const attempts = new Attempts();
  for (let source = 0; source < MAX_SOURCES; source += 1) attempts.add('ftp', `${source}`, 0);
  assert.equal(attempts.add('ftp', '0', 1), 2);
  attempts.add('ftp', 'one more', 2);
  assert.equal(attempts.add('ftp', '0', 3), 3, 'it was heard of lately');
  assert.equal(attempts.add('ftp', '1', 4), 1, 'it was the quietest');
});
