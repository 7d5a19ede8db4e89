import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type WireRecord, wireRecord } from '../../events/index.ts';
import { wireEvent, wireSession } from '../testing.ts';
import { CLOCK_TAG, Clock } from './clock.ts';

const NOW = Date.parse('2026-11-22T10:20:30.000Z');
const DAY = '2026-11-22T00:00:00.000Z';
const clock = new Clock(NOW);
const steady = (record: WireRecord): WireRecord => wireRecord.parse(clock.steady(record));

test('a record of a right clock, or of a long wait on a spool, is left as it is', () => {
  for (const at of ['2026-11-22T10:20:30.000Z', '2025-01-01T00:00:00.000Z', '2026-11-23T10:20:30.000Z']) {
    const session = wireSession(1, { started_at: at });
    assert.equal(clock.steady(session), session);
    const event = wireEvent(2, { at });
    assert.equal(clock.steady(event), event);
  }
});

test('records of a clock that was never set or lies are moved to the day they came, and marked', () => {
  for (const at of ['1970-01-01T00:00:07.000Z', '0000-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z']) {
    const session = steady(wireSession(1, { started_at: at, tags: ['x'] }));
    assert.ok(session.record === 'session');
    assert.deepEqual([session.started_at, session.ended_at, session.tags], [DAY, DAY, ['x', CLOCK_TAG]]);
    const event = steady(wireEvent(2, { at, fields: { a: 1 } }));
    assert.ok(event.record === 'event');
    assert.deepEqual([event.at, event.fields], [DAY, { a: 1, reported_at: at }]);
    const transcript = steady({ record: 'transcript', n: 3, session_id: session.id, seq: 0, at, parts: [] });
    assert.ok(transcript.record === 'transcript');
    assert.equal(transcript.at, DAY);
  }
});

test('a session that began at a possible time and ended at none ends when it began', () => {
  const at = '2026-11-22T09:00:00.000Z';
  const session = steady(wireSession(1, { started_at: at, ended_at: '2150-01-01T00:00:00.000Z' }));
  assert.ok(session.record === 'session');
  assert.deepEqual([session.started_at, session.ended_at, session.tags], [at, at, [CLOCK_TAG]]);
});

test('the mark finds room among as many tags as a session may have', () => {
  const tags = Array.from({ length: 1024 }, (_, index) => `t${index}`);
  const session = steady(wireSession(1, { started_at: '1970-01-01T00:00:00.000Z', tags }));
  assert.ok(session.record === 'session' && session.tags.includes(CLOCK_TAG));
});
