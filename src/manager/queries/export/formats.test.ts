import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { csvCell } from './csv.ts';
import { EXPORT_FORMATS, WRITERS } from './formats.ts';
import type { ExportedSession } from './sessions.ts';

const SESSION = {
  ...{ id: '0192f3a0-0000-7000-8000-000000000001', boot_id: '0192f3a0-0000-7000-8000-000000000002' },
  ...{
    started_at: '2026-11-22T10:00:00.000Z',
    ended_at: '2026-11-22T10:00:01.500Z',
    received_at: '2026-11-22T10:00:02.000Z',
  },
  ...{
    src_ip: '198.51.100.7',
    src_port: 51_234,
    dst_ip: null,
    dst_port: 21,
    transport: 'tcp',
    protocol: 'ftp',
    service: 'ftp',
  },
  ...{
    honeypot: 'sundew',
    sensor_id: '0192',
    sensor: 'office',
    country: 'CN',
    city: 'X, "Y"',
    latitude: -33.5,
    longitude: 151,
  },
  ...{
    asn: 64_500,
    as_org: '=cmd()',
    bytes_in: 10,
    bytes_out: 20,
    end_reason: 'peer_closed',
    events: 1,
    logins: 1,
    commands: 0,
  },
  ...{
    files: 0,
    ja4: '',
    hassh: '',
    client: '',
    tags: ['a', 'b'],
    techniques: [],
    severity: 1,
    ports: [],
    scan: '',
    origin: '',
  },
  ...{ username: 'root\r\nadmin', password: '+1' },
};
const EVENT = {
  seq: 1,
  at: '2026-11-22T10:00:01.000Z',
  type: 'auth.attempt',
  fields: { username: 'root\r\nadmin', password: '+1' },
};
const ITEM = { session: SESSION, events: [EVENT] } as unknown as ExportedSession;

/** The cells of CSV text, by RFC 4180 and nothing of ours. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? '';
    if (quoted && char === '"' && text[at + 1] === '"') {
      cell += '"';
      at += 1;
    } else if (char === '"') quoted = !quoted;
    else if (quoted) cell += char;
    else if (char === ',') {
      rows.at(-1)?.push(cell);
      cell = '';
    } else if (char === '\r' && text[at + 1] === '\n') {
      rows.at(-1)?.push(cell);
      cell = '';
      rows.push([]);
      at += 1;
    } else cell += char;
  }
  return rows.slice(0, -1);
}

test('a CSV row has a cell for each column of the head', () => {
  const { head, line } = WRITERS.csv;
  const [names = [], cells = []] = parseCsv(`${head}${line(ITEM)}\n`);
  assert.equal(names.length, cells.length);
  const row = Object.fromEntries(names.map((name, index) => [name, cells[index]]));
  assert.equal(row.dst_ip, '');
  assert.equal(row.dst_port, '21');
  assert.equal(row.city, 'X, "Y"');
  assert.equal(row.latitude, '-33.5');
  assert.equal(row.as_org, "'=cmd()");
  assert.equal(row.username, 'root\r\nadmin');
  assert.equal(row.password, "'+1");
  assert.equal(row.tags, 'a b');
});

test('any text survives a CSV cell, and none begins a formula', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.tuple(fc.constantFrom(...'=+-@\t\r\n＝＋－＠"'), fc.string()).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, text, (one, other) => {
      const [cells = []] = parseCsv(`${csvCell(one)},${csvCell(other)}\r\n`);
      for (const [index, given] of [one, other].entries()) {
        const cell = cells[index] ?? '';
        assert.ok(cell === given || cell === `'${given}`, JSON.stringify([given, cell]));
        assert.doesNotMatch(cell, /^[=+\-@\t\r\n＝＋－＠]/);
      }
    }),
  );
});

test('numbers stay numbers, also below zero, and what is not there is empty', () => {
  assert.deepEqual(
    [csvCell(-1.5), csvCell(0), csvCell(null), csvCell(undefined), csvCell(['=a', 'b'])],
    ['-1.5', '0', '', '', "'=a b"],
  );
});

test('NDJSON has the whole session with its events on one line', () => {
  const line = WRITERS.ndjson.line(ITEM);
  assert.ok(!line.includes('\n'));
  assert.deepEqual(JSON.parse(line), {
    ...SESSION,
    events: [{ seq: 1, at: EVENT.at, type: EVENT.type, ...EVENT.fields }],
  });
});

test("a session of our own has the keys of MHN's rows, in their order, and the same ids each time", () => {
  const line = WRITERS.mhn.line(ITEM);
  assert.equal(line, WRITERS.mhn.line(ITEM));
  const row = JSON.parse(line) as Record<string, unknown>;
  assert.deepEqual(Object.keys(row), [
    ...[
      '_id',
      'protocol',
      'hpfeed_id',
      'timestamp',
      'source_ip',
      'source_port',
      'destination_port',
      'identifier',
      'honeypot',
      'auth_attempts',
    ],
  ]);
  assert.equal(row.protocol, 'ftpd');
  assert.deepEqual(row.timestamp, { $date: '2026-11-22T10:00:00.000Z' });
  assert.match((row._id as { $oid: string }).$oid, /^[0-9a-f]{24}$/);
  assert.deepEqual(row.auth_attempts, [{ login: 'root\r\nadmin', password: '+1' }]);
});

test('every format has a writer', () => {
  assert.deepEqual(Object.keys(WRITERS).sort(), [...EXPORT_FORMATS].sort());
});
