/** What stats and export answer of what was imported: the right numbers, and nothing that harms whoever reads them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { type Stack, startStack } from '../support/stack.ts';
import { Commands, file, folder } from './commands.ts';
import { type MhnRow, mhnRow, ndjson } from './rows.ts';
import { isOneMessage, start, sundew } from './sundew.ts';

let stack: Stack;
let on: Commands;
before(async () => {
  stack = await startStack();
  on = new Commands(stack);
});
after(async () => {
  await stack?.stop();
  folder.remove();
});

test('counts are those of the rows', async () => {
  const { rows, sensor } = on.fresh(90);
  await on.importJson([file('counts.json', ndjson(rows))]);
  assert.deepEqual(await on.statsOf(sensor), { mssqld: 60, httpd: 30 });
  assert.deepEqual(await on.statsOf(sensor, '--by', 'dst_port'), { 1433: 60, 80: 30 });
  assert.deepEqual(await on.statsOf(sensor, '--by', 'hour_of_day'), { 5: 90 });
  assert.equal(Object.keys(await on.statsOf(sensor, '--by', 'src_ip')).length, 90);
  assert.deepEqual(await on.statsOf(sensor, '--by', 'src_ip', '--limit', '2'), {
    '198.51.100.1': 1,
    '198.51.100.2': 1,
  });
  assert.deepEqual(await on.statsOf(sensor, '--where', 'dst_port=80'), { httpd: 30 });
  assert.deepEqual(await on.statsOf(sensor, '--where', 'dst_port!=80'), { mssqld: 60 });
  assert.deepEqual(await on.statsOf(sensor, '--where', 'dst_port=80', '--where', 'dst_port=1433'), {
    mssqld: 60,
    httpd: 30,
  });
  assert.deepEqual(await on.statsOf(sensor, '--where', 'src_ip=198.51.100.0/30'), { mssqld: 2, httpd: 1 });
  assert.deepEqual(await on.statsOf(sensor, '--where', 'src_ip!=198.51.100.0/30', '--where', 'protocol=httpd'), {
    httpd: 29,
  });
  assert.deepEqual(await on.statsOf(sensor, '--since', '2018-10-30T05:00:30Z', '--until', '2018-10-30T05:00:40Z'), {
    mssqld: 6,
    httpd: 4,
  });
  assert.deepEqual(await on.statsOf(sensor, '--since', '24h'), {});
});

test('logins are counted by name and password, and a negated name leaves the others, those without a name too', async () => {
  const { sensor, kind: of } = on.fresh(0);
  const logins = [
    ['root', 'toor'],
    ['root', '1234'],
    ['admin', '1234'],
    [null, 'x'],
  ];
  const rows = logins.map(([login, password], index) => mhnRow(index, of, { auth_attempts: [{ login, password }] }));
  await on.importJson([file('logins.json', ndjson([...rows, mhnRow(10, of)]))]);
  assert.deepEqual(await on.statsOf(sensor, '--by', 'username'), { root: 2, admin: 1, null: 1 });
  assert.deepEqual(await on.statsOf(sensor, '--by', 'password', '--where', 'username=root'), { toor: 1, 1234: 1 });
  assert.deepEqual(await on.statsOf(sensor, '--by', 'username', '--where', 'username!=root'), { admin: 1, null: 1 });
  assert.deepEqual(await on.statsOf(sensor, '--where', 'username!=root'), { mssqld: 2, httpd: 1 });
});

const HOSTILE = [
  '=HYPERLINK("http://x")',
  '+1+1',
  '-2',
  '@SUM(A1)',
  '\u001b]0;owned\u0007',
  '\u001b[2Jgone',
  'a"b,c\nd',
  '\u202egnp.exe',
  '\u009b31m',
];
test('what attackers chose is harmless in a table, and never a formula in CSV', async () => {
  const { sensor, kind: of } = on.fresh(0);
  const rows = HOSTILE.map((login, index) => mhnRow(index, of, { auth_attempts: [{ login, password: 'x' }] }));
  await on.importJson([file('hostile.json', ndjson(rows))]);
  const asked = ['stats', '--by', 'username', '--where', `sensor=${sensor}`];
  const shown = (await on.run(asked)).stdout;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may reach a terminal.
  assert.doesNotMatch(shown, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  assert.match(shown, /\\x1b\]0;owned\\x07/);
  assert.equal(shown.trimEnd().split('\n').length, HOSTILE.length + 1);
  const cells = (await on.run([...asked, '--format', 'csv'])).stdout.split('\r\n');
  for (const formula of ['"\'=HYPERLINK(""http://x"")"', "'+1+1", "'-2", "'@SUM(A1)"])
    assert.ok(
      cells.some((cell) => cell.startsWith(`${formula},`)),
      formula,
    );
  const exported = (await on.run(['export', '--format', 'csv', '--where', `sensor=${sensor}`])).stdout;
  assert.doesNotMatch(exported, /(^|,)"?[=+@]/m);
});

test('in a terminal an export cannot give it orders, and stays JSON', {
  skip: existsSync('/usr/bin/script') ? false : '`script` is not installed',
}, async () => {
  const { sensor, kind: of } = on.fresh(0);
  await on.importJson([file('terminal.json', ndjson([mhnRow(0, of, { note: '\u009b31m \u202egnp' })]))]);
  const args = ['export', '--where', `sensor=${sensor}`, '--data', stack.dataDir];
  const command = [process.execPath, 'bin/sundew.mjs', ...args].map((word) => `'${word}'`).join(' ');
  const shown = spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' }).stdout;
  assert.doesNotMatch(shown, /[\u007f-\u009f\u202e]/);
  assert.match((JSON.parse(shown) as { origin: string }).origin, /\u009b31m \u202egnp/);
});

test('nothing is coloured in a pipe', async () => {
  for (const args of [['stats'], ['import', folder.path('missing')], ['stats', '--colour'], ['--help']])
    assert.ok(
      !Object.values(await on.run(args))
        .join('')
        .includes('\u001b'),
    );
});

test('a reader that leaves early is no error', async () => {
  const { rows } = on.fresh(5000);
  await on.importJson([file('head.json', ndjson(rows))]);
  for (const args of [['stats', '--by', 'src_port', '--format', 'csv'], ['export']]) {
    const running = start([...args, '--data', stack.dataDir], { input: '' });
    running.child.stdout?.once('data', () => running.child.stdout?.destroy());
    const { code, stderr } = await running.ended;
    assert.deepEqual([code, stderr], [0, ''], args.join(' '));
  }
});

test('an export that fails leaves no file, and what was there before stays', async () => {
  const path = folder.path('export.csv');
  writeFileSync(path, 'before\n');
  const port = await brokenManager();
  const { code, stderr } = await sundew([
    'export',
    '--format',
    'csv',
    '--out',
    path,
    '--url',
    `http://127.0.0.1:${port.port}`,
    '--token',
    'x',
  ]);
  port.close();
  assert.equal(code, 1);
  assert.match(stderr, /the export was broken off/);
  assert.equal(readFileSync(path, 'utf8'), 'before\n');
  assert.deepEqual(
    readdirSync(folder.dir).filter((name) => name.startsWith('export.csv')),
    ['export.csv'],
  );
  const nowhere = await on.run(['export', '--out', folder.path('no', 'such', 'folder.csv')]);
  assert.equal(nowhere.code, 1);
  assert.ok(isOneMessage(nowhere.stderr), nowhere.stderr);
});

/** Answers an export and breaks it off in the middle. */
async function brokenManager(): Promise<{ port: number; close(): void }> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/csv' });
    response.write('id,started_at\r\n', () => response.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, close: () => server.close() };
}

test('an export to a file is the same as one to standard output', async () => {
  const { rows, sensor } = on.fresh(30);
  await on.importJson([file('out.json', ndjson(rows))]);
  const args = ['export', '--where', `sensor=${sensor}`, '--format', 'mhn'];
  const path = folder.path('out.mhn');
  assert.deepEqual(await on.run([...args, '--out', path]).then(({ code, stdout }) => [code, stdout]), [0, '']);
  const written = readFileSync(path, 'utf8');
  assert.equal(written, (await on.run(args)).stdout);
  assert.deepEqual(
    written
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as MhnRow),
    rows,
  );
});

test('a token that is wrong and a manager that is not there get one message each, and end with 1', async () => {
  const wrong = await sundew(['stats', '--url', stack.url, '--token', 'sdt_wrong']);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /does not know this token/);
  const closed = await sundew(['stats', '--url', 'http://127.0.0.1:9', '--token', 'x']);
  assert.equal(closed.code, 1);
  assert.match(closed.stderr, /the manager at http:\/\/127\.0\.0\.1:9 does not answer: /);
  for (const result of [wrong, closed]) assert.ok(isOneMessage(result.stderr), result.stderr);
});
