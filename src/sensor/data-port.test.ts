import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { test } from 'node:test';
import { errorCode } from '../events/index.ts';
import type { DataConnection, DataListener } from '../protocols/kernel/contract.ts';
import { until } from '../spool/testing.ts';
import { type DataPortOptions, type DataPortTimes, normaliseAddress, openDataPort } from './data-port.ts';
import { dial } from './testing.ts';

interface Port extends DataListener {
  log: string[];
  connection: DataConnection | undefined;
}

async function open(
  t: { after(action: () => void): void },
  options: Partial<DataPortOptions> = {},
  times?: DataPortTimes,
): Promise<Port> {
  const log: string[] = [];
  const port: Port = { log, connection: undefined, port: 0, close: () => undefined };
  const handler = {
    opened(connection: DataConnection) {
      port.connection = connection;
      log.push('opened');
    },
    data: (chunk: Buffer) => void log.push(chunk.toString()),
    closed: () => void log.push('closed'),
  };
  const whole: DataPortOptions = { host: '127.0.0.1', range: [0, 0], peer: '127.0.0.1', ...options };
  const listener = await (times === undefined ? openDataPort(whole, handler) : openDataPort(whole, handler, times));
  t.after(() => listener.close());
  return Object.assign(port, listener);
}

/** A server on a port that the test did not choose. */
async function taken(t: { after(action: () => void): void }): Promise<number> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => void server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('the peer connects, sends and ends', async (t) => {
  const port = await open(t);
  const peer = dial(t, port.port);
  await until(() => port.log.includes('opened'));
  peer.socket.write('hello');
  await until(() => port.log.includes('hello'));
  port.connection?.send(Buffer.from('answer'));
  await peer.got('answer');
  peer.socket.end();
  await until(() => port.log.includes('closed'));
  assert.deepEqual(port.log, ['opened', 'hello', 'closed']);
});

test('after the peer has ended its side it can still be answered', async (t) => {
  const port = await open(t);
  const peer = dial(t, port.port);
  peer.socket.end('all of it');
  await until(() => port.log.includes('closed'));
  port.connection?.send(Buffer.from('thanks'));
  port.connection?.end();
  await until(() => peer.closed);
  assert.equal(peer.received, 'thanks');
});

test('only the peer may connect, and somebody else does not spoil it for them', async (t) => {
  const port = await open(t);
  const stranger = dial(t, port.port, { from: '127.0.0.2' });
  await until(() => stranger.closed || stranger.ended);
  assert.deepEqual(port.log, []);
  dial(t, port.port);
  await until(() => port.log.includes('opened'));
});

test('the peer may connect once', async (t) => {
  const port = await open(t);
  dial(t, port.port);
  await until(() => port.log.includes('opened'));
  const second = dial(t, port.port);
  await until(() => second.closed || second.ended);
  assert.deepEqual(port.log, ['opened']);
});

test('where nobody comes in time the port is closed', async (t) => {
  const port = await open(t, {}, { waitMs: 20, idleMs: 1000 });
  await until(() => port.log.includes('closed'));
  const late = dial(t, port.port);
  await until(() => late.closed);
  assert.equal(late.error?.code, 'ECONNREFUSED');
  assert.deepEqual(port.log, ['closed']);
});

test('a connection that is silent for too long is cut', async (t) => {
  const port = await open(t, {}, { waitMs: 1000, idleMs: 20 });
  const peer = dial(t, port.port);
  await until(() => port.log.includes('closed'));
  await until(() => peer.closed || peer.ended);
  assert.deepEqual(port.log, ['opened', 'closed']);
});

test('a peer that never reads is cut, and what reaches a reader has no holes', async (t) => {
  const port = await open(t);
  const peer = dial(t, port.port, { reads: false });
  await until(() => port.log.includes('opened'));
  for (let i = 0; i < 64; i += 1) port.connection?.send(Buffer.alloc(1_048_576));
  await until(() => port.log.includes('closed'));
  peer.socket.destroy();
});

test('closing lets go of a peer that has only ended its own side', async (t) => {
  const port = await open(t);
  const peer = dial(t, port.port);
  peer.socket.end();
  await until(() => port.log.includes('closed'));
  assert.equal(peer.ended, false);
  port.close();
  await until(() => peer.closed);
});

test('a port that is closed before anybody came says nothing more', async (t) => {
  const port = await open(t, {}, { waitMs: 20, idleMs: 20 });
  port.close();
  const late = dial(t, port.port);
  await until(() => late.closed);
  assert.deepEqual(port.log, []);
});

test('the port is one of the range, and a range without a free one is refused', async (t) => {
  const busy = await taken(t);
  await assert.rejects(open(t, { range: [busy, busy] }), (error) => errorCode(error) === 'SENSOR_NO_DATA_PORT');
  const port = await open(t, { range: [busy - 20, busy + 20] });
  assert.ok(port.port >= busy - 20 && port.port <= busy + 20 && port.port !== busy);
});

test('an address has one spelling', () => {
  assert.equal(normaliseAddress('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(normaliseAddress('fe80::1%eth0'), 'fe80::1');
  assert.equal(normaliseAddress('::ffff:0:1'), '::ffff:0:1');
  assert.equal(normaliseAddress('2001:db8::1'), '2001:db8::1');
  assert.equal(normaliseAddress(undefined), '');
});
