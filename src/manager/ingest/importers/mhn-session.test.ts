import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { eventRecord, sessionRecord } from '../../../events/index.ts';
import { mhnRow } from '../../queries/export/mhn.ts';
import type { ExportedSession } from '../../queries/export/sessions.ts';
import type { ImportedRow } from './importer.ts';
import { hpfeedIdOf, mhnSession, readMhnSession, sessionIdOf } from './mhn-session.ts';

const ROW = {
  _id: { $oid: '5bd7f0b12d3ed21a4f6a1c01' },
  protocol: 'mssqld',
  hpfeed_id: { $oid: '5bd7f0b12d3ed21a4f6a1c02' },
  timestamp: { $date: '2018-10-30T05:52:27.681+0000' },
  source_ip: '198.51.100.7',
  source_port: 51_234,
  destination_port: 1433,
  identifier: 'e2b6ee2e-dc0b-11e8-9a3e-0242ac110002',
  honeypot: 'dionaea',
};
type Row = Record<string, unknown>;
const row = (more: Row = {}): Row => ({ ...ROW, ...more });

function read(given: Row): ImportedRow {
  const result = readMhnSession(given);
  if (result.kind !== 'row') throw new Error(result.reason);
  return result.row;
}
const sessionOf = (more: Row) => read(row(more)).session;

const DATES: readonly (readonly [string, unknown, string])[] = [
  ['milliseconds, as tools up to 2.4 write them', { $date: 1_540_878_747_681 }, '2018-10-30T05:52:27.681Z'],
  ['text with +0000, as 2.6 does', { $date: '2018-10-30T05:52:27.681+0000' }, '2018-10-30T05:52:27.681Z'],
  ['text with the zone of the machine', { $date: '2018-10-30T07:52:27.681+0200' }, '2018-10-30T05:52:27.681Z'],
  ['text with a zone behind UTC', { $date: '2018-10-29T22:22:27.681-0730' }, '2018-10-30T05:52:27.681Z'],
  ['a number before 1970, as 2.6 does', { $date: { $numberLong: '-1000' } }, '1969-12-31T23:59:59.000Z'],
  ['text with Z, as 3.0 does', { $date: '2020-11-29T17:38:07.862Z' }, '2020-11-29T17:38:07.862Z'],
  ['text without a fraction, as 4.2 does', { $date: '2020-11-29T17:38:07Z' }, '2020-11-29T17:38:07.000Z'],
  ['text with six digits', { $date: '2020-11-29T17:38:07.862999Z' }, '2020-11-29T17:38:07.862Z'],
  ['canonical form', { $date: { $numberLong: '1540878747681' } }, '2018-10-30T05:52:27.681Z'],
  ['text alone, as in an array made by hand', '2018-10-30T05:52:27.681Z', '2018-10-30T05:52:27.681Z'],
  ['text without a zone', '2018-10-30 05:52:27', '2018-10-30T05:52:27.000Z'],
];
for (const [what, timestamp, expected] of DATES)
  test(`a date is read: ${what}`, () => {
    const { session } = read(row({ timestamp }));
    assert.deepEqual([session.started_at, session.ended_at], [expected, expected]);
  });

test('a row without a date, or with one that no calendar has, is invalid and says why', () => {
  const { timestamp: _, ...without } = ROW;
  assert.deepEqual(readMhnSession(without), { kind: 'invalid', reason: 'has no timestamp' });
  for (const timestamp of [
    ...[null, '', 'yesterday', {}, [], { $date: null }, { $date: 'never' }, { $date: '2018-13-45T99:00:00Z' }],
    ...[{ $date: 1e300 }, { $date: { $numberLong: '9'.repeat(400) } }, { $date: { $date: 1 } }, true],
  ])
    assert.deepEqual(
      readMhnSession(row({ timestamp })),
      { kind: 'invalid', reason: 'has a timestamp that is no date' },
      JSON.stringify(timestamp),
    );
});

