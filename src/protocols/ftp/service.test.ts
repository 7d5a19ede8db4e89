import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { conforms } from '../conformance.ts';
import { converse, type Played, type PlayOptions, play, TEST_NOW, TEST_SEED } from '../play.ts';
import { makePersona } from '../surfaces/personas.ts';
import { ftp } from './service.ts';

const fixture = (name: string): Buffer => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const WINDOWS: PlayOptions = { persona: makePersona('windows-server', TEST_SEED, TEST_NOW) };
const LET_IN = { lure: { accept: 'always' } };
/** Everything that a client sends, a line each. */
const say = (...lines: string[]): string[] => lines.map((line) => `${line}\r\n`);
const attempts = (played: Played): unknown[] =>
  played.events.filter(({ type }) => type === 'auth.attempt').map(({ fields }) => fields);
const commands = (played: Played): unknown[] =>
  played.events.filter(({ type }) => type === 'command.input').map(({ fields }) => fields.command);
const plain = (username: string | null, password: string, accepted = false): unknown => ({
  username,
  password,
  mechanism: 'plain',
  accepted,
  detail: { tls: false },
});

conforms(
  ftp,
  {
    'hydra refused': fixture('hydra-refused.bin'),
    'medusa refused': fixture('medusa-refused.bin'),
    'ncrack refused': fixture('ncrack-refused.bin'),
    'curl upload': fixture('curl-upload.bin'),
    'curl over TLS': fixture('curl-tls.bin'),
  },
  { options: LET_IN },
);
conforms(
  ftp,
  { 'lftp session': fixture('lftp-session.bin'), 'ftp session': fixture('ftp-session.bin') },
  { ...WINDOWS, options: LET_IN },
);

test('vsFTPd greets, refuses, and keeps each pair of name and password', () => {
  const played = play(ftp, say('USER root', 'PASS toor', 'USER admin', 'PASS  a b ', 'QUIT'));
  assert.equal(
    played.sent,
    '220 (vsFTPd 3.0.5)\r\n331 Please specify the password.\r\n530 Login incorrect.\r\n' +
      '331 Please specify the password.\r\n530 Login incorrect.\r\n221 Goodbye.\r\n',
  );
  assert.deepEqual(attempts(played), [plain('root', 'toor'), plain('admin', ' a b ')]);
  assert.deepEqual(commands(played), ['QUIT']);
  assert.equal(played.closed, 'service_closed');
});

test('IIS greets, refuses, and keeps each pair of name and password', () => {
  const played = play(ftp, say('USER Administrator', 'PASS P\xe4ss', 'PASS again', 'QUIT'), WINDOWS);
  assert.equal(
    played.sent,
    '220 Microsoft FTP Service\r\n331 Password required\r\n530 User cannot log in.\r\n' +
      '503 Login with USER first.\r\n221 Goodbye.\r\n',
  );
  assert.deepEqual(attempts(played), [plain('Administrator', 'Päss'), plain(null, 'again')]);
});

test('bytes of a password that are no UTF-8 are kept escaped', () => {
  const played = play(ftp, [Buffer.from('USER a\r\nPASS \xff\xfe\r\n', 'latin1')]);
  assert.deepEqual(attempts(played), [plain('a', '\\xff\\xfe')]);
});

test('vsFTPd hangs up with the third refused login', () => {
  const login = say('USER a', 'PASS b');
  const played = play(ftp, [...login, ...login, ...login, ...login]);
  assert.equal(attempts(played).length, 3);
  assert.equal(played.closed, 'service_closed');
  assert.ok(played.sent.endsWith('530 Login incorrect.\r\n'));
});

test('a refused login can be made to take as long as a real one', () => {
  const conversation = converse(ftp, { options: { failDelayMs: 3000 } });
  conversation.push('USER a\r\nPASS b\r\nSYST\r\n');
  assert.ok(conversation.sent.endsWith('331 Please specify the password.\r\n'));
  assert.equal(attempts(conversation).length, 1, 'the attempt is recorded at once');
  conversation.advance(2999);
  assert.ok(!conversation.sent.includes('530'));
  conversation.advance(1);
  assert.ok(conversation.sent.endsWith('530 Login incorrect.\r\n530 Please login with USER and PASS.\r\n'));
});

