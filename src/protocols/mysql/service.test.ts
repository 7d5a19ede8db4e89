import assert from 'node:assert/strict';
import { constants, publicEncrypt } from 'node:crypto';
import { test } from 'node:test';
import { conforms } from '../conformance.ts';
import { converse, play, TEST_NOW } from '../play.ts';
import { makePersona } from '../surfaces/personas.ts';
import { nativeScramble, sha2Scramble } from './auth.ts';
import { CLIENT } from './codec.ts';
import { mysql } from './service.ts';
import {
  DEFAULT_FLAGS,
  events,
  fixture,
  frame,
  greetingSalt,
  lastPacket,
  loginPayload,
  packetsOf,
  personaOf,
} from './testing.ts';

const NATIVE = 'mysql_native_password';
const SHA2 = 'caching_sha2_password';
const old = { persona: personaOf('5.7.44') };
const modern = { persona: personaOf('8.0.36') };
const listed = { lure: { accept: 'list', logins: [{ username: 'root', password: 'right' }] } };

conforms(
  mysql,
  Object.fromEntries(
    ['hydra-login', 'medusa-login', 'ncrack-login', 'nmap-enum', 'nmap-brute', 'nmap-empty-password'].map((name) => [
      name,
      fixture(name),
    ]),
  ),
  old,
);
conforms(
  mysql,
  Object.fromEntries(
    ['mariadb-commands', 'mariadb-compressed', 'mysql2-prepared'].map((name) => [name, fixture(name)]),
  ),
  { ...old, options: { lure: { accept: 'always' } } },
);
conforms(mysql, { 'mariadb-sha2-login': fixture('mariadb-sha2-login') }, modern);

/** The error packet of a refused login, as text. */
const errorOf = (payload: Buffer): string =>
  payload[0] === 0xff ? `${payload.readUInt16LE(1)} ${payload.toString('latin1', 3)}` : 'no error';

test('the greeting is that of the version, with a salt of its own in every connection', () => {
  const first = converse(mysql, modern);
  const payload = packetsOf(first.sent)[0]?.payload ?? Buffer.alloc(0);
  assert.equal(payload.toString('latin1', 0, 8), '\x0a8.0.36\0');
  assert.equal(payload.toString('latin1', payload.length - 22), `${SHA2}\0`);
  const salt = greetingSalt(first);
  assert.equal(salt.length, 20);
  for (const byte of salt) assert.ok(byte > 0 && byte < 0x80 && byte !== 0x24);
  const thread = (version: '5.7.44' | '8.0.36'): number =>
    packetsOf(converse(mysql, { persona: personaOf(version) }).sent)[0]?.payload.readUInt32LE(8) ?? 0;
  assert.ok(thread('8.0.36') > 1 && thread('8.0.36') < 0x1000000);
});

test('two sensors count their threads from different numbers', () => {
  const ids = [1, 2, 3, 4].map((fill) => {
    const persona = makePersona('windows-server', Buffer.alloc(32, fill), TEST_NOW);
    const payload = packetsOf(converse(mysql, { persona }).sent)[0]?.payload ?? Buffer.alloc(0);
    return payload.readUInt32LE(payload.indexOf(0) + 1);
  });
  assert.equal(new Set(ids).size, 4);
});

test('a refused native login keeps the response as hashcat reads it', () => {
  const conversation = converse(mysql, old);
  const salt = greetingSalt(conversation);
  const response = nativeScramble('wrong', salt);
  conversation.push(frame(loginPayload({ username: 'sa', response, plugin: NATIVE }), 1));
  const [attempt] = events(conversation, 'auth.attempt');
  assert.equal(attempt?.username, 'sa');
  assert.equal(attempt?.password, null);
  assert.equal(attempt?.hash, `$mysqlna$${salt.toString('hex')}*${response.toString('hex')}`);
  assert.equal(attempt?.accepted, false);
  const { sequence, payload } = lastPacket(conversation);
  assert.equal(sequence, 2);
  assert.equal(errorOf(payload), "1045 #28000Access denied for user 'sa'@'192.0.2.7' (using password: YES)");
  assert.equal(conversation.closed, 'service_closed');
});

test('a login without a password is told so', () => {
  const conversation = converse(mysql, old);
  conversation.push(frame(loginPayload({ username: '', response: Buffer.alloc(0), plugin: NATIVE }), 1));
  assert.equal(events(conversation, 'auth.attempt')[0]?.password, '');
  assert.equal(
    errorOf(lastPacket(conversation).payload),
    "1045 #28000Access denied for user ''@'192.0.2.7' (using password: NO)",
  );
});

