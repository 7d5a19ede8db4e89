import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { errorCode } from '../events/index.ts';
import { TEST_NOW, TEST_SEED } from '../protocols/play.ts';
import { testIdentity } from '../protocols/surfaces/identity.ts';
import { makePersona } from '../protocols/surfaces/personas.ts';
import { until } from '../spool/testing.ts';
import { listen } from './listener.ts';
import { Sessions } from './sessions.ts';
import { dial, eventsOf, limitsWith, recordsOf, startToy, TEST_BOOT, toyService } from './testing.ts';
import { Turn } from './turn.ts';

const unexpected = (what: unknown): never => assert.fail(`unexpected: ${String(what)}`);

test('four hundred peers at once are all served and all recorded', async (t) => {
  const toy = await startToy(t);
  const peers = Array.from({ length: 400 }, () => dial(t, toy.port));
  await until(() => peers.every((peer) => peer.received === 'toy\n'));
  assert.equal(toy.sessions.size, 400);
  for (const [index, peer] of peers.entries()) peer.socket.end(`echo ${index}\n`);
  await until(() => peers.every((peer) => peer.closed));
  assert.ok(peers.every((peer, index) => peer.received === `toy\n${index}\n`));
  const ended = await toy.over(400);
  assert.equal(ended.length, 400);
  assert.equal(new Set(ended.map((session) => session.id)).size, 400);
  assert.equal(toy.sessions.size, 0);
  assert.deepEqual(toy.faults, []);
});

test('two sessions of one source are two', async (t) => {
  const toy = await startToy(t);
  const [a, b] = [dial(t, toy.port), dial(t, toy.port)];
  a.say('note a');
  b.say('note b');
  a.say('echo done');
  b.say('echo done');
  await Promise.all([a.got('done'), b.got('done')]);
  a.socket.end();
  assert.equal((await toy.over(1)).length, 1);
  b.socket.end();
  const sessions = await toy.over(2);
  const commands = sessions.map((session) =>
    eventsOf(toy.records(), session.id).flatMap((event) =>
      event.type === 'command.input' ? [event.fields.command] : [],
    ),
  );
  assert.deepEqual(commands, [['a'], ['b']]);
  assert.equal(sessions[0]?.src_ip, sessions[1]?.src_ip);
  assert.notEqual(sessions[0]?.src_port, sessions[1]?.src_port);
});

test('connections over the bound of the sensor are ended at once, and leave a record', async (t) => {
  const toy = await startToy(t, { limits: { connections: 2 } });
  const first = dial(t, toy.port);
  const second = dial(t, toy.port, { from: '127.0.0.2' });
  await Promise.all([first.got('toy\n'), second.got('toy\n')]);
  const third = dial(t, toy.port, { from: '127.0.0.3' });
  await third.gone();
  assert.equal(third.received, '');
  const [refused] = await toy.over(1);
  assert.deepEqual([refused?.end_reason, refused?.src_ip, refused?.bytes_out], ['limit', '127.0.0.3', 0]);
  const reached = eventsOf(toy.records(), refused?.id).find((event) => event.type === 'limit.reached');
  assert.deepEqual(reached?.fields, { limit: 'connections', value: 2 });
  // Room again once one is gone.
  first.socket.end();
  await until(() => first.closed && toy.sessions.size === 1);
  await dial(t, toy.port, { from: '127.0.0.3' }).got('toy\n');
});

test('a source over its bound is refused while others are served', async (t) => {
  const toy = await startToy(t, { limits: { connectionsPerSource: 2 } });
  const greedy = Array.from({ length: 2 }, () => dial(t, toy.port, { from: '127.0.0.2' }));
  await Promise.all(greedy.map((peer) => peer.got('toy\n')));
  await dial(t, toy.port, { from: '127.0.0.2' }).gone();
  const [refused] = await toy.over(1);
  const reached = eventsOf(toy.records(), refused?.id).find((event) => event.type === 'limit.reached');
  assert.deepEqual(reached?.fields, { limit: 'connections per source', value: 2 });
  await dial(t, toy.port, { from: '127.0.0.3' }).got('toy\n');
  greedy[0]?.socket.end();
  await toy.over(2);
  await dial(t, toy.port, { from: '127.0.0.2' }).got('toy\n');
});

test('peers that are over and do not close count as connections until their sockets are gone', async (t) => {
  const toy = await startToy(t, { limits: { connections: 1 } });
  const peer = dial(t, toy.port);
  await peer.got('toy\n');
  peer.say('close');
  await until(() => peer.ended);
  assert.equal(toy.sessions.size, 0);
  await dial(t, toy.port).gone();
  assert.equal((await toy.over(2))[1]?.end_reason, 'limit');
  peer.socket.destroy();
  await until(() => toy.sessions.refuses('127.0.0.1') === undefined);
  await dial(t, toy.port).got('toy\n');
});

