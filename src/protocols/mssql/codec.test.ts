import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assembler, decodeUnit, encodeMessage, type Message, PACKET, type Packet } from './codec.ts';

function packets(bytes: Buffer): Packet[] {
  const found: Packet[] = [];
  let at = 0;
  while (at < bytes.length) {
    const step = decodeUnit(bytes.subarray(at));
    assert.ok(step.kind === 'frame' && step.frame.kind === 'packet', 'a whole packet');
    found.push(step.frame);
    at += step.used;
  }
  return found;
}

test('a message of any length comes back from its packets', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.integer({ min: 512, max: 1000 }), (body, size) => {
      const joined = assembler(10_000);
      const messages = packets(encodeMessage(PACKET.batch, 51, body, size))
        .map((packet) => joined.add(packet))
        .filter((message): message is Message => typeof message === 'object');
      assert.equal(messages.length, 1);
      assert.deepEqual(messages[0]?.body, Buffer.from(body));
      assert.equal(messages[0]?.bytes, body.length);
    }),
  );
});

test('a header is judged once it is whole', () => {
  assert.deepEqual(decodeUnit(Buffer.from('GET /')), { kind: 'need', bytes: 3 });
  const step = decodeUnit(Buffer.from('GET / HTTP/1.0\r\n\r\n'));
  assert.ok(step.kind === 'frame' && step.frame.kind === 'bad');
  assert.equal(step.frame.code, 'tds_packet_type');
  const short = decodeUnit(Buffer.from('1201000700000000', 'hex'));
  assert.ok(short.kind === 'frame' && short.frame.kind === 'bad');
  assert.equal(short.frame.code, 'tds_packet_length');
});

test('TLS records stand between packets as they are', () => {
  const step = decodeUnit(Buffer.from('1703030004aabbccdd12', 'hex'));
  assert.ok(step.kind === 'frame' && step.frame.kind === 'tls');
  assert.equal(step.used, 9);
});

test('a message longer than the limit keeps its beginning and its length', () => {
  const joined = assembler(100);
  const all = packets(encodeMessage(PACKET.bulk, 0, Buffer.alloc(5000, 7), 512));
  const last = all.map((packet) => joined.add(packet)).at(-1);
  assert.ok(typeof last === 'object');
  assert.equal(last.body.length, 100);
  assert.equal(last.bytes, 5000);
});

test('an attention cancels the message begun, and another type in its midst is an error', () => {
  const joined = assembler(100);
  const [first] = packets(encodeMessage(PACKET.batch, 0, Buffer.alloc(600), 512));
  assert.ok(first);
  assert.equal(joined.add(first), undefined);
  const attention = joined.add({ kind: 'packet', type: PACKET.attention, status: 1, body: Buffer.alloc(0) });
  assert.deepEqual(attention, { type: PACKET.attention, body: Buffer.alloc(0), bytes: 0 });
  assert.equal(joined.add(first), undefined);
  assert.equal(joined.add({ ...first, type: PACKET.rpc }), 'mixed');
});
