import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeLine, encodeReply, MAX_LINE, parseExtendedPort, parsePort } from './codec.ts';

function command(bytes: string): { verb: string; argument: string } {
  const step = decodeLine(Buffer.from(bytes, 'latin1'));
  assert.ok(step.kind === 'frame' && step.frame.kind === 'command');
  return { verb: step.frame.verb, argument: step.frame.argument.toString('latin1') };
}

test('a line ends with LF, and the CR before it is not part of it', () => {
  assert.deepEqual(command('noop\n'), { verb: 'NOOP', argument: '' });
  assert.deepEqual(command('noop\r\r\n'), { verb: 'NOOP', argument: '' });
});

test('the first space ends the verb, and the argument is everything after it', () => {
  assert.deepEqual(command('PASS  a b \r\n'), { verb: 'PASS', argument: ' a b ' });
  assert.deepEqual(command(' NOOP\r\n'), { verb: '', argument: 'NOOP' });
});

test('a line of 4096 bytes with its end is read, and one more byte is too long', () => {
  const line = (length: number): Buffer => Buffer.from(`${'A'.repeat(length - 2)}\r\n`);
  const fits = decodeLine(line(MAX_LINE));
  const longer = decodeLine(line(MAX_LINE + 1));
  assert.equal(fits.kind === 'frame' && fits.frame.kind, 'command');
  assert.equal(longer.kind === 'frame' && longer.frame.kind, 'too_long');
  const endless = decodeLine(Buffer.alloc(MAX_LINE, 0x41));
  assert.equal(endless.kind === 'frame' && endless.frame.kind, 'too_long');
});

test('a byte 255 in a reply is doubled for telnet', () => {
  assert.deepEqual(encodeReply('257 "\xff"'), Buffer.from('257 "\xff\xff"\r\n', 'latin1'));
});

test('PORT takes six numbers below 256 and nothing else', () => {
  assert.deepEqual(parsePort('192,0,2,7,200,1'), { address: '192.0.2.7', port: 51_201 });
  for (const bad of ['', '1,2,3,4,5', '1,2,3,4,5,6,7', '256,0,0,1,4,1', '1,2,3,4,5,x', '1,2,3,4,5,-6'])
    assert.equal(parsePort(bad), undefined, bad);
});

test('EPRT tells a bad protocol from a bad address', () => {
  assert.deepEqual(parseExtendedPort('|1|192.0.2.7|51201|'), {
    kind: 'address',
    address: { address: '192.0.2.7', port: 51_201 },
  });
  assert.deepEqual(parseExtendedPort('|2|2001:DB8::7|51201|'), {
    kind: 'address',
    address: { address: '2001:db8::7', port: 51_201 },
  });
  assert.equal(parseExtendedPort('|3|192.0.2.7|51201|').kind, 'bad_protocol');
  for (const bad of ['x', '|1|192.0.2.7|70000|', '|1|192.0.2.7|51201', '|1|192.0.2.7|51201|x', '|1|host|51201|'])
    assert.equal(parseExtendedPort(bad).kind, 'malformed', bad);
});

test('no argument makes the parsers throw', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      parsePort(text);
      parseExtendedPort(text);
    }),
  );
});
