/** `sundew import`: files as people have them, whole and broken. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type Stack, startStack } from '../support/stack.ts';
import { Commands, file, folder, type Report } from './commands.ts';
import { type MhnRow, ndjson } from './rows.ts';
import { isOneMessage, start } from './sundew.ts';

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

test('an import answers in the form that the manual gives, to the last key', async () => {
  const { rows } = on.fresh(7);
  const path = file('form.json', ndjson(rows));
  const { code, stderr, report } = await on.importJson([path]);
  assert.equal(code, 0);
  assert.equal(stderr, '');
  assert.deepEqual(report, {
    files: [
      {
        file: path,
        format: 'mhn-session',
        rows: 7,
        imported: 7,
        duplicates: 0,
        invalid: 0,
        first: '2018-10-30T05:00:00.000Z',
        last: '2018-10-30T05:00:06.000Z',
      },
    ],
    rows: 7,
    imported: 7,
    duplicates: 0,
    invalid: 0,
  });
});

test('the same file twice, and its rows in another file, add nothing', async () => {
  const { rows } = on.fresh(25);
  const path = file('twice.json', ndjson(rows));
  const first = await on.importJson([path, path]);
  assert.deepEqual([first.report.imported, first.report.duplicates], [25, 25]);
  const before = await on.sessions();
  const again = await on.importJson([path, file('more.json', ndjson([...rows.toReversed(), ...rows]))]);
  assert.deepEqual([again.report.rows, again.report.imported, again.report.duplicates], [75, 0, 75]);
  assert.equal(await on.sessions(), before);
});

test('rows as CSV are read, and known again as JSON', async () => {
  const { rows } = on.fresh(5);
  const columns = [
    '_id',
    'hpfeed_id',
    'timestamp',
    'protocol',
    'source_ip',
    'source_port',
    'destination_port',
    'identifier',
    'honeypot',
  ] as const;
  const cell = (value: unknown): string => {
    const { $oid, $date } = Object(value) as { $oid?: string; $date?: string };
    return $oid === undefined ? String($date ?? value ?? '') : `ObjectID(${$oid})`;
  };
  const csv = [
    columns.join(','),
    ...rows.map((row) => columns.map((name) => cell((row as Record<string, unknown>)[name])).join(',')),
  ].join('\r\n');
  const { code, report } = await on.importJson([file('rows.csv', `${csv}\r\nbroken\r\n`)]);
  assert.equal(code, 0);
  assert.deepEqual(
    [report.rows, report.imported, report.invalid, report.files[0]?.format],
    [6, 5, 1, 'mhn-session-csv'],
  );
  const again = await on.importJson([file('rows.json', ndjson(rows))]);
  assert.deepEqual([again.report.imported, again.report.duplicates], [0, 5]);
});

test('standard input and a packed file are read as well', async () => {
  const { rows } = on.fresh(40);
  const fromInput = await on.importJson(['-'], ndjson(rows.slice(0, 20)));
  assert.deepEqual(
    fromInput.report.files.map(({ file: name, rows: count }) => [name, count]),
    [['-', 20]],
  );
  const packedInput = await on.importJson(['-'], gzipSync(ndjson(rows.slice(20, 30))));
  assert.equal(packedInput.report.imported, 10);
  const packed = await on.importJson([file('packed.json.gz', gzipSync(ndjson(rows)))]);
  assert.deepEqual([packed.report.imported, packed.report.duplicates], [10, 30]);
});

test('a pipe is read once, like standard input', {
  skip: existsSync('/usr/bin/mkfifo') ? false : 'mkfifo is not installed',
}, async () => {
  const { rows } = on.fresh(5);
  const path = folder.path('pipe');
  spawnSync('mkfifo', [path]);
  const importing = start(['import', path, '--json', '--data', stack.dataDir], { input: '' });
  writeFileSync(path, ndjson(rows));
  assert.equal((JSON.parse((await importing.ended).stdout) as Report).imported, 5);
});

const NUMBERED: readonly (readonly [string, (rows: readonly MhnRow[]) => string | Buffer])[] = [
  ['CRLF at the ends of lines', (rows) => ndjson(rows).replaceAll('\n', '\r\n')],
  ['a byte order mark', (rows) => `\ufeff${ndjson(rows)}`],
  ['no newline at the end', (rows) => ndjson(rows).trimEnd()],
  ['blank lines', (rows) => `\n\n${ndjson(rows).replaceAll('\n', '\n  \n')}`],
  ['UTF-16, as PowerShell writes it', (rows) => Buffer.from(`\ufeff${ndjson(rows)}`, 'utf16le')],
  ['an array on one line', (rows) => JSON.stringify(rows)],
  ['an array with a row on each line', (rows) => `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`],
  ['an array over many lines', (rows) => JSON.stringify(rows, null, 2)],
  ['objects over many lines', (rows) => rows.map((row) => JSON.stringify(row, null, '\t')).join('\n')],
];
test('a file is read whatever way its rows are laid out', async () => {
  for (const [what, write] of NUMBERED) {
    const { rows } = on.fresh(12);
    const { code, report } = await on.importJson([file('layout.json', write(rows))]);
    assert.deepEqual([code, report.rows, report.imported, report.invalid], [0, 12, 12, 0], what);
  }
});

test('an array made by hand, with ids as plain text, is read', async () => {
  const { rows, sensor } = on.fresh(3);
  const plain = rows.map(({ _id, hpfeed_id, timestamp, ...row }, index) => ({
    ...{ id: `hand-${index}`, timestamp: (timestamp as { $date: string }).$date },
    ...row,
  }));
  const { report } = await on.importJson([file('hand.json', JSON.stringify(plain, null, 1))]);
  assert.equal(report.imported, 3);
  assert.deepEqual(await on.statsOf(sensor), { mssqld: 2, httpd: 1 });
});

test('invalid lines are counted and told with their numbers, and stop nothing', async () => {
  const { rows } = on.fresh(3);
  const lines = [
    'garbage',
    JSON.stringify(rows[0]),
    '',
    '{"cut":',
    JSON.stringify(rows[1]),
    '42',
    '{"timestamp":"never"}',
    JSON.stringify(rows[2]),
  ];
  const path = file('invalid.json', lines.join('\n'));
  const { code, stderr, report } = await on.importJson([path]);
  assert.equal(code, 0);
  assert.deepEqual([report.rows, report.imported, report.invalid], [7, 3, 4]);
  assert.deepEqual(stderr.trimEnd().split('\n'), [
    `${path} line 1: is no JSON`,
    `${path} line 4: is no JSON`,
    `${path} line 6: is no JSON object`,
    `${path} line 7: has a timestamp that is no date`,
  ]);
});

test('one broken row of an array does not take the others with it', async () => {
  const { rows } = on.fresh(4);
  const lines = rows.map((row) => JSON.stringify(row));
  const broken = [lines[0], lines[1], '{"protocol":"mssqld, "source_port":1}', lines[2], lines[3]];
  const { stderr, report } = await on.importJson([file('broken-array.json', `[\n${broken.join(',\n')}\n]\n`)]);
  assert.deepEqual([report.imported, report.invalid], [4, 1]);
  assert.match(stderr, /line 4: is no JSON\n$/);
});

test('many invalid lines are told in part and counted in full', async () => {
  const { rows } = on.fresh(1);
  const { stderr, report } = await on.importJson([file('many.json', `${ndjson(rows)}${'nothing\n'.repeat(5000)}`)]);
  assert.equal(report.invalid, 5000);
  const told = stderr.trimEnd().split('\n');
  assert.equal(told.length, 21);
  assert.match(told.at(-1) ?? '', /4980 further invalid lines$/);
});

test('a line of 50 MB is one invalid line', async () => {
  const { rows } = on.fresh(2);
  const path = file(
    'long.json',
    `${JSON.stringify(rows[0])}\n{"protocol":"${'x'.repeat(50_000_000)}"}\n${JSON.stringify(rows[1])}\n`,
  );
  const { code, stderr, report } = await on.importJson([path]);
  assert.equal(code, 0);
  assert.deepEqual([report.rows, report.imported, report.invalid], [3, 2, 1]);
  assert.equal(stderr, `${path} line 2: is too long\n`);
});

test('what is no export gets one message, ends with 1, and imports nothing', async () => {
  const before = await on.sessions();
  mkdirSync(folder.path('folder'));
  const cases: readonly (readonly [string, RegExp])[] = [
    [folder.path('missing.json'), /there is no such file/],
    [folder.path('folder'), /this is a folder; name the files in it/],
    [file('empty.json', ''), /there is nothing in it/],
    [file('blank.json', '\n \n\n'), /there is nothing in it/],
    [file('empty.gz', gzipSync('')), /there is nothing in it/],
    [file('notes.txt', 'hello\nworld\n'), /this is no export that is known here/],
    [file('empty-array.json', '[]'), /there is nothing in it/],
    [file('other.json', '{"name":"x"}\n'), /this is no export that is known here/],
    [
      file(
        'binary.bin',
        Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7919 + (index >> 3)) & 0xff)),
      ),
      /this is no export that is known here/,
    ],
  ];
  for (const [path, message] of cases) {
    const { code, stdout, stderr } = await on.run(['import', path]);
    assert.equal(code, 1, path);
    assert.equal(stdout, '', path);
    assert.match(stderr, message);
    assert.ok(isOneMessage(stderr), stderr);
  }
  assert.equal(await on.sessions(), before);
});

const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
const isRoot = process.getuid?.() === 0;
const cannotBeNobody = isRoot && !existsSync('/usr/bin/setpriv') ? 'setpriv is not installed' : false;
test('a file that may not be read by this user is told as that', { skip: cannotBeNobody }, async () => {
  const { rows } = on.fresh(2);
  chmodSync(folder.dir, 0o755);
  const path = folder.path('secret.json');
  writeFileSync(path, ndjson(rows), { mode: 0o000 });
  const { code, stderr } = await start(['import', path], { input: '', wrap: isRoot ? AS_NOBODY : [] }).ended;
  assert.equal(code, 1);
  assert.match(stderr, /secret\.json: may not be read by this user/);
  assert.ok(isOneMessage(stderr), stderr);
});

test('one bad file among good ones is told, the good ones are imported, and the end is 1', async () => {
  const { rows } = on.fresh(4);
  const good = file('good.json', ndjson(rows));
  const { code, stderr, report } = await on.importJson([folder.path('gone.json'), good, file('bad.txt', 'no\n')]);
  assert.equal(code, 1);
  assert.deepEqual(
    report.files.map((row) => [row.file, row.imported]),
    [[good, 4]],
  );
  assert.match(stderr, /gone\.json: there is no such file/);
  assert.match(stderr, /bad\.txt: this is no export/);
});

test('of a packed file that was cut off all that is whole is imported, and the damage is told', async () => {
  const { rows, sensor } = on.fresh(3000);
  const packed = gzipSync(ndjson(rows.map((row, index) => ({ ...row, note: `${index * 7919}${index}` }))));
  const { code, stderr, report } = await on.importJson([file('cut.json.gz', packed.subarray(0, packed.length >> 1))]);
  assert.equal(code, 1);
  assert.ok(report.rows > 100 && report.rows < 3000, `${report.rows} rows`);
  assert.deepEqual([report.imported, report.invalid], [report.rows, 0]);
  assert.match(
    stderr,
    new RegExp(
      `^sundew: .*cut\\.json\\.gz: cannot be unpacked to its end: .*; ${report.rows} rows before that were read\n$`,
    ),
  );
  const counts = await on.statsOf(sensor);
  assert.equal((counts.mssqld ?? 0) + (counts.httpd ?? 0), report.rows);
  const whole = await on.importJson([file('whole.json.gz', packed)]);
  assert.deepEqual([whole.code, whole.report.imported, whole.report.duplicates], [0, 3000 - report.rows, report.rows]);
});

test('--sensor puts all rows under one name', async () => {
  const { rows } = on.fresh(6);
  await on.run(['import', file('named.json', ndjson(rows)), '--sensor', 'old net']);
  assert.deepEqual(await on.statsOf('old net'), { mssqld: 4, httpd: 2 });
});

test('the table of several files has a line of totals', async () => {
  const { rows } = on.fresh(8);
  const { stdout } = await on.run([
    'import',
    file('a.json', ndjson(rows.slice(0, 5))),
    file('b.json', ndjson(rows.slice(3))),
  ]);
  assert.match(stdout, /^total +10 +8 +2 +0$/m);
});
