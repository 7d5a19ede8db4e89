/** A full disk: the manager stays reachable and takes nothing in, what was recorded waits on the sensor, and when there is room it all arrives, once. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statfsSync, writeFileSync, writeSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Client } from '../../src/cli/client.ts';
import { runningManager } from '../../src/cli/running-manager.ts';
import { until } from '../support/until.ts';
import { type Running, randomOffset, scratch, start, startUp, stop, sundew, type Up } from './sundew.ts';

const DISK_MB = 400;
const MEBIBYTE = 1_048_576;
/** Room below which the manager takes nothing in. */
const MIN_FREE_MB = 120;
const VISITS = 25;
/** A sensor that was sent away comes back after at most half a minute. */
const RETURN_MS = 120_000;

const folder = scratch();
const disk = folder.path('disk');
const data = folder.path('disk', 'data');
const filler = folder.path('disk', 'filler');
mkdirSync(disk);
const canMount = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', disk]).status === 0;
const skip = canMount ? false : 'no disk of its own can be mounted here: that needs root';

let manager: Up;
let sensor: Running;
let client: Client;
const offset = randomOffset();

function configure(minFreeDiskMb: number): void {
  mkdirSync(data, { recursive: true });
  writeFileSync(`${data}/sundew.yaml`, `manager:\n  minFreeDiskMb: ${minFreeDiskMb}\n`);
}
async function find(): Promise<Client> {
  return await until('the manager', async () => {
    const target = await runningManager(data);
    return target === undefined ? undefined : new Client(target);
  });
}

before(async () => {
  if (skip !== false) return;
  configure(MIN_FREE_MB);
  manager = await startUp(data, [], 'manager');
  client = await find();
  const { token } = JSON.parse((await sundew(['sensors', 'add', 'decoy', '--json', '--data', data])).stdout) as {
    token: string;
  };
  const flags = ['--manager', manager.url, '--token', token, '--services', 'http', '--port-offset', String(offset)];
  sensor = start(['sensor', '--data', folder.path('sensor'), ...flags]);
  await until('the sensor', () => (/Ctrl-C/.test(sensor.output().stdout) ? true : undefined));
});
after(async () => {
  if (skip === false) {
    await stop(sensor);
    await stop(manager);
    spawnSync('umount', [disk]);
  }
  folder.remove();
});

const wanted = new Set<string>();
async function visit(): Promise<void> {
  for (let n = 0; n < VISITS; n += 1) {
    const target = `/visit-${wanted.size}`;
    await (await fetch(`http://127.0.0.1:${80 + offset}${target}`, { headers: { connection: 'close' } })).text();
    wanted.add(target);
  }
}

/** Leaves so many bytes free. */
function fill(leave: number): void {
  const fd = openSync(filler, 'a');
  const block = Buffer.alloc(MEBIBYTE, 1);
  try {
    for (;;) {
      const { bavail, bsize } = statfsSync(disk);
      const room = bavail * bsize - leave;
      if (room <= 0) return;
      writeSync(fd, block, 0, Math.min(block.length, room));
    }
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  } finally {
    closeSync(fd);
  }
}

const summary = (): Promise<{ sessions: number }> => client.get('/stats/summary');
const health = (): Promise<{ status: string; room: boolean }> => client.get('/health');

/** Each visit is there once. */
async function assertWhole(): Promise<void> {
  await until(
    'every visit to be stored',
    async () => (((await summary().catch(() => undefined))?.sessions ?? 0) >= wanted.size ? true : undefined),
    RETURN_MS,
  );
  const exported = await (await client.fetch('GET', '/export', { query: { format: 'ndjson' } })).text();
  const targets = exported
    .trimEnd()
    .split('\n')
    .flatMap((line) => {
      const { events } = JSON.parse(line) as { events: { type: string; target?: string }[] };
      return events.filter(({ type }) => type === 'request').map(({ target }) => String(target));
    });
  assert.deepEqual(targets.toSorted(), [...wanted].toSorted());
}

test('while the disk is nearly full intake stops with 503, and the rest goes on', { skip }, async () => {
  await visit();
  await assertWhole();
  fill(MIN_FREE_MB * MEBIBYTE - 4 * MEBIBYTE);
  await until('the manager to notice', async () => ((await health()).room ? undefined : true));
  await visit();
  const log = folder.path('sensor', 'logs', 'sundew.log');
  await until('the sensor to be sent away', () =>
    /"reason":"the manager answered 503/.test(readFileSync(log, 'utf8')) ? true : undefined,
  );
  assert.equal((await summary()).sessions, VISITS);
  const refused = await client
    .fetch('POST', '/imports/none', {
      query: { file: '-', format: 'x', rows: 0, invalid: 0, done: 'false' },
      body: '',
      headers: { 'content-type': 'application/x-ndjson' },
    })
    .then(
      () => undefined,
      (error: unknown) => error as { status: number; message: string },
    );
  assert.equal(refused?.status, 503);
  assert.match(refused?.message ?? '', /disk of the manager is nearly full/);
  assert.match((await sundew(['doctor', '--data', data])).stdout, /^FAIL {2}disk: /m);
  rmSync(filler);
  await assertWhole();
});

test('on a disk without a byte left nothing is lost and nothing comes twice', { skip }, async () => {
  await stop(manager);
  configure(0);
  manager = await startUp(data, ['--listen', new URL(manager.url).host], 'manager');
  client = await find();
  fill(0);
  await visit();
  const trouble = await until(
    'the manager to be in trouble',
    async () => {
      fill(0);
      const { intake } = await client.get<{ intake: { trouble: string | null; waiting: number } }>('/status');
      const log = readFileSync(folder.path('sensor', 'logs', 'sundew.log'), 'utf8');
      return intake.trouble ?? /the manager answered 503: .*disk_full/.exec(log)?.[0];
    },
    RETURN_MS,
  );
  assert.ok(trouble.length > 0);
  assert.equal((await fetch(new URL('/api/v1/health', manager.url))).status, 200);
  rmSync(filler);
  await assertWhole();
});
