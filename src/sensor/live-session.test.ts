import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { SessionRecord } from '../events/index.ts';
import { until } from '../spool/testing.ts';
import { dial, eventsOf, startToy, type Toy, toyService } from './testing.ts';

const SECOND = 1000;

/** The limits that a session's events say were reached. */
const limitsOf = (toy: Toy, session: SessionRecord | undefined): unknown[] =>
  eventsOf(toy.records(), session?.id).flatMap((event) => (event.type === 'limit.reached' ? [event.fields.limit] : []));

test('a conversation is answered and recorded, with what was counted', async (t) => {
  const toy = await startToy(t);
  const peer = dial(t, toy.port);
  await peer.got('toy\n');
  peer.say('echo hello');
  peer.say('note id');
  await peer.got('hello\n');
  peer.socket.end();
  const [session] = await toy.over(1);
  assert.equal(session?.end_reason, 'peer_closed');
  assert.equal(session?.src_ip, '127.0.0.1');
  assert.equal(session?.src_port, peer.socket.localPort ?? session?.src_port);
  assert.deepEqual([session?.bytes_in, session?.bytes_out, session?.commands], [19, 10, 1]);
  await until(() => peer.closed);
  assert.equal(peer.error, undefined);
});

test('nothing is sent before the records of the turn are written', async (t) => {
  const toy = await startToy(t);
  const peer = dial(t, toy.port);
  await peer.got('toy\n');
  const sent: number[] = [];
  // While an append runs the answer has not even reached the socket, so that nothing of it can be with the peer.
  toy.beforeAppend = () => void sent.push(...toy.sockets().map((socket) => socket.bytesWritten));
  peer.say('note id');
  peer.say('echo answer');
  await peer.got('answer\n');
  assert.ok(sent.length > 0);
  assert.equal(sent[0], 'toy\n'.length);
  toy.beforeAppend = () => undefined;
  assert.deepEqual(
    toy.sockets().map((socket) => socket.bytesWritten),
    ['toy\nanswer\n'.length],
  );
});

test('when records cannot be written, nothing is sent and the connection ends', async (t) => {
  const toy = await startToy(t);
  const peer = dial(t, toy.port);
  await peer.got('toy\n');
  toy.failWith = new Error('the spool is closed');
  peer.say('note id');
  peer.say('echo answer');
  await peer.gone();
  assert.equal(peer.received, 'toy\n');
  assert.equal(toy.faults[0]?.code, 'turn_failed');
  toy.failWith = undefined;
  const other = dial(t, toy.port);
  await other.got('toy\n');
  other.say('echo again');
  await other.got('again\n');
  assert.equal(toy.sessions.size, 1);
});

test('a peer that cannot be greeted in writing is not greeted', async (t) => {
  const toy = await startToy(t);
  toy.failWith = new Error('the spool is closed');
  const peer = dial(t, toy.port);
  await peer.gone();
  assert.equal(peer.received, '');
  assert.equal(toy.sessions.size, 0);
});

test('a service that throws ends its own connection alone, and is counted', async (t) => {
  const toy = await startToy(t);
  const [peer, other] = [dial(t, toy.port), dial(t, toy.port)];
  await Promise.all([peer.got('toy\n'), other.got('toy\n')]);
  peer.say('throw a bug');
  await peer.gone();
  const [session] = await toy.over(1);
  assert.equal(session?.end_reason, 'service_closed');
  const malformed = eventsOf(toy.records(), session?.id).find((event) => event.type === 'peer.malformed');
  assert.deepEqual(malformed?.fields, { code: 'internal_error', bytes: 'a bug' });
  assert.deepEqual(
    toy.faults.map((fault) => fault.code),
    ['service_fault'],
  );
  other.say('echo fine');
  await other.got('fine\n');
});

test('a service that throws when it begins, later, or at the end is counted and ends nothing else', async (t) => {
  let refuse = true;
  const service = toyService({
    open: () => {
      if (refuse) throw new Error('at the beginning');
    },
    closed: () => {
      throw new Error('at the end');
    },
  });
  const toy = await startToy(t, { service });
  await dial(t, toy.port).gone();
  refuse = false;
  const peer = dial(t, toy.port);
  await peer.got('toy\n');
  peer.say('throwLater on the way');
  await peer.gone();
  const ended = await toy.over(2);
  assert.deepEqual(
    ended.map((session) => session.end_reason),
    ['service_closed', 'service_closed'],
  );
  assert.deepEqual(
    toy.faults.map((fault) => (fault.error as Error).message),
    ['at the beginning', 'on the way', 'at the end'],
  );
});

