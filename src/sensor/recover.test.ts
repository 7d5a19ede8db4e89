import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, statSync, truncateSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { EventRecord, SessionRecord, WireRecord } from '../events/index.ts';
import { wireRecord } from '../events/index.ts';
import { type Entry, openSpool, type Spool } from '../spool/index.ts';
import { killedCopy, readAll, segmentFiles, tempDir } from '../spool/testing.ts';
import { progressKey } from './open-session.ts';
import { closeRecovered } from './recover.ts';
import { catalogueOf, SessionRecorder } from './session-recorder.ts';
import { eventsOf, sessionsOf, TEST_BOOT } from './testing.ts';

const MAX_BYTES = 64 * 1_048_576;

function start(t: TestContext, dir: string): Spool {
  const spool = openSpool({ dir, maxBytes: MAX_BYTES });
  t.after(() => spool.close());
  return spool;
}

let now = 1_700_000_000_000;

function recorder(): SessionRecorder {
  return new SessionRecorder({
    envelope: {
      ...{ src_ip: '192.0.2.7', src_port: 40_000, dst_ip: '198.51.100.1', dst_port: 21 },
      ...{ transport: 'tcp', protocol: 'ftp', service: 'ftp', honeypot: 'sundew' },
    },
    bootId: TEST_BOOT,
    events: catalogueOf({}),
    limits: { maxEvents: 100, maxTranscriptBytes: 1000, maxCaptureBytes: 1000 },
    now: () => {
      now += 1;
      return now;
    },
  });
}

/** What the sensor does at the end of a turn. */
function turn(spool: Spool, ...sessions: SessionRecorder[]): void {
  const entries: Entry[] = [];
  for (const session of sessions) session.collect(entries);
  spool.append(entries);
}

const login = (session: SessionRecorder, accepted = false): void =>
  session.record('auth.attempt', { username: 'root', password: 'x', mechanism: 'plain', accepted });

function recordsIn(spool: Spool): WireRecord[] {
  return readAll(spool, 1_000_000, 1000).map(({ text, seq }) =>
    wireRecord.parse({ ...(JSON.parse(text) as object), n: seq }),
  );
}

/** What must hold of each session there is, however its sensor ended. */
function assertWhole(records: readonly WireRecord[]): void {
  const sessions = new Map<string, SessionRecord>();
  for (const session of sessionsOf(records)) {
    assert.ok(!sessions.has(session.id), `session ${session.id} is there twice`);
    sessions.set(session.id, session);
  }
  const events = Map.groupBy(eventsOf(records), (event) => event.session_id ?? '');
  for (const [id, list] of events) {
    const session = sessions.get(id);
    assert.ok(session !== undefined, `session ${id} was never closed`);
    const seqs = list.map((event) => event.seq);
    assert.deepEqual(
      seqs,
      seqs.map((_, at) => at),
    );
    const counted = (...types: string[]): number => list.filter((event) => types.includes(event.type)).length;
    assert.equal(list.at(-1)?.type, 'session.closed');
    assert.equal(counted('session.closed'), 1);
    assert.deepEqual(
      [session.events, session.logins, session.commands, session.files],
      [seqs.length, counted('auth.attempt'), counted('command.input', 'query'), counted('file.captured')],
    );
    assert.equal(list.at(-1)?.fields.reason, session.end_reason);
    assert.ok(session.ended_at >= session.started_at);
  }
}

test('sessions of a dead run are closed with what is known of them', (t) => {
  const dir = tempDir(t);
  const spool = start(t, dir);
  const [silent, busy, over] = [recorder(), recorder(), recorder()];
  turn(spool, silent, busy, over);
  busy.transferred('i', Buffer.from('USER root'), false);
  busy.note({ client: 'hydra', tags: ['scanner'], techniques: ['T1110'] });
  login(busy, true);
  busy.record('command.input', { command: 'id' });
  over.end('peer_closed');
  turn(spool, busy, over);
  const next = start(t, killedCopy(t, dir));
  assert.equal(closeRecovered(next), 2);
  const records = recordsIn(next);
  assertWhole(records);
  const sessions = new Map(sessionsOf(records).map((session) => [session.id, session]));
  assert.equal(sessions.get(silent.id)?.end_reason, 'sensor_restarted');
  assert.equal(sessions.get(silent.id)?.events, 2);
  assert.equal(sessions.get(over.id)?.end_reason, 'peer_closed');
  const found = sessions.get(busy.id);
  assert.deepEqual(
    [found?.events, found?.logins, found?.commands, found?.bytes_in, found?.severity, found?.src_ip, found?.boot_id],
    [4, 1, 1, 9, 3, '192.0.2.7', TEST_BOOT],
  );
  assert.deepEqual([found?.client, found?.tags, found?.techniques], ['hydra', ['scanner'], ['T1110']]);
  assert.equal(next.stats().open, 0);
});

