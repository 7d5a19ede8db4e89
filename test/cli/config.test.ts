/** The configuration file and the data folder: what is wrong with them is said at once, all of it, with its place. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import { isOneMessage, scratch, start, sundew, takenPort } from './sundew.ts';

const folder = scratch();
after(() => folder.remove());

function yaml(name: string, text: string): string {
  const path = folder.path(name);
  writeFileSync(path, text);
  return path;
}

test('all mistakes of a configuration are told together, with their paths and lines', async () => {
  const path = yaml(
    'wrong.yaml',
    [
      'manager:',
      '  listen: 8420',
      '  lissten: 127.0.0.1:8420',
      'sensor:',
      '  # a comment',
      '  limits:',
      '    connections: many',
      '    conections:',
      '      a: 1',
      '  portOffset: 70000',
      '  services: 5',
      'dashboard:',
      '  port: 1',
    ].join('\n'),
  );
  for (const command of [['config', 'check'], ['up'], ['doctor']]) {
    const { code, stdout, stderr } = await sundew([...command, '--config', path, '--data', folder.path('none')]);
    const told = stdout + stderr;
    assert.equal(code, command[0] === 'doctor' ? 1 : 2);
    for (const [key, line] of [
      ['manager.listen', 2],
      ['manager.lissten', 3],
      ['sensor.limits.connections', 7],
      ['sensor.limits.conections', 8],
      ['sensor.portOffset', 10],
      ['sensor.services', 11],
      ['dashboard', 12],
    ] as const)
      assert.match(
        told,
        new RegExp(`  ${key.replaceAll('.', '\\.')}: [^\n]+ \\(${path} line ${line}\\)`),
        `${command.join(' ')}: ${key}`,
      );
    assert.doesNotMatch(told, /\n\s+at /);
  }
  assert.ok(!existsSync(folder.path('none')));
});

test('mistakes that only the services know are told with the others', async () => {
  const path = yaml(
    'services.yaml',
    'manager:\n  listen: here\nsensor:\n  services: [http, gopher]\n  options:\n    ftp:\n      colour: red\n    finger: {}\n',
  );
  const { code, stderr } = await sundew(['config', 'check', '--config', path]);
  assert.equal(code, 2);
  assert.match(stderr, / {2}manager\.listen: .* line 2\)/);
  assert.match(stderr, / {2}sensor\.services\.1: there is no service 'gopher'; .* line 4\)/);
  assert.match(stderr, / {2}sensor\.options\.ftp\.colour: there is no such key .* line 7\)/);
  assert.match(stderr, / {2}sensor\.options\.finger: there is no service 'finger'; .* line 8\)/);
});

test('a file that is no YAML, holds no keys, is a folder or is missing gets one message', async () => {
  mkdirSync(folder.path('folder.yaml'));
  for (const [path, message] of [
    [yaml('broken.yaml', 'manager: [\n'), /broken\.yaml: .* at line \d/s],
    [yaml('twice.yaml', 'manager: {}\nmanager: {}\n'), /Map keys must be unique at line 2/],
    [yaml('list.yaml', '- manager\n'), /holds no keys; it begins with manager: or sensor:/],
    [yaml('section.yaml', 'manager: hello\n'), /manager: expected keys and values below it .* line 1/],
    [
      yaml(
        'bomb.yaml',
        `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefgh'].map((name, index) => `${name}: &${name} [${`*${'abcdefgh'[index]},`.repeat(9)}]`).join('\n')}\n`,
      ),
      /bomb\.yaml: Excessive alias count/,
    ],
    [folder.path('folder.yaml'), /cannot be read: /],
    [folder.path('missing.yaml'), /there is no configuration file /],
  ] as const) {
    const { code, stdout, stderr } = await sundew(['config', 'check', '--config', path]);
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
});

test('an empty file and empty sections are right', async () => {
  for (const text of ['', '# nothing\n', 'manager:\nsensor:\n', 'sensor: {}\n']) {
    const { code, stdout, stderr } = await sundew(['config', 'check', '--config', yaml('empty.yaml', text)]);
    assert.deepEqual([code, stdout, stderr], [0, 'the configuration is right\n', ''], JSON.stringify(text));
  }
});

test('what `config print` writes is a right configuration, and the one that `up` runs with', async () => {
  const { code, stdout } = await sundew(['config', 'print', '--data', folder.path('none')]);
  assert.equal(code, 0);
  const printed = parse(stdout) as { manager: { listen: string }; sensor: { portOffset: number; services: string } };
  assert.deepEqual(
    [printed.manager.listen, printed.sensor.portOffset, printed.sensor.services],
    ['127.0.0.1:8420', 20_000, 'all'],
  );
  assert.equal((await sundew(['config', 'check', '--config', yaml('printed.yaml', stdout)])).code, 0);
  assert.deepEqual(
    JSON.parse((await sundew(['config', 'print', '--json', '--data', folder.path('none')])).stdout),
    printed,
  );
});

test('a command that reads makes no data folder; it says that there is nothing yet', async () => {
  const none = folder.path('none');
  for (const args of [
    ['stats'],
    ['export'],
    ['tail'],
    ['services'],
    ['user', 'list'],
    ['token', 'list'],
    ['sensors', 'list'],
    ['user', 'link'],
  ]) {
    const { code, stdout, stderr } = await sundew([...args, '--data', none]);
    assert.deepEqual([code, stdout], [1, ''], args.join(' '));
    assert.ok(isOneMessage(stderr), stderr);
  }
  assert.ok(!existsSync(none));
});

const isRoot = process.getuid?.() === 0;
const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
const cannotBeNobody = isRoot && !existsSync('/usr/bin/setpriv') ? 'setpriv is not installed' : false;

test('a data folder that cannot be written gets one message, and nothing is started', {
  skip: cannotBeNobody,
}, async () => {
  chmodSync(folder.dir, 0o755);
  const closed = folder.path('closed');
  mkdirSync(closed, { mode: 0o555 });
  const row = folder.path('row.json');
  writeFileSync(row, '{}\n');
  const cases: readonly (readonly [string, RegExp])[] = [
    [closed, /the data folder .* cannot be used: this user may not write there/],
    [folder.path('closed', 'below'), /cannot be used: this user may not write there/],
    [row, /cannot be used: there is a file in its place/],
  ];
  for (const [path, message] of cases)
    for (const args of [['up'], ['manager'], ['sensor'], ['import', row]]) {
      const { code, stdout, stderr } = await start([...args, '--data', path], {
        input: '',
        wrap: isRoot ? AS_NOBODY : [],
      }).ended;
      assert.deepEqual([code, stdout], [1, ''], args.join(' '));
      assert.match(stderr, message);
      assert.ok(isOneMessage(stderr), stderr);
    }
  assert.deepEqual(readdirSync(closed), []);
});

test('a file system that is mounted read-only is told as that', async (context) => {
  const path = folder.path('read-only');
  mkdirSync(path);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', path]).status !== 0) {
    context.skip('nothing can be mounted here: that needs root');
    return;
  }
  try {
    const { code, stderr } = await sundew(['up', '--data', path]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /the data folder .* cannot be used: it is on a file system that is mounted read-only; mend that, or/,
    );
    assert.ok(isOneMessage(stderr), stderr);
  } finally {
    spawnSync('umount', [path]);
  }
});

test('the data folder of another user is told as that', {
  skip: cannotBeNobody || (isRoot ? false : 'needs root'),
}, async () => {
  const data = folder.path('owned');
  assert.equal((await sundew(['token', 'add', 'x', '--data', data])).code, 0);
  assert.equal(statSync(data).mode & 0o077, 0);
  const { code, stderr } = await start(['stats', '--data', data], { input: '', wrap: AS_NOBODY }).ended;
  assert.equal(code, 1);
  assert.ok(isOneMessage(stderr), stderr);
  assert.match(stderr, /run this as the user who runs the manager/);
});

test('`doctor` finds missing rights and a decoy port that is taken', { skip: cannotBeNobody }, async () => {
  const taken = await takenPort();
  const path = yaml(
    'doctor.yaml',
    `sensor:\n  services: [ftp]\n  portOffset: ${taken.port - 21}\nmanager:\n  listen: 127.0.0.1:80\n`,
  );
  chmodSync(folder.dir, 0o755);
  mkdirSync(folder.path('rights'), { mode: 0o755 });
  const doctor = start(['doctor', '--config', path, '--data', folder.path('rights')], {
    input: '',
    wrap: isRoot ? AS_NOBODY : [],
  });
  const { code, stdout, stderr } = await doctor.ended;
  taken.server.close();
  assert.deepEqual([code, stderr], [1, '']);
  assert.match(
    stdout,
    new RegExp(`^FAIL {2}port of ftp: 127\\.0\\.0\\.1 port ${taken.port} is in use\n +see which program`, 'm'),
  );
  if (isRoot)
    assert.match(stdout, /^FAIL {2}data folder: .* cannot be used: this user may not write there\n +run as its owner/m);
});
