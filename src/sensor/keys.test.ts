import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { errorCode } from '../events/index.ts';
import { SEED_BYTES } from '../protocols/surfaces/persona.ts';
import { keyFolder, loadSeed } from './keys.ts';

function tempDir(t: { after(action: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'sundew-keys-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('the seed is made once, kept, and readable by its owner alone', (t) => {
  const dir = join(tempDir(t), 'sensor');
  const seed = loadSeed(dir);
  assert.equal(seed.length, SEED_BYTES);
  assert.ok(loadSeed(dir).equals(seed));
  assert.equal(statSync(join(dir, 'seed')).mode & 0o777, 0o600);
  assert.ok(!loadSeed(join(tempDir(t), 'other')).equals(seed));
});

test('a damaged seed is refused and left as it is', (t) => {
  const dir = tempDir(t);
  const good = loadSeed(dir).toString('hex');
  const path = join(dir, 'seed');
  for (const bad of ['', good.slice(2), `${good}00`, `${good}zz`, `x${good.slice(1)}`, 'not hex at all']) {
    writeFileSync(path, bad);
    assert.throws(
      () => loadSeed(dir),
      (error) => errorCode(error) === 'SENSOR_SEED_DAMAGED',
      `'${bad}'`,
    );
    assert.equal(readFileSync(path, 'utf8'), bad);
  }
});

test('keys are kept by name, and a damaged one is refused', (t) => {
  const dir = join(tempDir(t), 'keys');
  const keys = keyFolder(dir);
  assert.equal(keys.load('https'), undefined);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  keys.save('https', pem);
  assert.equal(keyFolder(dir).load('https'), pem);
  assert.equal(keys.load('mysql'), undefined);
  assert.equal(statSync(join(dir, 'https.pem')).mode & 0o777, 0o600);
  truncateSync(join(dir, 'https.pem'), 100);
  assert.throws(
    () => keys.load('https'),
    (error) => errorCode(error) === 'SENSOR_KEY_DAMAGED',
  );
});
