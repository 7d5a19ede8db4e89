import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isUsage } from '../usage.ts';
import { filterQueryOf, instant, positiveInteger } from './common.ts';

const NOW = Date.UTC(2026, 10, 22, 10, 0, 0);
const isWrongUse = (error: unknown): boolean => isUsage((error as { code?: string }).code);

test('a time is a date, a time of a zone or of none, or how long ago', () => {
  for (const [text, expected] of [
    ['2026-11-22', '2026-11-22T00:00:00.000Z'],
    ['2026-11-22T10:00', '2026-11-22T10:00:00.000Z'],
    ['2026-11-22 10:00:30', '2026-11-22T10:00:30.000Z'],
    ['2026-11-22T10:00:00.25Z', '2026-11-22T10:00:00.250Z'],
    ['2026-11-22T10:00:00+02:00', '2026-11-22T08:00:00.000Z'],
    ['2026-11-22T10:00:00-0330', '2026-11-22T13:30:00.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['0h', '2026-11-22T10:00:00.000Z'],
    ['90m', '2026-11-22T08:30:00.000Z'],
    ['24h', '2026-11-21T10:00:00.000Z'],
    ['7d', '2026-11-15T10:00:00.000Z'],
    ['2w', '2026-11-08T10:00:00.000Z'],
  ] as const)
    assert.equal(instant(text, NOW), expected, text);
});

test('what is no time is wrong use', () => {
  for (const text of [
    '',
    'now',
    '24',
    'h',
    '-1h',
    '1.5h',
    '24 h',
    '9999999h',
    '999999w',
    '2026-11',
    '2026-13-01',
    '2026-02-29',
    '2026-11-31T10:00',
    '2026-11-22T25:00',
    '22.11.2026',
    '2026-11-22Tx',
    '2026-11-22T10:00:00+9900',
    '1500-01-01',
  ])
    assert.throws(() => instant(text, NOW), isWrongUse, text);
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        assert.match(instant(text, NOW), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      } catch (error) {
        assert.ok(isWrongUse(error), String(error));
      }
    }),
  );
});

test('conditions are collected by name; a time among them and the flags for it become one', () => {
  assert.deepEqual(
    filterQueryOf({
      where: ['protocol=ssh', 'protocol=telnet', 'country!=CN', 'from=2026-11-01'],
      until: '2026-11-02',
    }),
    {
      protocol: ['ssh', 'telnet'],
      'country!': ['CN'],
      from: '2026-11-01T00:00:00.000Z',
      to: '2026-11-02T00:00:00.000Z',
    },
  );
  assert.deepEqual(filterQueryOf({ where: [] }), {});
  assert.deepEqual(filterQueryOf({ where: ['password=a=b'] }), { password: ['a=b'] });
});

test('every mistake of the conditions is told, each with its value', () => {
  assert.throws(
    () => filterQueryOf({ where: ['src_ip=here', 'dst_port=ssh', 'protocol=ssh'] }),
    (error: Error) => isWrongUse(error) && /^src_ip=here: .*\ndst_port=ssh: /.test(error.message),
  );
  assert.throws(() => filterQueryOf({ where: ['colour=red'] }), isWrongUse);
});

test('a count is a whole number above zero', () => {
  assert.equal(positiveInteger('20'), 20);
  for (const text of ['0', '-1', '1.5', '1e3', '', ' 1', '12345678'])
    assert.throws(() => positiveInteger(text), { code: 'commander.invalidArgument' });
});
