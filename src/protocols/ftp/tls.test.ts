import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as turnOver } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import type { DataHandler } from '../kernel/contract.ts';
import { type Conversation, converse, type PlayOptions, TEST_NOW, TEST_SEED } from '../play.ts';
import { makePersona } from '../surfaces/personas.ts';
import { ftp } from './service.ts';

const WINDOWS: PlayOptions = { persona: makePersona('windows-server', TEST_SEED, TEST_NOW) };
const MAX_TURNS = 100_000;

/** A TLS client over callbacks: what it sends goes to `deliver`, what comes for it to `receive`. */
function client(deliver: (bytes: Buffer) => void): {
  tls: TLSSocket;
  receive(bytes: Buffer): void;
  heard: () => string;
} {
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      deliver(chunk);
      done();
    },
  });
  const tls = connect({ socket: wire, rejectUnauthorized: false });
  let heard = '';
  tls.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1');
  });
  tls.on('error', () => undefined);
  return { tls, receive: (bytes) => wire.push(bytes), heard: () => heard };
}

/** A client of a data port: connected first, and speaking TLS then. */
function dataClient(handler: DataHandler): ReturnType<typeof client> {
  let receive: (bytes: Buffer) => void = () => undefined;
  handler.opened({ send: (bytes) => receive(Buffer.from(bytes)), end() {}, destroy() {} });
  const peer = client((bytes) => handler.data(bytes));
  receive = peer.receive;
  return peer;
}

/** Carries what was sent to the client until it has heard `wanted`. */
async function until(conversation: Conversation, peer: ReturnType<typeof client>, wanted: RegExp): Promise<void> {
  for (let turn = 0; turn < MAX_TURNS; turn += 1) {
    const bytes = Buffer.from(conversation.sent, 'latin1');
    conversation.sent = '';
    if (bytes.length > 0) peer.receive(bytes);
    if (wanted.test(peer.heard())) return;
    await turnOver();
  }
  assert.fail(`never heard ${wanted}, only ${JSON.stringify(peer.heard())}`);
}

test('after AUTH TLS the login is read inside TLS, and says so', async () => {
  for (const [config, agreed, refused] of [
    [{}, '234 Proceed with negotiation.\r\n', /530 Login incorrect\.\r\n/],
    [WINDOWS, '234 AUTH command ok. Expecting TLS Negotiation.\r\n', /530 User cannot log in\.\r\n/],
  ] as const) {
    const conversation = converse(ftp, config);
    conversation.sent = '';
    conversation.push('AUTH TLS\r\n');
    assert.equal(conversation.sent, agreed);
    conversation.sent = '';
    const peer = client((bytes) => conversation.push(bytes));
    peer.tls.write('USER root\r\nPASS toor\r\n');
    await until(conversation, peer, refused);
    const attempt = conversation.events.find(({ type }) => type === 'auth.attempt')?.fields;
    assert.deepEqual(attempt, {
      username: 'root',
      password: 'toor',
      mechanism: 'plain',
      accepted: false,
      detail: { tls: true },
    });
    const fingerprint = conversation.events.find(({ type }) => type === 'peer.fingerprint')?.fields;
    assert.equal(fingerprint?.kind, 'ja4');
    assert.deepEqual(conversation.facts, [{ ja4: fingerprint?.value }]);
    peer.tls.write('QUIT\r\n');
    await until(conversation, peer, /221 Goodbye\.\r\n/);
    for (let turns = 0; turns < 100 && conversation.closed === undefined; turns += 1) await conversation.settle();
    assert.equal(conversation.closed, 'service_closed');
  }
});

test('commands sent in the clear behind AUTH are never obeyed', async () => {
  const conversation = converse(ftp);
  conversation.push('AUTH TLS\r\nUSER evil\r\nPASS injected\r\n');
  for (let turn = 0; turn < MAX_TURNS && conversation.closed === undefined; turn += 1) await turnOver();
  assert.equal(conversation.closed, 'protocol_error');
  assert.ok(!conversation.events.some(({ type }) => type === 'auth.attempt'));
  assert.ok(conversation.events.some(({ type }) => type === 'peer.malformed'));
});

test('PROT P protects an upload and a listing', async () => {
  const conversation = converse(ftp, { options: { lure: { accept: 'always' } } });
  conversation.push('AUTH TLS\r\n');
  conversation.sent = '';
  const peer = client((bytes) => conversation.push(bytes));
  peer.tls.write('USER bob\r\nPASS x\r\nPBSZ 0\r\nPROT P\r\nEPSV\r\nSTOR up.txt\r\n');
  await until(conversation, peer, /200 PROT now Private\.\r\n229 /);
  const handler = conversation.dataHandler();
  assert.ok(handler);
  dataClient(handler).tls.end('secret upload');
  await until(conversation, peer, /226 Transfer complete\.\r\n/);
  assert.equal(String([...conversation.artifacts.values()][0]), 'secret upload');

  peer.tls.write('PASV\r\nNLST\r\n');
  await until(conversation, peer, /227 /);
  const next = conversation.dataHandler();
  assert.ok(next && next !== handler);
  const listing = dataClient(next);
  await until(conversation, peer, /150 Here comes/);
  for (let turn = 0; turn < MAX_TURNS && !listing.heard().includes('up.txt'); turn += 1) await turnOver();
  assert.match(listing.heard(), /^backup\r\nnotes\.txt\r\npublic_html\r\nup\.txt\r\n$/);
});
