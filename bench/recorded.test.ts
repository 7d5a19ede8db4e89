import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openSpool } from '../src/spool/index.ts';
import { type Mode, passwordOf, tokenOf } from './load/conversations.ts';
import type { LoadResult } from './load/main.ts';
import { verifyRecorded } from './recorded.ts';

const root = mkdtempSync(join(tmpdir(), 'sundew-recorded-'));
after(() => rmSync(root, { recursive: true, force: true }));

let queues = 0;
/** A spool that holds these records, as a stopped sensor leaves it. */
async function spoolOf(records: readonly unknown[]): Promise<string> {
  queues += 1;
  const dir = join(root, `queue-${queues}`);
  const spool = openSpool({ dir, maxBytes: 16 * 1_048_576 });
  for (const record of records) spool.append([{ kind: 2, payload: JSON.stringify(record) }]);
  await spool.close();
  return dir;
}

const login = (index: number, fields: Record<string, unknown> = {}): unknown => {
  const username = tokenOf('s0', index);
  return {
    record: 'event',
    type: 'auth.attempt',
    fields: { username, password: passwordOf(username), ...fields },
  };
};
const result = (attempts: number, more: Partial<LoadResult> = {}): LoadResult => ({
  attempts,
  ok: attempts,
  failed: [],
  outcomes: {},
  seconds: 1,
  perSecond: attempts,
  latency: { p50: 1, p99: 1, max: 1 },
  locals: [],
  ...more,
});
const runs = (mode: Mode, loaded: LoadResult) => [{ mode, run: 's0', result: loaded }];

test('attempts that are recorded once with their password are all counted', async () => {
  const queue = await spoolOf([login(0), login(1), login(2)]);
  assert.deepEqual(await verifyRecorded(queue, runs('ftp-login', result(3))), {
    attempts: 3,
    recorded: 3,
    lost: 0,
    doubled: 0,
  });
});

test('one that is missing, one that is there twice and one without its password are told', async () => {
  const queue = await spoolOf([login(0), login(0), login(2, { password: 'another' })]);
  assert.deepEqual(await verifyRecorded(queue, runs('ftp-login', result(3))), {
    attempts: 3,
    recorded: 1,
    lost: 2,
    doubled: 1,
  });
});

test('an attempt that failed at the client may be recorded or not', async () => {
  const queue = await spoolOf([login(0), login(1)]);
  const verdict = await verifyRecorded(queue, runs('ftp-login', result(3, { failed: [1, 2] })));
  assert.deepEqual(verdict, { attempts: 1, recorded: 1, lost: 0, doubled: 0 });
});

test('tokens of another run do not count', async () => {
  const queue = await spoolOf([login(0)]);
  const other = [{ mode: 'ftp-login' as const, run: 's1', result: result(1) }];
  assert.equal((await verifyRecorded(queue, other)).lost, 1);
});

test('a connect without payload is known by its address and port, as often as the port was used', async () => {
  const session = (src_port: number): unknown => ({ record: 'session', src_ip: '127.0.0.2', src_port });
  const queue = await spoolOf([session(5000), session(5000), session(5001)]);
  const locals = ['127.0.0.2:5000', '127.0.0.2:5000', '127.0.0.2:5001', '127.0.0.2:5002'];
  assert.deepEqual(await verifyRecorded(queue, runs('tcp-connect', result(4, { locals }))), {
    attempts: 4,
    recorded: 3,
    lost: 1,
    doubled: 0,
  });
});