test('an IPv4 peer of an IPv6 socket is an IPv4 source', async (t) => {
  const toy = await startToy(t, { host: '::' });
  const peer = dial(t, toy.port, { host: '127.0.0.1' });
  await peer.got('toy\n');
  const port = peer.socket.localPort;
  // The data port compares the same two spellings.
  peer.say('data');
  await until(() => /port \d+\n/.test(peer.received));
  const data = dial(t, Number(/port (\d+)\n/.exec(peer.received)?.[1]), { host: '127.0.0.1' });
  await data.got('opened\n');
  peer.socket.end();
  const [session] = await toy.over(1);
  assert.deepEqual([session?.src_ip, session?.src_port, session?.dst_ip], ['127.0.0.1', port, '127.0.0.1']);
});

test('an IPv6 peer is a source as it is', async (t) => {
  const toy = await startToy(t, { host: '::1' });
  const peer = dial(t, toy.port, { host: '::1' });
  await peer.got('toy\n');
  peer.socket.end();
  assert.equal((await toy.over(1))[0]?.src_ip, '::1');
});

test('peers that connect and leave at once, with or without a word, are recorded too', async (t) => {
  const toy = await startToy(t);
  const peers = Array.from({ length: 30 }, () => dial(t, toy.port));
  for (const [index, peer] of peers.entries())
    peer.socket.once('connect', () => (index % 2 === 0 ? peer.socket.resetAndDestroy() : peer.socket.end()));
  const resolved = (): boolean => peers.every((peer) => peer.closed) && toy.sessions.size === 0;
  await until(resolved);
  // A reset can come before the connection was accepted: then there was nobody.
  const ended = await toy.over(15);
  assert.ok(ended.every((session) => ['peer_closed', 'reset'].includes(session.end_reason)));
  assert.deepEqual(toy.faults, []);
});

test('when the listener is closed nothing of it is left', async (t) => {
  const resources = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === 'Timeout' || name.startsWith('TCP')).length;
  const before = resources();
  const limits = limitsWith({});
  const sessions = new Sessions(limits);
  const entries: Parameters<typeof recordsOf>[0][number][] = [];
  const turn = new Turn({ append: (given) => void entries.push(...given) }, unexpected);
  const persona = makePersona('ubuntu-server', TEST_SEED, TEST_NOW);
  const listener = await listen({
    ...{ service: toyService(), options: {}, host: '127.0.0.1', port: 7, listenPort: 0, bootId: TEST_BOOT },
    ...{ persona, identity: testIdentity(persona), limits, dataPorts: [0, 0] as const, sessions, turn },
    faults: { add: unexpected },
  });
  const peers = Array.from({ length: 10 }, () => dial(t, listener.port));
  for (const peer of peers) {
    await peer.got('toy\n');
    peer.say('never');
    peer.say('data');
    await peer.got('port');
  }
  const closing = listener.close();
  sessions.stop();
  await closing;
  for (const peer of peers) peer.socket.destroy();
  await until(() => resources() <= before);
  const records = recordsOf(entries);
  const reasons = records.flatMap((record) => (record.record === 'session' ? [record.end_reason] : []));
  assert.deepEqual(
    reasons,
    Array.from({ length: 10 }, () => 'sensor_stopped'),
  );
});

async function failure(host: string, listenPort: number): Promise<string | undefined> {
  const limits = limitsWith({});
  const sessions = new Sessions(limits);
  const persona = makePersona('ubuntu-server', TEST_SEED, TEST_NOW);
  try {
    const listener = await listen({
      ...{
        service: toyService(),
        options: {},
        host,
        port: 7,
        listenPort,
        bootId: TEST_BOOT,
        limits,
        sessions,
        persona,
      },
      ...{ identity: testIdentity(persona), dataPorts: [0, 0] as const, faults: { add: unexpected } },
      turn: new Turn({ append: unexpected }, unexpected),
    });
    await listener.close();
    return undefined;
  } catch (error) {
    return errorCode(error);
  } finally {
    sessions.stop();
  }
}

test('a port in use and an address that is not ours have codes of their own', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.after(() => void other.close());
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  assert.equal(await failure('127.0.0.1', port), 'SENSOR_PORT_IN_USE');
  assert.equal(await failure('192.0.2.1', 0), 'SENSOR_ADDRESS_UNKNOWN');
});
