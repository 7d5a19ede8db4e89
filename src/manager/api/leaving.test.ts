import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { Accounts } from '../accounts/accounts.ts';
import { type Control, openControl } from '../control/database.ts';
import { Disk } from '../disk.ts';
import { Sensors } from '../fleet/sensors.ts';
import { Imports } from '../ingest/imports.ts';
import { openIntake } from '../ingest/testing.ts';
import { Hub } from '../live/hub.ts';
import { SESSION_COLUMNS } from '../queries/records.ts';
import { insertDataset } from '../queries/testing.ts';
import type { StoreClient } from '../store/client.ts';
import { startTestHost, type TestHost } from '../store/host/testing.ts';
import { migrate } from '../store/schema.ts';
import { makeSession, testFolder, testLog, testPlaces } from '../testing.ts';
import { buildServer } from './server.ts';

const TOKEN = 'the-credential-of-this-machine';
/** Runs for minutes unless somebody ends it. */
const ENDLESS = 'SELECT sum(sipHash64(number)) AS sessions FROM numbers(100000000000)';
const ENDLESS_SESSIONS = `SELECT ${SESSION_COLUMNS} FROM numbers(100000000000) AS n CROSS JOIN sessions`;

/** Asked for in place of the endless sessions, where a test says so. */
let broken: string | undefined;
let folder: ReturnType<typeof testFolder>;
let host: TestHost;
let store: StoreClient;
const log = testLog();
let control: Control;
let app: FastifyInstance;
let url: string;
before(async () => {
  folder = testFolder();
  host = await startTestHost();
  store = host.connect();
  await migrate(store);
  await insertDataset(store, {
    sessions: [{ record: makeSession(), sensorId: 's', place: testPlaces.of(null) }],
    events: [],
  });
  control = openControl(join(folder.path, 'control.sqlite'));
  const { intake, artifacts } = openIntake(folder.path, store, { control });
  // Whatever is asked takes for ever, and ends as the question says.
  const slow: StoreClient = {
    ping: (signal) => store.ping(signal),
    query: (_sql, _params, options) => store.query(ENDLESS, {}, options),
    streamRows: (_sql, _params, options) => store.streamRows(broken ?? ENDLESS_SESSIONS, {}, options),
    stream: (sql, params, options) => store.stream(sql, params, options),
    command: (sql, params, options) => store.command(sql, params, options),
    insert: (table, columns, rows, options) => store.insert(table, columns, rows, options),
    close: () => store.close(),
  };
  app = await buildServer({
    version: 'test',
    startedAt: new Date().toISOString(),
    store: slow,
    accounts: new Accounts(control),
    sensors: new Sensors(control),
    intake,
    imports: new Imports(control, slow, intake),
    artifacts,
    places: testPlaces,
    hub: new Hub(),
    disk: new Disk(folder.path, 0),
    log,
    localToken: TOKEN,
    webRoot: undefined,
  });
  url = await app.listen({ host: '127.0.0.1', port: 0 });
});
after(async () => {
  await app.close();
  control.close();
  await host.close();
  folder.remove();
});

async function running(): Promise<number> {
  const [row] = await store.query<{ n: string }>(
    "SELECT count() AS n FROM system.processes WHERE query LIKE '%numbers(1000%' AND query NOT LIKE '%system.processes%'",
  );
  return Number(row?.n);
}

async function untilRunning(wanted: number): Promise<void> {
  for (const deadline = Date.now() + 20_000; (await running()) !== wanted; await sleep(20))
    assert.ok(Date.now() < deadline, `${await running()} statements run, not ${wanted}`);
}

for (const path of ['/stats/summary', '/stats/top?by=protocol', '/sources', '/credentials', '/artifacts']) {
  test(`who leaves while ${path} is looked for ends the statement in the store`, async () => {
    const gone = new AbortController();
    const asked = fetch(`${url}/api/v1${path}`, { headers: { authorization: `Bearer ${TOKEN}` }, signal: gone.signal });
    await untilRunning(1);
    gone.abort();
    await assert.rejects(asked);
    await untilRunning(0);
  });
}

test('who leaves in the middle of an export ends the statement in the store', async () => {
  const gone = new AbortController();
  const response = await fetch(`${url}/api/v1/export?format=csv`, {
    headers: { authorization: `Bearer ${TOKEN}` },
    signal: gone.signal,
  });
  const reader = response.body?.getReader();
  await reader?.read();
  await untilRunning(1);
  gone.abort();
  await untilRunning(0);
});

test('an export that fails at once is a problem, and one that fails later is broken off and logged', async () => {
  const ask = async (format = 'ndjson'): Promise<Response> =>
    await fetch(`${url}/api/v1/export?format=${format}`, { headers: { authorization: `Bearer ${TOKEN}` } });
  broken = 'SELECT throwIf(1) FROM sessions';
  for (const format of ['ndjson', 'csv']) {
    const answer = await ask(format);
    assert.equal(answer.status, 500, format);
    assert.equal(((await answer.json()) as { status: number }).status, 500, format);
  }
  // The first sessions come, and then one that cannot be read.
  broken = `SELECT ${SESSION_COLUMNS}, throwIf(number = 100000) FROM numbers(200000) AS n CROSS JOIN sessions`;
  const late = await ask();
  assert.equal(late.status, 200);
  await assert.rejects(late.text());
  assert.ok(log.lines.some((line) => line.includes('an export was broken off')));
});
