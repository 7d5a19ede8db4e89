import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { DataHandler } from '../kernel/contract.ts';
import { type Conversation, converse, type PlayOptions, TEST_NOW, TEST_SEED } from '../play.ts';
import { makePersona } from '../surfaces/personas.ts';
import { ftp } from './service.ts';

const WINDOWS: PlayOptions = { persona: makePersona('windows-server', TEST_SEED, TEST_NOW) };

/** A conversation after an accepted login. */
function loggedIn(config: PlayOptions = {}, options: Record<string, unknown> = {}): Conversation {
  const conversation = converse(ftp, { ...config, options: { lure: { accept: 'always' }, ...options } });
  conversation.push('USER bob\r\nPASS x\r\nTYPE I\r\n');
  conversation.sent = '';
  return conversation;
}

/** What the peer's end of the data connection got. */
interface Received {
  text: string;
  bytes: Buffer;
  ended: boolean;
}

function connect(handler: DataHandler): Received {
  const received: Received = { text: '', bytes: Buffer.alloc(0), ended: false };
  handler.opened({
    send(bytes) {
      received.bytes = Buffer.concat([received.bytes, bytes]);
      received.text = received.bytes.toString('latin1');
    },
    end() {
      received.ended = true;
    },
    destroy() {
      received.ended = true;
    },
  });
  return received;
}

async function passive(conversation: Conversation, command = 'PASV'): Promise<DataHandler> {
  conversation.push(`${command}\r\n`);
  await conversation.settle();
  const handler = conversation.dataHandler();
  assert.ok(handler);
  return handler;
}

/** Uploads in one go. */
async function upload(conversation: Conversation, command: string, content: string): Promise<void> {
  const handler = await passive(conversation);
  connect(handler);
  conversation.push(`${command}\r\n`);
  handler.data(Buffer.from(content));
  handler.closed();
}

async function download(conversation: Conversation, command: string): Promise<Received> {
  const handler = await passive(conversation, 'EPSV');
  const received = connect(handler);
  conversation.push(`${command}\r\n`);
  handler.closed();
  return received;
}

test('vsFTPd lists a directory over the port that PASV names', async () => {
  const conversation = loggedIn();
  const handler = await passive(conversation);
  assert.equal(conversation.sent, '227 Entering Passive Mode (198,51,100,1,195,80).\r\n');
  conversation.push('LIST\r\n');
  assert.ok(!conversation.sent.includes('150'), 'it says nothing before the peer is there');
  const received = connect(handler);
  assert.match(received.text, /^drwx------ {4}2 100\d {5}100\d {9}4096 \w{3} \d\d \d\d:\d\d backup\r\n/);
  assert.ok(!received.text.includes('.bash_history'));
  assert.ok(received.ended);
  assert.ok(conversation.sent.endsWith('150 Here comes the directory listing.\r\n'));
  handler.closed();
  assert.ok(conversation.sent.endsWith('226 Directory send OK.\r\n'));
});

test('IIS says whether the peer is there already, and lists as MS-DOS does', async () => {
  const conversation = loggedIn(WINDOWS);
  const handler = await passive(conversation, 'EPSV');
  assert.equal(conversation.sent, '229 Entering Extended Passive Mode (|||50000|)\r\n');
  conversation.sent = '';
  conversation.push('TYPE A\r\nLIST\r\n');
  assert.equal(conversation.sent, '200 Type set to A.\r\n150 Opening ASCII mode data connection.\r\n');
  const received = connect(handler);
  handler.closed();
  assert.match(received.text, /^\d\d-\d\d-\d\d {2}\d\d:\d\d[AP]M {7}<DIR> {10}Backups\r\n/);
  conversation.sent = '';
  await download(conversation, 'NLST Exports/');
  assert.match(
    conversation.sent,
    /125 Data connection already open; Transfer starting\.\r\n226 Transfer complete\.\r\n$/,
  );
});

test('what the peer sends ahead waits for the transfer before it', async () => {
  const conversation = loggedIn();
  const handler = await passive(conversation);
  conversation.sent = '';
  conversation.push('LIST\r\nPWD\r\n');
  conversation.push('SYST\r\n');
  connect(handler);
  assert.ok(!conversation.sent.includes('257'));
  handler.closed();
  assert.match(
    conversation.sent,
    /226 Directory send OK\.\r\n257 "\/" is the current directory\r\n215 UNIX Type: L8\r\n$/,
  );
});

test('a lure file comes whole, and from an offset', async () => {
  const conversation = loggedIn();
  const whole = await download(conversation, 'RETR notes.txt');
  assert.match(
    conversation.sent,
    /150 Opening BINARY mode data connection for notes\.txt \(\d+ bytes\)\.\r\n226 Transfer complete\.\r\n$/,
  );
  conversation.push('REST 10\r\n');
  const rest = await download(conversation, 'RETR notes.txt');
  assert.equal(rest.text, whole.text.slice(10));
  const names = await download(conversation, 'NLST backup');
  const dump = await download(conversation, `RETR backup/${names.text.split('\r\n')[0]}`);
  assert.match(gunzipSync(dump.bytes).toString(), /^-- MySQL dump of/);
});

