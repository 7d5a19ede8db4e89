import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ProjectError } from '../events/errors.ts';
import { loadConfig } from './config.ts';

const dir = mkdtempSync(join(tmpdir(), 'sundew-config-'));
after(() => rmSync(dir, { recursive: true }));
const path = join(dir, 'sundew.yaml');
const write = (text: string): void => writeFileSync(path, text);

function mistakes(action: () => unknown): string[] {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof ProjectError);
    assert.equal(error.code, 'CONFIG_INVALID');
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim().replace(path, 'FILE'));
  }
  return [];
}

test('flags stand above the file, the file above the defaults of the command, and these above those of the schema', () => {
  write('sensor:\n  portOffset: 2\n  bind: 192.0.2.2\n');
  const config = loadConfig(
    dir,
    undefined,
    { sensor: { bind: '192.0.2.3' } },
    { defaults: { sensor: { portOffset: 1, services: 'all', bind: '192.0.2.1' } } },
  );
  assert.deepEqual([config.sensor.bind, config.sensor.portOffset, config.sensor.services], ['192.0.2.3', 2, 'all']);
  assert.deepEqual([config.sensor.persona, config.manager.listen], ['windows-server', '127.0.0.1:8420']);
});

test('without a file the defaults hold; a file that was named has to be there', () => {
  assert.equal(loadConfig(join(dir, 'none'), undefined, {}).sensor.portOffset, 0);
  assert.throws(() => loadConfig(dir, join(dir, 'none.yaml'), {}), /there is no configuration file .*none\.yaml/);
});

test('a mistake has the line of its key, at any depth, in lists and in flow style too', () => {
  write(
    '# one\nsensor:\n  limits: { connections: 0,\n    idleSeconds: x }\n  services:\n    - http\n    - 5\n  limits2: [1, -2]\n  wrong:\n    deep: 1\n',
  );
  assert.deepEqual(
    mistakes(() => loadConfig(dir, undefined, {})).map((line) => line.replace(/: .* \(/, ' (')),
    [
      'sensor.services.1 (FILE line 7)',
      'sensor.limits.connections (FILE line 3)',
      'sensor.limits.idleSeconds (FILE line 4)',
      'sensor.limits2 (FILE line 8)',
      'sensor.wrong (FILE line 9)',
    ],
  );
});

test('a mistake of a flag has no line of the file', () => {
  write('manager:\n  listen: 127.0.0.1:1\n');
  assert.deepEqual(
    mistakes(() => loadConfig(dir, undefined, { manager: { listen: 'x' } })),
    ['manager.listen: write ADDRESS:PORT, e.g. 127.0.0.1:8420'],
  );
});

test('of a value that can have several forms all are told', () => {
  write('sensor:\n  services: 5\n');
  assert.match(
    mistakes(() => loadConfig(dir, undefined, {}))[0] ?? '',
    /^sensor\.services: .*"auto"\|"all".*, or: .*array.* \(FILE line 2\)$/,
  );
});

test('what a check finds is told beside the mistakes of form; what else it throws is no mistake of the file', () => {
  write('manager:\n  wrong: 1\nsensor:\n  options:\n    http: {}\n');
  const check = (): never => {
    throw new ProjectError('CONFIG_INVALID', 'x', { problems: [{ path: ['options', 'http'], message: 'found' }] });
  };
  assert.deepEqual(
    mistakes(() => loadConfig(dir, undefined, {}, { check })),
    ['manager.wrong: there is no such key (FILE line 2)', 'sensor.options.http: found (FILE line 5)'],
  );
  const fault = new Error('a bug');
  assert.throws(
    () =>
      loadConfig(
        dir,
        undefined,
        {},
        {
          check: () => {
            throw fault;
          },
        },
      ),
    fault,
  );
});