test('a client that half-closes during the delay still gets its answer', () => {
  const conversation = converse(ftp, { options: { failDelayMs: 3000 } });
  conversation.push('USER a\r\nPASS b\r\n');
  conversation.end();
  assert.equal(conversation.closed, undefined);
  conversation.advance(3000);
  assert.ok(conversation.sent.endsWith('530 Login incorrect.\r\n'));
  assert.equal(conversation.closed, 'peer_closed');
});

test('a name that no password follows is kept', () => {
  const conversation = converse(ftp);
  conversation.push('USER one\r\nUSER two\r\n');
  conversation.end();
  assert.deepEqual(commands(conversation), ['USER one', 'USER two']);
  assert.deepEqual(attempts(conversation), []);
});

test('vsFTPd before a login: each answer is the one that the real server gave', () => {
  // The pairs were read off a running vsFTPd with ssl_enable off.
  const pairs: [string, string][] = [
    ['', ''],
    [' ', '530 Please login with USER and PASS.'],
    ['FOO', '530 Please login with USER and PASS.'],
    ['PASS', '503 Login with USER first.'],
    ['PASS x', '503 Login with USER first.'],
    ['NOOP', '530 Please login with USER and PASS.'],
    ['SYST', '530 Please login with USER and PASS.'],
    ['HELP', '530 Please login with USER and PASS.'],
    ['opts utf8 on', '200 Always in UTF8 mode.'],
    ['opts utf8', '501 Option not understood.'],
    ['AUTH TLS', '530 Please login with USER and PASS.'],
    ['PBSZ 0', '530 Please login with USER and PASS.'],
    ['USER', '331 Please specify the password.'],
    ['PASS', '503 Login with USER first.'],
    ['QUIT x', '221 Goodbye.'],
  ];
  const conversation = converse(ftp, { options: { tls: false } });
  for (const [line, answer] of pairs) {
    conversation.sent = '';
    conversation.push(`${line}\r\n`);
    assert.equal(conversation.sent, answer === '' ? '' : `${answer}\r\n`, line);
  }
});

test('vsFTPd 3.0.5 gives up on a peer after ten wrong commands, and on a web browser at once', () => {
  const played = play(ftp, say(...Array.from({ length: 20 }, () => 'FOO')));
  assert.equal(played.sent.split('530 Please').length - 1, 10);
  assert.ok(played.sent.endsWith('500 Too many errors.\r\n'));
  const browser = play(ftp, ['GET / HTTP/1.1\r\nHost: x\r\n\r\n']);
  assert.ok(browser.sent.endsWith('500 HTTP protocol commands not allowed.\r\n'));
  assert.equal(browser.closed, 'service_closed');
  assert.deepEqual(commands(browser), ['GET / HTTP/1.1']);
});