test('an upload is captured byte for byte, and the session can read it back', async () => {
  for (const config of [{}, WINDOWS]) {
    const conversation = loggedIn(config);
    const content = '<?php\r\nsystem($_GET["c"]);\n\0\xff';
    await upload(conversation, 'STOR shell.php', content);
    assert.ok(conversation.sent.endsWith('226 Transfer complete.\r\n'));
    assert.deepEqual([...conversation.artifacts.values()], [Buffer.from(content)]);
    const captured = conversation.events.find(({ type }) => type === 'file.captured')?.fields;
    assert.deepEqual(
      { name: captured?.name, via: captured?.via, truncated: captured?.truncated, bytes: captured?.bytes },
      { name: 'shell.php', via: 'upload', truncated: false, bytes: Buffer.byteLength(content) },
    );
    await upload(conversation, 'APPE shell.php', 'more');
    assert.deepEqual((await download(conversation, 'RETR shell.php')).bytes, Buffer.from(`${content}more`));
    const other = loggedIn(config);
    other.push('SIZE shell.php\r\n');
    assert.match(other.sent, /^550 /);
  }
});

test('an upload in many pieces, longer than what is kept, is cut and says so', async () => {
  const conversation = loggedIn({}, { maxUploadBytes: 1000 });
  const handler = await passive(conversation);
  connect(handler);
  conversation.push('STOR big\r\n');
  for (let i = 0; i < 300; i += 1) handler.data(Buffer.alloc(7, i));
  handler.closed();
  const captured = conversation.events.find(({ type }) => type === 'file.captured')?.fields;
  assert.deepEqual([captured?.bytes, captured?.truncated], [1000, true]);
  assert.ok(conversation.events.some(({ type, fields }) => type === 'limit.reached' && fields.value === 1000));
  conversation.sent = '';
  conversation.push('SIZE big\r\n');
  assert.equal(conversation.sent, '213 2100\r\n');
});

test('an upload without end is cut off', async () => {
  const conversation = loggedIn({}, { maxUploadBytes: 1000 });
  const handler = await passive(conversation);
  const received = connect(handler);
  conversation.push('STOR endless\r\n');
  const block = Buffer.alloc(1_048_576);
  for (let i = 0; i < 80; i += 1) handler.data(block);
  assert.ok(received.ended);
  assert.ok(conversation.sent.endsWith('426 Failure reading network stream.\r\n'));
  assert.equal(conversation.artifacts.size, 1);
});

test('what has come of an upload is kept when the peer goes away in the middle', async () => {
  const conversation = loggedIn();
  const handler = await passive(conversation);
  connect(handler);
  conversation.push('STOR half\r\n');
  handler.data(Buffer.from('half of it'));
  conversation.end();
  assert.equal(conversation.closed, undefined, 'the data connection may still bring the rest');
  handler.closed();
  assert.equal(conversation.closed, 'peer_closed');
  assert.equal(String([...conversation.artifacts.values()][0]), 'half of it');
});

test('when nobody connects to the port, the transfer fails as it does there', async () => {
  for (const [config, answer] of [
    [{}, '425 Failed to establish connection.\r\n'],
    [WINDOWS, '425 Cannot open data connection.\r\n'],
  ] as const) {
    const conversation = loggedIn(config);
    const handler = await passive(conversation);
    conversation.push('LIST\r\n');
    handler.closed();
    assert.ok(conversation.sent.endsWith(answer));
  }
});

test('PORT to the peer itself is taken, and the connection is never made', () => {
  for (const [config, answers] of [
    [
      {},
      '200 PORT command successful. Consider using PASV.\r\n425 Failed to establish connection.\r\n425 Use PORT or PASV first.\r\n',
    ],
    [
      WINDOWS,
      '200 PORT command successful.\r\n150 Opening BINARY mode data connection.\r\n425 Cannot open data connection.\r\n',
    ],
  ] as const) {
    const conversation = loggedIn(config);
    conversation.push(`PORT 192,0,2,7,200,1\r\nLIST\r\n${config === WINDOWS ? '' : 'LIST\r\n'}`);
    assert.equal(conversation.sent, answers);
    assert.equal(conversation.dataHandler(), undefined);
  }
});

test('a peer that never closes its side is not waited for', async () => {
  const conversation = loggedIn();
  const handler = await passive(conversation);
  connect(handler);
  conversation.push('LIST\r\n');
  assert.ok(!conversation.sent.includes('226'));
  conversation.advance(5000);
  assert.ok(conversation.sent.endsWith('226 Directory send OK.\r\n'));
});

test('what is sent ahead of a transfer is bounded', async () => {
  const conversation = loggedIn();
  await passive(conversation);
  conversation.push('LIST\r\n');
  for (let i = 0; i < 2000 && conversation.closed === undefined; i += 1) conversation.push('PWD\r\n'.repeat(20));
  assert.equal(conversation.closed, 'limit');
  assert.deepEqual(conversation.events.at(-1)?.type, 'limit.reached');
});

test('the address shown to passive clients can be set', async () => {
  const conversation = loggedIn({}, { passiveAddress: '203.0.113.5' });
  await passive(conversation);
  assert.equal(conversation.sent, '227 Entering Passive Mode (203,0,113,5,195,80).\r\n');
});
