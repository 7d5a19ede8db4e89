import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { Bindings, filterOf, filterQuery, NO_PORT, parseCidr, parseCondition, type Subject, where } from './filter.ts';

const query = z.strictObject(filterQuery);
const filter = (given: Readonly<Record<string, unknown>>) => filterOf(query.parse(given));
const NAMES = Object.keys(filterQuery).filter((name) => !name.endsWith('!') && name !== 'from' && name !== 'to');
const NUMBERS = ['src_port', 'dst_port', 'asn'];
const ADDRESSES = ['src_ip', 'dst_ip'];

function sqlOf(given: Readonly<Record<string, unknown>>, subject: Subject = 'sessions') {
  const bindings = new Bindings();
  const sql = where(filter(given), subject, bindings, (name) => `id of ${name}`);
  return { sql, params: bindings.params };
}

test('nothing asked for is everything', () => {
  assert.deepEqual(sqlOf({}), { sql: '1', params: {} });
});

test('a value of a peer is bound, and never stands in the statement', () => {
  const texts = NAMES.filter((name) => !NUMBERS.includes(name) && !ADDRESSES.includes(name));
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.constantFrom('', '!'),
      fc.constantFrom<Subject>('sessions', 'events'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).map((text) => `'; ${text} --`),
      (name, negation, subject, value) => {
        const { sql, params } = sqlOf({ [name + negation]: value }, subject);
        assert.ok(!sql.includes(value));
        assert.ok(Object.values(params).flat().includes(value));
        for (const placeholder of sql.matchAll(/\{(p\d+):/g)) assert.ok((placeholder[1] ?? '') in params);
      },
    ),
  );
});

test('the same name again is an alternative, other names are all required', () => {
  const { sql, params } = sqlOf({ protocol: ['ssh', 'telnet'], country: 'CN' });
  assert.match(sql, /^protocol IN \{p0:Array\(String\)\} AND country IN \{p1:Array\(String\)\}$/);
  assert.deepEqual(params, { p0: ['ssh', 'telnet'], p1: ['CN'] });
});

test('a negation covers the whole condition, and keeps what lacks the value', () => {
  assert.match(
    sqlOf({ 'username!': 'root' }, 'events').sql,
    /^NOT ifNull\(\(type = 'auth\.attempt' AND username IN [^)]+\)\}\), 0\)$/,
  );
  for (const name of NAMES)
    for (const subject of ['sessions', 'events'] as const) {
      const value = NUMBERS.includes(name) ? '7' : ADDRESSES.includes(name) ? '192.0.2.1' : 'x';
      assert.match(sqlOf({ [`${name}!`]: value }, subject).sql, /^NOT ifNull\(\(.*\), 0\)$/, name);
    }
});

test('an empty value asks for what is missing', () => {
  assert.deepEqual(sqlOf({ dst_port: '' }).params, { p0: [NO_PORT] });
  assert.deepEqual(sqlOf({ asn: '' }).params, { p0: [0] });
  assert.match(sqlOf({ src_ip: '' }).sql, /toIPv6\('::'\)/);
});

test('values that a field cannot have are refused', () => {
  for (const [name, value] of [
    ...[
      ['src_ip', 'localhost'],
      ['src_ip', '198.51.100.0/33'],
      ['src_ip', '198.51.100.0/'],
      ['src_ip', '198.51.100.0/-1'],
    ],
    ...[
      ['dst_port', '65536'],
      ['dst_port', '-1'],
      ['dst_port', '1.5'],
      ['dst_port', 'ssh'],
      ['asn', 'AS1'],
      ['asn', '4294967296'],
    ],
    ...[
      ['from', 'yesterday'],
      ['to', '2026-02-31T00:00:00Z'],
      ['from', ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z']],
    ],
    ...[
      ['colour', 'red'],
      ['from!', '2026-01-01T00:00:00.000Z'],
      ['q', 'x'.repeat(5000)],
      ['country', Array(101).fill('CN')],
    ],
  ] as const)
    assert.equal(query.safeParse({ [name]: value }).success, false, `${name}=${value}`);
});

test('ranges are read in either family, and nothing else is one', () => {
  assert.deepEqual(parseCidr('198.51.100.0/24'), { address: '::ffff:198.51.100.0', bits: 120 });
  assert.deepEqual(parseCidr('198.51.100.7'), { address: '::ffff:198.51.100.7', bits: 128 });
  assert.deepEqual(parseCidr('2001:db8::/32'), { address: '2001:db8::', bits: 32 });
  for (const none of [
    '',
    '/',
    '/24',
    'x/24',
    '198.51.100.0/024x',
    '198.51.100.0/24/24',
    '1.2.3',
    '::/129',
    'fe80::1%eth0',
  ])
    assert.equal(parseCidr(none), undefined, none);
});

test('a condition of the command line is a name, perhaps negated, and whatever stands behind the sign', () => {
  assert.deepEqual(parseCondition('country=CN'), { name: 'country', value: 'CN' });
  assert.deepEqual(parseCondition('country!=CN'), { name: 'country!', value: 'CN' });
  assert.deepEqual(parseCondition('password=a=b!=c\nd'), { name: 'password', value: 'a=b!=c\nd' });
  assert.deepEqual(parseCondition('protocol='), { name: 'protocol', value: '' });
  assert.deepEqual(parseCondition('from=24h'), { name: 'from', value: '24h' });
  for (const none of [
    '',
    '=',
    'country',
    '!=CN',
    'colour=red',
    'from!=24h',
    'Country=CN',
    ' country=CN',
    '__proto__=x',
    'toString=x',
  ])
    assert.throws(() => parseCondition(none), { code: 'FILTER_UNKNOWN' }, none);
});
