import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const ROOT = resolve(import.meta.dirname, '..');

/** A copy of the tree, as far as services need it. */
function copyOfTree(t: { after(action: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'sundew-new-protocol-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  for (const part of ['src/events', 'src/protocols', 'tools/new-protocol.ts', 'tools/new-protocol-files.ts'])
    cpSync(join(ROOT, part), join(dir, part), {
      recursive: true,
      filter: (path) => !path.includes('fixtures') && (!path.endsWith('.test.ts') || path.endsWith('registry.test.ts')),
    });
  for (const file of ['package.json', 'tsconfig.json', 'biome.json']) cpSync(join(ROOT, file), join(dir, file));
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
  return dir;
}

interface Outcome {
  code: number | null;
  output: string;
}

function run(dir: string, command: string, ...args: readonly string[]): Outcome {
  // The test runner tells its children to report to it, which a run of their own must not.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const done = spawnSync(command, args, { cwd: dir, encoding: 'utf8', env });
  return { code: done.status, output: done.stdout + done.stderr };
}

const newProtocol = (dir: string, ...names: readonly string[]): Outcome =>
  run(dir, process.execPath, 'tools/new-protocol.ts', ...names);
const registryOf = (dir: string): string => readFileSync(join(dir, 'src/protocols/registry.ts'), 'utf8');

test('a new protocol type-checks, passes its tests and is in the registry', (t) => {
  const dir = copyOfTree(t);
  const made = newProtocol(dir, 'new-cache');
  assert.equal(made.code, 0, made.output);
  const files = ['codec', 'service', 'events', 'options', 'replies', 'service.test'].map((name) => `${name}.ts`);
  for (const file of [...files, 'README.md', 'fixtures/login.txt'])
    assert.ok(existsSync(join(dir, 'src/protocols/new-cache', file)), file);
  assert.match(registryOf(dir), /^import \{ newCache \} from '\.\/new-cache\/service\.ts';$/m);
  assert.match(registryOf(dir), /services = \[.*mysql, newCache, .*\]/);

  const bin = join(ROOT, 'node_modules/.bin');
  const { compilerOptions } = JSON.parse(readFileSync(join(dir, 'tsconfig.json'), 'utf8')) as Record<string, object>;
  const config = { compilerOptions, include: ['src/protocols/new-cache', 'src/protocols/registry.ts'] };
  writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify(config));
  const types = run(dir, join(bin, 'tsc'), '--noEmit', '-p', dir);
  assert.equal(types.code, 0, types.output);
  const format = run(
    dir,
    join(bin, 'biome'),
    'ci',
    '--vcs-enabled=false',
    '--colors=off',
    'src/protocols/new-cache',
    'src/protocols/registry.ts',
  );
  assert.equal(format.code, 0, format.output);
  const tests = run(
    dir,
    process.execPath,
    '--test',
    'src/protocols/new-cache/*.test.ts',
    'src/protocols/registry.test.ts',
  );
  assert.equal(tests.code, 0, tests.output);
  assert.match(tests.output, /however the stream is split/);

  const again = newProtocol(dir, 'new-cache');
  assert.deepEqual([again.code, /is there already/.test(again.output)], [1, true]);
  assert.equal(newProtocol(dir, 'aaa').code, 0);
  assert.equal(newProtocol(dir, 'zzz').code, 0);
  const both = run(dir, process.execPath, '--test', 'src/protocols/registry.test.ts');
  assert.equal(both.code, 0, both.output);
});

test('names that are none, or taken, are refused and change nothing', (t) => {
  const dir = copyOfTree(t);
  const before = registryOf(dir);
  for (const names of [
    [],
    [''],
    ['Redis'],
    ['1up'],
    ['a--b'],
    ['../x'],
    ['a b'],
    ['kernel'],
    ['class'],
    ['a', 'b'],
    ['x'.repeat(33)],
  ]) {
    const { code, output } = newProtocol(dir, ...names);
    assert.equal(code, 2, names.join(' '));
    assert.match(output, /^new:protocol: .+\n$/);
  }
  assert.equal(newProtocol(dir, 'http').code, 1);
  assert.equal(registryOf(dir), before);
  assert.match(readFileSync(join(dir, 'src/protocols/http/service.ts'), 'utf8'), /name: 'http'/);
});
