import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRecord, numberRecord, type UnnumberedRecord, wireRecord } from './wire.ts';

const event: UnnumberedRecord = {
  ...{
    record: 'event',
    session_id: '019f0000-0000-7000-8000-000000000001',
    seq: 3,
    at: '2026-11-22T10:00:00.123Z',
    type: 'auth.attempt',
  },
  ...{
    src_ip: '192.0.2.1',
    src_port: 1,
    dst_ip: '198.51.100.1',
    dst_port: 21,
    transport: 'tcp',
    protocol: 'ftp',
    service: 'ftp',
    honeypot: 'sundew',
  },
  fields: { username: 'root', password: 'a"b\\c\u0000\n', mechanism: 'plain', accepted: false },
} as UnnumberedRecord;

test('a spooled record with its number in front is a valid line of a batch', () => {
  const line = Buffer.concat([...numberRecord(17, Buffer.from(encodeRecord(event)))]).toString();
  assert.ok(line.endsWith('}\n'));
  assert.equal(line.indexOf('\n'), line.length - 1);
  assert.deepEqual(wireRecord.parse(JSON.parse(line)), { n: 17, ...event });
});

test('a record with an address, a time or a type that is none is refused', () => {
  for (const change of [
    { src_ip: '1.2.3' },
    { at: 'yesterday' },
    { type: 'DROP TABLE' },
    { dst_port: 70_000 },
    { record: 'other' },
  ]) {
    assert.equal(wireRecord.safeParse({ n: 1, ...event, ...change }).success, false, JSON.stringify(change));
  }
});
