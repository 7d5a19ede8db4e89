import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { listEvents, listSessions } from '../queries/lists.ts';
import { eventFromRecord, sessionFromRecord } from '../queries/records.ts';
import {
  ask,
  type Dataset,
  dataset,
  FILTER_NAMES,
  filterOfNames,
  insertDataset,
  SENSOR_NAMES,
} from '../queries/testing.ts';
import type { StoreClient } from '../store/client.ts';
import { startTestHost, type TestHost } from '../store/host/testing.ts';
import { migrate } from '../store/schema.ts';
import { addressNumber } from './address-number.ts';
import { matcher } from './matches.ts';

const seed = Date.now() % 1_000_000;
let host: TestHost;
let store: StoreClient;
let data: Dataset;
before(async () => {
  host = await startTestHost();
  store = host.connect();
  await migrate(store);
  [data] = fc.sample(dataset, { numRuns: 1, seed }) as [Dataset];
  await insertDataset(store, data);
});
after(async () => {
  await host.close();
});

const without = (...names: string[]): string[] => FILTER_NAMES.filter((name) => !names.includes(name));

test('a watcher sees of the sessions what the same filter finds in the store', async (t) => {
  t.diagnostic(`seed ${seed}`);
  // A session does not say what its events do.
  const filters = filterOfNames(without('username', 'password', 'sha256', 'q'));
  await fc.assert(
    fc.asyncProperty(filters, async (filter) => {
      const wants = matcher(filter);
      const seen = data.sessions
        .map(({ record, sensorId, place }) => sessionFromRecord(record, sensorId, place, SENSOR_NAMES))
        .filter((item) => wants({ kind: 'session', item }));
      const { data: found } = await listSessions(store, { limit: 1000, order: 'asc' }, ask(filter));
      assert.deepEqual(seen.map(({ id }) => id).sort(), found.map(({ id }) => id).sort());
    }),
    { numRuns: 150 },
  );
});

test('a watcher sees of the events what the same filter finds in the store', async () => {
  // An event does not say the tags of its session, which comes after it.
  await fc.assert(
    fc.asyncProperty(filterOfNames(without('tag')), async (filter) => {
      const wants = matcher(filter);
      const seen = data.events
        .map(({ record, sensorId, place }) => eventFromRecord(record, sensorId, place, SENSOR_NAMES))
        .filter((item) => wants({ kind: 'record', item }));
      const { data: found } = await listEvents(store, { limit: 1000, order: 'asc' }, ask(filter));
      assert.deepEqual(seen.map(({ id }) => id).sort(), found.map(({ id }) => id).sort());
    }),
    { numRuns: 150 },
  );
});

test('a session is told by its last login, and by nothing that it does not carry', () => {
  const { record, sensorId, place } = data.sessions[0] ?? assert.fail('no session');
  const item = { ...sessionFromRecord(record, sensorId, place, SENSOR_NAMES), username: 'root', password: null };
  const sees = (is: Record<string, string[]>, not: Record<string, string[]> = {}): boolean =>
    matcher({ is, not })({ kind: 'session', item });
  assert.equal(sees({ username: ['sa', 'root'] }), true);
  assert.equal(sees({ username: ['sa'] }), false);
  assert.equal(sees({ password: [''] }), false);
  assert.equal(sees({}, { password: [''] }), true);
  assert.equal(sees({ q: [''] }), false);
  assert.equal(sees({ sha256: [''] }), false);
});

test('hostile fields of an event are compared without harm', () => {
  const { record, sensorId, place } = data.events[0] ?? assert.fail('no event');
  const hostile = { urls: [{ toString: 1, valueOf: 1 }, 'http://x/'], username: { a: 1 }, sha256: 7, command: null };
  const item = eventFromRecord({ ...record, fields: hostile }, sensorId, place, SENSOR_NAMES);
  for (const name of FILTER_NAMES)
    matcher({ is: { [name]: ['x'] }, not: { [name]: ['http'] } })({ kind: 'record', item });
  assert.equal(matcher({ is: { q: ['HTTP://X'] }, not: {} })({ kind: 'record', item }), true);
});

test('addresses of both kinds have one number each', () => {
  assert.equal(addressNumber('0.0.0.0'), 0xffff_0000_0000n);
  assert.equal(addressNumber('255.255.255.255'), 0xffff_ffff_ffffn);
  for (const [address, number] of [
    ['::', 0n],
    ['::1', 1n],
    ['::ffff:198.51.100.7', addressNumber('198.51.100.7')],
    ['1::', 1n << 112n],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', (1n << 128n) - 1n],
    ['2001:DB8::1:0:0:1', 0x2001_0db8_0000_0000_0001_0000_0000_0001n],
  ] as const)
    assert.equal(addressNumber(address), number, address);
});
