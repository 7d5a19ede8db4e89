import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { after, test } from 'node:test';
import { connect as tlsConnect } from 'node:tls';
import { Connection } from 'tedious';
import { framed, type Step } from '../kernel/codec.ts';
import { type Conversation, converse, type PlayOptions } from '../play.ts';
import { makePersona } from '../surfaces/personas.ts';
import { encodeMessage, PACKET } from './codec.ts';
import { mssql } from './service.ts';

/** Runs the service behind a socket and keeps what it recorded. */
async function serve(config: PlayOptions): Promise<{ port: number; talks: Conversation[] }> {
  const talks: Conversation[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const wired: typeof mssql = {
      ...mssql,
      open: (session, options) =>
        mssql.open(
          {
            ...session,
            send(bytes) {
              session.send(bytes);
              socket.write(bytes);
            },
            close(reason) {
              session.close(reason);
              socket.end();
            },
          },
          options,
        ),
    };
    const talk = converse(wired, config);
    talks.push(talk);
    socket.on('data', (chunk) => talk.push(chunk));
    socket.on('end', () => talk.end());
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, talks };
}

/** What tedious says of its login. */
function login(port: number, encrypt: boolean, ntlm = false): Promise<string> {
  return new Promise((resolve) => {
    const connection = new Connection({
      server: '127.0.0.1',
      authentication: ntlm
        ? { type: 'ntlm', options: { userName: 'sa', password: 'P@ss é', domain: 'CORP' } }
        : { type: 'default', options: { userName: 'sa', password: 'P@ss é' } },
      options: {
        port,
        encrypt,
        trustServerCertificate: true,
        connectTimeout: 10_000,
        cryptoCredentialsDetails: { ciphers: 'DEFAULT@SECLEVEL=0' },
      },
    });
    connection.on('connect', (error) => {
      connection.close();
      resolve(error?.message ?? 'connected');
    });
    connection.on('error', () => undefined);
    connection.connect();
  });
}

const attempt = (talk: Conversation | undefined): Record<string, unknown> | undefined =>
  talk?.events.find(({ type }) => type === 'auth.attempt')?.fields;
const encryption = (fields: Record<string, unknown> | undefined): unknown =>
  (fields?.detail as Record<string, unknown> | undefined)?.encryption;

for (const [encrypt, policy, mode] of [
  [false, 'optional', 'none'],
  [true, 'optional', 'all'],
  [true, 'required', 'all'],
] as const) {
  test(`tedious with encrypt ${encrypt} is refused by a server where encryption is ${policy}`, async () => {
    const { port, talks } = await serve({ options: { encryption: policy } });
    assert.equal(await login(port, encrypt), "Login failed for user 'sa'.");
    assert.equal(attempt(talks[0])?.password, 'P@ss é');
    assert.equal(encryption(attempt(talks[0])), mode);
    const ja4 = talks[0]?.events.some(({ type, fields }) => type === 'peer.fingerprint' && fields.kind === 'ja4');
    assert.equal(ja4, mode !== 'none');
  });
}

test('tedious is let in under full encryption, with a password and with NTLM', async () => {
  const options = { lure: { accept: 'list', logins: [{ username: 'sa', password: 'P@ss é' }] } };
  const { port, talks } = await serve({ options });
  assert.equal(await login(port, true), 'connected');
  assert.equal(await login(port, true, true), 'connected');
  assert.deepEqual(
    talks.map((talk) => [attempt(talk)?.mechanism, attempt(talk)?.accepted]),
    [
      ['plain', true],
      ['ntlmssp', true],
    ],
  );
});

const LOAD = readFileSync(join(import.meta.dirname, 'fixtures', 'load.bin'));
const PRELOGIN_LENGTH = LOAD.readUInt16BE(2);
const PRELOGIN = LOAD.subarray(0, PRELOGIN_LENGTH);
const LOGIN7 = LOAD.subarray(PRELOGIN_LENGTH);
const REFUSED = Buffer.from('Login failed for user', 'utf16le');

