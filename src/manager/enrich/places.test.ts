import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { loadPlaces, NOWHERE, type Places } from './places.ts';

let places: Places;
before(async () => {
  places = await loadPlaces();
});

test('addresses that everybody knows are where they are', () => {
  const known = [
    ['8.8.8.8', 'US', 15_169],
    ['1.1.1.1', 'AU', 13_335],
    ['193.0.6.139', 'NL', 3333],
    ['2a00:1450:4001:800::200e', 'DE', 15_169],
    ['2001:67c:2e8:22::c100:68b', 'NL', 3333],
  ] as const;
  for (const [address, country, asn] of known) {
    const place = places.of(address);
    assert.equal(place.asn, asn, address);
    assert.equal(place.country, country, address);
    assert.ok(place.as_org.length > 0, address);
  }
});

test('a private, documentation or loopback address is somewhere unknown', () => {
  for (const address of ['10.1.2.3', '192.168.1.1', '127.0.0.1', 'fe80::1', 'fd00::1', '::1', '2001:db8::1']) {
    const { country, city, asn } = places.of(address);
    assert.deepEqual({ country, city, asn }, { country: 'unknown', city: '', asn: null }, address);
  }
});

test('no address is nowhere, and what is no address is not looked for', () => {
  assert.equal(places.of(null), NOWHERE);
  assert.equal(places.of('not an address'), NOWHERE);
});

test('a place with a city has coordinates, and one without has none', () => {
  for (const address of ['8.8.8.8', '193.0.6.139', '10.0.0.1', '2001:4860:4860::8888']) {
    const { city, latitude, longitude } = places.of(address);
    assert.equal(city !== '', latitude !== null && longitude !== null, address);
  }
});

test('the tables say what they are and where they come from', () => {
  assert.deepEqual(
    places.tables.map(({ name }) => name),
    ['country', 'city', 'network'],
  );
  for (const { source } of places.tables) assert.match(source, /CC BY 4\.0/);
});
