import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { assembler, decodeUnit, PACKET } from './codec.ts';
import { decodeLogin7, decodeLogin42, type Login } from './login.ts';

/** The login message of a recorded connection. */
function loginBody(name: string): { type: number; body: Buffer } {
  const bytes = readFileSync(join(import.meta.dirname, 'fixtures', name));
  const joined = assembler(65_536);
  let at = 0;
  while (at < bytes.length) {
    const step = decodeUnit(bytes.subarray(at));
    assert.ok(step.kind === 'frame' && step.frame.kind === 'packet');
    const message = joined.add(step.frame);
    if (typeof message === 'object' && message.type !== PACKET.prelogin)
      return { type: message.type, body: Buffer.from(message.body) };
    at += step.used;
  }
  assert.fail('no login');
}

function login(name: string): Login {
  const { type, body } = loginBody(name);
  const decoded = type === PACKET.login7 ? decodeLogin7(body) : decodeLogin42(body);
  assert.ok(decoded.kind === 'login');
  return decoded.login;
}

test('every field of a LOGIN7 of FreeTDS is read', () => {
  const read = login('freetds-7.4.bin');
  assert.equal(read.tdsVersion, 0x7400_0004);
  assert.equal(read.user, 'sa');
  assert.equal(read.password, 'S3cret!');
  assert.equal(read.app, 'TSQL');
  assert.equal(read.server, 'never');
  assert.equal(read.library, 'TDS-Library');
  assert.equal(read.language, 'us_english');
  assert.equal(read.clientId.length, 12);
  assert.equal(read.integrated, false);
});

test('the features of tedious are read from the extension block', () => {
  const read = login('tedious-session.bin');
  assert.equal(read.password, 'P@ssw0rd!é');
  assert.equal(read.database, 'master');
  assert.deepEqual(
    read.features.map(({ id }) => id),
    [10],
  );
});

test('an SSPI login carries its token and no password', () => {
  const read = login('tedious-ntlm.bin');
  assert.equal(read.integrated, true);
  assert.equal(read.sspi.toString('latin1', 0, 7), 'NTLMSSP');
  assert.equal(read.password, '');
});

test('the login records of TDS 4.2 tools are read, short ones included', () => {
  for (const name of ['hydra.bin', 'medusa.bin', 'ncrack.bin']) {
    const read = login(name);
    assert.deepEqual([read.user, read.password], ['sa', 'Passw0rd'], name);
  }
  assert.equal(login('freetds-4.2.bin').password, 'S3cret!');
});

test('a LOGIN7 with a field outside its bytes is malformed, and a cut one too', () => {
  const { body } = loginBody('freetds-7.4.bin');
  const broken = Buffer.from(body);
  broken.writeUInt16LE(60_000, 40);
  assert.deepEqual(decodeLogin7(broken), { kind: 'malformed', code: 'login7_field' });
  assert.deepEqual(decodeLogin7(body.subarray(0, 60)), { kind: 'malformed', code: 'login7_truncated' });
  assert.deepEqual(decodeLogin7(body.subarray(0, 120)), { kind: 'malformed', code: 'login7_length' });
});

test('a feature block that never ends is malformed', () => {
  const { body } = loginBody('tedious-session.bin');
  const end = body.lastIndexOf(0xff);
  const broken = Buffer.from(body);
  broken[end] = 1;
  assert.equal(decodeLogin7(broken).kind, 'malformed');
});

test('hostile login messages never throw', () => {
  const { body } = loginBody('tedious-session.bin');
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      fc.nat(body.length),
      (edits, keep) => {
        const bytes = Buffer.from(body);
        for (const [at, value] of edits) bytes[at] = value;
        decodeLogin7(bytes);
        decodeLogin7(bytes.subarray(0, keep));
        decodeLogin42(bytes);
      },
    ),
    { numRuns: 500 },
  );
});
