import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { ArtifactRecord } from '../../events/index.ts';
import { testFolder } from '../testing.ts';
import { Artifacts, MAX_UNFINISHED } from './artifacts.ts';

let folder: ReturnType<typeof testFolder>;
let artifacts: Artifacts;
beforeEach(() => {
  folder = testFolder();
  artifacts = new Artifacts(folder.path);
});
afterEach(() => folder.remove());

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const unfinished = (): string[] => readdirSync(join(folder.path, 'incoming'));

function piecesOf(bytes: Buffer, size: number, name = sha256(bytes)): ArtifactRecord[] {
  const pieces: ArtifactRecord[] = [];
  for (let offset = 0; offset < Math.max(1, bytes.length); offset += size)
    pieces.push({
      sha256: name,
      size: bytes.length,
      offset,
      data: bytes.subarray(offset, offset + size).toString('base64'),
    });
  return pieces;
}

async function takeAll(pieces: readonly ArtifactRecord[], sensor = 'a'): Promise<boolean[]> {
  const results: boolean[] = [];
  for (const piece of pieces) results.push(await artifacts.take(sensor, piece));
  return results;
}

test('pieces become one file that nobody else may read or run', async () => {
  const bytes = Buffer.from('#!/bin/sh\nrm -rf /\n'.repeat(50));
  assert.deepEqual(new Set(await takeAll(piecesOf(bytes, 100))), new Set([true]));
  const path = artifacts.path(sha256(bytes));
  assert.deepEqual(readFileSync(path), bytes);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(unfinished(), []);
});

test('an empty file is an artifact too', async () => {
  const empty = Buffer.alloc(0);
  assert.deepEqual(await takeAll(piecesOf(empty, 10)), [true]);
  assert.ok(artifacts.has(sha256(empty)));
});

test('pieces that come twice, and an artifact that comes again, change nothing', async () => {
  const bytes = Buffer.from('abcdefghij');
  const pieces = piecesOf(bytes, 4);
  const [first, second, third] = pieces as [ArtifactRecord, ArtifactRecord, ArtifactRecord];
  await takeAll([first, first, second, first, second, third, third]);
  await takeAll(pieces, 'b');
  assert.deepEqual(readFileSync(artifacts.path(sha256(bytes))), bytes);
  assert.deepEqual(unfinished(), []);
});

test('what is not what its hash says is dropped, and the right one is taken afterwards', async () => {
  const bytes = Buffer.from('the real one');
  const forged = piecesOf(Buffer.from('another one!'), 5, sha256(bytes));
  assert.deepEqual(await takeAll(forged), [true, true, false]);
  assert.deepEqual(unfinished(), []);
  assert.equal(artifacts.has(sha256(bytes)), false);
  await takeAll(piecesOf(bytes, 5));
  assert.ok(artifacts.has(sha256(bytes)));
});

test('a piece beyond the size that was said, or a last piece alone, is no artifact', async () => {
  const bytes = Buffer.from('abcdefghij');
  const [, , last] = piecesOf(bytes, 4) as [ArtifactRecord, ArtifactRecord, ArtifactRecord];
  assert.equal(await artifacts.take('a', { ...last, size: 9 }), false);
  assert.equal(await artifacts.take('a', last), false);
  assert.deepEqual(unfinished(), []);
});

test('two sensors that deliver the same artifact do not disturb each other', async () => {
  const bytes = Buffer.from('abcdefghij');
  const [one, two, three] = piecesOf(bytes, 4) as [ArtifactRecord, ArtifactRecord, ArtifactRecord];
  await artifacts.take('a', one);
  await takeAll([one, two, three], 'b');
  await takeAll([two, three], 'a');
  assert.deepEqual(readFileSync(artifacts.path(sha256(bytes))), bytes);
});

test('a sensor that never finishes anything fills nothing: its oldest beginnings go', async () => {
  const begun = Array.from({ length: MAX_UNFINISHED + 5 }, (_, index) => {
    const [first] = piecesOf(Buffer.from(`beginning ${index} and more`), 9);
    return first as ArtifactRecord;
  });
  for (const [index, piece] of begun.entries()) {
    await artifacts.take('a', piece);
    utimesSync(join(folder.path, 'incoming', `a-${piece.sha256}`), index, index);
  }
  const left = new Set(unfinished());
  assert.equal(left.size, MAX_UNFINISHED);
  assert.ok(!left.has(`a-${begun[0]?.sha256}`));
  assert.ok(left.has(`a-${begun.at(-1)?.sha256}`));
});
