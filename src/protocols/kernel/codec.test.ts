import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Decode, decodeLine, framed } from './codec.ts';

/** Frames of one length byte and that many bytes; a length of 255 is malformed. */
const decode: Decode<string> = (bytes) => {
  const length = bytes[0] ?? 0;
  if (length === 255) return { kind: 'malformed', code: 'bad_length', used: 1 };
  if (bytes.length < 1 + length) return { kind: 'need', bytes: 1 + length - bytes.length };
  return { kind: 'frame', frame: bytes.toString('latin1', 1, 1 + length), used: 1 + length };
};

function run(chunks: readonly Uint8Array[], limit = 1000): unknown[] {
  const stream = framed(decode, limit);
  return chunks.flatMap((chunk) =>
    [...stream.push(chunk)].map((step) => (step.kind === 'frame' ? step.frame : step.code)),
  );
}

test('frames come out whole and in order however the stream is cut', () => {
  const frames = fc.array(
    fc
      .string({ maxLength: 40 })
      .map((text) => Buffer.from(text, 'latin1'))
      .filter((bytes) => bytes.length < 255),
  );
  fc.assert(
    fc.property(frames, fc.array(fc.nat(9)), (list, sizes) => {
      const whole = Buffer.concat(list.map((bytes) => Buffer.concat([Buffer.from([bytes.length]), bytes])));
      const chunks: Buffer[] = [];
      for (let at = 0, i = 0; at < whole.length; i += 1) {
        const size = 1 + (sizes[i % Math.max(1, sizes.length)] ?? 0);
        chunks.push(Buffer.from(whole.subarray(at, at + size)));
        at += size;
      }
      assert.deepEqual(
        run(chunks),
        list.map((bytes) => bytes.toString('latin1')),
      );
    }),
  );
});

test('a frame longer than the limit is malformed, and what follows is decoded', () => {
  assert.deepEqual(run([Buffer.from([200, 1, 2]), Buffer.from([1, 0x61])], 100), ['frame_too_large', 'a']);
});

test('malformed bytes are passed over by as much as the decoder says', () => {
  assert.deepEqual(run([Buffer.from([255, 1, 0x62])]), ['bad_length', 'b']);
});

test('a pending piece does not change when the buffer it came in is used again', () => {
  const stream = framed(decode, 1000);
  const chunk = Buffer.from([3, 0x61, 0x62]);
  assert.deepEqual([...stream.push(chunk)], []);
  chunk.fill(0);
  assert.deepEqual([...stream.push(Buffer.from('c'))], [{ kind: 'frame', frame: 'abc', used: 4 }]);
});

test('the rest can be taken out midway, for a change of framing', () => {
  const stream = framed(decode, 1000);
  const seen: unknown[] = [];
  for (const step of stream.push(Buffer.from([1, 0x61, 9, 1, 2, 3]))) {
    seen.push(step.kind);
    assert.deepEqual(stream.rest(), Buffer.from([9, 1, 2, 3]));
  }
  assert.deepEqual(seen, ['frame']);
  assert.deepEqual([...stream.push(Buffer.from([1, 0x62]))], [{ kind: 'frame', frame: 'b', used: 2 }]);
});

test('byte by byte costs linear time: the decoder is asked once for each frame and its need', () => {
  let asked = 0;
  const counting: Decode<number> = (bytes) => {
    asked += 1;
    return bytes.length < 100_000
      ? { kind: 'need', bytes: 100_000 - bytes.length }
      : { kind: 'frame', frame: bytes.length, used: bytes.length };
  };
  const stream = framed(counting, 200_000);
  for (let i = 0; i < 100_000; i += 1)
    for (const step of stream.push(Buffer.from([i & 255]))) assert.equal(step.kind, 'frame');
  assert.equal(asked, 2);
});

test('lines end with LF or CRLF, and a line over the limit is malformed', () => {
  const stream = framed(decodeLine(5), 64);
  const steps = [...stream.push(Buffer.from('ab\r\ncd\n\nabcdefgh\nx\n'))];
  assert.deepEqual(
    steps.map((step) => (step.kind === 'frame' ? step.frame.toString() : step.code)),
    ['ab', 'cd', '', 'line_too_long', 'x'],
  );
});