test('a client of a list of logins gets in with its password and not with another', () => {
  for (const [password, accepted] of [
    ['right', true],
    ['wrong', false],
  ] as const) {
    const conversation = converse(mysql, { ...old, options: listed });
    const response = nativeScramble(password, greetingSalt(conversation));
    conversation.push(frame(loginPayload({ username: 'root', response, plugin: NATIVE }), 1));
    assert.equal(events(conversation, 'auth.attempt')[0]?.accepted, accepted);
    assert.equal(lastPacket(conversation).payload[0], accepted ? 0 : 0xff);
  }
});

/** caching_sha2_password up to the server's demand for the password itself. */
function askedForPassword(options: object = {}) {
  const conversation = converse(mysql, { ...modern, options });
  const salt = greetingSalt(conversation);
  conversation.push(frame(loginPayload({ username: 'root', response: sha2Scramble('right', salt), plugin: SHA2 }), 1));
  return { conversation, salt };
}

function encrypted(conversation: ReturnType<typeof converse>, salt: Buffer, password: string): Buffer {
  const pem = lastPacket(conversation).payload.toString('latin1', 1);
  const plain = Buffer.from(`${password}\0`).map((byte, i) => byte ^ (salt[i % salt.length] ?? 0));
  return publicEncrypt({ key: pem, padding: constants.RSA_PKCS1_OAEP_PADDING }, plain);
}

test('caching_sha2_password without TLS gives the password through the RSA key', () => {
  for (const [password, accepted] of [
    ['right', true],
    ['wrong', false],
  ] as const) {
    const { conversation, salt } = askedForPassword(listed);
    assert.deepEqual(lastPacket(conversation), { sequence: 2, payload: Buffer.from([1, 4]) });
    conversation.push(frame(Buffer.from([2]), 3));
    assert.equal(lastPacket(conversation).payload.toString('latin1', 0, 28), '\x01-----BEGIN PUBLIC KEY-----\n');
    conversation.push(frame(encrypted(conversation, salt, password), 5));
    const [attempt] = events(conversation, 'auth.attempt');
    assert.equal(attempt?.password, password);
    assert.equal(attempt?.mechanism, SHA2);
    assert.equal(attempt?.accepted, accepted);
    assert.equal(lastPacket(conversation).sequence, 6);
  }
});

test('a client that leaves when asked for its password is recorded with its scramble', () => {
  const { conversation, salt } = askedForPassword();
  conversation.end();
  const [attempt] = events(conversation, 'auth.attempt');
  assert.equal(attempt?.username, 'root');
  assert.equal(attempt?.password, null);
  const detail = attempt?.detail as Record<string, unknown>;
  assert.equal(detail.salt, salt.toString('hex'));
  assert.equal(detail.response, sha2Scramble('right', salt).toString('hex'));
  assert.equal(detail.unfinished, true);
});

test('a password sent in clear without TLS is read and refused', () => {
  const { conversation } = askedForPassword({ lure: { accept: 'always' } });
  conversation.push(frame(Buffer.from('right\0'), 3));
  const [attempt] = events(conversation, 'auth.attempt');
  assert.equal(attempt?.password, 'right');
  assert.equal(attempt?.accepted, false);
});

test('what the RSA key cannot read is a refused login', () => {
  const { conversation } = askedForPassword({ lure: { accept: 'always' } });
  conversation.push(frame(Buffer.alloc(256, 7), 3));
  assert.equal(events(conversation, 'peer.malformed')[0]?.code, 'rsa_decrypt');
  assert.match(errorOf(lastPacket(conversation).payload), /^1045 /);
});

test('a client of another plugin is switched, and its first response is kept', () => {
  const conversation = converse(mysql, { ...modern, options: listed });
  const salt = greetingSalt(conversation);
  conversation.push(
    frame(loginPayload({ username: 'root', response: nativeScramble('right', salt), plugin: NATIVE }), 1),
  );
  const expected = Buffer.concat([Buffer.from(`\xfe${SHA2}\0`, 'latin1'), salt, Buffer.from([0])]);
  assert.deepEqual(lastPacket(conversation), { sequence: 2, payload: expected });
  conversation.push(frame(sha2Scramble('right', salt), 3));
  conversation.push(frame(Buffer.from([2]), 5));
  conversation.push(frame(encrypted(conversation, salt, 'right'), 7));
  const [attempt] = events(conversation, 'auth.attempt');
  assert.equal(attempt?.password, 'right');
  assert.equal(attempt?.hash_format, 'mysqlna');
  assert.equal(attempt?.accepted, true);
});

