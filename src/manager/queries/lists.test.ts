import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { type EventRecord, errorCode, type TranscriptRecord, uuidv7 } from '../../events/index.ts';
import type { StoreClient } from '../store/client.ts';
import { startTestHost, type TestHost } from '../store/host/testing.ts';
import { eventRow, TABLES, transcriptRows } from '../store/rows.ts';
import { migrate } from '../store/schema.ts';
import { login, makeEvent, makeSession, testPlaces } from '../testing.ts';
import { exportSessions } from './export/sessions.ts';
import { findSession, listEvents, listSessions } from './lists.ts';
import { ask, at, insertDataset } from './testing.ts';
import { timeline } from './timeline.ts';
import { transcript } from './transcript.ts';

const ALL = ask({ is: {}, not: {} });
let host: TestHost;
let store: StoreClient;
before(async () => {
  host = await startTestHost();
  store = host.connect();
  await migrate(store);
});
after(async () => {
  await host.close();
});

async function insertEvents(events: readonly EventRecord[]): Promise<void> {
  const added = { sensorId: 's', receivedAt: at(0), place: testPlaces.of('198.51.100.7') };
  const rows = events.map((event) => `${eventRow(event, added)}\n`).join('');
  await store.insert('events', TABLES.events, rows, { token: uuidv7(Date.now()) });
}

async function insertTranscript(records: readonly TranscriptRecord[]): Promise<void> {
  const rows = records.flatMap((record) => [...transcriptRows(record)]).map((row) => `${row}\n`);
  await store.insert('transcripts', TABLES.transcripts, rows.join(''), { token: uuidv7(Date.now()) });
}

test('a cursor that is not ours is refused, and none makes the store complain', async () => {
  const cursorOf = (parts: unknown): string => Buffer.from(JSON.stringify(parts)).toString('base64url');
  const id = uuidv7(0);
  const refused = [
    'nonsense',
    cursorOf([]),
    cursorOf([at(0), '-'.repeat(36), 0]),
    cursorOf([at(0), id, -1]),
    cursorOf([at(0), id, 2 ** 32]),
    cursorOf([at(0), id, 0.5]),
    cursorOf(['yesterday', id, 0]),
    cursorOf(null),
  ];
  for (const cursor of refused)
    await assert.rejects(
      listEvents(store, { limit: 5, cursor, order: 'asc' }, ALL),
      (error) => errorCode(error) === 'CURSOR_INVALID',
      cursor,
    );
  const strange = fc.oneof(
    fc.string().map((text) => Buffer.from(text).toString('base64url')),
    fc.tuple(fc.date({ noInvalidDate: true }), fc.nat()).map(([date, seq]) => cursorOf([date.toISOString(), id, seq])),
  );
  await fc.assert(
    fc.asyncProperty(strange, async (cursor) => {
      try {
        await listSessions(store, { limit: 5, cursor, order: 'desc' }, ALL);
      } catch (error) {
        assert.equal(errorCode(error), 'CURSOR_INVALID');
      }
    }),
    { numRuns: 50 },
  );
});

test('times that no record can have are asked for without harm', async () => {
  for (const time of ['0000-01-01T00:00:00+23:59', '9999-12-31T23:59:59-23:59', '2026-02-28T23:59:59.123456789Z']) {
    await listSessions(store, { limit: 5, order: 'asc' }, ask({ from: time, is: {}, not: {} }));
    await listEvents(store, { limit: 5, order: 'asc' }, ask({ to: time, is: {}, not: {} }));
  }
});

test('a session that is still open is put together from its events', async () => {
  const session_id = uuidv7(Date.parse(at(10)));
  const files = { sha256: 'a'.repeat(64), sha1: '', md5: '', bytes: 1, via: 'upload', truncated: false };
  await insertEvents(
    [
      makeEvent({ type: 'session.opened' }),
      makeEvent(login('root', 'x')),
      makeEvent({ type: 'command.input', fields: { command: 'id' } }),
      makeEvent({ type: 'query', fields: { statement: 'SELECT 1' } }),
      makeEvent({ type: 'file.captured', fields: files }),
    ].map((event, seq) => ({ ...event, session_id, seq, at: at(10 + seq) })),
  );
  const found = await findSession(store, session_id, ALL);
  assert.ok(found !== undefined);
  const { started_at, ended_at, received_at, events, logins, commands, files: captured } = found;
  assert.deepEqual(
    { started_at, ended_at, received_at, events, logins, commands, captured },
    { started_at: at(10), ended_at: null, received_at: null, events: 5, logins: 1, commands: 2, captured: 1 },
  );
  assert.equal(await findSession(store, uuidv7(0), ALL), undefined);
});

