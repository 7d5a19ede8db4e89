import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ARTIFACT_CHUNK_BYTES,
  END_REASONS,
  type Envelope,
  MAX_ARTIFACT_BYTES,
  MAX_LONG_TEXT,
  MAX_RECORD_BYTES,
  type WireRecord,
} from '../events/index.ts';
import type { Entry } from '../spool/index.ts';
import { progressKey } from './open-session.ts';
import { catalogueOf, type RecorderLimits, SessionRecorder } from './session-recorder.ts';
import { eventsOf, recordsOf, sessionsOf, TEST_BOOT } from './testing.ts';

const ENVELOPE: Envelope = {
  ...{ src_ip: '192.0.2.7', src_port: 40_000, dst_ip: '2001:db8::1', dst_port: 23 },
  ...{ transport: 'tcp', protocol: 'toy', service: 'toy', honeypot: 'sundew' },
};
const LIMITS: RecorderLimits = { maxEvents: 100, maxTranscriptBytes: 1000, maxCaptureBytes: 1000 };

function recorder(limits: Partial<RecorderLimits> = {}, now: () => number = () => 1_700_000_000_000): SessionRecorder {
  return new SessionRecorder({
    envelope: ENVELOPE,
    bootId: TEST_BOOT,
    events: catalogueOf({}),
    limits: { ...LIMITS, ...limits },
    now,
  });
}

function collected(session: SessionRecorder): Entry[] {
  const entries: Entry[] = [];
  session.collect(entries);
  return entries;
}

const types = (records: readonly WireRecord[]): string[] => eventsOf(records).map((event) => event.type);
const limitsOf = (records: readonly WireRecord[]): unknown[] =>
  eventsOf(records).flatMap((event) => (event.type === 'limit.reached' ? [event.fields] : []));

test('a session is opened, has its events in order and ends with its record', () => {
  let now = 1000;
  const session = recorder({}, () => now);
  session.record('auth.attempt', { username: 'root', password: 'x', mechanism: 'plain', accepted: true });
  session.record('command.input', { command: 'id' });
  session.note({ client: 'hydra', tags: ['a', 'a', 'b'], techniques: ['T1110'] });
  session.transferred('i', Buffer.from('hello'), true);
  session.transferred('o', Buffer.from('hi'), true);
  now = 3500;
  session.end('peer_closed');
  const records = recordsOf(collected(session));
  assert.deepEqual(
    records.map((record) => record.record),
    ['event', 'event', 'event', 'event', 'transcript', 'session'],
  );
  assert.deepEqual(types(records), ['session.opened', 'auth.attempt', 'command.input', 'session.closed']);
  assert.deepEqual(
    eventsOf(records, session.id).map((event) => event.seq),
    [0, 1, 2, 3],
  );
  const { n, record, ...ended } = sessionsOf(records)[0] as WireRecord & { record: 'session' };
  assert.deepEqual(ended, {
    ...ENVELOPE,
    ...{ id: session.id, boot_id: TEST_BOOT, end_reason: 'peer_closed' },
    ...{ started_at: '1970-01-01T00:00:01.000Z', ended_at: '1970-01-01T00:00:03.500Z' },
    ...{ bytes_in: 5, bytes_out: 2, events: 4, logins: 1, commands: 1, files: 0, severity: 3 },
    ...{ ja4: '', hassh: '', client: 'hydra', tags: ['a', 'b'], techniques: ['T1110'] },
    ...{ ports: [], scan: '', origin: '' },
  });
});

test('the severity is that of the worst that happened', () => {
  const severity = (type?: string, fields: Record<string, unknown> = {}): number | undefined => {
    const session = recorder();
    if (type !== undefined) session.record(type, fields);
    session.end('peer_closed');
    return sessionsOf(recordsOf(collected(session)))[0]?.severity;
  };
  const login = { username: 'a', password: null, mechanism: 'plain' };
  assert.equal(severity(), 0);
  assert.equal(severity('auth.attempt', { ...login, accepted: false }), 1);
  assert.equal(severity('auth.attempt', { ...login, accepted: true }), 2);
  assert.equal(severity('query', { statement: 'select 1' }), 3);
  assert.equal(severity('exploit.matched', { rule: 'x' }), 4);
});

test('an event that the service did not declare is an error of the service', () => {
  assert.throws(() => recorder().record('toy.unknown', {}), TypeError);
});

