import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makePersona } from '../personas.ts';
import { acceptNtlm } from './acceptor.ts';
import { md4 } from './md4.ts';
import { type Authenticate, decodeNtlmssp, encodeChallenge, FLAG } from './messages.ts';
import { crackable, isAnonymous, verifies } from './responses.ts';
import { decodeSpnego, spnegoContinue } from './spnego.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');
// The worked example of MS-NLMP §4.2: user `User`, domain `Domain`, password `Password`.
const SERVER = hex('0123456789abcdef');
const example = (lmResponse: Buffer, ntResponse: Buffer): Authenticate => ({
  type: 'authenticate',
  flags: FLAG.unicode,
  unicode: true,
  lmResponse,
  ntResponse,
  domain: utf16('Domain'),
  user: utf16('User'),
  workstation: utf16('COMPUTER'),
  version: undefined,
});
const V1 = example(
  hex('98def7b87f88aa5dafe2df779688a172def11c7d5ccdef13'),
  hex('67c43011f30298a2ad35ece64f16331c44bdbed927841f94'),
);
const EXTENDED = example(
  hex('aaaaaaaaaaaaaaaa00000000000000000000000000000000'),
  hex('7537f803ae367128ca458204bde7caf81e97ed2683267232'),
);
const BLOB = hex(
  '0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000 02000c0044006f006d00610069006e00 01000c005300650072007600650072000000000000000000',
);
const V2 = example(
  hex('86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa'),
  Buffer.concat([hex('68cd0ab851e51c96aabc927bebef6a1c'), BLOB]),
);
// An NT response cut to its proof, as tedious sends it: the LMv2 response of the same example stands beside it.
const LMV2 = example(V2.lmResponse, V2.ntResponse.subarray(0, 16));

test('MD4 gives the digests of RFC 1320', () => {
  assert.equal(md4(Buffer.from('')).toString('hex'), '31d6cfe0d16ae931b73c59d7e0c089c0');
  assert.equal(md4(Buffer.from('message digest')).toString('hex'), 'd9130a8164549fe818874806e1c7014b');
  assert.equal(md4(Buffer.from('1234567890'.repeat(8))).toString('hex'), 'e33b4ddc9c38f2199c3e7b164fcc0536');
});

test('a response of each kind verifies against its password and no other', () => {
  for (const message of [V1, EXTENDED, V2, LMV2]) {
    assert.equal(verifies(message, SERVER, 'Password'), true);
    assert.equal(verifies(message, SERVER, 'password'), false);
  }
});

test('responses are written as hashcat 5500 and 5600 read them', () => {
  assert.deepEqual(crackable(V1, SERVER), {
    format: 'netntlmv1',
    hash: 'User::Domain:98def7b87f88aa5dafe2df779688a172def11c7d5ccdef13:67c43011f30298a2ad35ece64f16331c44bdbed927841f94:0123456789abcdef',
  });
  assert.deepEqual(crackable(V2, SERVER), {
    format: 'netntlmv2',
    hash: `User::Domain:0123456789abcdef:68cd0ab851e51c96aabc927bebef6a1c:${BLOB.toString('hex')}`,
  });
  assert.equal(crackable(example(Buffer.alloc(0), Buffer.alloc(0)), SERVER), undefined);
});

test('no user and no response is anonymous', () => {
  assert.equal(isAnonymous({ ...example(Buffer.from([0]), Buffer.alloc(0)), user: Buffer.alloc(0) }), true);
  assert.equal(isAnonymous(V2), false);
});

const NEGOTIATE = hex('4e544c4d53535000 01000000 978208e2 0000000000000000 0000000000000000 0a00 6345 0000000f');