test('a silent peer is let go after the idle time, with the last word recorded', async (t) => {
  const service = toyService({ closed: (session) => session.capture(Buffer.from('half'), { via: 'upload' }) });
  const toy = await startToy(t, { service, limits: { idleSeconds: 30 } });
  const peer = dial(t, toy.port);
  await peer.got('toy\n');
  toy.sessions.sweep(Date.now() + 29 * SECOND);
  peer.say('echo there');
  await peer.got('there\n');
  toy.sessions.sweep(Date.now() + 29 * SECOND);
  assert.equal(toy.sessions.size, 1);
  toy.sessions.sweep(Date.now() + 31 * SECOND);
  await peer.gone();
  assert.equal(peer.error, undefined, 'it is told with a FIN');
  const [session] = await toy.over(1);
  assert.equal(session?.end_reason, 'idle');
  assert.deepEqual(limitsOf(toy, session), ['idle seconds']);
  assert.equal(session?.files, 1);
});

test('the longest session is ended however busy it is', async (t) => {
  const toy = await startToy(t, { limits: { idleSeconds: 3600, sessionSeconds: 60 } });
  const peer = dial(t, toy.port);
  await peer.got('toy\n');
  toy.sessions.sweep(Date.now() + 61 * SECOND);
  await peer.gone();
  const [session] = await toy.over(1);
  assert.equal(session?.end_reason, 'limit');
  assert.deepEqual(limitsOf(toy, session), ['session seconds']);
});

test('a peer that sends too much is cut', async (t) => {
  const toy = await startToy(t, { limits: { bytesIn: 100_000 } });
  const peer = dial(t, toy.port);
  await peer.got('toy\n');
  peer.socket.write(Buffer.alloc(300_000, 0x78));
  await until(() => peer.closed || peer.ended);
  const [session] = await toy.over(1);
  assert.equal(session?.end_reason, 'limit');
  assert.deepEqual(limitsOf(toy, session), ['bytes in']);
  assert.ok((session?.bytes_in ?? 0) > 100_000);
});

test('a peer that never reads is cut when too much waits for it', async (t) => {
  const toy = await startToy(t, { limits: { pendingBytes: 500_000 } });
  const peer = dial(t, toy.port, { reads: false });
  await until(() => !peer.socket.connecting);
  // More than the kernel's buffers on both sides hold.
  for (let i = 0; i < 40; i += 1) peer.say('flood 1000000');
  const [session] = await toy.over(1);
  assert.equal(session?.end_reason, 'limit');
  assert.deepEqual(limitsOf(toy, session).slice(-1), ['pending bytes']);
  assert.equal(toy.sessions.size, 0);
});

test('a session that records too much is ended, in whatever the service does', async (t) => {
  const toy = await startToy(t, { limits: { events: 5 } });
  const peer = dial(t, toy.port);
  await peer.got('toy\n');
  peer.say('notes 50');
  await peer.gone();
  const [session] = await toy.over(1);
  assert.equal(session?.end_reason, 'limit');
  assert.equal(session?.events, 7);
  assert.deepEqual(limitsOf(toy, session), ['events']);
});

test('what a service sends before it closes for a limit of its own arrives whole', async (t) => {
  const toy = await startToy(t, { limits: { pendingBytes: 16_000_000 } });
  const peer = dial(t, toy.port);
  peer.say('limit 5000000');
  await peer.gone();
  assert.equal(peer.received.length, 'toy\n'.length + 5_000_000);
  assert.equal(peer.error, undefined);
  assert.equal((await toy.over(1))[0]?.end_reason, 'limit');
});

test('a peer that ends its side ends the session, unless the service goes on', async (t) => {
  const toy = await startToy(t);
  const peer = dial(t, toy.port);
  peer.socket.end('echo last\n');
  await until(() => peer.ended);
  assert.equal(peer.received, 'toy\nlast\n');
  assert.equal((await toy.over(1))[0]?.end_reason, 'peer_closed');

  const patient = await startToy(t, { service: toyService({ halfOpen: true }) });
  const other = dial(t, patient.port);
  other.socket.end('echo last\n');
  await other.got('still here\n');
  assert.equal(patient.sessions.size, 1);
  patient.sessions.sweep(Date.now() + 3600 * SECOND);
  await other.gone();
  assert.equal((await patient.over(1))[0]?.end_reason, 'idle');
});

test('a peer that resets leaves a record that says so', async (t) => {
  const toy = await startToy(t);
  const peer = dial(t, toy.port);
  await peer.got('toy\n');
  peer.socket.resetAndDestroy();
  assert.equal((await toy.over(1))[0]?.end_reason, 'reset');
});

test('a peer that neither reads nor closes after the end loses its socket', async (t) => {
  const toy = await startToy(t);
  const peer = dial(t, toy.port);
  await peer.got('toy\n');
  peer.say('close');
  await until(() => peer.ended);
  assert.equal((await toy.over(1))[0]?.end_reason, 'service_closed');
  // It goes on sending, so that its connection is never silent.
  const dribble = setInterval(() => peer.socket.write('x'), 5);
  t.after(() => clearInterval(dribble));
  toy.sessions.sweep(Date.now() + 4 * SECOND);
  assert.equal(peer.closed, false);
  toy.sessions.sweep(Date.now() + 6 * SECOND);
  await until(() => peer.closed);
});

