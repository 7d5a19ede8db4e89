/**
 * A killed process is a normal event: sensor, manager and store host are killed at random moments under load, again and again, and every record that a client was
 * served for is stored once.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sensor } from '../../src/manager/fleet/sensors.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const KILLS = 100;
const CLIENTS = 6;
const ATTEMPT_MS = 5000;
/** A part is killed at some moment of this time after it is up: from its first work to the middle of its load. */
const MOMENT_MS = 800;

let stack: Stack;
before(async () => {
  stack = await startStack({ sensor: true, pauseMaxMs: 250, layer: { sensor: { services: ['http', 'ftp'] } } });
});
after(async () => {
  await stack?.stop();
});

/** What a conversation sends next after what came so far; `done` when the client was served. */
type Step = (received: string) => { send?: string; done?: boolean };

/** Resolves true when the whole answer came. */
function talk(port: number, step: Step): Promise<boolean> {
  return new Promise((resolve) => {
    let received = '';
    let served = false;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.setTimeout(ATTEMPT_MS, () => socket.destroy());
    const act = (): void => {
      const { send, done } = step(received);
      if (send !== undefined) socket.write(send);
      if (done === true) {
        served = true;
        socket.end();
      }
    };
    socket.on('connect', act);
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      act();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(served));
  });
}

function httpGet(token: string): Step {
  let sent = false;
  return (received) => {
    if (!sent) {
      sent = true;
      return { send: `GET /${token} HTTP/1.1\r\nHost: decoy\r\n\r\n` };
    }
    return { done: received.includes('\r\n\r\n') };
  };
}

function ftpLogin(token: string): Step {
  let step = 0;
  return (received) => {
    const replies = received.split('\r\n').filter((line) => /^\d{3} /.test(line)).length;
    if (replies <= step) return {};
    step += 1;
    if (step === 1) return { send: `USER ${token}\r\n` };
    if (step === 2) return { send: `PASS p-${token}\r\n` };
    return { done: true };
  };
}

test(`${KILLS} kills under load lose and double no record that a client was served for`, {
  timeout: 540_000,
}, async () => {
  const served = { http: new Set<string>(), ftp: new Set<string>() };
  let stopped = false;
  async function client(index: number): Promise<void> {
    for (let n = 0; !stopped; n += 1) {
      const token = `tk${index}x${n}`;
      const kind = n % 2 === 0 ? 'http' : 'ftp';
      const ok = await talk(stack.port(kind), kind === 'http' ? httpGet(token) : ftpLogin(token));
      if (ok) served[kind].add(token);
      else await sleep(20);
    }
  }
  const clients = Array.from({ length: CLIENTS }, (_, index) => client(index));

  const parts = [stack.sensor, stack.manager, stack.store];
  for (let kill = 0; kill < KILLS; kill += 1) {
    const part = parts[kill % parts.length];
    const pid = await until('the part to be up again', () => (part?.isReady === true ? part.pid : undefined), 60_000);
    await sleep(Math.random() * MOMENT_MS);
    process.kill(pid, 'SIGKILL');
  }
  // A last life for each, in which everything that waits arrives.
  await sleep(1000);
  stopped = true;
  await Promise.all(clients);
  assert.ok(
    served.http.size > KILLS && served.ftp.size > KILLS,
    `only ${served.http.size} and ${served.ftp.size} clients were served`,
  );
  await until(
    'the spool to be empty',
    async () => {
      const answer = await stack.client.get<{ data: Sensor[] }>('/sensors').catch(() => undefined);
      const status = answer?.data[0]?.status;
      const late = Date.now() - Date.parse(answer?.data[0]?.last_contact_at ?? '1970-01-01');
      return status !== null &&
        status !== undefined &&
        late < 4000 &&
        status.waiting === 0 &&
        status.open_sessions === 0
        ? true
        : undefined;
    },
    120_000,
  );

  const sessions = new Map<string, number>();
  const requests = new Map<string, number>();
  const logins = new Map<string, number>();
  const reasons = new Map<string, number>();
  const add = (map: Map<string, number>, key: string): void => void map.set(key, (map.get(key) ?? 0) + 1);
  const text = await (await stack.client.fetch('GET', '/export', { query: { format: 'ndjson' } })).text();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const session = JSON.parse(line) as {
      id: string;
      end_reason: string;
      events: { seq: number; type: string; target?: string; username?: string }[];
    };
    add(sessions, session.id);
    add(reasons, session.end_reason);
    assert.equal(
      new Set(session.events.map((event) => event.seq)).size,
      session.events.length,
      `an event is there twice: ${line}`,
    );
    assert.deepEqual(
      session.events.map((event) => event.seq),
      session.events.map((_, seq) => seq),
      `events of ${session.id} are missing`,
    );
    assert.equal(session.events.at(-1)?.type, 'session.closed');
    for (const event of session.events) {
      if (event.type === 'request') add(requests, String(event.target).slice(1));
      if (event.type === 'auth.attempt') add(logins, String(event.username));
    }
  }
  const once = (
    map: ReadonlyMap<string, number>,
    wanted: ReadonlySet<string>,
  ): { lost: string[]; doubled: string[] } => ({
    lost: [...wanted].filter((token) => !map.has(token)),
    doubled: [...map].filter(([, count]) => count > 1).map(([token]) => token),
  });
  assert.deepEqual(once(requests, served.http), { lost: [], doubled: [] });
  assert.deepEqual(once(logins, served.ftp), { lost: [], doubled: [] });
  assert.deepEqual(
    [...sessions].filter(([, count]) => count > 1),
    [],
  );
  assert.ok(
    (reasons.get('sensor_restarted') ?? 0) > 0,
    'no session was open when the sensor was killed: the test killed nothing',
  );
});