/** Everything that the server says until it ends. */
async function until(stream: Duplex, parts: Buffer[]): Promise<Buffer> {
  stream.on('data', (chunk: Buffer) => parts.push(chunk));
  stream.on('error', () => undefined);
  await new Promise((resolve) => stream.on('close', resolve));
  return Buffer.concat(parts);
}

/** A client of TDS 8.0: TLS first, then PRELOGIN and login inside. */
async function strictLogin(port: number): Promise<{ answer: Buffer; alpn: string | false | null }> {
  const socket = tlsConnect({ host: '127.0.0.1', port, ALPNProtocols: ['tds/8.0'], rejectUnauthorized: false });
  let alpn: string | false | null = null;
  socket.on('secureConnect', () => {
    alpn = socket.alpnProtocol;
    socket.write(LOAD);
  });
  return { answer: await until(socket, []), alpn };
}

test('TLS around everything (TDS 8.0) is answered', async () => {
  const { port, talks } = await serve({ options: { strict: 'always' } });
  const { answer, alpn } = await strictLogin(port);
  assert.equal(alpn, 'tds/8.0');
  assert.ok(answer.includes(REFUSED));
  assert.equal(encryption(attempt(talks[0])), 'strict');
});

test('only SQL Server 2022 answers TDS 8.0 by itself', async () => {
  const seeds = Array.from({ length: 60 }, (_, i) => makePersona('windows-server', Buffer.alloc(32, i), 0));
  const old = seeds.find((persona) => persona.products.mssql?.version.startsWith('14.'));
  const recent = seeds.find((persona) => persona.products.mssql?.version.startsWith('16.'));
  assert.ok(old !== undefined && recent !== undefined);
  const refused = await serve({ persona: old });
  assert.equal((await strictLogin(refused.port)).answer.length, 0);
  assert.ok(refused.talks[0]?.events.some(({ fields }) => fields.kind === 'ja4'));
  assert.equal(refused.talks[0]?.sent, '');
  const answered = await serve({ persona: recent });
  assert.ok((await strictLogin(answered.port)).answer.includes(REFUSED));
});

test('with encryption "off" the login alone is encrypted, and the answer is in clear', async () => {
  const { port, talks } = await serve({});
  const socket = connect(port, '127.0.0.1');
  const clear: Buffer[] = [];
  let handshake = true;
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      socket.write(handshake ? encodeMessage(PACKET.prelogin, 0, chunk, 4096) : chunk);
      done();
    },
  });
  const prelogin = Buffer.from(PRELOGIN);
  // The value of ENCRYPTION follows the six bytes of VERSION.
  prelogin[8 + prelogin.readUInt16BE(8 + 6)] = 0;
  socket.write(prelogin);
  const answered = new Promise<Buffer>((resolve) => {
    const frames = framed(decodeUnitOfServer, 65_536);
    let first = true;
    socket.on('data', (chunk) => {
      for (const step of frames.push(chunk)) {
        if (step.kind !== 'frame') continue;
        if (step.frame.type === PACKET.prelogin) wire.push(Buffer.from(step.frame.body));
        else if (first) {
          first = false;
          const tls = tlsConnect({ socket: wire, rejectUnauthorized: false, maxVersion: 'TLSv1.2' });
          tls.on('secureConnect', () => {
            handshake = false;
            tls.write(LOGIN7);
          });
          tls.on('error', () => undefined);
        } else clear.push(Buffer.from(step.frame.body));
      }
    });
    socket.on('close', () => resolve(Buffer.concat(clear)));
  });
  assert.ok((await answered).includes(REFUSED));
  assert.equal(encryption(attempt(talks[0])), 'login');
  assert.match(String(attempt(talks[0])?.password), /^p-tk/);
});

/** A server's packets have types that a client's have not. */
function decodeUnitOfServer(bytes: Buffer): Step<{ type: number; body: Buffer }> {
  const length = bytes.length < 8 ? 8 : bytes.readUInt16BE(2);
  if (bytes.length < length) return { kind: 'need', bytes: length - bytes.length };
  return { kind: 'frame', frame: { type: bytes[0] ?? 0, body: bytes.subarray(8, length) }, used: length };
}
