/** MySQL as its clients see it: the mariadb command, the mysql2 package, and the brute-force tools. One server of each default plugin. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import mysql from 'mysql2/promise';
import { needs, run } from '../support/programs.ts';
import type { Stack } from '../support/stack.ts';
import { bruteForce, bruteForceTests, LURE_OPTIONS, LURED, type Reveal } from './brute-force.ts';
import { startDecoys, stopDecoys } from './decoys.ts';
import { loginsOf, ofType, onlyLogin, recordInTime } from './record.ts';

let shut: Stack;
let luring: Stack;
before(async () => {
  [shut, luring] = await startDecoys(
    { services: ['mysql'], persona: 'ubuntu-server', options: { mysql: { plugin: 'caching_sha2_password' } } },
    {
      services: ['mysql'],
      persona: 'windows-server',
      // medusa 2.2 and ncrack 0.7 know no server above 5.7.
      machine: ({ products }) => products.mysql?.version.startsWith('5.7.') === true,
      options: { mysql: { plugin: 'mysql_native_password', ...LURE_OPTIONS } },
    },
  );
});
after(async () => {
  await stopDecoys(shut, luring);
});

const sha1 = (...parts: Uint8Array[]): Buffer => createHash('sha1').update(Buffer.concat(parts)).digest();

/** `$mysqlna$SALT*RESPONSE`: the response is SHA1(password) XOR SHA1(salt, SHA1(SHA1(password))). */
function isHashOf(hash: string, password: string): boolean {
  const [, salt = '', response = ''] = /^\$mysqlna\$([0-9a-f]{40})\*([0-9a-f]{40})$/.exec(hash) ?? [];
  const once = sha1(Buffer.from(password));
  const mask = sha1(Buffer.from(salt, 'hex'), sha1(once));
  return Buffer.from(once.map((byte, at) => byte ^ (mask[at] ?? 0))).toString('hex') === response;
}
const reveal: Reveal = (login, words) =>
  login.password ?? words.find((word) => login.hash !== undefined && isHashOf(login.hash, word));

const { username, password } = LURED;
const mariadb = (stack: Stack, user: string, word: string, tls: boolean, statement: string) =>
  run('mariadb', [
    ...['--no-defaults', '--protocol=tcp', '-h', '127.0.0.1', '-P', String(stack.port('mysql'))],
    ...[`-u${user}`, `-p${word}`, ...(tls ? ['--ssl', '--skip-ssl-verify-server-cert'] : ['--skip-ssl'])],
    ...['--batch', '-e', statement],
  ]);

for (const tls of [false, true]) {
  const how = tls ? 'with TLS' : 'without TLS';

  test(`mariadb ${how}: caching_sha2_password shows the clear password of a refused login`, {
    skip: needs('mariadb'),
  }, async (context) => {
    const { result, events } = await recordInTime(context, shut, shut.port('mysql'), () =>
      mariadb(shut, 'root', 'Gr8secret', tls, 'select 1'),
    );
    assert.equal(result.code, 1);
    assert.match(result.stderr, /ERROR 1045 \(28000\): Access denied for user 'root'@/);
    assert.deepEqual(onlyLogin(events), ['root', 'Gr8secret', 'caching_sha2_password', false]);
    assert.equal(ofType(events, 'peer.fingerprint').filter((event) => event.fields.kind === 'ja4').length, tls ? 1 : 0);
  });

  test(`mariadb ${how}: mysql_native_password leaves a hash of the password, and the lure lets the login in`, {
    skip: needs('mariadb'),
  }, async (context) => {
    const { result, events } = await recordInTime(context, luring, luring.port('mysql'), () =>
      mariadb(luring, username, password, tls, 'select version(); show databases'),
    );
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /^(5\.7|8\.0)\.\d+/m);
    assert.match(result.stdout, /^information_schema$/m);
    assert.deepEqual(onlyLogin(events), [username, null, 'mysql_native_password', true]);
    const [login] = loginsOf(events);
    assert.equal(login?.hash_format, 'mysqlna');
    assert.ok(isHashOf(login?.hash ?? '', password));
    const queries = ofType(events, 'query').map((event) => String(event.fields.statement));
    assert.ok(queries.includes('show databases'), queries.join(' | '));
  });
}

const connectTo = (stack: Stack, user: string, word: string, tls: boolean) =>
  mysql.createConnection({
    ...{ host: '127.0.0.1', port: stack.port('mysql'), user, password: word },
    ...(tls ? { ssl: { rejectUnauthorized: false } } : {}),
  });

for (const tls of [false, true]) {
  test(`mysql2 ${tls ? 'with' : 'without'} TLS: a refused login is an access-denied error and is recorded`, async (context) => {
    const { result, events } = await recordInTime(context, shut, shut.port('mysql'), async () => {
      const refused = connectTo(shut, 'app', 'pässword', tls);
      return await refused.then(
        (connection) => connection.end(),
        (error: { code?: string }) => error.code,
      );
    });
    assert.equal(result, 'ER_ACCESS_DENIED_ERROR');
    assert.deepEqual(onlyLogin(events), ['app', 'pässword', 'caching_sha2_password', false]);
  });
}

test('mysql2: what a login that is let in asks is answered and recorded, prepared statements too', async (context) => {
  const { result, events } = await recordInTime(context, luring, luring.port('mysql'), async () => {
    const connection = await connectTo(luring, username, password, true);
    const [rows] = await connection.query('SELECT 1 + 1 AS two');
    const [bound] = await connection.execute('SELECT ? AS word', ['dropper']);
    await connection.end();
    return { rows, bound };
  });
  assert.deepEqual(structuredClone(result), { rows: [{ two: 2 }], bound: [{ word: 'dropper' }] });
  assert.deepEqual(onlyLogin(events), [username, null, 'mysql_native_password', true]);
  const queries = JSON.stringify(ofType(events, 'query').map((event) => event.fields));
  assert.match(queries, /SELECT 1 \+ 1 AS two/);
  assert.match(queries, /dropper/);
});

const target = (stack: Stack) => ({ port: stack.port('mysql'), module: 'mysql' });

bruteForceTests({
  shut: () => shut,
  luring: () => luring,
  target: (_, stack) => target(stack),
  reveal,
  // ncrack 0.7 knows no server whose default is caching_sha2_password, real or not.
  shutTools: ['hydra', 'medusa'],
});

test('ncrack: names that the lure does not list find nothing', { skip: needs('ncrack') }, async (context) => {
  const stack = luring;
  await bruteForce({ context, stack, tool: 'ncrack', target: target(stack), reveal, users: ['root', 'mysql'] });
});

test('hydra: caching_sha2_password shows every password in clear', { skip: needs('hydra') }, async (context) => {
  const port = shut.port('mysql');
  const { events } = await recordInTime(context, shut, port, () =>
    run('hydra', ['-I', '-l', 'root', '-p', 'hunter2', '-s', String(port), '127.0.0.1', 'mysql']),
  );
  assert.deepEqual(onlyLogin(events), ['root', 'hunter2', 'caching_sha2_password', false]);
});