test('what was closed once is not closed again at the next start', async (t) => {
  const dir = tempDir(t);
  const spool = start(t, dir);
  const session = recorder();
  login(session);
  turn(spool, session);
  const copy = killedCopy(t, dir);
  const next = start(t, copy);
  assert.equal(closeRecovered(next), 1);
  await next.close();
  const third = start(t, copy);
  assert.equal(third.recoveredOpen.size, 0);
  assert.equal(closeRecovered(third), 0);
  assertWhole(recordsIn(third));
});

test('the progress of a session whose records are with the manager already is enough', (t) => {
  const dir = tempDir(t);
  const spool = start(t, dir);
  const session = recorder();
  login(session, true);
  turn(spool, session);
  spool.ack(spool.boot, spool.nextSeq - 1);
  const next = start(t, killedCopy(t, dir));
  closeRecovered(next);
  const records = recordsIn(next).filter((record) => record.record !== 'event' || record.type === 'session.closed');
  const closing = eventsOf(records)[0] as EventRecord;
  assert.equal(closing.seq, 2);
  const [found] = sessionsOf(records);
  assert.deepEqual([found?.events, found?.logins, found?.severity], [3, 1, 2]);
});

/** The folder with its newest segment cut to a length. */
function cut(t: TestContext, dir: string, length: number): string {
  const copy = tempDir(t);
  mkdirSync(join(copy, 'segments'));
  const files = segmentFiles(dir);
  for (const file of files) copyFileSync(file, join(copy, 'segments', basename(file)));
  truncateSync(join(copy, 'segments', basename(files.at(-1) as string)), length);
  return copy;
}

/** Bytes from cut to cut. A frame is longer, so each is missing at some cut while the one before it is there. */
const STEP = 40;

test('wherever a write is torn, each session is closed once and with the events that are there', async (t) => {
  const dir = tempDir(t);
  const spool = start(t, dir);
  const segment = segmentFiles(dir).at(-1) as string;
  const first = statSync(segment).size;
  const [a, b] = [recorder(), recorder()];
  turn(spool, a, b);
  login(a);
  a.record('query', { statement: 'select 1' });
  login(b, true);
  turn(spool, a, b);
  b.record('command.input', { command: 'id' });
  a.capture(Buffer.from('x'), { via: 'upload' });
  a.end('peer_closed');
  turn(spool, a, b);
  const last = statSync(segment).size;
  let closedByRecovery = 0;
  for (let length = first; length <= last; length += STEP) {
    const next = openSpool({ dir: cut(t, dir, length), maxBytes: MAX_BYTES });
    closedByRecovery += closeRecovered(next);
    assertWhole(recordsIn(next));
    assert.equal(next.stats().open, 0, `something stays open after a cut at ${length}`);
    await next.close();
  }
  assert.ok(closedByRecovery > (last - first) / STEP, 'the cuts hit nothing');
});

test('an opening torn from its entry is closed even where the next run dies before it has closed it', async (t) => {
  const dir = tempDir(t);
  const spool = start(t, dir);
  const session = recorder();
  const entries: Entry[] = [];
  session.collect(entries);
  spool.append(entries.slice(0, 1));
  const copy = killedCopy(t, dir);
  const second = start(t, copy);
  // It dies in its first write: what it puts into the table is there, and nothing else.
  const append = second.append.bind(second);
  second.append = (given) => {
    append(given);
    throw new Error('killed');
  };
  assert.throws(() => closeRecovered(second), /killed/);
  const third = start(t, killedCopy(t, copy));
  assert.equal(closeRecovered(third), 1);
  const records = recordsIn(third);
  assertWhole(records);
  assert.deepEqual(
    sessionsOf(records).map(({ id, boot_id, started_at }) => ({ id, boot_id, started_at })),
    [{ id: session.id, boot_id: spool.boot, started_at: new Date(session.startedAt).toISOString() }],
  );
});

test('a progress whose session is closed does not stay for ever', (t) => {
  const dir = tempDir(t);
  const spool = start(t, dir);
  spool.append([{ open: progressKey('0192aaaa-0000-7000-8000-000000000009'), payload: '{}' }]);
  const next = start(t, killedCopy(t, dir));
  assert.equal(next.stats().open, 1);
  assert.equal(closeRecovered(next), 0);
  assert.equal(next.stats().open, 0);
  assert.deepEqual(recordsIn(next), []);
});

test('a dead run of many sessions leaves every one of them closed', (t) => {
  const dir = tempDir(t);
  const spool = start(t, dir);
  const sessions = Array.from({ length: 500 }, recorder);
  turn(spool, ...sessions);
  for (const [at, session] of sessions.entries()) for (let i = 0; i < at % 4; i += 1) login(session);
  turn(spool, ...sessions);
  for (const session of sessions.slice(0, 100)) session.end('peer_closed');
  turn(spool, ...sessions);
  const next = start(t, killedCopy(t, dir));
  assert.equal(closeRecovered(next), 400);
  const records = recordsIn(next);
  assert.equal(sessionsOf(records).length, 500);
  assertWhole(records);
});
