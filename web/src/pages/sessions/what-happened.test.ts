import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Session } from '../../api/types.ts';
import { endName, whatHappened } from './what-happened.ts';

const nothing = { severity: 0, files: 0, commands: 0, logins: 0, ports: [] as number[], scan: '', events: 2 };
const words = (facts: Partial<Session>): string[] =>
  whatHappened({ ...nothing, ...facts } as Session).map((part) => part.text);

test('a session in which nothing happened says so', () => {
  assert.deepEqual(words({}), ['connected only']);
  assert.deepEqual(words({ events: 5 }), ['3 events']);
});

test('what matters most is said first', () => {
  assert.deepEqual(words({ severity: 4, files: 1, commands: 2, logins: 3 }), [
    'exploit',
    '1 file',
    '2 commands',
    '3 logins',
  ]);
  assert.deepEqual(words({ severity: 2, logins: 1 }), ['let in', '1 login']);
});

test('a probe names its scan and how many ports it touched', () => {
  assert.deepEqual(words({ ports: [1, 2], scan: 'syn' }), ['syn scan of 2 ports']);
  assert.deepEqual(words({ ports: [1] }), ['probe of 1 port']);
});

test('an end that nobody has a word for is shown as recorded', () => {
  assert.equal(endName('reset'), 'reset');
  assert.equal(endName('something_new'), 'something_new');
});
