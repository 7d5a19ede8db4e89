/** Every question gives what plain JavaScript over the same records gives, whatever the filter. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { EventRecord, SessionRecord } from '../../events/index.ts';
import type { StoreClient } from '../store/client.ts';
import { startTestHost, type TestHost } from '../store/host/testing.ts';
import { migrate } from '../store/schema.ts';
import { artifacts } from './artifacts.ts';
import { counts, summary } from './counts.ts';
import { type ExportedSession, exportSessions } from './export/sessions.ts';
import { COUNT_FIELD_NAMES, type CountFieldName, SINGLE_FIELD_NAMES } from './fields.ts';
import { listEvents, listSessions, type Order } from './lists.ts';
import { source } from './source.ts';
import { ask, type Dataset, dataset, filterOfNames, insertDataset, type Kept, Model, SENSOR_NAMES } from './testing.ts';
import { intervalFor, span, timeline } from './timeline.ts';

const RUNS = { numRuns: 60 };
const seed = Date.now() % 1_000_000;
let host: TestHost;
let store: StoreClient;
let data: Dataset;
let model: Model;
before(async () => {
  host = await startTestHost();
  store = host.connect();
  await migrate(store);
  [data] = fc.sample(dataset, { numRuns: 1, seed }) as [Dataset];
  model = new Model(data);
  await insertDataset(store, data);
});
after(async () => {
  await host.close();
});

type Value = string | number | null;
const orNull = (text: string): string | null => (text === '' ? null : text);
const startOf = (iso: string, hours: boolean): string =>
  `${iso.slice(0, hours ? 13 : 10)}${hours ? '' : 'T00'}:00:00.000Z`;
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** The value of a session's field; undefined where it does not count. */
function ofSession({ record, sensorId, place }: Kept<SessionRecord>, name: CountFieldName): Value | undefined {
  switch (name) {
    case 'sensor':
      return SENSOR_NAMES.get(sensorId) ?? sensorId;
    case 'country':
      return record.src_ip === null ? undefined : place.country;
    case 'city':
      return orNull(place.city);
    case 'asn':
      return place.asn;
    case 'hour':
      return startOf(record.started_at, true);
    case 'day':
      return startOf(record.started_at, false);
    case 'hour_of_day':
      return Number(record.started_at.slice(11, 13));
    case 'weekday':
      return new Date(record.started_at).getUTCDay() || 7;
    case 'severity':
    case 'src_port':
    case 'dst_port':
    case 'src_ip':
    case 'dst_ip':
      return record[name];
    default:
      return orNull(String(record[name as 'protocol']));
  }
}

function ofEvent({ record: { type, fields } }: Kept<EventRecord>, name: CountFieldName): Value | undefined {
  switch (name) {
    case 'event':
      return type;
    case 'sha256':
      return text(fields.sha256) ?? undefined;
    case 'command':
      return type === 'command.input' ? text(fields.command) : undefined;
    case 'credential':
      return type === 'auth.attempt' ? `${text(fields.username) ?? ''}:${text(fields.password) ?? ''}` : undefined;
    default:
      return type === 'auth.attempt' ? text(fields[name]) : undefined;
  }
}

const isOfEvents = (name: CountFieldName): boolean =>
  ['username', 'password', 'credential', 'event', 'sha256', 'command'].includes(name);

/** Counts of values, with the distinct sources of each. */
function tally(rows: readonly { value: Value; source: string | null }[]): Map<Value, string> {
  const groups = Map.groupBy(rows, ({ value }) => value);
  return new Map(
    [...groups].map(([value, group]) => {
      const sources = new Set(group.flatMap(({ source: address }) => (address === null ? [] : [address])));
      return [value, `${group.length} of ${sources.size}`];
    }),
  );
}

function expected(filter: Parameters<Model['sessions']>[0], name: CountFieldName): Map<Value, string> {
  const rows = isOfEvents(name)
    ? model.events(filter).map((kept) => ({ value: ofEvent(kept, name), source: kept.record.src_ip }))
    : model.sessions(filter).map((kept) => ({ value: ofSession(kept, name), source: kept.record.src_ip }));
  return tally(rows.flatMap(({ value, source: address }) => (value === undefined ? [] : [{ value, source: address }])));
}

test('counts by every field', async (t) => {
  t.diagnostic(`seed ${seed}`);
  for (const name of COUNT_FIELD_NAMES) {
    // Two sensors may show one name, and two pairs one text: those are compared below, where they are told apart.
    const merge = name === 'sensor' || name === 'credential';
    await fc.assert(
      fc.asyncProperty(filterOfNames(), async (filter) => {
        const rows = await counts(store, { by: [name], limit: 0, order: 'sessions' }, ask(filter));
        const wanted = expected(filter, name);
        const total = (all: Iterable<string>): number =>
          [...all].reduce((sum, one) => sum + Number(one.split(' ')[0]), 0);
        assert.equal(
          rows.reduce((sum, row) => sum + row.sessions, 0),
          total(wanted.values()),
        );
        if (merge) return;
        const given = new Map(rows.map((row) => [row.values[0] ?? null, `${row.sessions} of ${row.sources}`]));
        assert.deepEqual(new Map([...given].sort()), new Map([...wanted].sort()));
        assert.deepEqual(
          rows.map((row) => row.sessions),
          rows.map((row) => row.sessions).toSorted((a, b) => b - a),
        );
      }),
      { numRuns: 12 },
    );
  }
});

