import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { importerFor } from './formats.ts';
import { mhnSession } from './mhn-session.ts';
import { cellsOf, mhnSessionCsv } from './mhn-session-csv.ts';

const HEADER =
  '_id,protocol,hpfeed_id,timestamp,source_ip,source_port,destination_port,identifier,honeypot,snort.signature';
const reader = mhnSessionCsv.withHeader?.(HEADER);
const LINE =
  'ObjectID(5bd7f19d616a1e7b87e86eed),pcap,ObjectID(5bd7f19b616a1e7b87e86eec),2018-10-30T05:52:27.681Z,46.101.9.8,60442,8088,c7b91640-dc07-11e8-bc90-42010a800002,dionaea,"ET ""X"", group 1"';
const JSON_LINE = JSON.stringify({
  ...{
    _id: { $oid: '5bd7f19d616a1e7b87e86eed' },
    protocol: 'pcap',
    hpfeed_id: { $oid: '5bd7f19b616a1e7b87e86eec' },
    timestamp: { $date: '2018-10-30T05:52:27.681Z' },
  },
  ...{
    source_ip: '46.101.9.8',
    source_port: 60442,
    destination_port: 8088,
    identifier: 'c7b91640-dc07-11e8-bc90-42010a800002',
    honeypot: 'dionaea',
    snort: { signature: 'ET "X", group 1' },
  },
});

test('a row as CSV becomes what the same row as JSON becomes', () => {
  assert.deepEqual(reader?.read(LINE), mhnSession.read(JSON_LINE));
});

test('ids are taken in each spelling, and an empty cell is a field that is not there', () => {
  for (const id of [
    'ObjectId(5bd7f19b616a1e7b87e86eec)',
    'ObjectId("5bd7f19b616a1e7b87e86eec")',
    '5bd7f19b616a1e7b87e86eec',
  ].map((text) => (text.includes('"') ? `"${text.replaceAll('"', '""')}"` : text))) {
    const result = reader?.read(`,,${id},2018-10-30T05:52:27.681+0000,,,,,dionaea,`);
    assert.equal(result?.kind, 'row', id);
    if (result?.kind !== 'row') continue;
    assert.equal(result.row.session.id, '5bd7f19b-616a-86d6-a864-1e7b87e86eec');
    assert.deepEqual(
      [result.row.session.src_ip, result.row.session.dst_port, result.row.session.protocol],
      [null, null, ''],
    );
  }
});

test('the header alone tells the format, and rows that do not fit it are named', () => {
  assert.equal(importerFor(HEADER)?.name, 'mhn-session-csv');
  assert.equal(importerFor('a,b,c'), undefined);
  assert.equal(importerFor(JSON_LINE)?.name, 'mhn-session');
  assert.deepEqual(reader?.read('a,b'), { kind: 'invalid', reason: 'has 2 columns and not 10' });
  assert.deepEqual(reader?.read('"a'), { kind: 'invalid', reason: 'has a quote that does not end in its line' });
});

test('cells come out as they went in', () => {
  const written = (cells: readonly string[]): string =>
    cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',');
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), (cells) => assert.deepEqual(cellsOf(written(cells)), cells)),
  );
  assert.deepEqual(cellsOf('a,,"b",'), ['a', '', 'b', '']);
});

test('no line throws, whatever it holds', () => {
  fc.assert(fc.property(fc.string(), (line) => void reader?.read(line)));
  const hostile = mhnSessionCsv.withHeader?.(
    'source_ip,timestamp,__proto__.polluted,constructor.prototype.x,snort.a,snort',
  );
  fc.assert(
    fc.property(
      fc.array(fc.string(), { minLength: 6, maxLength: 6 }),
      (cells) => void hostile?.read(cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')),
    ),
  );
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});
