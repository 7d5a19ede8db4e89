/** Random actions against a model that is a list. Segments are tiny, so that every action meets their borders. */
import assert from 'node:assert/strict';
import { readFileSync, truncateSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Entry, openSpool, type RecordKind, type Spool } from './index.ts';
import { HEADER_BYTES } from './segment.ts';
import { type Drained, killedCopy, readAll, segmentFiles, tempDir } from './testing.ts';

/** The model after one append: records there were by then, and the open sessions. */
interface Moment {
  records: number;
  sessions: [string, string][];
}

class Model {
  records: Drained[] = [];
  sessions = new Map<string, string>();
  /** How many of `records` are acknowledged. */
  acked = 0;
  moments: Moment[] = [];
  /** Records of earlier boots, which nothing can tear. */
  older = 0;

  moment(): void {
    this.moments.push({ records: this.records.length, sessions: [...this.sessions].sort() });
  }

  /** A new boot begins with what is there. */
  restart(): void {
    this.older = this.records.length;
    this.moments = [];
    this.moment();
  }

  /** What an append does, entry by entry: a torn one may have done a part of it. */
  append(spool: Spool, entries: readonly Entry[]): void {
    let seq = spool.nextSeq;
    for (const entry of entries) {
      if ('kind' in entry) this.records.push({ boot: spool.boot, seq: seq++, text: entry.payload });
      else if ('open' in entry) this.sessions.set(entry.open, entry.payload);
      else this.sessions.delete(entry.closed);
      this.moment();
    }
  }
}

const RUNS = 60;
const text = fc.string({ unit: 'binary', maxLength: 60 }).map((value) => value.toWellFormed());
const id = fc.constantFrom('A', 'B', 'C', 'D');
const entry: fc.Arbitrary<Entry> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom<RecordKind>(0, 1, 2), payload: text }) },
  { weight: 2, arbitrary: fc.record({ open: id, payload: text }) },
  { weight: 1, arbitrary: fc.record({ closed: id }) },
);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('append' as const), entries: fc.array(entry, { maxLength: 6 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('read' as const), bytes: fc.nat(300), records: fc.nat(8) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('ack' as const), upTo: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('turns' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('tear' as const), at: fc.nat(1000) }) },
);

function checkRead(spool: Spool, model: Model, maxBytes: number, maxRecords: number): void {
  const waiting = model.records.slice(model.acked);
  const batch = spool.read(maxBytes, maxRecords);
  assert.equal(batch === undefined, waiting.length === 0);
  if (batch === undefined) return;
  const expected: Drained[] = [];
  let bytes = 0;
  for (const each of waiting) {
    bytes += Buffer.byteLength(each.text);
    if (expected.length > 0 && (bytes > maxBytes || expected.length >= maxRecords || each.boot !== waiting[0]?.boot))
      break;
    expected.push(each);
  }
  const { boot, first, last, records } = batch;
  assert.deepEqual(
    records.map(({ seq, payload }) => ({ boot, seq, text: payload.toString() })),
    expected,
  );
  assert.deepEqual([first, last], [expected[0]?.seq, expected.at(-1)?.seq]);
}

/** What a start after a death may find: acknowledgements may be forgotten, and of the last boot the tail may be torn off. */
function checkRecovered(spool: Spool, model: Model, torn: boolean): void {
  const found = readAll(spool);
  const end = torn ? found.length + model.records.findIndex((each) => same(each, found[0])) : model.records.length;
  const records = found.length > 0 || !torn ? end : Math.max(model.acked, model.older);
  const from = records - found.length;
  assert.ok(from >= 0 && (from <= model.acked || found.length === 0));
  assert.ok(records >= model.older && records <= model.records.length);
  assert.deepEqual(found, model.records.slice(from, records));
  const sessions = [...spool.recoveredOpen].sort();
  const possible = torn
    ? model.moments.filter((moment) => found.length === 0 || moment.records === records)
    : model.moments.slice(-1);
  assert.ok(
    possible.some((moment) => JSON.stringify(moment.sessions) === JSON.stringify(sessions)),
    `no moment had the sessions ${JSON.stringify(sessions)}`,
  );
  model.records = model.records.slice(0, records);
  model.acked = from;
  model.sessions = new Map(spool.recoveredOpen);
}

const same = (a: Drained, b: Drained | undefined): boolean => a.boot === b?.boot && a.seq === b.seq;

test('append, read, acknowledge, reopen, kill and tear do what a list would', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }), async (steps) => {
      const cleanups: (() => void)[] = [];
      const cleanup = { after: (clean: unknown) => cleanups.push(clean as () => void) };
      const start = (dir: string): Spool => openSpool({ dir, maxBytes: 10_000_000, segmentBytes: 250, syncMs: 1 });
      let dir = tempDir(cleanup);
      let spool = start(dir);
      const opened = [spool];
      const model = new Model();
      model.restart();
      try {
        for (const action of steps) {
          switch (action.do) {
            case 'append':
              model.append(spool, action.entries);
              spool.append(action.entries);
              break;
            case 'read':
              checkRead(spool, model, action.bytes, action.records);
              break;
            case 'ack': {
              const last = model.records[Math.min(action.upTo, model.records.length) - 1];
              if (last === undefined) break;
              spool.ack(last.boot, last.seq);
              model.acked = Math.max(model.acked, Math.min(action.upTo, model.records.length));
              break;
            }
            case 'turns':
              await spool.synced();
              break;
            case 'reopen':
              await spool.close();
              spool = start(dir);
              opened.push(spool);
              assert.deepEqual(readAll(spool), model.records.slice(model.acked));
              checkRecovered(spool, model, false);
              model.restart();
              break;
            default: {
              dir = killedCopy(cleanup, dir);
              const newest = segmentFiles(dir).at(-1);
              assert.ok(newest !== undefined);
              // The newest segment's table was on disk before anything else was forgotten: a tear comes after it.
              const table = readFileSync(newest).length;
              if (action.do === 'tear') truncateSync(newest, tearAt(newest, table, action.at));
              spool = start(dir);
              opened.push(spool);
              checkRecovered(spool, model, action.do === 'tear');
              model.restart();
            }
          }
          const { waiting, recorded, acked } = spool.stats();
          assert.equal(waiting, model.records.length - model.acked);
          assert.equal(recorded, acked + waiting);
          assert.equal(spool.stats().open, model.sessions.size);
        }
      } finally {
        for (const each of opened) await each.close();
        for (const clean of cleanups) clean();
      }
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
});

/** A place for the file to end, after its table of open sessions (`segment.ts`: the frame of kind 5). */
function tearAt(path: string, size: number, at: number): number {
  const bytes = readFileSync(path);
  let table = HEADER_BYTES;
  while (bytes[table + 8] !== 5) table += 15 + bytes.readUInt32LE(table);
  table += 15;
  return table + (at % (size - table + 1));
}
