/** FTP as its clients see it: ftp, lftp, curl, and the brute-force tools. Windows lets nobody in; Ubuntu has a lure. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { needs, run } from '../support/programs.ts';
import type { Stack } from '../support/stack.ts';
import { bruteForceTests, LURE_OPTIONS, LURED } from './brute-force.ts';
import { startDecoys, stopDecoys } from './decoys.ts';
import { loginsOf, ofType, onlyLogin, recordInTime } from './record.ts';

let shut: Stack;
let luring: Stack;
before(async () => {
  [shut, luring] = await startDecoys(
    { services: ['ftp'], persona: 'windows-server' },
    { services: ['ftp'], persona: 'ubuntu-server', options: { ftp: LURE_OPTIONS } },
  );
});
after(async () => {
  await stopDecoys(shut, luring);
});

const { username, password } = LURED;

test('ftp: a refused login is recorded with its password', { skip: needs('ftp') }, async (context) => {
  const port = shut.port('ftp');
  const { result, events } = await recordInTime(context, shut, port, () =>
    run('ftp', ['-n', '-v', '127.0.0.1', String(port)], { input: 'user bob secret1\nquit\n' }),
  );
  assert.match(result.stdout, /^220 Microsoft FTP Service/m);
  assert.match(result.stdout, /^530 /m);
  assert.deepEqual(onlyLogin(events), ['bob', 'secret1', 'plain', false]);
});

test('ftp: a login that the lure lets in sees files, and its commands are recorded', {
  skip: needs('ftp'),
}, async (context) => {
  const port = luring.port('ftp');
  const { result, events } = await recordInTime(context, luring, port, () =>
    run('ftp', ['-n', '-v', '127.0.0.1', String(port)], { input: `user ${username} ${password}\npwd\nls\nquit\n` }),
  );
  assert.match(result.stdout, /^220 \(vsFTPd 3\.0\.5\)/m);
  assert.match(result.stdout, /^230 /m);
  assert.match(result.stdout, /^[-d]r[-w][-x]/m);
  assert.match(result.stdout, /^226 /m);
  assert.deepEqual(onlyLogin(events), [username, password, 'plain', true]);
  const commands = ofType(events, 'command.input').map((event) => String(event.fields.command));
  for (const wanted of ['PWD', 'LIST', 'QUIT']) assert.ok(commands.includes(wanted), `${wanted} in ${commands}`);
});

const lftp = (port: number, user: string, word: string, settings: string, then: string) =>
  run('lftp', [
    '-c',
    `set net:max-retries 1; set net:reconnect-interval-base 1; set ssl:verify-certificate no; ${settings}; open -u ${user},${word} -p ${port} 127.0.0.1; ${then}`,
  ]);

test('lftp: a plain login is recorded', { skip: needs('lftp') }, async (context) => {
  const port = shut.port('ftp');
  const { result, events } = await recordInTime(context, shut, port, () =>
    lftp(port, 'alice', 'pl@in', 'set ftp:ssl-allow no', 'ls'),
  );
  assert.match(result.stderr, /530/);
  assert.deepEqual(onlyLogin(events), ['alice', 'pl@in', 'plain', false]);
  assert.equal(loginsOf(events)[0]?.detail?.tls ?? false, false);
});

test('lftp: a login in TLS is recorded in clear, and the listing comes through a TLS data connection', {
  skip: needs('lftp'),
}, async (context) => {
  const port = luring.port('ftp');
  const { result, events } = await recordInTime(context, luring, port, () =>
    lftp(port, username, password, 'set ftp:ssl-force yes; set ftp:ssl-protect-data yes', 'ls'),
  );
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /^[-d]r[-w][-x]/m);
  assert.deepEqual(onlyLogin(events), [username, password, 'plain', true]);
  assert.equal(loginsOf(events)[0]?.detail?.tls, true);
  assert.equal(ofType(events, 'peer.fingerprint').filter((event) => event.fields.kind === 'ja4').length, 1);
});

test('curl: an upload is captured byte by byte', { skip: needs('curl') }, async (context) => {
  const port = luring.port('ftp');
  const content = `#!/bin/sh\necho ${'x'.repeat(5000)}\n`;
  const { result, events } = await recordInTime(context, luring, port, () =>
    run('curl', ['-sS', '-T', '-', `ftp://${username}:${encodeURIComponent(password)}@127.0.0.1:${port}/up.sh`], {
      input: content,
    }),
  );
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual(onlyLogin(events), [username, password, 'plain', true]);
  const [file] = ofType(events, 'file.captured');
  assert.equal(file?.fields.sha256, createHash('sha256').update(content).digest('hex'));
  assert.equal(file?.fields.bytes, content.length);
  assert.match(String(file?.fields.name), /up\.sh$/);
});

test('curl: a refused login over explicit TLS ends with the code for a denied login', {
  skip: needs('curl'),
}, async (context) => {
  const port = shut.port('ftp');
  const { result, events } = await recordInTime(context, shut, port, () =>
    run('curl', ['-sS', '-k', '--ssl-reqd', `ftp://Administrator:Winter2026@127.0.0.1:${port}/`]),
  );
  assert.equal(result.code, 67, result.stderr);
  assert.deepEqual(onlyLogin(events), ['Administrator', 'Winter2026', 'plain', false]);
});

bruteForceTests({
  shut: () => shut,
  luring: () => luring,
  target: (_, stack) => ({ port: stack.port('ftp'), module: 'ftp' }),
});
