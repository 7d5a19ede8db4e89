import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { makeCertificate } from './certificate.ts';
import { testIdentity } from './identity.ts';
import { DAY_MS, PERSONA_KINDS } from './persona.ts';
import { makePersona } from './personas.ts';

const NOW = Date.UTC(2026, 10, 22);
const seed = (fill: number): Buffer => Buffer.alloc(32, fill);

test('a seed makes the same machine at every start, and its uptime grows with the clock', () => {
  for (const kind of PERSONA_KINDS) {
    const now = makePersona(kind, seed(1), NOW);
    const later = makePersona(kind, seed(1), NOW + 60_000);
    assert.equal(now.hostName, later.hostName);
    assert.deepEqual(now.products, later.products);
    assert.deepEqual(now.secret('guid', 16), later.secret('guid', 16));
    assert.ok(now.bootedAt <= NOW && now.bootedAt > NOW - 46 * DAY_MS);
    assert.ok(now.installedAt < now.bootedAt);
  }
});

test('two sensors share no secret and rarely a name', () => {
  for (const kind of PERSONA_KINDS) {
    const machines = Array.from({ length: 40 }, (_, fill) => makePersona(kind, seed(fill + 1), NOW));
    assert.equal(new Set(machines.map((machine) => machine.secret('guid', 16).toString('hex'))).size, 40);
    assert.ok(new Set(machines.map((machine) => machine.fqdn)).size > 30);
    assert.ok(new Set(machines.map((machine) => machine.bootedAt)).size > 30);
  }
});

test('no persona names what it is', () => {
  for (const kind of PERSONA_KINDS)
    assert.doesNotMatch(JSON.stringify(makePersona(kind, seed(3), NOW)), /honeypot|sundew|decoy/i);
});

test('certificates are valid X.509 with the fields that the product writes', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = makeCertificate(
    {
      ...{
        subject: [
          ['C', 'US'],
          ['O', 'Kestrel'],
          ['CN', 'srv.kestrel.local'],
        ],
        serial: Buffer.from([0x80, 1]),
        notBefore: new Date(NOW),
        notAfter: new Date(Date.UTC(2056, 0, 1)),
      },
      ...{ dnsNames: ['srv.kestrel.local'], keyUsage: 'server' },
    },
    { privateKey, publicKey },
  );
  const certificate = new X509Certificate(pem);
  assert.equal(certificate.subject, 'C=US\nO=Kestrel\nCN=srv.kestrel.local');
  assert.equal(certificate.serialNumber, '8001');
  assert.equal(certificate.validFromDate.getTime(), NOW);
  assert.equal(certificate.validToDate.getUTCFullYear(), 2056);
  assert.equal(certificate.subjectAltName, 'DNS:srv.kestrel.local');
  assert.ok(certificate.verify(publicKey));
});

test('an identity keeps its keys: the same key for a purpose, another for another', () => {
  const persona = makePersona('windows-server', seed(5), NOW);
  const identity = testIdentity(persona);
  const { privateKey, publicKey } = identity.rsa('mysql');
  assert.equal(createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }), publicKey);
  assert.equal(identity.rsa('mysql').privateKey, privateKey);
  assert.notEqual(identity.rsa('other').privateKey, privateKey);
});
