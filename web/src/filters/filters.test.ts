import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  FILTER_FIELDS,
  type Filter,
  isMeaningful,
  normalise,
  PRESETS,
  parseScope,
  parseTyped,
  type Scope,
  sameFilter,
  scopeParams,
  scopeSearch,
  withFilter,
  withoutFilter,
} from './filters.ts';

const filter: fc.Arbitrary<Filter> = fc.record(
  {
    field: fc.constantFrom(...FILTER_FIELDS),
    value: fc.string({ unit: 'grapheme', maxLength: 30 }),
    negated: fc.boolean(),
  },
  { noNullPrototype: true },
);
const filters = fc.uniqueArray(filter.filter(isMeaningful), { maxLength: 8, comparator: sameFilter });

test('any scope comes back from its address as it went in', () => {
  fc.assert(
    fc.property(filters, fc.constantFrom(...PRESETS), fc.constantFrom(...PRESETS), (list, preset, fallback) => {
      const scope: Scope = { filters: list, range: { kind: 'preset', preset } };
      assert.deepEqual(parseScope(scopeSearch(scope, fallback), fallback), scope);
    }),
  );
});

test('a range between two times comes back from the address', () => {
  const scope: Scope = {
    filters: [],
    range: { kind: 'between', from: '2026-11-22T10:00:00.000Z', to: '2026-11-22T11:00:00.000Z' },
  };
  assert.deepEqual(parseScope(scopeSearch(scope, '24h'), '24h'), scope);
});

test('negation is an exclamation mark on the name, as in the API', () => {
  assert.deepEqual(parseScope('?country!=CN', 'all').filters, [{ field: 'country', value: 'CN', negated: true }]);
});

test('what an address says that means nothing here is ignored', () => {
  const scope = parseScope('?nonsense=1&range=7y&from=yesterday&to=&protocol=&protocol=ssh&protocol=ssh', '24h');
  assert.deepEqual(scope, {
    filters: [{ field: 'protocol', value: 'ssh', negated: false }],
    range: { kind: 'preset', preset: '24h' },
  });
});

test('an empty password can be asked for', () => {
  assert.deepEqual(parseScope('?password=', 'all').filters, [{ field: 'password', value: '', negated: false }]);
});

test('a span that ends now becomes a start time and no end', () => {
  const params = scopeParams({ filters: [], range: { kind: 'preset', preset: '1h' } }, Date.UTC(2026, 10, 22, 12));
  assert.equal(params.toString(), 'from=2026-11-22T11%3A00%3A00.000Z');
});

test('all time asks for no times', () => {
  assert.equal(scopeParams({ filters: [], range: { kind: 'preset', preset: 'all' } }, 0).toString(), '');
});

test('the search box understands fields, shorthands, addresses, hashes and plain text', () => {
  const typed = (text: string) => parseTyped(text);
  assert.deepEqual(typed('port:22'), { field: 'dst_port', value: '22', negated: false });
  assert.deepEqual(typed('!country:cn'), { field: 'country', value: 'CN', negated: true });
  assert.deepEqual(typed('as:AS64500'), { field: 'asn', value: '64500', negated: false });
  assert.deepEqual(typed(' 192.0.2.0/24 '), { field: 'src_ip', value: '192.0.2.0/24', negated: false });
  assert.deepEqual(typed('2001:db8::1'), { field: 'src_ip', value: '2001:db8::1', negated: false });
  assert.deepEqual(typed('A'.repeat(64)), { field: 'sha256', value: 'a'.repeat(64), negated: false });
  assert.deepEqual(typed('http://example.test/x'), { field: 'q', value: 'http://example.test/x', negated: false });
  assert.deepEqual(typed('pass:'), { field: 'password', value: '', negated: false });
  assert.deepEqual(typed('constructor:x'), { field: 'q', value: 'constructor:x', negated: false });
  assert.equal(typed('   '), null);
});

test('a filter that is there already is not added twice, and goes as a whole', () => {
  const one: Filter = { field: 'protocol', value: 'ssh', negated: false };
  const scope: Scope = { filters: [one], range: { kind: 'preset', preset: 'all' } };
  assert.equal(withFilter(scope, { ...one }), scope);
  assert.deepEqual(withoutFilter(scope, { ...one }).filters, []);
});

test('a network may be typed with or without AS', () => {
  assert.equal(normalise({ field: 'asn', value: 'as 64500', negated: false }).value, '64500');
});