test('IIS before a login tells unknown commands from those that need one', () => {
  const conversation = converse(ftp, WINDOWS);
  const pairs: [string, string][] = [
    ['SYST', '215 Windows_NT'],
    ['LIST', '530 Please login with USER and PASS.'],
    ['FOO', '500 Command not understood.'],
    ['USER', '501 Invalid number of parameters.'],
    ['OPTS UTF8 ON', '200 OPTS UTF8 command successful - UTF8 encoding now ON.'],
    ['OPTS MLST x', '501 Option not supported.'],
    ['AUTH X', '504 Security mechanism not implemented.'],
    ['help dele', '214 Syntax: dele <sp> file-name - (delete file)'],
  ];
  for (const [line, answer] of pairs) {
    conversation.sent = '';
    conversation.push(`${line}\r\n`);
    assert.equal(conversation.sent, `${answer}\r\n`, line);
  }
  conversation.sent = '';
  conversation.push('FEAT\r\nHELP\r\n');
  assert.match(conversation.sent, /^211-Extended features supported:\r\n LANG EN\*\r\n UTF8\r\n/);
  assert.match(
    conversation.sent,
    /214-The following commands are recognized \(\* ==>'s unimplemented\)\.\r\n {4}ABOR \r\n/,
  );
  assert.match(conversation.sent, /\r\n {4}ADAT \*\r\n/);
});

test('anonymous is refused unless the option lets it in to read', () => {
  const login = say('USER anonymous', 'PASS IEUser@');
  assert.deepEqual(attempts(play(ftp, login)), [plain('anonymous', 'IEUser@')]);
  for (const persona of [undefined, WINDOWS.persona]) {
    const played = play(ftp, [...login, ...say('MKD x', 'DELE pub/README', 'CWD pub')], {
      options: { anonymous: true },
      ...(persona === undefined ? {} : { persona }),
    });
    assert.deepEqual(attempts(played), [plain('anonymous', 'IEUser@', true)]);
    assert.equal(played.sent.match(/^550 /gm)?.length, 2);
    assert.match(played.sent, /250 [^\r]*\r\n$/);
  }
});

test('the lure lets in what it lists, and nothing else', () => {
  const options = { lure: { accept: 'list', logins: [{ username: 'bob', password: 'x' }] } };
  const played = play(ftp, say('USER bob', 'PASS y', 'USER bob', 'PASS x', 'PWD'), { options });
  assert.deepEqual(attempts(played), [plain('bob', 'y'), plain('bob', 'x', true)]);
  assert.ok(played.sent.endsWith('230 Login successful.\r\n257 "/" is the current directory\r\n'));
});

test('vsFTPd after a login: each answer is the one that the real server gave', () => {
  const conversation = converse(ftp, { options: { ...LET_IN, tls: false } });
  conversation.push('USER bob\r\nPASS x\r\n');
  const pairs: [string, string][] = [
    ['USER tom', "530 Can't change to another user."],
    ['USER bob', '331 Any password will do.'],
    ['PASS y', '230 Already logged in.'],
    ['CWD nope', '550 Failed to change directory.'],
    ['CWD public_html', '250 Directory successfully changed.'],
    ['PWD', '257 "/public_html" is the current directory'],
    ['XCUP', '250 Directory successfully changed.'],
    ['CWD', '550 Failed to change directory.'],
    ['CWD ~', '250 Directory successfully changed.'],
    ['LIST', '425 Use PORT or PASV first.'],
    ['RETR a.txt', '425 Use PORT or PASV first.'],
    ['STOU', '425 Use PORT or PASV first.'],
    ['EPSV 2', '522 Bad network protocol.'],
    ['PORT 1,2,3,4,5,6', '500 Illegal PORT command.'],
    ['TYPE', '500 Unrecognised TYPE command.'],
    ['type a n', '200 Switching to ASCII mode.'],
    ['TYPE L 8', '200 Switching to Binary mode.'],
    ['STRU F', '200 Structure set to F.'],
    ['MODE B', '504 Bad MODE command.'],
    ['ALLO', '202 ALLO command ignored.'],
    ['REIN', '502 REIN not implemented.'],
    ['ABOR', '225 No transfer to ABOR.'],
    ['STAT nope', '213-Status follows:\r\n213 End of status'],
    ['SITE', '500 Unknown SITE command.'],
    ['SITE HELP', '214 CHMOD UMASK HELP'],
    ['SITE CHMOD 777', '500 SITE CHMOD needs 2 arguments.'],
    ['SITE CHMOD 777 notes.txt', '200 SITE CHMOD command ok.'],
    ['SITE CHMOD 777 q', '550 SITE CHMOD command failed.'],
    ['SITE UMASK', '200 Your current UMASK is 077'],
    ['SIZE public_html', '550 Could not get file size.'],
    ['MDTM 20200101000000 notes.txt', '213 File modification time set.'],
    ['MDTM notes.txt', '213 20200101000000'],
    ['MDTM 20200101000000 zz', '550 Could not set file modification time.'],
    ['REST x', '350 Restart position accepted (0).'],
    ['REST 5', '350 Restart position accepted (5).'],
    ['RNTO x', '503 RNFR required first.'],
    ['RNFR nope', '550 RNFR command failed.'],
    ['RNFR notes.txt', '350 Ready for RNTO.'],
    ['RNTO b.txt', '250 Rename successful.'],
    ['MKD a"b', '257 "/a""b" created'],
    ['MKD a"b', '550 Create directory operation failed.'],
    ['RMD a"b', '250 Remove directory operation successful.'],
    ['DELE public_html', '550 Delete operation failed.'],
    ['DELE b.txt', '250 Delete operation successful.'],
    ['MLSD', '500 Unknown command.'],
    ['AUTH TLS', '500 Unknown command.'],
    ['PBSZ 0', '550 Permission denied.'],
    ['EPRT |3|192.0.2.7|60000|', '500 Bad EPRT protocol.'],
    ['EPRT |1|203.0.113.9|60000|', '500 Illegal EPRT command.'],
    ['EPRT x', '500 Bad EPRT command.'],
    ['\xff\xf4\xff\xf2ABOR', '225 No transfer to ABOR.'],
    ['NOOP', '200 NOOP ok.'],
  ];
  for (const [line, answer] of pairs) {
    conversation.sent = '';
    conversation.push(Buffer.from(`${line}\r\n`, 'latin1'));
    assert.equal(conversation.sent, `${answer}\r\n`, line);
  }
});

test('IIS after a login words failures as Windows does', () => {
  const conversation = converse(ftp, { ...WINDOWS, options: LET_IN });
  conversation.push('USER bob\r\nPASS x\r\n');
  const pairs: [string, string][] = [
    ['PWD', '257 "/" is current directory.'],
    ['CWD nope', '550 The system cannot find the file specified. '],
    ['CWD nope/deeper', '550 The system cannot find the path specified. '],
    ['CWD backups', '250 CWD command successful.'],
    ['cdup', '250 CDUP command successful.'],
    ['MKD a', '257 "a" directory created.'],
    ['MKD a', '550 Cannot create a file when that file already exists. '],
    ['MKD a:b', '550 The filename, directory name, or volume label syntax is incorrect. '],
    ['XRMD a', '250 XRMD command successful.'],
    ['RMD wwwroot', '550 The directory is not empty. '],
    ['DELE wwwroot', '550 Access is denied. '],
    ['RNTO x', '503 Bad sequence of commands.'],
    ['RNFR wwwroot/web.config', '350 Requested file action pending further information.'],
    ['RNTO wwwroot/old.config', '250 RNTO command successful.'],
    ['REST 5', '350 Restarting at 5.'],
    ['TYPE I', '200 Type set to I.'],
    ['NOOP', '200 noop command successful.'],
    ['PORT 1,2,3,4,5,6', '501 Server cannot accept argument.'],
    ['MLSD', '500 Command not understood.'],
    ['\xff\xf4\xff\xf2ABOR', '225 ABOR command successful.'],
    ['USER tom', '331 Password required'],
    ['PWD', '530 Please login with USER and PASS.'],
  ];
  for (const [line, answer] of pairs) {
    conversation.sent = '';
    conversation.push(Buffer.from(`${line}\r\n`, 'latin1'));
    assert.equal(conversation.sent, `${answer}\r\n`, line);
  }
});

test('a line that is too long is answered as the server does, kept in part, and ends the connection', () => {
  const played = play(ftp, ['A'.repeat(5000)]);
  assert.ok(played.sent.endsWith('500 Input line too long.\r\n'));
  assert.deepEqual(played.events, [
    { type: 'peer.malformed', fields: { code: 'line_too_long', bytes: 'A'.repeat(512) } },
  ]);
  assert.equal(played.closed, 'protocol_error');
});

test('a connection ends after its number of commands, and says why', () => {
  const played = play(ftp, say('NOOP', 'NOOP', 'NOOP', 'NOOP'), { ...WINDOWS, options: { maxCommands: 3 } });
  assert.deepEqual(played.events.at(-1), { type: 'limit.reached', fields: { limit: 'ftp commands', value: 3 } });
  assert.equal(played.closed, 'limit');
});

test('a silent peer is hung up on when the real server would', () => {
  for (const [config, seconds, farewell] of [
    [{}, 300, '421 Timeout.\r\n'],
    [WINDOWS, 30, '421 Control connection timed out \r\n'],
  ] as const) {
    const conversation = converse(ftp, config);
    conversation.advance(20_000);
    conversation.push('SYST\r\n');
    conversation.advance(seconds * 1000 - 20_000);
    assert.equal(conversation.closed, undefined);
    conversation.advance(20_000);
    assert.equal(conversation.closed, 'idle');
    assert.ok(conversation.sent.endsWith(farewell));
  }
});

test('unknown options are refused', () => {
  assert.equal(ftp.options.safeParse({ lures: {} }).success, false);
});
