/** What a sensor delivers: taken as far as it is right, refused as far as it is wrong, whatever it sends. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { uuidv7, type WireRecord } from '../../src/events/index.ts';
import { login, wireEvent, wireSession, wireSessions } from '../../src/manager/testing.ts';
import { type Answer, type Ask, asker, json, packed } from '../support/api.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let ask: Ask;
let sensors = 0;
before(async () => {
  stack = await startStack();
  ask = asker(stack.url);
});
after(async () => {
  await stack?.stop();
});

interface TestSensor {
  name: string;
  token: string;
  boot: string;
}

async function enrol(): Promise<TestSensor> {
  sensors += 1;
  const name = `sensor ${sensors}`;
  const { token } = await stack.client.send<{ token: string }>('POST', '/sensors', { name });
  return { name, token, boot: uuidv7(Date.now()) };
}

type Lines = readonly (WireRecord | string)[];
const deliver = async ({ token, boot }: TestSensor, lines: Lines, first = 1, last = lines.length): Promise<Answer> =>
  await ask('POST', `/ingest?boot=${boot}&first=${first}&last=${last}`, { token, ...packed(lines) });

interface Receipt {
  stored: number;
  refused: number;
  faults: { line: number; message: string }[];
}

async function stored(sensor: TestSensor): Promise<number> {
  return (await stack.client.get<{ sessions: number }>('/stats/summary', { sensor: sensor.name })).sessions;
}

test('a delivery is answered when it can be asked for, with the place of its source and the name of its sensor', async () => {
  const sensor = await enrol();
  const session = wireSession(1, { src_ip: '8.8.8.8', logins: 1 });
  assert.ok(session.record === 'session');
  const attempt = wireEvent(2, {
    session_id: session.id,
    at: session.started_at,
    src_ip: '8.8.8.8',
    ...login('root', 'x'),
  });
  const answer = await deliver(sensor, [session, attempt]);
  assert.deepEqual(answer.json(), { stored: 2, refused: 0, faults: [] });
  const found = await stack.client.get<Record<string, unknown>>(`/sessions/${session.id}`);
  assert.deepEqual(
    [found.sensor, found.country, found.asn, found.username, found.password],
    [sensor.name, 'US', 15_169, 'root', 'x'],
  );
});

test('what comes twice, also at the same time, is stored once', async () => {
  const sensor = await enrol();
  const lines = wireSessions(1, 50);
  const answers = await Promise.all([deliver(sensor, lines), deliver(sensor, lines)]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200],
  );
  await deliver(sensor, lines.slice(20), 21, 50);
  assert.equal(await stored(sensor), 50);
});

/** What the manager says to a delivery of which only the head has come. */
async function firstAnswer(token: string, boot: string, length: number): Promise<string> {
  const { hostname, port } = new URL(stack.url);
  const socket = connect(Number(port), hostname);
  socket.write(
    `POST /api/v1/ingest?boot=${boot}&first=1&last=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Type: application/x-ndjson\r\nContent-Length: ${length}\r\n\r\n`,
  );
  const [first] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return String(first);
}

