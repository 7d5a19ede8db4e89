import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { mhnSession } from '../src/manager/ingest/importers/mhn-session.ts';
import { mhnRows } from './generate-mhn.ts';

const ROWS = 20_000;
const rows = [...mhnRows(ROWS)];

test('the same seed gives the same bytes, and another seed others', () => {
  const digest = (lines: Iterable<string>): string =>
    createHash('sha256')
      .update([...lines].join('\n'))
      .digest('hex');
  assert.equal(digest(mhnRows(500, 7)), digest(mhnRows(500, 7)));
  assert.notEqual(digest(mhnRows(500, 7)), digest(mhnRows(500, 8)));
});

test('the importer recognises the export and reads every row of it', () => {
  assert.ok(mhnSession.recognises(rows[0] ?? ''));
  const results = rows.map((row) => mhnSession.read(row));
  assert.deepEqual(
    results.filter((result) => result.kind === 'invalid'),
    [],
  );
  const ids = new Set(results.map((result) => (result.kind === 'row' ? result.row.session.id : '')));
  assert.equal(ids.size, ROWS);
});

test('98 of 100 rows are MSSQL, and few sources make most of them', () => {
  const parsed = rows.map((row) => JSON.parse(row) as { protocol: string; source_ip: string });
  const mssql = parsed.filter((row) => row.protocol === 'mssqld').length / ROWS;
  assert.ok(Math.abs(mssql - 0.98) < 0.005, `${mssql}`);
  const counts = new Map<string, number>();
  for (const { source_ip } of parsed) counts.set(source_ip, (counts.get(source_ip) ?? 0) + 1);
  const busiest = [...counts.values()].sort((a, b) => b - a).slice(0, 100);
  assert.ok(busiest.reduce((sum, count) => sum + count, 0) > ROWS / 3);
  assert.ok(counts.size > 1000);
});

test('rows span thirty days', () => {
  const times = rows.map((row) => Date.parse((JSON.parse(row) as { timestamp: { $date: string } }).timestamp.$date));
  const days = (Math.max(...times) - Math.min(...times)) / 86_400_000;
  assert.ok(days > 29.9 && days < 30.1, `${days}`);
});
