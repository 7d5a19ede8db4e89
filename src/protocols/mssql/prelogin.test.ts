import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodePrelogin, ENCRYPTION, encodePrelogin, negotiateEncryption } from './prelogin.ts';

/** The probe of nmap's service detection: version, encryption off, instance `MSSQLServer`, thread id. */
const NMAP = Buffer.from(
  '00001500060100 1b000102001c000c0300280004ff080001550000004d5353514c53657276657200480f0000'.replaceAll(' ', ''),
  'hex',
);

test("nmap's probe is read, and its answer has the layout that nmap knows", () => {
  const prelogin = decodePrelogin(NMAP);
  assert.equal(prelogin?.version, '8.0.341.0');
  assert.equal(prelogin?.encryption, ENCRYPTION.off);
  assert.equal(prelogin?.instance.toString(), 'MSSQLServer');
  assert.deepEqual(prelogin?.tokens, [0, 1, 2, 3]);
  const answer = encodePrelogin({
    version: '15.0.4261.1',
    encryption: 0,
    wrongInstance: false,
    mars: undefined,
    fedauth: undefined,
  });
  assert.equal(answer.toString('hex'), '000015000601001b000102001c000103001d0000ff0f0010a500000000');
});

test('a table that points outside the message, or does not begin with the version, is none', () => {
  for (let length = 0; length < NMAP.length; length += 1)
    assert.equal(decodePrelogin(NMAP.subarray(0, length)), undefined, `${length} bytes`);
  const turned = Buffer.from(NMAP);
  turned[0] = 5;
  assert.equal(decodePrelogin(turned), undefined);
});

test('encryption is negotiated as MS-TDS tabulates it', () => {
  const { off, on, notSupported, required } = ENCRYPTION;
  const rows = [
    ['optional', off, off, 'login'],
    ['optional', on, on, 'all'],
    ['optional', required, on, 'all'],
    ['optional', notSupported, notSupported, 'none'],
    ['optional', undefined, notSupported, 'none'],
    ['required', off, required, 'all'],
    ['required', on, on, 'all'],
    ['required', notSupported, required, undefined],
    ['unsupported', off, notSupported, 'none'],
    ['unsupported', on, notSupported, undefined],
    ['unsupported', notSupported, notSupported, 'none'],
  ] as const;
  for (const [policy, wish, answer, protection] of rows)
    assert.deepEqual(negotiateEncryption(wish, policy), { answer, protection }, `${policy} ${wish}`);
});
