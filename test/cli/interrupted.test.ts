/** An import that was interrupted goes on where it stopped: nothing is lost, nothing is there twice, and the report is that of the whole file. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Client } from '../../src/cli/client.ts';
import { runningManager } from '../../src/cli/running-manager.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import type { Report } from './commands.ts';
import { mhnRow } from './rows.ts';
import { type Result, scratch, start, sundew } from './sundew.ts';

/** Several deliveries of the command line, so that there is a middle to be killed in. */
const ROWS = 60_000;
/** Every so many rows one comes twice, and one is no row. */
const EVERY = 1000;
const EXPECTED = {
  rows: ROWS + ROWS / EVERY,
  imported: ROWS - ROWS / EVERY,
  duplicates: ROWS / EVERY,
  invalid: ROWS / EVERY,
};

let stack: Stack;
const folder = scratch();
before(async () => {
  stack = await startStack({ pauseMaxMs: 250 });
});
after(async () => {
  await stack?.stop();
  folder.remove();
});

function bigFile(kind: number): string {
  const lines: string[] = [];
  for (let index = 0; index < ROWS; index += 1) {
    // The last row of each thousand repeats the first.
    lines.push(JSON.stringify(mhnRow(index % EVERY === EVERY - 1 ? index - EVERY + 1 : index, kind)));
    if (index % EVERY === 0) lines.push('{"cut off":');
  }
  const path = folder.path(`big-${kind}.json`);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

interface Counts {
  data: { values: (string | null)[]; sessions: number }[];
}
async function stored(client: Client, kind: number): Promise<number> {
  const { data } = await client.get<Counts>('/stats/counts', { by: 'sensor', sensor: `sensor-${kind}` });
  return data[0]?.sessions ?? 0;
}

function totalsOf(result: Result): Omit<Report, 'files'> {
  assert.equal(result.code, 0, result.stderr);
  const { files, ...totals } = JSON.parse(result.stdout) as Report;
  assert.deepEqual([files[0]?.first, files[0]?.last], ['2018-10-30T05:00:00.000Z', '2018-10-30T21:39:58.000Z']);
  return totals;
}

/** Nothing twice: as many different ids as rows. */
async function assertWhole(client: Client, kind: number): Promise<void> {
  assert.equal(await stored(client, kind), EXPECTED.imported);
  const exported = await client.fetch('GET', '/export', { query: { format: 'mhn', sensor: `sensor-${kind}` } });
  const ids = (await exported.text())
    .trimEnd()
    .split('\n')
    .map((line) => /"hpfeed_id":\{"\$oid":"([0-9a-f]+)"/.exec(line)?.[1]);
  assert.equal(ids.length, EXPECTED.imported);
  assert.equal(new Set(ids).size, EXPECTED.imported);
}

test('the command killed in the middle: the second run does the rest', async () => {
  const path = bigFile(1);
  const args = ['import', path, '--json', '--data', stack.dataDir];
  const first = start(args, { input: '' });
  await until('the first rows to be stored', async () => ((await stored(stack.client, 1)) > 0 ? true : undefined));
  first.child.kill('SIGKILL');
  await first.ended;
  const half = await stored(stack.client, 1);
  assert.ok(half < EXPECTED.imported, 'it was not killed in the middle');
  assert.deepEqual(totalsOf(await sundew(args)), EXPECTED);
  await assertWhole(stack.client, 1);
  assert.deepEqual(totalsOf(await sundew(args)), { ...EXPECTED, imported: 0, duplicates: ROWS });
});

test('the manager and the store killed in the middle: the command waits and goes on', async () => {
  const path = bigFile(2);
  const running = start(['import', path, '--json', '--data', stack.dataDir], { input: '' });
  for (const [part, rows] of [
    [stack.manager, 1],
    [stack.store, 20_000],
  ] as const) {
    await until(
      `${rows} rows to be stored`,
      async () => ((await stored(stack.client, 2).catch(() => 0)) >= rows ? true : undefined),
      60_000,
    );
    process.kill(part.pid ?? 0, 'SIGKILL');
  }
  assert.deepEqual(totalsOf(await running.ended), EXPECTED);
  await assertWhole(stack.client, 2);
});

test('without a running manager: the one that the killed command had started is gone, and the second run does the rest', async () => {
  const path = bigFile(3);
  const data = folder.path('data');
  const args = ['import', path, '--json', '--data', data];
  const find = async (): Promise<Client | undefined> => {
    const target = await runningManager(data);
    return target === undefined ? undefined : new Client(target);
  };
  const first = start(args, { input: '' });
  await until('the first rows to be stored', async () => {
    const client = await find();
    return client !== undefined && (await stored(client, 3).catch(() => 0)) > 0 ? true : undefined;
  });
  first.child.kill('SIGKILL');
  await first.ended;
  // At once: what the killed command left behind may still be on its way out.
  assert.deepEqual(totalsOf(await sundew(args)), EXPECTED);
  assert.equal(await find(), undefined);
  const exported = await sundew(['export', '--format', 'csv', '--data', data]);
  const ids = exported.stdout
    .trimEnd()
    .split('\r\n')
    .slice(1)
    .map((line) => line.slice(0, 36));
  assert.equal(ids.length, EXPECTED.imported);
  assert.equal(new Set(ids).size, EXPECTED.imported);
});