test('a peer that does not take what was sent keeps its socket only until it is taken away', async (t) => {
  const toy = await startToy(t, { limits: { pendingBytes: 64_000_000 } });
  const peer = dial(t, toy.port, { reads: false });
  peer.say('flood 32000000');
  await until(() => (toy.sockets()[0]?.writableLength ?? 0) > 0);
  toy.sessions.stop();
  assert.equal((await toy.over(1))[0]?.end_reason, 'sensor_stopped');
  assert.equal(toy.sockets()[0]?.destroyed, false);
  toy.sessions.destroyLingering();
  await until(() => toy.sockets()[0]?.destroyed === true);
});

test('timers of a session that is over never fire, and keep nothing alive', async (t) => {
  const toy = await startToy(t);
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  const peers = Array.from({ length: 20 }, () => dial(t, toy.port));
  for (const peer of peers) {
    await peer.got('toy\n');
    peer.say('never');
    peer.say('echo waiting');
    await peer.got('waiting\n');
  }
  assert.ok(timers() >= before + 20);
  for (const peer of peers) peer.socket.end();
  await toy.over(20);
  await until(() => peers.every((peer) => peer.closed));
  assert.ok(timers() <= before);
});

test('a timer answers while the session is open', async (t) => {
  const toy = await startToy(t);
  const peer = dial(t, toy.port);
  peer.say('later on');
  await peer.got('on\n');
});

test('attempts of one source count over its connections, and ordinals over those of the service', async (t) => {
  const toy = await startToy(t);
  const ask = async (from: string, line: string): Promise<string> => {
    const peer = dial(t, toy.port, { from });
    await peer.got('toy\n');
    peer.say(line);
    await until(() => peer.received.split('\n').length > 2);
    return peer.received.slice('toy\n'.length).trim();
  };
  assert.equal(await ask('127.0.0.2', 'attempt'), '1');
  assert.equal(await ask('127.0.0.2', 'attempt'), '2');
  assert.equal(await ask('127.0.0.3', 'attempt'), '1');
  assert.equal(await ask('127.0.0.3', 'ordinal'), '4');
});

/** A connection to the port that the service opened for this peer. */
async function dataPort(peer: ReturnType<typeof dial>): Promise<number> {
  peer.say('data');
  await peer.got('port ');
  await until(() => /port \d+\n/.test(peer.received));
  return Number(/port (\d+)\n/.exec(peer.received)?.[1]);
}

test('a second connection carries data both ways and counts as the session', async (t) => {
  const toy = await startToy(t);
  const peer = dial(t, toy.port);
  const data = dial(t, await dataPort(peer));
  await data.got('opened\n');
  data.socket.end(Buffer.alloc(1000, 1));
  await peer.got('data 1000\n');
  peer.socket.end();
  const [session] = await toy.over(1);
  assert.equal(session?.bytes_in, 'data\n'.length + 1000);
  await data.gone();
});

test('the bound on bytes holds for the second connection too', async (t) => {
  const toy = await startToy(t, { limits: { bytesIn: 50_000 } });
  const peer = dial(t, toy.port);
  const data = dial(t, await dataPort(peer));
  await data.got('opened\n');
  data.socket.write(Buffer.alloc(200_000, 1));
  await peer.gone();
  const [session] = await toy.over(1);
  assert.equal(session?.end_reason, 'limit');
  assert.deepEqual(limitsOf(toy, session), ['bytes in']);
  await until(() => data.closed);
});

test('the ports of a session are closed with it, and there is a bound to them', async (t) => {
  const toy = await startToy(t);
  const peer = dial(t, toy.port);
  await peer.got('toy\n');
  for (let i = 0; i < 20; i += 1) peer.say('data');
  await peer.got('no port: ');
  await until(() => peer.received.split('port').length > 20);
  const ports = [...peer.received.matchAll(/^port (\d+)$/gm)].map((match) => Number(match[1]));
  assert.equal(ports.length, 16);
  const data = dial(t, ports[0] ?? 0);
  await data.got('opened\n');
  peer.socket.end();
  await toy.over(1);
  await data.gone();
  const refused = await Promise.all(
    ports.map(
      (port) =>
        new Promise<string | undefined>((resolve) => {
          const late = connect({ port, host: '127.0.0.1' });
          late.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
          late.on('connect', () => resolve(undefined));
          t.after(() => void late.destroy());
        }),
    ),
  );
  assert.deepEqual(new Set(refused), new Set(['ECONNREFUSED']));
});