test('a value that was cut is followed by the limit that cut it', () => {
  const session = recorder();
  session.record('command.input', { command: 'x'.repeat(MAX_LONG_TEXT + 1) });
  const records = recordsOf(collected(session));
  assert.deepEqual(types(records), ['session.opened', 'command.input', 'limit.reached']);
  assert.deepEqual(limitsOf(records), [{ limit: 'command.input command', value: MAX_LONG_TEXT + 1 }]);
});

test('at the limit of events it says so once and records no more', () => {
  const session = recorder({ maxEvents: 4 });
  for (let i = 0; i < 10; i += 1) session.record('command.input', { command: 'x' });
  assert.equal(session.exhausted, true);
  session.capture(Buffer.from('late'), { via: 'upload' });
  session.reachLimit('idle seconds', 1);
  session.end('limit');
  const records = recordsOf(collected(session));
  assert.equal(records.filter((record) => record.record === 'artifact').length, 0);
  assert.deepEqual(types(records).slice(4), ['limit.reached', 'session.closed']);
  assert.deepEqual(limitsOf(records), [{ limit: 'events', value: 4 }]);
  assert.equal(sessionsOf(records)[0]?.events, 6);
  assert.equal(sessionsOf(records)[0]?.commands, 3);
});

test('what a service held when another limit ended the session is still recorded', () => {
  const session = recorder();
  session.reachLimit('idle seconds', 120);
  session.capture(Buffer.from('half an upload'), { via: 'upload', truncated: true });
  session.end('idle');
  const records = recordsOf(collected(session));
  assert.deepEqual(types(records), ['session.opened', 'limit.reached', 'file.captured', 'session.closed']);
});

test('after its end a session records nothing', () => {
  const session = recorder();
  session.end('peer_closed');
  const before = collected(session).length;
  session.record('command.input', { command: 'late' });
  session.capture(Buffer.from('late'), { via: 'upload' });
  session.trace('i', Buffer.from('late'));
  session.transferred('i', Buffer.from('late'), true);
  session.reachLimit('idle seconds', 1);
  session.end('idle');
  assert.equal(before > 0, true);
  assert.deepEqual(collected(session), []);
});

test('the transcript holds the first bytes of both directions up to its bound, and says once that more came', () => {
  const session = recorder({ maxTranscriptBytes: 10 });
  session.transferred('i', Buffer.from('12345'), true);
  session.transferred('o', Buffer.from('abcde'), true);
  assert.deepEqual(limitsOf(recordsOf(collected(session))), [], 'all of it fitted');
  session.transferred('i', Buffer.from('6'), true);
  session.transferred('i', Buffer.from('7'), true);
  session.end('peer_closed');
  const records = recordsOf(collected(session));
  assert.deepEqual(limitsOf(records), [{ limit: 'transcript bytes', value: 10 }]);
  assert.equal(
    records.some((record) => record.record === 'transcript'),
    false,
  );
  assert.equal(sessionsOf(records)[0]?.bytes_in, 7);
});

test('a sensor that keeps no transcripts does not complain of it', () => {
  const session = recorder({ maxTranscriptBytes: 0 });
  session.transferred('i', Buffer.from('x'), true);
  session.end('peer_closed');
  assert.deepEqual(types(recordsOf(collected(session))), ['session.opened', 'session.closed']);
});

test('bytes that the service traces itself are counted and not kept twice', () => {
  const session = recorder();
  session.transferred('i', Buffer.from('cipher'), false);
  session.trace('i', Buffer.from('plain'));
  session.end('peer_closed');
  const records = recordsOf(collected(session));
  const parts = records.flatMap((record) => (record.record === 'transcript' ? record.parts : []));
  assert.deepEqual(parts, [[0, 'i', Buffer.from('plain').toString('base64')]]);
  assert.equal(sessionsOf(records)[0]?.bytes_in, 6);
});

test('a long turn makes several transcript records, none larger than a record may be', () => {
  const session = recorder({ maxTranscriptBytes: 4_000_000 });
  const chunks = Array.from({ length: 40 }, (_, index) => Buffer.alloc(65_536 - index, index));
  for (const chunk of chunks) session.transferred('i', chunk, true);
  for (let i = 0; i < 3000; i += 1) session.transferred('o', Buffer.from('x'), true);
  const entries = collected(session);
  for (const entry of entries) if ('kind' in entry) assert.ok(Buffer.byteLength(entry.payload) <= MAX_RECORD_BYTES);
  const transcripts = recordsOf(entries).flatMap((record) => (record.record === 'transcript' ? [record] : []));
  assert.deepEqual(
    transcripts.map((record) => record.seq),
    transcripts.map((_, index) => index),
  );
  const kept = (way: string): Buffer[] =>
    transcripts.flatMap(({ parts }) =>
      parts.flatMap((part) => (part[1] === way ? [Buffer.from(part[2], 'base64')] : [])),
    );
  assert.ok(Buffer.concat(kept('i')).equals(Buffer.concat(chunks)));
  assert.equal(kept('o').length, 3000);
});

