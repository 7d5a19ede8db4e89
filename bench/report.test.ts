import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes, formatNumber, formatPercent, markdownTable, type Row, textTable } from './report.ts';

const rows: Row[] = [
  { what: 'HTTP GET', measured: '9,000/s', yardstick: '15,000/s', reach: 'at least 60 %', holds: true },
  { what: 'FTP', measured: '100/s', yardstick: '', reach: 'a | b', holds: false, note: 'slow' },
  { what: 'RSS', measured: '90 MB', yardstick: '', reach: '', holds: undefined },
];

test('a Markdown table has a line for each row, and no cell breaks it', () => {
  const lines = markdownTable(rows).split('\n');
  assert.equal(lines.length, rows.length + 2);
  for (const line of lines) assert.equal(line.replaceAll('\\|', '').split('|').length, 8);
});

test('a number that was missed stands out', () => {
  const lines = textTable(rows).split('\n');
  assert.match(lines[2] ?? '', / NO /);
  assert.match(lines[1] ?? '', / yes$/);
  assert.doesNotMatch(lines[3] ?? '', /yes|NO/);
});

test('numbers are written with their units', () => {
  assert.equal(formatNumber(12345.6), '12,346');
  assert.equal(formatNumber(0.123), '0.12');
  assert.equal(formatNumber(Number.NaN), '-');
  assert.equal(formatPercent(0.6), '60 %');
  assert.equal(formatPercent(0.061), '6.1 %');
  assert.equal(formatBytes(512), '512 B');
  assert.equal(formatBytes(61_600_000), '61.6 MB');
});
