import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Decoder, MAX_FIELDS_BYTES, MAX_LINE_BYTES, openDecoder } from './codec.ts';

const lenient = { skipsBlankLines: true, refusesPrefix: () => false };

/** Whole messages as text, the body lengths taken from a header `L` or `chunked`. */
function decodeAll(decoder: Decoder, chunks: readonly Buffer[]): string[] {
  const seen: string[] = [];
  let body = '';
  for (const chunk of chunks)
    for (const step of decoder.push(chunk)) {
      if (step.kind === 'malformed') seen.push(`malformed ${step.code}`);
      else if (step.frame.kind === 'line') seen.push(step.frame.line);
      else if (step.frame.kind === 'fields') {
        seen.push(step.frame.lines.join('|'));
        const length = /L:(\d+|chunked)/.exec(step.frame.lines.join('|'))?.[1];
        if (length !== undefined) decoder.body(length === 'chunked' ? 'chunked' : Number(length));
      } else {
        body += step.frame.bytes.toString('latin1');
        if (step.frame.last) {
          seen.push(`body ${body}`);
          body = '';
        }
      }
    }
  return seen;
}

const STREAM = Buffer.from(
  '\r\nPOST /a HTTP/1.1\r\nL:5\r\nB: c\r\n\r\nhelloGET /b HTTP/1.1\r\n\r\nPUT /c HTTP/1.1\r\nL:chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: t\r\n\r\nGET /d HTTP/1.0\nH: lf\n\n',
);
const MESSAGES = [
  'POST /a HTTP/1.1',
  'L:5|B: c',
  'body hello',
  'GET /b HTTP/1.1',
  '',
  'PUT /c HTTP/1.1',
  'L:chunked',
  'body abc0123456789',
  'GET /d HTTP/1.0',
  'H: lf',
];

test('pipelined requests with bodies of both kinds come apart the same however the stream is split', () => {
  assert.deepEqual(decodeAll(openDecoder(lenient), [STREAM]), MESSAGES);
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(STREAM.length), { maxLength: 12 }), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), STREAM.length];
      const chunks = at.slice(1).map((end, i) => STREAM.subarray(at[i], end));
      assert.deepEqual(decodeAll(openDecoder(lenient), chunks), MESSAGES);
    }),
    { numRuns: 200 },
  );
});

test('a request line, a header block, a chunk size and trailers without end are malformed within their bounds', () => {
  const block = Buffer.alloc(8192, 0x61);
  const fed = (first: string, limit: number): [string | undefined, number] => {
    const decoder = openDecoder(lenient);
    let bytes = 0;
    const before = decodeAll(decoder, [Buffer.from(first)]).length;
    for (;;) {
      bytes += block.length;
      const seen = decodeAll(decoder, [block]);
      if (seen.length > 0) return [seen[0], before];
      assert.ok(bytes <= limit + block.length, 'the decoder holds more than its bound');
    }
  };
  assert.deepEqual(fed('', MAX_LINE_BYTES), ['malformed line_too_long', 0]);
  assert.deepEqual(fed('GET / HTTP/1.1\r\n', MAX_FIELDS_BYTES), ['malformed header_too_large', 1]);
  assert.deepEqual(fed('PUT / HTTP/1.1\r\nL:chunked\r\n\r\n1', 16_384), ['malformed bad_chunk', 2]);
  assert.deepEqual(fed('PUT / HTTP/1.1\r\nL:chunked\r\n\r\n0\r\nT: ', 16_384), ['malformed bad_chunk', 2]);
});

test('what is refused at its first bytes does not wait for a line end', () => {
  const decoder = openDecoder({ skipsBlankLines: true, refusesPrefix: (bytes) => bytes[0] === 3 });
  assert.deepEqual(decodeAll(decoder, [Buffer.from([3, 0, 0, 19])]), ['malformed bad_method']);
  assert.deepEqual([...decoder.offending()], [3, 0, 0, 19]);
});

test('a chunk without its line end is malformed', () => {
  const decoder = openDecoder(lenient);
  const seen = decodeAll(decoder, [Buffer.from('PUT / HTTP/1.1\r\nL:chunked\r\n\r\n3\r\nabcdef\r\n')]);
  assert.equal(seen.at(-1), 'malformed bad_chunk');
});
