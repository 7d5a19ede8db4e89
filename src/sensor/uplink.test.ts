import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { openSpool, type Spool } from '../spool/index.ts';
import { record, tempDir, until } from '../spool/testing.ts';
import { Uplink } from './uplink.ts';

interface Delivery {
  first: number;
  last: number;
  boot: string;
  /** The numbers of the records. */
  numbers: number[];
  token: string | undefined;
  at: number;
}

type Answer = (response: ServerResponse, delivery: Delivery) => void;

const stored: Answer = (response, { last }) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ stored: last, refused: 0, faults: [] }));
};
const refuse =
  (status: number, headers: Readonly<Record<string, string>> = {}, body = 'no'): Answer =>
  (response) => {
    response.writeHead(status, headers);
    response.end(body);
  };

/** A manager that answers as the test says, each delivery by the next of the answers and then as stored. */
class FakeManager {
  readonly deliveries: Delivery[] = [];
  readonly reports: unknown[] = [];
  readonly answers: Answer[] = [];
  always: Answer = stored;
  port = 0;
  private server: Server | undefined;

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.take(request, response));
    this.server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.port = address.port;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => undefined);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    await new Promise((resolve) => request.on('end', resolve));
    const body = Buffer.concat(chunks);
    const url = new URL(request.url ?? '', this.url);
    if (url.pathname === '/api/v1/ingest/status') {
      this.reports.push(JSON.parse(body.toString()));
      response.writeHead(204).end();
      return;
    }
    assert.equal(url.pathname, '/api/v1/ingest');
    assert.equal(request.headers['content-encoding'], 'zstd');
    const lines = zstdDecompressSync(body).toString().trimEnd().split('\n');
    const delivery: Delivery = {
      boot: url.searchParams.get('boot') ?? '',
      first: Number(url.searchParams.get('first')),
      last: Number(url.searchParams.get('last')),
      numbers: lines.map((line) => (JSON.parse(line) as { n: number }).n),
      token: request.headers.authorization,
      at: performance.now(),
    };
    this.deliveries.push(delivery);
    (this.answers.shift() ?? this.always)(response, delivery);
  }
}

interface World {
  manager: FakeManager;
  spool: Spool;
  uplink: Uplink;
  log: string[];
  add(count: number): void;
}

async function world(t: TestContext, prepare: (manager: FakeManager, spool: Spool) => void = () => undefined) {
  const manager = new FakeManager();
  await manager.start();
  const spool = openSpool({ dir: tempDir(t), maxBytes: 64 * 1_048_576 });
  const log: string[] = [];
  let count = 0;
  prepare(manager, spool);
  const uplink = new Uplink({
    ...{ url: manager.url, token: 'secret', spool, status: () => ({ waiting: spool.stats().waiting }) },
    log: (level, _message, facts) => void log.push(`${level} ${String(facts.reason ?? '')}`.trim()),
  });
  t.after(async () => {
    await uplink.stop();
    await manager.stop();
    await spool.close();
  });
  const made: World = {
    ...{ manager, spool, uplink, log },
    add(more) {
      for (let i = 0; i < more; i += 1) {
        count += 1;
        spool.append([record(`{"record":"event","made":${count}}`)]);
      }
    },
  };
  return made;
}

const empty = (spool: Spool): boolean => spool.stats().waiting === 0;