test('counts by two fields, and of sources with several sessions alone', async () => {
  const fields = fc.constantFrom(...COUNT_FIELD_NAMES.filter((name) => !isOfEvents(name) && name !== 'sensor'));
  await fc.assert(
    fc.asyncProperty(filterOfNames(), fields, fields, fc.integer({ min: 1, max: 12 }), async (filter, a, b, least) => {
      const rows = await counts(store, { by: [a, b], limit: 0, order: 'value', minSessions: least }, ask(filter));
      const sessions = model.sessions(filter);
      const perSource = Map.groupBy(sessions, ({ record }) => record.src_ip);
      const enough = sessions.filter(
        ({ record: { src_ip } }) => least === 1 || (src_ip !== null && (perSource.get(src_ip)?.length ?? 0) >= least),
      );
      const wanted = tally(
        enough.flatMap((kept) => {
          const pair = [ofSession(kept, a), ofSession(kept, b)];
          return pair.includes(undefined) ? [] : [{ value: JSON.stringify(pair), source: kept.record.src_ip }];
        }),
      );
      assert.deepEqual(
        new Map(
          rows.map((row): [Value, string] => [JSON.stringify(row.values), `${row.sessions} of ${row.sources}`]).sort(),
        ),
        new Map([...wanted].sort()),
      );
    }),
    RUNS,
  );
});

test('totals', async () => {
  await fc.assert(
    fc.asyncProperty(filterOfNames(), async (filter) => {
      const sessions = model.sessions(filter);
      const sum = (name: 'logins' | 'commands' | 'files' | 'events'): number =>
        sessions.reduce((total, { record }) => total + record[name], 0);
      const distinct = (values: readonly (string | null)[]): number =>
        new Set(values.filter((value) => value !== null && value !== '' && value !== 'unknown')).size;
      const times = sessions.map(({ record }) => record.started_at).sort();
      assert.deepEqual(await summary(store, ask(filter)), {
        sessions: sessions.length,
        sources: distinct(sessions.map(({ record }) => record.src_ip)),
        logins: sum('logins'),
        commands: sum('commands'),
        files: sum('files'),
        countries: distinct(sessions.map(({ place }) => place.country)),
        sensors: distinct(sessions.map(({ sensorId }) => sensorId)),
        events: sum('events'),
        first: times[0] ?? null,
        last: times.at(-1) ?? null,
      });
      const whole = await span(store, ask(filter));
      assert.equal(whole?.first, times[0] === undefined ? undefined : Date.parse(times[0]));
    }),
    RUNS,
  );
});

test('a timeline by any field holds every session or event once, in its bucket', async () => {
  const fields = fc.constantFrom(...SINGLE_FIELD_NAMES);
  const intervals = fc.constantFrom('hour' as const, 'day' as const);
  await fc.assert(
    fc.asyncProperty(
      filterOfNames(),
      fields,
      intervals,
      fc.integer({ min: 1, max: 4 }),
      async (filter, by, interval, limit) => {
        const rows = await timeline(store, { interval, by, limit }, ask(filter));
        const bucket = (iso: string): string => startOf(iso, interval === 'hour');
        const items = isOfEvents(by)
          ? model.events(filter).flatMap((kept) => (ofEvent(kept, by) === undefined ? [] : [kept.record.at]))
          : model.sessions(filter).map(({ record }) => record.started_at);
        const given = new Map<string, number>();
        for (const row of rows) given.set(row.at, (given.get(row.at) ?? 0) + row.sessions);
        const wanted = new Map([...Map.groupBy(items, bucket)].map(([at, group]) => [at, group.length]));
        assert.deepEqual(new Map([...given].sort()), new Map([...wanted].sort()));
        assert.ok(new Set(rows.map((row) => row.value)).size <= limit + 1);
      },
    ),
    RUNS,
  );
});

test('the interval of a timeline grows with its span', () => {
  const hour = 3_600_000;
  assert.deepEqual([hour, 24 * hour, 365 * 24 * hour].map(intervalFor), ['minute', 'hour', 'day']);
});

