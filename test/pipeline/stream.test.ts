/** What leaves the manager piece by piece: the live stream and exports, to readers that are slow, leave early, or stay for ever. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { uuidv7, type WireRecord } from '../../src/events/index.ts';
import { login, wireEvent, wireSession } from '../../src/manager/testing.ts';
import { type Ask, asker, packed } from '../support/api.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let ask: Ask;
let token: string;
let sensorToken: string;
let next = 1;
const boot = uuidv7(Date.now());
before(async () => {
  stack = await startStack();
  ask = asker(stack.url);
  token = (await stack.client.send<{ token: string }>('POST', '/tokens', { name: 'reader', role: 'analyst' })).token;
  sensorToken = (await stack.client.send<{ token: string }>('POST', '/sensors', { name: 'porch' })).token;
});
after(async () => {
  await stack?.stop();
});

/** Delivers records under the next numbers. */
async function deliver(make: (n: number, index: number) => WireRecord, count = 1): Promise<void> {
  const first = next;
  next += count;
  const lines = Array.from({ length: count }, (_, index) => make(first + index, index));
  const query = `boot=${boot}&first=${first}&last=${next - 1}`;
  const answer = await ask('POST', `/ingest?${query}`, { token: sensorToken, ...packed(lines) });
  assert.equal(answer.status, 200, answer.text);
}

interface Reader {
  socket: Socket;
  /** Everything received so far. */
  text(): string;
  ended: Promise<unknown>;
}

/** Opens a path as a client that does with its connection what it likes. */
async function open(path: string, bearer = token): Promise<Reader> {
  const { hostname, port } = new URL(stack.url);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  const ended = once(socket, 'close');
  socket.write(`GET /api/v1${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${bearer}\r\n\r\n`);
  await until('the head of the answer', () => (received.includes('\r\n\r\n') ? true : undefined));
  return { socket, text: () => received, ended };
}

const watchers = async (): Promise<number> =>
  Number(/^sundew_live_watchers (\d+)/m.exec((await ask('GET', '/metrics', { token })).text)?.[1]);

describe('the live stream', () => {
  test('delivers what was stored and what the filter lets through, and nothing else', async () => {
    const [all, some] = [await open('/stream'), await open('/stream?username=root&country!=NL')];
    await deliver((n) => wireEvent(n, login('root', 'secret-of-root')));
    await deliver((n) => wireEvent(n, login('sa', 'secret-of-sa')));
    await until('both events', () => (all.text().includes('secret-of-sa') ? true : undefined));
    assert.match(all.text(), /^HTTP\/1\.1 200 .*\r\n(?:.*\r\n)*content-type: text\/event-stream/i);
    assert.match(all.text(), /event: record\ndata: \{.*secret-of-root/);
    await until('its event', () => (some.text().includes('secret-of-root') ? true : undefined));
    assert.ok(!some.text().includes('secret-of-sa'));
    all.socket.destroy();
    some.socket.destroy();
    await until('the readers to be gone', async () => ((await watchers()) === 0 ? true : undefined));
  });

  test('tells a reader that is too slow how much it missed, and holds up nobody', async () => {
    const slow = await open('/stream');
    slow.socket.pause();
    const long = 'x'.repeat(20_000);
    const count = 2000;
    for (let batch = 0; batch < 4; batch += 1)
      await deliver((n, seq) => wireEvent(n, { seq, type: 'command.input', fields: { command: long } }), count / 4);
    slow.socket.resume();
    const told = (): { received: number; missed: number } => {
      const misses = slow.text().matchAll(/event: missed\ndata: \{"count":(\d+)\}/g);
      return {
        received: slow.text().split('"type":"command.input"').length - 1,
        missed: [...misses].reduce((sum, [, one]) => sum + Number(one), 0),
      };
    };
    // Only what is stored later tells of the misses.
    let later = 0;
    await until('every event to have come or to be counted as missed', async () => {
      await deliver((n) => wireEvent(n));
      later += 1;
      const { received, missed } = told();
      return received + missed >= count ? true : undefined;
    });
    const { received, missed } = told();
    assert.ok(missed > 0 && received > 0);
    assert.ok(missed + received - count <= later, `${missed} and ${received} of ${count}`);
    slow.socket.destroy();
  });
});

function residentOf(pid: number | undefined): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

describe('an export', () => {
  const SESSIONS = 60_000;
  before(async () => {
    const origin = 'y'.repeat(1000);
    for (let done = 0; done < SESSIONS; done += 20_000)
      await deliver((n) => wireSession(n, { protocol: 'exported', origin }), 20_000);
  });

  test('holds every session, and needs no more memory for many than for few', async () => {
    const before = residentOf(stack.manager.pid);
    const response = await stack.client.fetch('GET', '/export', { query: { protocol: 'exported' } });
    let lines = 0;
    let bytes = 0;
    let most = 0;
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      for (const byte of chunk) if (byte === 0x0a) lines += 1;
      most = Math.max(most, residentOf(stack.manager.pid));
    }
    assert.equal(lines, SESSIONS);
    assert.ok(bytes > 60_000_000);
    assert.ok(most - before < bytes * 1.5, `${Math.round((most - before) / 1_048_576)} MiB more for ${bytes} bytes`);
  });

  test('whose reader does not read keeps no other question waiting, and its place is free when it leaves', async () => {
    const readers = [await open('/export?protocol=exported'), await open('/export?protocol=exported')];
    for (const { socket } of readers) socket.pause();
    const third = await ask('GET', '/export?protocol=exported', { token });
    assert.equal(third.status, 503);
    assert.ok(Number(third.headers.get('retry-after')) > 0);
    const { sessions } = await stack.client.get<{ sessions: number }>('/stats/summary', { protocol: 'exported' });
    assert.equal(sessions, SESSIONS);
    for (const { socket } of readers) socket.destroy();
    await until('the places to be free', async () => {
      const answer = await ask('GET', '/export?protocol=none', { token });
      return answer.status === 200 ? true : undefined;
    });
  });
});

test('a stop of the manager ends every stream at once', async () => {
  const reader = await open('/stream');
  const begun = Date.now();
  await stack.manager.stop();
  await reader.ended;
  assert.ok(Date.now() - begun < 5000, 'the manager waited for a reader');
});