test('records arrive in order with their numbers, and leave the spool when they are stored', async (t) => {
  const { manager, spool, uplink, add, log } = await world(t);
  add(5);
  uplink.start();
  await until(() => empty(spool));
  add(3);
  await until(() => empty(spool) && manager.deliveries.length >= 2);
  assert.deepEqual(
    manager.deliveries.flatMap((delivery) => delivery.numbers),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  assert.ok(manager.deliveries.every(({ boot, token }) => boot === spool.boot && token === 'Bearer secret'));
  assert.equal(spool.stats().acked, 8);
  assert.deepEqual(log, []);
});

test('a record stays on the spool until the manager has answered', async (t) => {
  const { manager, spool, uplink, add } = await world(t);
  let answer: (() => void) | undefined;
  manager.always = (response, delivery) => {
    answer = () => stored(response, delivery);
  };
  add(1);
  uplink.start();
  await until(() => answer !== undefined);
  assert.equal(spool.stats().waiting, 1);
  answer?.();
  await until(() => empty(spool));
});

test('a manager without room is asked again with the same records, not before it wishes', async (t) => {
  const { manager, spool, uplink, add, log } = await world(t);
  manager.answers.push(refuse(503, { 'retry-after': '1' }));
  add(2);
  uplink.start();
  await until(() => empty(spool));
  const [first, second] = manager.deliveries;
  assert.deepEqual(second?.numbers, first?.numbers);
  assert.ok((second?.at ?? 0) - (first?.at ?? 0) >= 990);
  assert.deepEqual(log, ['warn the manager answered 503: no', 'info']);
});

test('a senseless Retry-After does not stop the uplink for ever', async (t) => {
  const { manager, spool, uplink, add } = await world(t);
  for (const value of ['-5', '1e9', 'Wed, 21 Oct 2099 07:28:00 GMT'])
    manager.answers.push(refuse(503, { 'retry-after': value }));
  add(1);
  uplink.start();
  await until(() => empty(spool));
  assert.equal(manager.deliveries.length, 4);
});

test('a batch that is too large is halved until it fits, and grows again', async (t) => {
  const { manager, spool, uplink, add } = await world(t);
  const most = 30;
  manager.always = (response, delivery) =>
    delivery.numbers.length > most ? refuse(413)(response, delivery) : stored(response, delivery);
  add(100);
  uplink.start();
  await until(() => empty(spool));
  const taken = manager.deliveries.filter((delivery) => delivery.numbers.length <= most);
  assert.deepEqual(
    taken.flatMap((delivery) => delivery.numbers),
    Array.from({ length: 100 }, (_, index) => index + 1),
  );
  assert.deepEqual(
    manager.deliveries.slice(0, 3).map((delivery) => delivery.numbers.length),
    [100, 50, 25],
  );
});

test('one record that is refused as too large is kept and said', async (t) => {
  const { manager, spool, uplink, add, log } = await world(t);
  manager.always = refuse(413);
  add(1);
  uplink.start();
  await until(() => log.length > 0);
  assert.match(log[0] ?? '', /not even one record/);
  assert.equal(spool.stats().waiting, 1);
  manager.always = stored;
  await until(() => empty(spool));
});

test("an answer that is not a manager's frees nothing", async (t) => {
  const { manager, spool, uplink, add, log } = await world(t);
  manager.answers.push(
    refuse(200, { 'content-type': 'text/html' }, '<title>Sign in to the hotel network</title>'),
    refuse(200, {}, JSON.stringify({ stored: 1 })),
  );
  add(3);
  uplink.start();
  await until(() => manager.deliveries.length === 2);
  assert.equal(spool.stats().waiting, 3);
  await until(() => empty(spool));
  assert.match(log[0] ?? '', /not a manager's: <title>/);
  assert.deepEqual(manager.deliveries[2]?.numbers, [1, 2, 3]);
});

test('an answer without end is not read without end', async (t) => {
  const { manager, spool, uplink, add, log } = await world(t);
  manager.answers.push((response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20)));
    };
    response.on('drain', more);
    more();
  });
  add(1);
  uplink.start();
  await until(() => empty(spool));
  assert.match(log[0] ?? '', /bytes/);
});

test('answers that are no HTTP and connections that break are tried again', async (t) => {
  let greeted = 0;
  const garbage = createTcpServer((socket) => {
    greeted += 1;
    socket.on('error', () => undefined);
    socket.resume();
    socket.end(greeted % 2 === 0 ? '' : 'SSH-2.0-OpenSSH_9.6\r\n');
  });
  await new Promise<void>((resolve) => garbage.listen(0, '127.0.0.1', resolve));
  const address = garbage.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { manager, spool, add } = await world(t);
  await manager.stop();
  add(1);
  const log: string[] = [];
  const uplink = new Uplink({
    ...{ url: `http://127.0.0.1:${port}`, token: 'secret', spool, status: () => ({}) },
    log: (level) => void log.push(level),
  });
  uplink.start();
  await until(() => greeted >= 4 && log.length > 0);
  assert.equal(spool.stats().waiting, 1);
  await new Promise((resolve) => garbage.close(resolve));
  manager.port = port;
  await manager.start();
  await until(() => empty(spool));
  assert.equal(log.at(-1), 'info');
  await uplink.stop();
});

