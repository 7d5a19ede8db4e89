import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeEnvironment, encodeData, MAX_SUBNEGOTIATION, negotiate, subnegotiate, telnetReader } from './codec.ts';

/** What the reader makes of the chunks, data joined. */
function read(...chunks: readonly Buffer[]): string[] {
  const seen: string[] = [];
  const reader = telnetReader({
    data: (bytes) => {
      const last = seen.at(-1);
      if (last?.startsWith('data ') === true) seen[seen.length - 1] = last + bytes.toString('hex');
      else seen.push(`data ${bytes.toString('hex')}`);
    },
    option: (verb, option) => void seen.push(`${verb} ${option}`),
    subnegotiation: (option, payload, whole) => void seen.push(`sub ${option} ${payload.toString('hex')} ${whole}`),
    command: (code) => void seen.push(`command ${code}`),
  });
  for (const chunk of chunks) reader.push(chunk);
  return seen;
}

test('data, commands, options and subnegotiations are told apart', () => {
  const bytes = Buffer.from(
    `a\xff\xffb\xff\xf6${negotiate(['WILL', 24], ['DONT', 1])}\xff\xfa\x18\0X\xff\xffY\xff\xf0z`,
    'latin1',
  );
  assert.deepEqual(read(bytes), ['data 61ff62', 'command 246', 'WILL 24', 'DONT 1', 'sub 24 0058ff59 true', 'data 7a']);
});

test('the result is the same however the stream is split', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 80 }).map((bytes) => bytes.map((byte) => (byte > 200 ? 235 + (byte % 21) : byte))),
      (bytes) => {
        const whole = Buffer.from(bytes);
        const single = Array.from(whole, (byte) => Buffer.from([byte]));
        assert.deepEqual(read(...single), read(whole));
      },
    ),
  );
});

test('a subnegotiation without end is held to its bound and said to be cut', () => {
  const [first = ''] = read(Buffer.from(`\xff\xfa\x18${'x'.repeat(100_000)}\xff\xf0`, 'latin1'));
  assert.equal(first.length, 'sub 24  false'.length + (MAX_SUBNEGOTIATION - 1) * 2);
  assert.ok(first.endsWith(' false'));
});

test('variables of NEW-ENVIRON are read with their escapes', () => {
  const payload = Buffer.from('\0\0USER\x01ro\x02\x01ot\x03X\0EMPTY\x01', 'latin1');
  assert.deepEqual(decodeEnvironment(payload, 8), [
    ['USER', 'ro\x01ot'],
    ['X', ''],
    ['EMPTY', ''],
  ]);
  assert.equal(decodeEnvironment(payload, 2).length, 2);
});

test('data goes out with IAC doubled and a bare carriage return padded', () => {
  assert.equal(encodeData('a\xff\r\n\rb', true), 'a\xff\xff\r\n\r\0b');
  assert.equal(encodeData('\n\rlogin: ', false), '\n\rlogin: ');
  assert.equal(subnegotiate(24, '\xff'), '\xff\xfa\x18\xff\xff\xff\xf0');
});
