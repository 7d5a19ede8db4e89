import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TEST_NOW, TEST_SEED } from '../play.ts';
import { makePersona } from '../surfaces/personas.ts';
import { lureTree } from './lure-files.ts';
import { type Directory, resolvePath, Tree } from './tree.ts';

const tree = (windows = false): Tree => new Tree({ windows, now: () => TEST_NOW });
const put = (into: Tree, path: string, text = 'x'): unknown => into.write(path, 0, Buffer.from(text), text.length);

test('a path never leads above the root', () => {
  assert.equal(resolvePath('/a/b', '../c'), '/a/c');
  assert.equal(resolvePath('/', '../../etc/passwd'), '/etc/passwd');
  assert.equal(resolvePath('/a', '/./b//c/'), '/b/c');
});

test('Windows finds a name in any case and keeps the spelling it was made with', () => {
  const windows = tree(true);
  windows.makeDirectory('/Backups');
  assert.equal(windows.find('/BACKUPS')?.name, 'Backups');
  assert.equal(windows.makeDirectory('/backups'), 'exists');
  assert.equal(windows.makeDirectory('/a:b'), 'invalid_name');
  const linux = tree();
  linux.makeDirectory('/Backups');
  assert.equal(linux.find('/BACKUPS'), undefined);
});

test('what cannot be done says why', () => {
  const files = tree();
  put(files, '/file');
  files.makeDirectory('/full');
  put(files, '/full/file');
  assert.equal(files.makeDirectory('/none/there'), 'no_path');
  assert.equal(files.makeDirectory('/file/there'), 'no_path');
  assert.equal(files.removeDirectory('/full'), 'not_empty');
  assert.equal(files.removeDirectory('/file'), 'not_directory');
  assert.equal(files.removeFile('/full'), 'is_directory');
  assert.equal(files.removeFile('/gone'), 'missing');
  assert.equal(files.rename('/full', '/full/inside'), 'invalid_name');
  assert.equal(put(files, '/'), 'exists');
});

test('a rename replaces a file on Linux and is refused on Windows', () => {
  for (const windows of [false, true]) {
    const files = tree(windows);
    put(files, '/a', 'one');
    put(files, '/b', 'two');
    assert.equal(files.rename('/a', '/b'), windows ? 'exists' : undefined);
    const left = files.find('/b');
    assert.equal(left?.kind === 'file' && left.bytes?.toString(), windows ? 'two' : 'one');
  }
});

test('writing at an offset keeps what was before it', () => {
  const files = tree();
  put(files, '/log', 'first\n');
  files.write('/log', 6, Buffer.from('second\n'), 7);
  const log = files.find('/log');
  assert.equal(log?.kind === 'file' && log.bytes?.toString(), 'first\nsecond\n');
});

test('a tree grows to its bound and no further', () => {
  const files = tree();
  let made = 0;
  while (made < 10_000 && files.makeDirectory(`/d${made}`) === undefined) made += 1;
  assert.equal(made, 512);
  assert.equal(files.makeDirectory('/more'), 'full');
  assert.equal(files.removeDirectory('/d0'), undefined);
  assert.equal(files.makeDirectory('/more'), undefined);
});

test('contents beyond the bound are forgotten, and their size is not', () => {
  const files = tree();
  const block = Buffer.alloc(1_500_000);
  files.write('/one', 0, block, block.length);
  files.write('/two', 0, block, block.length);
  const [one, two] = [files.find('/one'), files.find('/two')];
  assert.ok(one?.kind === 'file' && one.bytes !== undefined);
  assert.ok(two?.kind === 'file' && two.bytes === undefined && two.size === block.length);
});

test('any sequence of changes leaves the count of entries right', () => {
  const name = fc.constantFrom('/a', '/b', '/a/c', '/a/d', '/b/e');
  const step = fc.oneof(
    fc.tuple(fc.constant('mkdir'), name, name),
    fc.tuple(fc.constant('write'), name, name),
    fc.tuple(fc.constant('remove'), name, name),
    fc.tuple(fc.constant('rename'), name, name),
  );
  const countOf = (directory: Directory): number =>
    [...directory.entries.values()].reduce(
      (sum, entry) => sum + 1 + (entry.kind === 'directory' ? countOf(entry) : 0),
      0,
    );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const files = tree();
      for (const [verb, path, other] of steps) {
        if (verb === 'mkdir') files.makeDirectory(path);
        else if (verb === 'write') put(files, path);
        else if (verb === 'rename') files.rename(path, other);
        else if (files.removeFile(path) !== undefined) files.removeDirectory(path);
      }
      let room = 0;
      while (files.makeDirectory(`/new${room}`) === undefined) room += 1;
      assert.equal(countOf(files.root), 512);
    }),
    { numRuns: 30 },
  );
});

test('two sensors share no line of their lure files, and one shows the same on every visit', () => {
  const text = (seed: Buffer, kind: 'ubuntu-server' | 'windows-server', path: string): string => {
    const file = lureTree(makePersona(kind, seed, TEST_NOW), false, () => TEST_NOW).find(path);
    assert.ok(file?.kind === 'file', path);
    return String(file.bytes);
  };
  for (const [kind, path] of [
    ['ubuntu-server', '/notes.txt'],
    ['windows-server', '/wwwroot/web.config'],
  ] as const) {
    const one = text(TEST_SEED, kind, path);
    assert.equal(text(TEST_SEED, kind, path), one);
    const secret = /(?:\/ |Password=)([\w-]{8,})/.exec(one)?.[1];
    assert.ok(secret);
    assert.ok(!text(Buffer.alloc(32, 8), kind, path).includes(secret));
  }
});

test('no lure file is newer than now or older than the machine', () => {
  for (const fill of [1, 2, 3, 4])
    for (const kind of ['ubuntu-server', 'windows-server'] as const) {
      const persona = makePersona(kind, Buffer.alloc(32, fill), TEST_NOW);
      const check = (directory: Directory): void => {
        for (const entry of directory.entries.values()) {
          assert.ok(entry.modifiedAt <= TEST_NOW && entry.modifiedAt >= persona.installedAt, entry.name);
          if (entry.kind === 'directory') check(entry);
        }
      };
      check(lureTree(persona, false, () => TEST_NOW).root);
      check(lureTree(persona, true, () => TEST_NOW).root);
    }
});