test('a manager that is restarted in the middle of a delivery gets it again', async (t) => {
  const { manager, spool, uplink, add } = await world(t);
  let waiting = false;
  manager.answers.push(() => {
    waiting = true;
  });
  add(4);
  uplink.start();
  await until(() => waiting);
  await manager.stop();
  add(2);
  await manager.start();
  await until(() => empty(spool));
  const numbers = manager.deliveries.slice(1).flatMap((delivery) => delivery.numbers);
  assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6]);
});

test('a stop in the middle of a delivery ends at once and frees nothing', async (t) => {
  const { manager, spool, uplink, add } = await world(t);
  let waiting = false;
  manager.always = () => {
    waiting = true;
  };
  add(1);
  uplink.start();
  await until(() => waiting);
  await uplink.stop();
  assert.equal(spool.stats().waiting, 1);
});

test('a stop while there is nothing to deliver, or while it waits to try again, ends at once', async (t) => {
  const quiet = await world(t);
  quiet.uplink.start();
  await until(() => quiet.manager.reports.length > 0);
  await quiet.uplink.stop();
  const refused = await world(t);
  refused.manager.always = refuse(503, { 'retry-after': '3600' });
  refused.add(1);
  refused.uplink.start();
  await until(() => refused.log.length > 0);
  await refused.uplink.stop();
});

test('a spool that cannot be read for a while does not end the uplink', async (t) => {
  const { manager, spool, uplink, add, log } = await world(t, (_manager, real) => {
    const read = real.read.bind(real);
    let failures = 2;
    real.read = (...parameters) => {
      failures -= 1;
      if (failures >= 0) throw new Error('SPOOL_READ_FAILED');
      return read(...parameters);
    };
  });
  add(2);
  uplink.start();
  await until(() => empty(spool));
  assert.deepEqual(manager.deliveries[0]?.numbers, [1, 2]);
  assert.deepEqual(log, ['warn SPOOL_READ_FAILED', 'info']);
});

test('the sensor says what it is, and a status that cannot be made ends nothing', async (t) => {
  const { manager, spool, uplink, add } = await world(t);
  uplink.start();
  await until(() => manager.reports.length === 1);
  assert.deepEqual(manager.reports, [{ waiting: 0 }]);
  const broken = new Uplink({
    ...{ url: manager.url, token: 'secret', spool, log: () => undefined },
    status: () => {
      throw new Error('no status');
    },
  });
  await uplink.stop();
  broken.start();
  add(1);
  await until(() => empty(spool));
  await broken.stop();
});

test("records of a run that died go first, with that run's boot", async (t) => {
  const dir = tempDir(t);
  const dead = openSpool({ dir, maxBytes: 64 * 1_048_576 });
  for (let i = 1; i <= 3; i += 1) dead.append([record(`{"record":"event","made":${i}}`)]);
  await dead.close();
  const manager = new FakeManager();
  await manager.start();
  const spool = openSpool({ dir, maxBytes: 64 * 1_048_576 });
  spool.append([record('{"record":"event","made":4}')]);
  const uplink = new Uplink({
    ...{ url: manager.url, token: 'secret', spool, status: () => ({}), log: () => undefined },
  });
  t.after(async () => {
    await uplink.stop();
    await manager.stop();
    await spool.close();
  });
  uplink.start();
  await until(() => empty(spool));
  assert.deepEqual(
    manager.deliveries.map(({ boot, first, last, numbers }) => ({ boot, first, last, numbers })),
    [
      { boot: dead.boot, first: 1, last: 3, numbers: [1, 2, 3] },
      { boot: spool.boot, first: 1, last: 1, numbers: [1] },
    ],
  );
});