test('a page of very long events ends early, and its cursor goes on behind the last of them', async () => {
  const session_id = uuidv7(Date.parse(at(20)));
  const long = 'x'.repeat(900_000);
  const events = Array.from({ length: 24 }, (_, seq) =>
    makeEvent({ session_id, seq, at: at(20), type: 'test.long', fields: { long } }),
  );
  await insertEvents(events);
  const seen: number[] = [];
  let pages = 0;
  let cursor: string | undefined;
  do {
    const page = await listEvents(store, { limit: 1000, cursor, order: 'asc', sessionId: session_id }, ALL);
    seen.push(...page.data.map(({ seq }) => seq));
    cursor = page.next ?? undefined;
    pages += 1;
  } while (cursor !== undefined);
  assert.ok(pages > 1);
  assert.deepEqual(
    seen,
    events.map(({ seq }) => seq),
  );
});

test('an export of sessions with very much in them reads them apart, and cuts what one alone has too much', async () => {
  const long = 'y'.repeat(1_000_000);
  const made = [20, 20, 20, 20, 1].map((count, index) => {
    const id = uuidv7(Date.parse(at(100 + index)));
    return { id, count };
  });
  const place = testPlaces.of(null);
  await insertDataset(store, {
    sessions: made.map(({ id, count }, index) => ({
      record: makeSession({ id, started_at: at(100 + index), events: count, honeypot: 'large' }),
      sensorId: 's',
      place,
    })),
    events: [],
  });
  for (const [index, { id, count }] of made.entries())
    await insertEvents(
      Array.from({ length: count }, (_, seq) =>
        makeEvent({ session_id: id, seq, at: at(100 + index), type: 'test.long', fields: { long } }),
      ),
    );
  const exported: number[] = [];
  for await (const { events } of exportSessions(store, ask({ is: { honeypot: ['large'] }, not: {} })))
    exported.push(events.length);
  assert.equal(exported.length, 5);
  assert.equal(exported.at(-1), 1);
  for (const length of exported.slice(0, 4)) assert.ok(length >= 16 && length <= 20, `${length} events`);
});

test('a conversation comes back in its order, byte for byte', async () => {
  const session_id = uuidv7(0);
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('base64');
  await insertTranscript([
    { session_id, seq: 1, at: at(1), parts: [[5, 'i', 'Yg==']] },
    {
      session_id,
      seq: 0,
      at: at(0),
      parts: [
        [100, 'i', bytes],
        [100, 'o', 'YQ=='],
        [250, 'i', ''],
      ],
    },
    { session_id: uuidv7(1), seq: 0, at: at(0), parts: [[0, 'i', 'bm90IHRoaXMgb25l']] },
  ]);
  assert.deepEqual(await transcript(store, session_id), {
    data: [
      { offset_ms: 0, direction: 'in', data: bytes },
      { offset_ms: 0, direction: 'out', data: 'YQ==' },
      { offset_ms: 150, direction: 'in', data: '' },
      { offset_ms: 59_905, direction: 'in', data: 'Yg==' },
    ],
    truncated: false,
  });
  assert.deepEqual(await transcript(store, uuidv7(2)), { data: [], truncated: false });
});

test('a conversation that is longer than an answer may be is cut, and says so', async () => {
  const session_id = uuidv7(3);
  const piece = Buffer.alloc(200_000, 'z').toString('base64');
  const parts = Array.from({ length: 80 }, (): TranscriptRecord['parts'][number] => [0, 'i', piece]);
  await insertTranscript([{ session_id, seq: 0, at: at(0), parts }]);
  const answer = await transcript(store, session_id);
  assert.equal(answer.truncated, true);
  assert.ok(answer.data.length > 10 && answer.data.length < 80);
});

test('a timeline of more buckets than an answer may have is refused', async () => {
  const minutes = 100_002;
  await store.command(
    `INSERT INTO sessions (id, started_at, ended_at, received_at, protocol) SELECT generateUUIDv4(number), toDateTime64('2020-01-01 00:00:00', 3, 'UTC') + toIntervalMinute(number) AS t, t, t, 'many' FROM numbers(${minutes})`,
  );
  const filter = { is: { protocol: ['many'] }, not: {} };
  await assert.rejects(
    timeline(store, { interval: 'minute', by: 'protocol', limit: 1 }, ask(filter)),
    (error) => errorCode(error) === 'TIMELINE_TOO_LONG',
  );
  const hours = await timeline(store, { interval: 'hour', by: 'protocol', limit: 1 }, ask(filter));
  assert.equal(
    hours.reduce((sum, row) => sum + row.sessions, 0),
    minutes,
  );
});
