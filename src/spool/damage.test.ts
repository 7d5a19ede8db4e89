import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { openSpool, type Spool, type SpoolOptions } from './index.ts';
import { killedCopy, readAll, record, segmentFiles, tempDir, texts } from './testing.ts';

function open(t: TestContext, dir: string, options: Partial<SpoolOptions> = {}): Spool {
  const spool = openSpool({ dir, maxBytes: 1_000_000, ...options });
  t.after(() => spool.close());
  return spool;
}

/** Ten records in the segments of a killed process, and the path of the first. */
function killed(t: TestContext, segmentBytes = 100_000): { dir: string; first: string; boot: string } {
  const dir = tempDir(t);
  const spool = open(t, dir, { segmentBytes });
  for (let at = 1; at <= 10; at += 1) spool.append([record(`record ${at}`)]);
  const copy = killedCopy(t, dir);
  return { dir: copy, first: segmentFiles(copy)[0] as string, boot: spool.boot };
}

/** Turns round the bits of one byte of the n-th occurrence of a text. */
function spoil(path: string, text: string, distance = 0): void {
  const bytes = readFileSync(path);
  const at = bytes.indexOf(text) + distance;
  assert.ok(at > 0);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(path, bytes);
}

test('a torn record at the end is cut off and its bytes are counted', (t) => {
  for (const cut of [1, 9, 15, 20]) {
    const { dir, first } = killed(t);
    truncateSync(first, statSync(first).size - cut);
    const spool = open(t, dir);
    assert.equal(readAll(spool).length, 9);
    assert.equal(spool.recovery.tornBytes, 15 + 'record 10'.length - cut);
    assert.deepEqual(spool.stats().shed, { transcripts: 0, probes: 0, records: 0 });
    assert.equal(open(t, killedCopy(t, dir)).recovery.tornBytes, 0);
  }
});

test('zeros or noise after the last record are cut off', (t) => {
  for (const tail of [Buffer.alloc(5000), Buffer.from('record 11'), Buffer.alloc(5000, 0xff)]) {
    const { dir, first } = killed(t);
    appendFileSync(first, tail);
    const spool = open(t, dir);
    assert.equal(readAll(spool).length, 10);
    assert.equal(spool.recovery.tornBytes, tail.length);
  }
});

test('a corrupt record in the middle is left out and reported once', async (t) => {
  for (const distance of [0, 4, -1, -7, -15, -12]) {
    const { dir, first } = killed(t);
    spoil(first, 'record 4', distance);
    const spool = openSpool({ dir, maxBytes: 1_000_000 });
    assert.deepEqual(
      readAll(spool).map(({ seq }) => seq),
      [1, 2, 3, 5, 6, 7, 8, 9, 10],
    );
    assert.equal(spool.recovery.corruptRecords, 1);
    assert.equal(spool.recovery.corruptBytes, 15 + 'record 4'.length);
    const { recorded, acked, waiting } = spool.stats();
    assert.deepEqual([recorded, acked, waiting], [10, 0, 9]);
    await spool.close();
    const again = open(t, dir);
    assert.equal(again.recovery.corruptRecords, 0);
    assert.equal(
      again.reportShed((report) => JSON.stringify(report)),
      1,
    );
    assert.equal(readAll(again).at(-1)?.text, '{"transcripts":0,"probes":0,"records":1,"reason":"corrupt"}');
    assert.equal(
      again.reportShed((report) => JSON.stringify(report)),
      0,
    );
  }
});

test('a record that spoils while the spool is open is left out and reported', (t) => {
  for (const segmentBytes of [100_000, 60]) {
    const dir = tempDir(t);
    const spool = open(t, dir, { segmentBytes });
    for (let at = 1; at <= 10; at += 1) spool.append([record(`record ${at}`, 1)]);
    const path = segmentFiles(dir).find((file) => readFileSync(file).includes('record 4'));
    spoil(path as string, 'record 4');
    assert.equal(texts(spool).length, 9);
    assert.deepEqual(spool.stats().shed, { transcripts: 0, probes: 1, records: 0 });
    assert.equal(texts(spool).length, 9);
    assert.equal(spool.stats().shed.probes, 1);
    spool.append([record('after')]);
    assert.equal(texts(spool).at(-1), 'after');
    assert.equal(open(t, killedCopy(t, dir)).recovery.corruptRecords, 0);
  }
});

/** A frame as a peer could make it who knows the format but not the salt; only bytes that UTF-8 leaves as they are. */
function forgedFrame(seq: number): string {
  for (let tries = 0; ; tries += 1) {
    const payload = Buffer.from(`forged ${tries}`);
    const frame = Buffer.concat([Buffer.alloc(15), payload]);
    frame.writeUInt32LE(payload.length, 0);
    frame[8] = 2;
    frame.writeUIntLE(seq, 9, 6);
    frame.writeUInt32LE(crc32(frame.subarray(8), payload.length), 4);
    if (frame.every((byte) => byte < 0x80)) return frame.toString('latin1');
  }
}

test('a peer that sends what looks like a frame does not make one', (t) => {
  const dir = tempDir(t);
  const spool = open(t, dir);
  spool.append([record('genuine'), record(`before ${forgedFrame(2)}`), record('last')]);
  const dead = killedCopy(t, dir);
  spoil(segmentFiles(dead)[0] as string, 'before');
  assert.deepEqual(texts(open(t, dead)), ['genuine', 'last']);
});

test('a segment whose header is damaged is put aside and its records are counted', (t) => {
  const { dir } = killed(t, 60);
  const [, second] = segmentFiles(dir);
  assert.ok(second !== undefined && segmentFiles(dir).length > 3);
  spoil(second, 'SUNDEWSP', 20);
  const spool = open(t, dir);
  assert.ok(existsSync(`${second}.corrupt`));
  const numbers = readAll(spool).map(({ seq }) => seq);
  assert.equal(numbers.length + spool.recovery.corruptRecords, 10);
  assert.ok(spool.recovery.corruptRecords > 0);
});

test('a segment that was just being made is deleted', (t) => {
  for (const content of [Buffer.alloc(0), Buffer.from('SUNDEWSP'), Buffer.alloc(500)]) {
    const { dir, first } = killed(t);
    writeFileSync(first.replace('00000001.seg', '00000002.seg'), content);
    const spool = open(t, dir);
    assert.equal(readAll(spool).length, 10);
    assert.equal(spool.recovery.tornBytes, content.length);
    assert.equal(spool.recovery.segments, 1);
  }
});

test('a segment that died before its table of open sessions was whole takes no session away', (t) => {
  const dir = tempDir(t);
  const spool = open(t, dir, { segmentBytes: 250 });
  spool.append([{ open: 'A', payload: 'a' }, { open: 'B', payload: 'b' }, record('x'.repeat(200))]);
  spool.append([record('y'.repeat(200))]);
  const [, second] = segmentFiles(dir);
  assert.ok(second !== undefined);
  const dead = killedCopy(t, dir);
  // The header and the first session.
  truncateSync(second.replace(dir, dead), 64 + 15 + 3);
  assert.deepEqual([...open(t, dead).recoveredOpen.keys()], ['A', 'B']);
});
