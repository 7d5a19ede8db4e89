import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mysqlnaHash, nativeCredentials, nativeScramble, sha2Credentials, sha2Scramble } from './auth.ts';

test('a native response is verified and written as in the example of hashcat mode 11200', () => {
  const salt = Buffer.from('1c24ab8d0ee94d70ab1f2e814d8f0948a14d10b9', 'hex');
  const response = Buffer.from('437e93572f18ae44d9e779160c2505271f85821d', 'hex');
  assert.deepEqual(nativeScramble('hashcat', salt), response);
  assert.equal(
    mysqlnaHash(salt, response),
    '$mysqlna$1c24ab8d0ee94d70ab1f2e814d8f0948a14d10b9*437e93572f18ae44d9e779160c2505271f85821d',
  );
  const credentials = nativeCredentials(salt, response);
  assert.ok(credentials.verify('hashcat'));
  assert.ok(!credentials.verify('hashcaT'));
  assert.ok(!credentials.verify(''));
});

test('a caching_sha2_password response is verified against a password', () => {
  const salt = Buffer.alloc(20, 9);
  const credentials = sha2Credentials(salt, sha2Scramble('secret', salt));
  assert.ok(credentials.verify('secret'));
  assert.ok(!credentials.verify('Secret'));
});
