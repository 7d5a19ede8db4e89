import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Session } from '../../api/types.ts';
import { addFresh, isLate, mergeLists } from './live-list.ts';

const session = (id: string, logins = 0): Session => ({ id, logins }) as Session;
const ids = (rows: readonly Session[]): string[] => rows.map((row) => row.id);

test('what comes last stands first', () => {
  assert.deepEqual(ids(addFresh([session('a')], [session('b'), session('c')])), ['c', 'b', 'a']);
});

test('a session that comes again keeps its place and takes the newer facts', () => {
  const rows = addFresh([session('b'), session('a')], [session('a', 3), session('c'), session('c', 2)]);
  assert.deepEqual(
    rows.map((row) => [row.id, row.logins]),
    [
      ['c', 2],
      ['b', 0],
      ['a', 3],
    ],
  );
});

test('pages that overlap with the live list or with each other show no session twice', () => {
  const rows = mergeLists([session('c'), session('b', 9)], [[session('b'), session('a')], [session('a')]]);
  assert.deepEqual(ids(rows), ['c', 'b', 'a']);
  assert.equal(rows[1]?.logins, 9);
});

test('what was imported while someone looks on is no news', () => {
  const at = (started_at: string, ended_at: string | null = started_at) => ({ started_at, ended_at }) as Session;
  const newest = at('2026-11-22T10:00:00.000Z');
  assert.equal(isLate(at('2018-10-30T05:52:27.681Z'), newest), true);
  assert.equal(isLate(at('2026-11-22T09:59:00.000Z'), newest), false);
  assert.equal(isLate(at('2026-11-22T04:00:00.000Z', '2026-11-22T10:00:01.000Z'), newest), false);
  assert.equal(isLate(at('2018-10-30T05:52:27.681Z'), undefined), false);
});