test('an event of many long texts is no larger than a record may be', () => {
  const session = recorder();
  const headers = Array.from({ length: 1000 }, () => ['x', '\0'.repeat(6000)]);
  session.record('request', { method: 'GET', target: '/', headers });
  const entries = collected(session);
  for (const entry of entries) if ('kind' in entry) assert.ok(Buffer.byteLength(entry.payload) <= MAX_RECORD_BYTES);
  assert.deepEqual(types(recordsOf(entries)), ['session.opened', 'request', 'limit.reached']);
});

test('an artifact comes in pieces that make it up again, before the event that names it', () => {
  const size = 2 * ARTIFACT_CHUNK_BYTES + 17;
  const bytes = Buffer.alloc(size, 'sundew');
  const session = recorder({ maxCaptureBytes: MAX_ARTIFACT_BYTES });
  session.capture(bytes, { via: 'upload', name: 'x.exe' });
  const records = recordsOf(collected(session)).slice(1);
  assert.deepEqual(
    records.map((record) => record.record),
    ['artifact', 'artifact', 'artifact', 'event'],
  );
  const pieces = records.flatMap((record) => (record.record === 'artifact' ? [record] : []));
  assert.deepEqual(
    pieces.map((piece) => [piece.offset, piece.size]),
    [0, 1, 2].map((at) => [at * ARTIFACT_CHUNK_BYTES, size]),
  );
  assert.ok(Buffer.concat(pieces.map((piece) => Buffer.from(piece.data, 'base64'))).equals(bytes));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  assert.ok(pieces.every((piece) => piece.sha256 === sha256));
  const { fields } = eventsOf(records)[0] as { fields: Record<string, unknown> };
  assert.deepEqual([fields.sha256, fields.bytes, fields.truncated, fields.name], [sha256, size, false, 'x.exe']);
});

test('an empty file is an artifact too', () => {
  const session = recorder();
  session.capture(Buffer.alloc(0), { via: 'shell' });
  const pieces = recordsOf(collected(session)).flatMap((record) => (record.record === 'artifact' ? [record] : []));
  assert.deepEqual(
    pieces.map((piece) => [piece.size, piece.offset, piece.data]),
    [[0, 0, '']],
  );
});

test('captures are kept up to their bound, and that it was reached is said once', () => {
  const session = recorder({ maxCaptureBytes: 6 });
  for (const text of ['1234', 'abcd', 'more', 'and more']) session.capture(Buffer.from(text), { via: 'upload' });
  const records = recordsOf(collected(session));
  const kept = records.flatMap((record) =>
    record.record === 'artifact' ? [Buffer.from(record.data, 'base64').toString()] : [],
  );
  assert.deepEqual(kept, ['1234', 'ab']);
  assert.deepEqual(limitsOf(records), [{ limit: 'captured bytes', value: 6 }]);
  const truncated = eventsOf(records).flatMap((event) =>
    event.type === 'file.captured' ? [event.fields.truncated] : [],
  );
  assert.deepEqual(truncated, [false, true]);
});

test('while a session is open its progress is kept beside it, and both are closed with it', () => {
  const session = recorder();
  const first = collected(session);
  assert.deepEqual(
    first.map((entry) => ('open' in entry ? entry.open : 'record')),
    ['record', session.id],
    'a session that has done nothing has no progress',
  );
  session.record('command.input', { command: 'id' });
  session.transferred('i', Buffer.from('id\n'), false);
  const second = collected(session);
  const progress = second.find((entry) => 'open' in entry);
  assert.ok(progress !== undefined && 'open' in progress && progress.open === progressKey(session.id));
  const { events, commands, bytes_in } = JSON.parse(progress.payload) as Record<string, unknown>;
  assert.deepEqual({ events, commands, bytes_in }, { events: 2, commands: 1, bytes_in: 3 });
  assert.equal(second.at(-1), progress, 'it is written after what it counts');
  assert.deepEqual(collected(session), [], 'nothing happened in this turn');
  session.end('peer_closed');
  const closed = collected(session).flatMap((entry) => ('closed' in entry ? [entry.closed] : []));
  assert.deepEqual(closed, [session.id, progressKey(session.id)]);
});