test('a row that says nothing of a session is invalid', () => {
  const result = readMhnSession({ timestamp: ROW.timestamp, name: 'x' });
  assert.deepEqual(result, { kind: 'invalid', reason: 'is no session: it has no protocol, source, honeypot or port' });
});

test('an ObjectId becomes a session id and back, and any other name becomes the same id each time', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 24, maxLength: 24 }), (name) => {
      assert.equal(hpfeedIdOf(sessionIdOf(name)), name);
    }),
  );
  const odd = sessionIdOf('not an ObjectId');
  assert.equal(sessionIdOf('not an ObjectId'), odd);
  assert.equal(hpfeedIdOf(odd), undefined);
  assert.notEqual(sessionIdOf('another'), odd);
});

test('the id tells rows apart by hpfeed_id, and without one by everything but _id', () => {
  assert.equal(sessionOf({ _id: { $oid: 'other' } }).id, sessionOf({}).id);
  assert.notEqual(sessionOf({ hpfeed_id: { $oid: '5bd7f0b12d3ed21a4f6a1c03' } }).id, sessionOf({}).id);
  const { hpfeed_id: _, ...without } = ROW;
  assert.equal(read({ ...without, _id: 1 }).session.id, read({ ...without, _id: 2 }).session.id);
  assert.notEqual(read({ ...without, source_port: 1 }).session.id, read(without).session.id);
});

test('addresses are kept as found where they are addresses, IPv4-mapped ones as IPv4, and are none otherwise', () => {
  const seen = (source_ip: unknown) => sessionOf({ source_ip }).src_ip;
  assert.equal(seen('::ffff:198.51.100.9'), '198.51.100.9');
  assert.equal(seen('2001:DB8::1'), '2001:db8::1');
  for (const none of ['', undefined, null, '::', 'localhost', 7, {}, '198.51.100.300']) assert.equal(seen(none), null);
  assert.equal(sessionOf({ destination_ip: ['203.0.113.4', '203.0.113.5'] }).dst_ip, '203.0.113.4');
});

test('ports are numbers however they are written, and none where they are none', () => {
  const seen = (destination_port: unknown) => sessionOf({ destination_port }).dst_port;
  for (const port of [22, '22', { $numberInt: '22' }, { $numberLong: '22' }]) assert.equal(seen(port), 22);
  for (const none of [undefined, null, '', -1, 65_536, 2.5, 'ssh', [], { $numberInt: 'x' }])
    assert.equal(seen(none), null);
});

test('login attempts become events, also where one has no name', () => {
  const { session, events } = read(
    row({ auth_attempts: [{ login: 'sa', password: '' }, { login: null, password: 'x' }, 5] }),
  );
  assert.deepEqual(
    events.map(({ type, seq, fields }) => [type, seq, fields.username, fields.password]),
    [
      ['auth.attempt', 0, 'sa', ''],
      ['auth.attempt', 1, null, 'x'],
    ],
  );
  assert.deepEqual([session.logins, session.events, session.severity], [2, 2, 1]);
});

test('a file is recognised by a row of a session, and not by other JSON', () => {
  assert.ok(mhnSession.recognises(JSON.stringify(ROW)));
  for (const other of [
    '',
    'text',
    '[]',
    '{}',
    '{"timestamp":"2018-10-30T05:52:27Z","message":"x"}',
    JSON.stringify([ROW]),
  ])
    assert.ok(!mhnSession.recognises(other), other);
});

/** A session as the store gives it back. */
const stored = ({ sensor, session, events }: ImportedRow): ExportedSession =>
  ({
    session: { ...session, sensor_id: sensor, sensor, username: null, password: null },
    events: events.map((event) => ({ ...event, sensor_id: sensor })),
  }) as unknown as ExportedSession;

