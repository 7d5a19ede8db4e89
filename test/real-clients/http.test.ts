/** The web server as its clients see it: curl in every way that it logs in, and the brute-force tools. Ubuntu lets nobody in; Windows has a lure. */
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
    { services: ['http'], persona: 'ubuntu-server' },
    { services: ['http'], persona: 'windows-server', options: { http: LURE_OPTIONS } },
  );
});
after(async () => {
  await stopDecoys(shut, luring);
});

const { username, password } = LURED;
const skip = needs('curl');
const plainPort = (stack: Stack): number => stack.port('http');
const tlsPort = (stack: Stack): number => 443 + stack.config.sensor.portOffset;
/** Prints the headers and the body. */
const curl = (...args: string[]) => run('curl', ['-sS', '-i', '--path-as-is', ...args]);

test('curl: a request is recorded with its path, headers and answer', { skip }, async (context) => {
  const port = plainPort(shut);
  const { result, events } = await recordInTime(context, shut, port, () =>
    curl('-A', 'probe/1.0', '-H', 'X-Probe: ä', `http://127.0.0.1:${port}/cgi-bin/../../etc/passwd?a=1`),
  );
  assert.equal(result.code, 0, result.stderr);
  const [request, ...others] = ofType(events, 'request');
  assert.equal(others.length, 0);
  const fields = request?.fields as { method: string; target: string; status: number; headers: [string, string][] };
  assert.equal(fields.method, 'GET');
  assert.equal(fields.target, '/cgi-bin/../../etc/passwd?a=1');
  assert.equal(fields.status, Number(/^HTTP\/1\.1 (\d{3})/.exec(result.stdout)?.[1]));
  assert.deepEqual(
    fields.headers.filter(([name]) => name === 'User-Agent' || name === 'X-Probe'),
    [
      ['User-Agent', 'probe/1.0'],
      ['X-Probe', 'ä'],
    ],
  );
  assert.deepEqual(loginsOf(events), []);
});

test('curl -k: https is answered, and the client hello leaves a fingerprint', { skip }, async (context) => {
  const port = tlsPort(shut);
  const { result, events } = await recordInTime(context, shut, port, () => curl('-k', `https://127.0.0.1:${port}/`));
  assert.match(result.stdout, /^HTTP\/1\.1 200 /, result.stderr);
  assert.equal(ofType(events, 'request').length, 1);
  const ja4 = ofType(events, 'peer.fingerprint').filter((event) => event.fields.kind === 'ja4');
  assert.match(String(ja4[0]?.fields.value), /^t1[23]i/);
});

test('curl: a Basic login is recorded in clear, and only the lured one is let in', { skip }, async (context) => {
  const refused = await recordInTime(context, shut, plainPort(shut), () =>
    curl('-u', 'tomcat:s3cr:et', `http://127.0.0.1:${plainPort(shut)}/manager/html`),
  );
  assert.match(refused.result.stdout, /^HTTP\/1\.1 401 /);
  assert.deepEqual(onlyLogin(refused.events), ['tomcat', 's3cr:et', 'http-basic', false]);
  const port = tlsPort(luring);
  const accepted = await recordInTime(context, luring, port, () =>
    curl('-k', '-u', `${username}:${password}`, `https://127.0.0.1:${port}/manager/html`),
  );
  assert.match(accepted.result.stdout, /^HTTP\/1\.1 200 /);
  assert.deepEqual(onlyLogin(accepted.events), [username, password, 'http-basic', true]);
});

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** RFC 2617 §3.2.2: the response from the recorded fields and a password; MD5-sess hashes nonce and cnonce in. */
function isDigestOf(hash: string, word: string, session: boolean): boolean {
  const [, , response, user, realm, method, uri, nonce, nc, cnonce, qop] = hash.split('$');
  const secret = md5(`${user}:${realm}:${word}`);
  const first = session ? md5(`${secret}:${nonce}:${cnonce}`) : secret;
  return response === md5(`${first}:${nonce}:${nc}:${cnonce}:${qop}:${md5(`${method}:${uri}`)}`);
}

test('curl: a Digest login leaves a hash of the password, and only the lured one is let in', {
  skip,
}, async (context) => {
  const port = plainPort(luring);
  for (const [word, status] of [
    ['wrong', 401],
    [password, 200],
  ] as const) {
    const { result, events } = await recordInTime(context, luring, port, () =>
      curl('--digest', '-u', `${username}:${word}`, `http://127.0.0.1:${port}/private/`),
    );
    assert.equal(
      Number(
        result.stdout
          .match(/^HTTP\/1\.1 \d{3}/gm)
          ?.at(-1)
          ?.slice(9),
      ),
      status,
      result.stdout,
    );
    assert.deepEqual(onlyLogin(events), [username, null, 'http-digest', status === 200]);
    const [login] = loginsOf(events);
    assert.ok(isDigestOf(login?.hash ?? '', word, login?.hash_format === 'digest-md5-sess'), login?.hash);
  }
});

test('curl: a form login is recorded in clear, and only the lured one gets a session', { skip }, async (context) => {
  const refused = await recordInTime(context, shut, plainPort(shut), () =>
    curl(
      '--data-urlencode',
      'log=admin',
      '--data-urlencode',
      'pwd=p&ss=wörd',
      `http://127.0.0.1:${plainPort(shut)}/wp-login.php`,
    ),
  );
  assert.match(refused.result.stdout, /The password you entered/);
  assert.deepEqual(onlyLogin(refused.events), ['admin', 'p&ss=wörd', 'http-form', false]);
  const port = tlsPort(luring);
  const accepted = await recordInTime(context, luring, port, () =>
    curl(
      ...['-k', '--data-urlencode', `username=${username}`, '--data-urlencode', `password=${password}`],
      `https://127.0.0.1:${port}/owa/auth.owa`,
    ),
  );
  assert.match(accepted.result.stdout, /^HTTP\/1\.1 302 .*^Set-Cookie: cadata=/ms);
  assert.deepEqual(onlyLogin(accepted.events), [username, password, 'http-form', true]);
});

test('curl: an uploaded file is captured byte by byte, from a form and from PUT', { skip }, async (context) => {
  const port = plainPort(shut);
  const content = `<?php system($_GET['c']); // ${'é'.repeat(700)} ?>`;
  const uploads = [
    ['-F', 'file=@-;filename=shell.php', `http://127.0.0.1:${port}/upload.php`],
    ['-T', '-', `http://127.0.0.1:${port}/shell.jsp`],
  ];
  for (const upload of uploads) {
    const { events } = await recordInTime(context, shut, port, () =>
      run('curl', ['-sS', ...upload], { input: content }),
    );
    const files = ofType(events, 'file.captured');
    assert.deepEqual(
      files.map((event) => [event.fields.sha256, event.fields.via]),
      [[createHash('sha256').update(content).digest('hex'), 'upload']],
    );
  }
});

bruteForceTests({
  shut: () => shut,
  luring: () => luring,
  target: (tool, stack) => {
    const port = plainPort(stack);
    switch (tool) {
      case 'hydra':
        return { port, module: 'http-get', more: ['/admin/'] };
      case 'medusa':
        return { port, module: 'http', more: ['-m', 'DIR:/admin/'] };
      case 'ncrack':
        return { port, module: 'http', more: ['-m', 'http:path=/admin/'] };
    }
  },
});
