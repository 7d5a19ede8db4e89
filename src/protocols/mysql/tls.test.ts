import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { type Conversation, converse } from '../play.ts';
import { sha2Scramble } from './auth.ts';
import { CLIENT } from './codec.ts';
import { mysql } from './service.ts';
import { DEFAULT_FLAGS, events, frame, greetingSalt, loginPayload, personaOf } from './testing.ts';

/** Turns of the event loop that a handshake may take. */
const MAX_TURNS = 2000;

/** A TLS client over a conversation, from what it has sent on. */
function tlsClient(conversation: Conversation, from: number) {
  let read = from;
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      conversation.push(chunk);
      done();
    },
  });
  const socket = connect({ socket: wire, rejectUnauthorized: false });
  socket.on('error', () => undefined);
  let plain = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    plain = Buffer.concat([plain, chunk]);
  });
  return {
    socket,
    async until(condition: (plain: Buffer) => boolean): Promise<Buffer> {
      for (let turn = 0; turn < MAX_TURNS; turn += 1) {
        if (conversation.sent.length > read) {
          const news = Buffer.from(conversation.sent.slice(read), 'latin1');
          read += news.length;
          wire.push(news);
        }
        if (condition(plain)) return plain;
        await conversation.settle();
      }
      throw new Error('the other side never answered');
    },
  };
}

test('inside TLS the full authentication shows the password, and the session goes on', async () => {
  const options = { lure: { accept: 'list', logins: [{ username: 'root', password: 'right' }] } };
  const conversation = converse(mysql, { persona: personaOf('8.0.36'), options });
  const salt = greetingSalt(conversation);
  const flags = DEFAULT_FLAGS | CLIENT.ssl;
  const request = loginPayload({
    username: 'root',
    response: sha2Scramble('right', salt),
    plugin: 'caching_sha2_password',
    flags,
  });
  conversation.push(frame(request.subarray(0, 32), 1));
  const client = tlsClient(conversation, conversation.sent.length);
  client.socket.write(frame(request, 2));
  assert.deepEqual(await client.until((plain) => plain.length >= 6), Buffer.from([2, 0, 0, 3, 1, 4]));
  client.socket.write(frame(Buffer.from('right\0'), 4));
  const answered = await client.until((plain) => plain.length > 6);
  assert.deepEqual(answered.subarray(6), Buffer.from([7, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0]));
  const [attempt] = events(conversation, 'auth.attempt');
  assert.equal(attempt?.password, 'right');
  assert.equal(attempt?.accepted, true);
  assert.equal(events(conversation, 'peer.fingerprint')[0]?.kind, 'ja4');
  client.socket.write(frame(Buffer.from('\x03select 7'), 0));
  await client.until((plain) => plain.includes(Buffer.from([1, 55])));
  client.socket.destroy();
});

test('what is no TLS after a request for it ends the connection and is recorded', async () => {
  const conversation = converse(mysql, { persona: personaOf('8.0.36') });
  const head = loginPayload({ username: '', response: Buffer.alloc(0), flags: DEFAULT_FLAGS | CLIENT.ssl }).subarray(
    0,
    32,
  );
  conversation.push(frame(head, 1));
  conversation.push('this is not a ClientHello at all');
  for (let turn = 0; turn < MAX_TURNS && conversation.closed === undefined; turn += 1) await conversation.settle();
  assert.equal(conversation.closed, 'protocol_error');
  assert.match(String(events(conversation, 'peer.malformed')[0]?.code), /^tls_/);
});