test('an export gives back the row that was read, with its date in one form', () => {
  for (const more of [
    {},
    { destination_ip: '203.0.113.4' },
    { destination_ip: ['203.0.113.4'] },
    { source_ip: '::ffff:198.51.100.9', protocol: 'x"y' },
    { auth_attempts: [{ login: 'root', password: 'toor' }], session_ssh: { version: "'SSH-2.0-x'" } },
    { snort: { signature: 'ET SCAN', priority: 2 }, sensor: 'eth0' },
    { hpfeed_id: { $oid: 'odd' }, honeypot: 'p0f' },
    { source_port: '51234', destination_port: { $numberInt: '1433' } },
  ]) {
    const given = row(more);
    assert.deepEqual(mhnRow(stored(read(given))), { ...given, timestamp: { $date: '2018-10-30T05:52:27.681Z' } });
  }
  const { source_ip: _ip, source_port: _port, protocol: _protocol, ...bare } = ROW;
  assert.deepEqual(mhnRow(stored(read(bare))), { ...bare, timestamp: { $date: '2018-10-30T05:52:27.681Z' } });
});

const hostileValue = fc.anything({
  withNullPrototype: false,
  key: fc.oneof(
    fc.constantFrom(
      '$date',
      '$oid',
      '$numberLong',
      'login',
      'password',
      'hashes',
      'md5',
      'request',
      'toString',
      'valueOf',
      '__proto__',
    ),
    fc.string(),
  ),
  values: [
    fc.string(),
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.string({ unit: 'binary', size: 'large' }),
  ],
});
const hostileRow = fc.record(
  Object.fromEntries(
    [
      ...Object.keys(ROW),
      ...['destination_ip', 'auth_attempts', 'attachments', 'session_http', 'session_ssh', 'snort', 'suricata', 'id'],
    ].map((name) => [name, hostileValue]),
  ),
  { requiredKeys: [] },
);

test('whatever stands in a row, it is read or refused, and what is read are valid records', () => {
  fc.assert(
    fc.property(hostileRow, fc.boolean(), (given, withDate) => {
      const line = JSON.stringify({ ...given, ...(withDate ? { timestamp: ROW.timestamp, honeypot: 'x' } : {}) });
      const result = mhnSession.read(line);
      if (result.kind === 'invalid') {
        assert.ok(result.reason.length > 0);
        assert.ok(!withDate, 'a row with a date and a honeypot is a session');
        return;
      }
      assert.deepEqual(sessionRecord.safeParse(result.row.session).error, undefined);
      for (const event of result.row.events) assert.deepEqual(eventRecord.safeParse(event).error, undefined);
      assert.ok(result.row.sensor.length <= 128);
    }),
    { numRuns: 2000 },
  );
});

test('whatever stands on a line, reading it does not throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (line) => void mhnSession.read(line)),
    { numRuns: 1000 },
  );
});

test('values that should be texts and are not are kept as JSON', () => {
  const attempts = [
    { login: { toString: 1 }, password: 1234 },
    { login: [null], password: true },
  ];
  assert.deepEqual(
    read(row({ auth_attempts: attempts })).events.map(({ fields }) => [fields.username, fields.password]),
    [
      ['{"toString":1}', '1234'],
      ['[null]', 'true'],
    ],
  );
});

test('a row that is nested without end is refused, and brackets in a text are no nesting', () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const line = (value: string): string => JSON.stringify(row({ x: 'HERE' })).replace('"HERE"', value);
  assert.deepEqual(mhnSession.read(line(deep)), { kind: 'invalid', reason: 'is nested too deep' });
  assert.equal(mhnSession.read(line(JSON.stringify(`\\"${deep}`))).kind, 'row');
  assert.equal(mhnSession.read(line(`${'['.repeat(400)}${']'.repeat(400)}`)).kind, 'row');
});

test('a protocol with the name of something that every object has is a name like others', () => {
  for (const protocol of ['toString', 'constructor', '__proto__', 'İ'.repeat(64)]) {
    const { session } = read(row({ protocol }));
    assert.equal(session.protocol, protocol);
    assert.deepEqual(sessionRecord.safeParse(session).error, undefined);
    assert.equal(mhnRow(stored(read(row({ protocol })))).protocol, protocol);
  }
});