describe('what is wrong', () => {
  test('in single lines is counted and told, and the rest is stored', async () => {
    const sensor = await enrol();
    const { fields: _, ...bare } = wireEvent(7) as Extract<WireRecord, { record: 'event' }>;
    const answer = await deliver(
      sensor,
      [
        wireSession(1),
        'no JSON',
        '{"n":3,"record":"event"}',
        wireSession(4, { src_ip: 'fe80::1%eth0' }),
        wireSession(5, { events: 2 ** 32 }),
        wireEvent(6, { type: 'auth.attempt', fields: { username: 'only' } }),
        JSON.stringify(bare),
        wireEvent(8, { type: 'file.captured', fields: { sha256: '../../etc/passwd' } }),
        `{"n":9,"record":"event","fields":${'['.repeat(5000)}${']'.repeat(5000)}}`,
        wireEvent(10, { fields: { urls: [{ toString: 1 }] } }),
        wireSession(11),
      ],
      1,
      11,
    );
    assert.equal(answer.status, 200, answer.text);
    const receipt = answer.json<Receipt>();
    assert.deepEqual(
      [receipt.stored, receipt.refused, receipt.faults.map(({ line }) => line)],
      [11, 8, [2, 3, 4, 5, 6, 7, 8, 9]],
    );
    assert.equal(await stored(sensor), 2);
  });

  test('in the order of the numbers is counted and told by line, and the rest is stored', async () => {
    const sensor = await enrol();
    const lines = [wireSession(5), wireSession(5), wireSession(4), wireSession(6), wireSession(99)];
    const { refused, faults } = (await deliver(sensor, lines, 5, 10)).json<Receipt>();
    assert.equal(refused, 3);
    assert.deepEqual(
      faults.map(({ line }) => line),
      [2, 3, 5],
    );
    assert.equal(await stored(sensor), 2);
  });

  test('in the numbers of the batch is refused, and so is what is no batch', async () => {
    const { token, boot } = await enrol();
    for (const query of [
      `boot=${boot}&first=10&last=9`,
      `boot=${boot}&first=0&last=9`,
      `boot=${boot}&first=1&last=1e99`,
      `boot=${boot}&first=1`,
      `boot=none&first=1&last=2`,
      `boot=${boot}&first=1&last=2&more=1`,
    ]) {
      const answer = await ask('POST', `/ingest?${query}`, { token, ...packed(wireSessions(1, 1)) });
      assert.equal(answer.status, 400, query);
      assert.equal(answer.json<{ type: string }>().type, 'invalid_request');
    }
  });

  test('in a body that is packed badly, too much, or in a way that we do not know, is refused', async () => {
    const { token, boot } = await enrol();
    const send = async (body: Uint8Array, encoding: string, type = 'application/x-ndjson'): Promise<number> => {
      const headers = { 'content-type': type, 'content-encoding': encoding };
      const answer = await ask('POST', `/ingest?boot=${boot}&first=1&last=1`, {
        token,
        headers,
        body: new Uint8Array(body),
      });
      assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
      return answer.status;
    };
    const zeros = Buffer.alloc(256 * 1_048_576);
    assert.equal(await send(zstdCompressSync(zeros), 'zstd'), 413);
    assert.equal(await send(gzipSync(zeros), 'gzip'), 413);
    assert.equal(await send(zstdCompressSync(Buffer.alloc(2_000_000, '\n')), 'zstd'), 413);
    assert.match(await firstAnswer(token, boot, 20 * 1_048_576), /^HTTP\/1\.1 413 /);
    assert.equal(await send(randomBytes(1000), 'zstd'), 400);
    assert.equal(await send(zstdCompressSync(zeros).subarray(0, 100), 'zstd'), 400);
    assert.equal(await send(Buffer.from('x'), 'br'), 415);
    assert.equal(await send(Buffer.from('x'), 'constructor'), 415);
    for (const type of ['text/plain', 'application/json', 'application/octet-stream', ''])
      assert.equal(await send(Buffer.from('{}'), 'identity', type), 415, type);
    assert.equal((await ask('GET', '/health')).status, 200);
  });

  test('with the credential is told before a byte of the body is read', async () => {
    const { boot } = await enrol();
    assert.match(await firstAnswer('sds_wrong', boot, 10_000_000), /^HTTP\/1\.1 401 /);
  });

  test('with the clock of a sensor is kept, marked, at the day it came', async () => {
    const sensor = await enrol();
    const session = wireSession(1, { started_at: '1970-01-01T00:00:09.000Z', events: 1 });
    assert.ok(session.record === 'session');
    await deliver(sensor, [session, wireEvent(2, { session_id: session.id, at: session.started_at })]);
    const found = await stack.client.get<{ tags: string[]; started_at: string }>(`/sessions/${session.id}`);
    assert.deepEqual(found.tags, ['clock_wrong']);
    assert.ok(Math.abs(Date.now() - Date.parse(found.started_at)) < 2 * 86_400_000);
    const { data } = await stack.client.get<{ data: { fields: { reported_at: string } }[] }>('/events', {
      session_id: session.id,
    });
    assert.equal(data[0]?.fields.reported_at, session.started_at);
  });
});

test('a sensor takes no more than its share: of many deliveries at once most are told to come again, and none is lost', async () => {
  const sensor = await enrol();
  const batches = Array.from({ length: 12 }, (_, index) => wireSessions(index * 100 + 1, index * 100 + 100));
  const firsts = await Promise.all(
    batches.map((lines, index) => deliver(sensor, lines, index * 100 + 1, index * 100 + 100)),
  );
  const refused = firsts.filter(({ status }) => status === 429);
  assert.ok(refused.length > 0 && refused.length < 12);
  for (const { headers } of refused) assert.ok(Number(headers.get('retry-after')) > 0);
  const other = await enrol();
  assert.equal((await deliver(other, wireSessions(1, 1))).status, 200);
});

test('what a sensor says of itself is shown, and nonsense is refused', async () => {
  const sensor = await enrol();
  const status = {
    ...{
      version: '1',
      started_at: '2026-11-22T09:00:00.000Z',
      persona: 'ubuntu-server',
      services: [],
      open_sessions: 0,
    },
    ...{
      recorded: 5,
      stored: 4,
      waiting: 1,
      waiting_bytes: 9,
      shed: { transcripts: 0, probes: 0, records: 0 },
      faults: {},
    },
  };
  const { token } = sensor;
  assert.equal((await ask('POST', '/ingest/status', { token, ...json(status) })).status, 204);
  assert.equal((await ask('POST', '/ingest/status', { token, ...json({ ...status, waiting: -1 }) })).status, 400);
  const { data } = await stack.client.get<{ data: { name: string; status: unknown }[] }>('/sensors');
  assert.deepEqual(data.find(({ name }) => name === sensor.name)?.status, status);
  const metrics = await stack.client.fetch('GET', '/metrics');
  assert.match(
    await metrics.text(),
    new RegExp(`sundew_sensor_records\\{sensor="${sensor.name}",state="recorded"\\} 5`),
  );
});

test('no request, however wrong, was a fault of the manager', async () => {
  const { intake } = await stack.client.get<{ intake: { refused_segments: number; trouble: string | null } }>(
    '/status',
  );
  assert.deepEqual([intake.refused_segments, intake.trouble], [0, null]);
});
