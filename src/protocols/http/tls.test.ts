import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { type Conversation, converse, play, TEST_NOW } from '../play.ts';
import { makePersona } from '../surfaces/personas.ts';
import { http } from './service.ts';

const UBUNTU = makePersona('ubuntu-server', Buffer.alloc(32, 7), TEST_NOW);
const WINDOWS = makePersona('windows-server', Buffer.alloc(32, 7), TEST_NOW);
/** The harness connects to the first port of the service. */
const ON_TLS = { tlsPorts: [80] };
const MAX_TURNS = 400;

/** A TLS client in front of a conversation; resolves with the plain text once `until` holds. */
async function overTls(
  conversation: Conversation,
  request: string,
  until: (text: string) => boolean,
  alpn: string[],
): Promise<string> {
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      conversation.push(chunk);
      done();
    },
  });
  const client = connect({ socket: wire, rejectUnauthorized: false, ALPNProtocols: alpn, servername: 'site.example' });
  let text = '';
  let failed: Error | undefined;
  client.on('error', (error) => {
    failed = error;
  });
  client.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  client.write(request);
  let delivered = 0;
  for (let turn = 0; turn < MAX_TURNS && !until(text) && failed === undefined; turn += 1) {
    await conversation.settle();
    if (conversation.sent.length > delivered) {
      const news = Buffer.from(conversation.sent.slice(delivered), 'latin1');
      delivered += news.length;
      wire.push(news);
    }
  }
  assert.equal(failed, undefined);
  assert.ok(until(text), `the reply did not come: ${text.slice(0, 200)}`);
  client.destroy();
  return text;
}

for (const [name, alpn] of [
  ['http/1.1', ['h2', 'http/1.1']],
  ['nothing that fits', ['h2']],
  ['http/1.0', ['http/1.0']],
] as const)
  test(`HTTPS is answered and recorded when the client offers ${name}`, async () => {
    const conversation = converse(http, { persona: UBUNTU, options: ON_TLS });
    const body = 'log=admin&pwd=secret';
    const request = `POST /wp-login.php HTTP/1.1\r\nHost: site.example\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
    const text = await overTls(conversation, request, (seen) => seen.includes('</html>'), [...alpn]);
    assert.match(text, /^HTTP\/1\.1 200 OK/);
    assert.match(text, /action="https:\/\/site\.example\/wp-login\.php"/);
    const types = conversation.events.map((event) => event.type);
    assert.deepEqual(types, ['peer.fingerprint', 'auth.attempt', 'request']);
    assert.match(String(conversation.events[0]?.fields.value), /^t13d/);
    assert.deepEqual(conversation.events[2]?.fields.detail, { tls: true });
    assert.ok(conversation.facts.some((facts) => facts.ja4 !== undefined));
    conversation.advance(1000);
    assert.equal(conversation.closed, 'service_closed');
  });

test('two requests go through one TLS connection', async () => {
  const conversation = converse(http, { persona: WINDOWS, options: ON_TLS });
  const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
  const text = await overTls(conversation, get + get, (seen) => seen.split('</html>').length === 3, ['http/1.1']);
  assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 2);
});

test('plain HTTP on a TLS port gets the words of the server, and IIS says nothing', () => {
  const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
  const ubuntu = play(http, [get], { persona: UBUNTU, options: ON_TLS });
  assert.match(
    ubuntu.sent,
    /plain HTTP request was sent to HTTPS port|speaking plain HTTP to an SSL-enabled server port/,
  );
  assert.deepEqual(ubuntu.events, [{ type: 'peer.malformed', fields: { code: 'plain_on_tls', bytes: get } }]);
  const windows = play(http, [get], { persona: WINDOWS, options: ON_TLS });
  assert.equal(windows.sent, '');
  assert.equal(windows.closed, 'protocol_error');
});

test('a TLS hello on a plain port leaves its fingerprint, and its bytes are refused as the server does', () => {
  const hello = readFileSync(join(import.meta.dirname, 'fixtures/curl-tls-hello.bin'));
  const length = 5 + hello.readUInt16BE(3);
  const played = play(http, [hello.subarray(0, 100), hello.subarray(100, length)], { persona: WINDOWS });
  assert.deepEqual(
    played.events.map((event) => event.type),
    ['peer.fingerprint', 'peer.malformed'],
  );
  assert.match(played.sent, /Invalid Verb/);
  const cut = converse(http, { persona: WINDOWS });
  cut.push(hello.subarray(0, 100));
  cut.advance(2000);
  assert.equal(cut.closed, undefined, 'it is refused a moment after it was given up');
  cut.advance(100);
  assert.equal(cut.closed, 'protocol_error');
  assert.deepEqual(
    cut.events.map((event) => event.type),
    ['peer.malformed'],
  );
});

test('what is no handshake behind a TLS record header fails without a throw', async () => {
  for (const bytes of [Buffer.from([0x16, 3, 1, 0, 4, 9, 9, 9, 9]), Buffer.alloc(20_000, 0x16), Buffer.from([0x16])]) {
    const conversation = converse(http, { persona: UBUNTU, options: ON_TLS });
    conversation.push(bytes);
    await conversation.settle();
    conversation.end();
    assert.ok(conversation.events.some((event) => event.type === 'peer.malformed'));
  }
});