test('sha256_password and mysql_clear_password accounts see the password', () => {
  const clear = converse(mysql, { ...modern, options: { ...listed, plugin: 'mysql_clear_password' } });
  clear.push(frame(loginPayload({ username: 'root', response: Buffer.alloc(0), plugin: SHA2 }), 1));
  assert.match(lastPacket(clear).payload.toString('latin1'), /^\xfemysql_clear_password\0/);
  clear.push(frame(Buffer.from('right\0'), 3));
  assert.equal(events(clear, 'auth.attempt')[0]?.password, 'right');
  assert.equal(events(clear, 'auth.attempt')[0]?.accepted, true);

  const sha256 = converse(mysql, { ...old, options: { ...listed, plugin: 'sha256_password' } });
  sha256.push(frame(loginPayload({ username: 'root', response: Buffer.alloc(20, 1), plugin: NATIVE }), 1));
  const salt = lastPacket(sha256).payload.subarray('xsha256_passwordx'.length, -1);
  sha256.push(frame(Buffer.from([1]), 3));
  sha256.push(frame(encrypted(sha256, salt, 'right'), 5));
  assert.equal(events(sha256, 'auth.attempt')[0]?.password, 'right');
  assert.equal(events(sha256, 'auth.attempt')[0]?.accepted, true);
});

test('a client that knows of no plugins is let try the native one on 8.0 too', () => {
  const conversation = converse(mysql, { ...modern, options: listed });
  const response = nativeScramble('right', greetingSalt(conversation));
  conversation.push(frame(loginPayload({ username: 'root', response, flags: DEFAULT_FLAGS & ~CLIENT.pluginAuth }), 1));
  assert.equal(events(conversation, 'auth.attempt')[0]?.accepted, true);
});

test('a login into a database that is not there is refused after its password', () => {
  const conversation = converse(mysql, { ...old, options: { lure: { accept: 'always' } } });
  conversation.push(
    frame(loginPayload({ username: 'root', response: Buffer.alloc(20, 1), plugin: NATIVE, database: 'nowhere' }), 1),
  );
  assert.equal(errorOf(lastPacket(conversation).payload), "1049 #42000Unknown database 'nowhere'");
});

test('connection attributes name the client', () => {
  const { events: recorded, facts } = play(mysql, [fixture('hydra-login')], old);
  const software = recorded.find((event) => event.type === 'peer.fingerprint')?.fields;
  assert.match(String(software?.value), /^libmariadb 3\./);
  assert.ok(facts.some((fact) => fact.client?.startsWith('libmariadb')));
});

test('a login of the protocol before 4.1 is a bad handshake, and its user is kept', () => {
  const played = play(mysql, [fixture('nmap-enum')], old);
  assert.ok(played.sent.endsWith('\x10\0\0\x02\xff\x13\x04Bad handshake'));
  const attempt = played.events.find((event) => event.type === 'auth.attempt')?.fields;
  assert.equal(attempt?.username, 'a');
  assert.equal(attempt?.mechanism, 'mysql_old_password');
});

test('bytes of another protocol get the error of the real server', () => {
  const cases: [string, string][] = [
    ['GET / HTTP/1.0\r\n\r\n', '1156 #08S01Got packets out of order'],
    ['\x02\0\0\x01\0\0', '1043 Bad handshake'],
    ['\x00\0\0\x01', '1043 #08S01Bad handshake'],
    ['\xff\xff\xff\x01', "1153 #08S01Got a packet bigger than 'max_allowed_packet' bytes"],
  ];
  for (const [bytes, expected] of cases) {
    const conversation = converse(mysql, old);
    conversation.push(Buffer.from(bytes, 'latin1'));
    assert.equal(errorOf(lastPacket(conversation).payload), expected);
    assert.notEqual(conversation.closed, undefined);
    assert.equal(events(conversation, 'peer.malformed').length, 1);
  }
});

test('a client that says nothing is told so after the time for a login', () => {
  const conversation = converse(mysql, modern);
  conversation.advance(9_999);
  assert.equal(conversation.closed, undefined);
  conversation.advance(1);
  assert.equal(conversation.closed, 'idle');
  assert.equal(errorOf(lastPacket(conversation).payload), '1159 #08S01Got timeout reading communication packets');
});

test('a user name of many kilobytes is cut to what an event holds, and the cut is recorded', () => {
  const conversation = converse(mysql, old);
  conversation.push(
    frame(loginPayload({ username: 'u'.repeat(60_000), response: Buffer.alloc(0), plugin: NATIVE }), 1),
  );
  assert.equal(String(events(conversation, 'auth.attempt')[0]?.username).length, 4096);
  assert.equal(events(conversation, 'limit.reached')[0]?.limit, 'username_bytes');
});