test('a bare NEGOTIATE is answered with the names of the persona', () => {
  const persona = makePersona('windows-server', Buffer.alloc(32, 3), 0);
  const step = acceptNtlm({ persona, nowMs: 0, challenge: SERVER }).step(NEGOTIATE);
  assert.equal(step.kind, 'challenge');
  assert.ok(step.kind === 'challenge');
  assert.equal(step.token.readUInt32LE(8), 2);
  assert.deepEqual(step.token.subarray(24, 32), SERVER);
  assert.ok(step.token.includes(utf16(persona.fqdn)));
  assert.ok(step.token.includes(utf16(persona.hostName)));
  assert.equal(step.token.readUInt16LE(50), Number(persona.kernel.split('.')[2]));
});

test('a SPNEGO login is answered in SPNEGO, and Kerberos first is asked to begin NTLM', () => {
  const persona = makePersona('windows-server', Buffer.alloc(32, 3), 0);
  const der = (tag: number, body: Buffer): Buffer => Buffer.concat([Buffer.from([tag, body.length]), body]);
  const init = (...oids: readonly string[]): Buffer =>
    der(
      0x60,
      Buffer.concat([
        der(6, hex('2b0601050502')),
        der(
          0xa0,
          der(
            0x30,
            Buffer.concat([
              der(0xa0, der(0x30, Buffer.concat(oids.map((oid) => der(6, hex(oid)))))),
              der(0xa2, der(4, NEGOTIATE)),
            ]),
          ),
        ),
      ]),
    );
  const ntlm = '2b06010401823702020a';
  const kerberos = '2a864886f712010202';
  const direct = acceptNtlm({ persona, nowMs: 0, challenge: SERVER }).step(init(ntlm));
  assert.ok(direct.kind === 'challenge');
  assert.equal(decodeSpnego(direct.token)?.token?.subarray(0, 7).toString(), 'NTLMSSP');
  const turned = acceptNtlm({ persona, nowMs: 0, challenge: SERVER }).step(init(kerberos, ntlm));
  assert.ok(turned.kind === 'challenge');
  assert.equal(turned.negotiate, undefined);
  assert.deepEqual(turned.token, spnegoContinue(undefined));
  assert.deepEqual(acceptNtlm({ persona, nowMs: 0, challenge: SERVER }).step(init(kerberos)), {
    kind: 'malformed',
    code: 'sspi_mechanism',
  });
});

test('a field that points outside its message is malformed', () => {
  const message = Buffer.alloc(64);
  message.write('NTLMSSP\0', 'latin1');
  message[8] = 3;
  assert.equal(decodeNtlmssp(message).kind, 'message');
  message.writeUInt16LE(8, 36);
  message.writeUInt32LE(60, 40);
  assert.deepEqual(decodeNtlmssp(message), { kind: 'malformed', code: 'ntlmssp_field' });
});

test('hostile tokens never throw', () => {
  const persona = makePersona('windows-server', Buffer.alloc(32, 3), 0);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), fc.nat(255), (noise, signed, type) => {
      const bytes = Buffer.from(noise);
      if (signed && bytes.length > 12) {
        bytes.write('NTLMSSP\0', 'latin1');
        bytes.writeUInt32LE(type % 4, 8);
      }
      const acceptor = acceptNtlm({ persona, nowMs: 0, challenge: SERVER });
      acceptor.step(bytes);
      acceptor.step(NEGOTIATE);
      const last = acceptor.step(bytes);
      if (last.kind === 'authenticate') {
        crackable(last.message, SERVER);
        verifies(last.message, SERVER, 'x');
      }
    }),
  );
});

test('a challenge for a client without Unicode is in OEM text', () => {
  const token = encodeChallenge({
    requested: FLAG.oem | FLAG.requestTarget,
    serverChallenge: SERVER,
    names: { netbiosComputer: 'HOST', netbiosDomain: 'DOM', dnsComputer: 'host', dnsDomain: 'dom' },
    version: { major: 10, minor: 0, build: 1 },
    nowMs: 0,
  });
  assert.equal(token.toString('latin1', 56, 60), 'HOST');
});