/** What a service and its peer can do to a recorder. */
type Doing = (session: SessionRecorder) => void;

const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc
    .tuple(fc.constantFrom('\0', 'é', '😀', '\u2028', '"\\'), fc.constantFrom(63, 4097, 65_537, 150_000))
    .map(([unit, length]) => unit.repeat(length).slice(0, length)),
);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 64 }),
  fc
    .constantFrom(1, 65_536, ARTIFACT_CHUNK_BYTES, ARTIFACT_CHUNK_BYTES + 1, 700_000)
    .map((size) => Buffer.alloc(size, 7)),
);
const direction = fc.constantFrom<'i' | 'o'>('i', 'o');
const doing: fc.Arbitrary<Doing> = fc.oneof(
  hostileText.map(
    (command): Doing =>
      (session) =>
        session.record('command.input', { command }),
  ),
  fc.tuple(hostileText, hostileText).map(
    ([username, password]): Doing =>
      (session) =>
        session.record('auth.attempt', {
          username,
          password,
          mechanism: 'plain',
          accepted: false,
          detail: { username },
        }),
  ),
  fc.array(fc.tuple(hostileText, hostileText), { maxLength: 20 }).map(
    (headers): Doing =>
      (session) =>
        session.record('request', { method: 'GET', target: '/', headers }),
  ),
  fc.tuple(direction, bytes, fc.boolean()).map(
    ([way, data, keep]): Doing =>
      (session) =>
        session.transferred(way, data, keep),
  ),
  fc.tuple(bytes, hostileText).map(
    ([data, name]): Doing =>
      (session) =>
        session.capture(data, { name, via: 'upload' }),
  ),
  fc.tuple(hostileText, fc.array(hostileText, { maxLength: 80 })).map(
    ([client, tags]): Doing =>
      (session) =>
        session.note({ client, tags, techniques: tags, ja4: client, hassh: client }),
  ),
  fc.constant<Doing>((session) => session.reachLimit('bytes in', 1)),
);

test('every record is one that the manager takes, whatever the peer sent and however the clock runs', () => {
  const limits = fc.record({
    maxEvents: fc.constantFrom(1, 5, 1000),
    maxTranscriptBytes: fc.constantFrom(0, 1, 300_000, 4_000_000),
    maxCaptureBytes: fc.constantFrom(0, 1, 300_000, 4_000_000),
  });
  const clock = fc.array(fc.nat(253_402_300_799_999), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(
      limits,
      clock,
      fc.array(doing, { maxLength: 14 }),
      fc.constantFrom(...END_REASONS),
      (given, times, actions, reason) => {
        let ticks = 0;
        const session = recorder(given, () => {
          ticks += 1;
          return times[ticks % times.length] ?? 0;
        });
        const entries: Entry[] = [];
        for (const action of actions) {
          action(session);
          if (ticks % 3 === 0) session.collect(entries);
        }
        session.end(reason);
        session.collect(entries);
        const records = recordsOf(entries);
        for (const entry of entries)
          if ('kind' in entry) assert.ok(Buffer.byteLength(entry.payload) <= MAX_RECORD_BYTES);
        assert.equal(records.at(-1)?.record, 'session');
        assert.equal(sessionsOf(records).length, 1);
        const seqs = eventsOf(records).map((event) => event.seq);
        assert.ok(seqs.every((seq) => seq < given.maxEvents + 20 + actions.length));
      },
    ),
    { numRuns: 80 },
  );
});

test('events are numbered without a gap and the session counts them', () => {
  fc.assert(
    fc.property(fc.array(doing, { maxLength: 10 }), (actions) => {
      const session = recorder({ maxTranscriptBytes: 10, maxCaptureBytes: 10, maxEvents: 8 });
      const entries: Entry[] = [];
      for (const action of actions) {
        action(session);
        session.collect(entries);
      }
      session.end('peer_closed');
      session.collect(entries);
      const records = recordsOf(entries);
      const seqs = eventsOf(records).map((event) => event.seq);
      assert.deepEqual(
        seqs,
        seqs.map((_, index) => index),
      );
      assert.equal(sessionsOf(records)[0]?.events, seqs.length);
    }),
    { numRuns: 60 },
  );
});