test('pages by a cursor give every row once, in either order of time', async () => {
  const order = fc.constantFrom<Order>('asc', 'desc');
  await fc.assert(
    fc.asyncProperty(filterOfNames(), order, fc.integer({ min: 1, max: 25 }), async (filter, direction, limit) => {
      const walk = async <Item>(
        page: (cursor: string | undefined) => Promise<{ data: Item[]; next: string | null }>,
      ): Promise<Item[]> => {
        const all: Item[] = [];
        let cursor: string | undefined;
        do {
          const { data: items, next } = await page(cursor);
          assert.ok(items.length <= limit && (next === null || items.length > 0));
          all.push(...items);
          cursor = next ?? undefined;
        } while (cursor !== undefined);
        return all;
      };
      const inOrder = (times: readonly string[]): void => {
        const sorted = times.toSorted();
        assert.deepEqual(times, direction === 'asc' ? sorted : sorted.reverse());
      };
      const sessions = await walk((cursor) => listSessions(store, { limit, cursor, order: direction }, ask(filter)));
      inOrder(sessions.map(({ started_at }) => started_at));
      assert.deepEqual(
        sessions.map(({ id }) => id).sort(),
        model
          .sessions(filter)
          .map(({ record }) => record.id)
          .sort(),
      );
      const events = await walk((cursor) => listEvents(store, { limit, cursor, order: direction }, ask(filter)));
      inOrder(events.map(({ at }) => at));
      assert.deepEqual(
        events.map(({ id }) => id).sort(),
        model
          .events(filter)
          .map(({ record }) => `${record.session_id}.${record.seq}`)
          .sort(),
      );
    }),
    { numRuns: 40 },
  );
});

test('a session and an event come back as they went in, with the place and the last login', async () => {
  const none = { is: {}, not: {} };
  const { data: sessions } = await listSessions(store, { limit: 1000, order: 'asc' }, ask(none));
  for (const { record, sensorId, place } of data.sessions) {
    const { received_at, sensor, ...found } = sessions.find(({ id }) => id === record.id) ?? assert.fail('not listed');
    const last = data.events
      .filter(({ record: event }) => event.session_id === record.id && event.type === 'auth.attempt')
      .at(-1)?.record.fields;
    assert.deepEqual(found, {
      ...record,
      sensor_id: sensorId,
      ...place,
      country: orNull(place.country),
      username: last?.username ?? null,
      password: last?.password ?? null,
    });
    assert.equal(sensor, SENSOR_NAMES.get(sensorId) ?? sensorId);
  }
  const { data: events } = await listEvents(store, { limit: 1000, order: 'asc' }, ask(none));
  for (const { record, sensorId, place } of data.events) {
    const wanted = `${record.session_id}.${record.seq}`;
    const { id, sensor, ...found } = events.find((event) => event.id === wanted) ?? assert.fail('not listed');
    assert.deepEqual(found, { ...record, sensor_id: sensorId, ...place, country: orNull(place.country) });
  }
});

test('an export holds every session of the filter with all its events', async () => {
  await fc.assert(
    fc.asyncProperty(filterOfNames(), async (filter) => {
      const exported: ExportedSession[] = [];
      for await (const item of exportSessions(store, ask(filter))) exported.push(item);
      assert.deepEqual(
        exported.map(({ session, events }) => `${session.id} ${events.map(({ seq }) => seq)}`).sort(),
        model
          .sessions(filter)
          .map(({ record }) => `${record.id} ${Array.from({ length: record.events }, (_, seq) => seq)}`)
          .sort(),
      );
    }),
    { numRuns: 20 },
  );
});

test('what is told of an address is what its sessions say', async () => {
  const none = { is: {}, not: {} };
  for (const [spelled, address] of [
    ['198.51.100.7', '198.51.100.7'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['2001:0DB8:0:0::1', '2001:db8::1'],
  ] as const) {
    const sessions = data.sessions.filter(({ record }) => record.src_ip === address);
    const found = await source(store, spelled, ask(none));
    assert.equal(found?.src_ip, sessions.length === 0 ? undefined : address);
    assert.equal(found?.sessions ?? 0, sessions.length);
    assert.deepEqual(found?.protocols.toSorted(), [...new Set(sessions.map(({ record }) => record.protocol))].sort());
    assert.deepEqual(
      found?.ports,
      [...new Set(sessions.flatMap(({ record }) => (record.dst_port === null ? [] : [record.dst_port])))].sort(
        (a, b) => a - b,
      ),
    );
  }
  assert.equal(await source(store, '192.0.2.99', ask(none)), undefined);
  assert.equal(await source(store, '::', ask(none)), undefined, 'records without an address are of no source');
});

test('an artifact is listed once for its content, with what its captures say', async () => {
  await fc.assert(
    fc.asyncProperty(filterOfNames(), async (filter) => {
      const found = await artifacts(store, { limit: 100 }, ask(filter));
      const captures = model.events(filter).filter(({ record }) => record.type === 'file.captured');
      const wanted = [...Map.groupBy(captures, ({ record }) => String(record.fields.sha256))].map(
        ([sha256, group]) => ({
          sha256,
          captures: group.length,
          names: [...new Set(group.map(({ record }) => String(record.fields.name)))].sort(),
          last_seen: group
            .map(({ record }) => record.at)
            .sort()
            .at(-1),
        }),
      );
      assert.deepEqual(
        found
          .map(({ sha256, captures: n, names, last_seen }) => ({
            sha256,
            captures: n,
            names: names.toSorted(),
            last_seen,
          }))
          .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1)),
        wanted.sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1)),
      );
    }),
    { numRuns: 20 },
  );
});
