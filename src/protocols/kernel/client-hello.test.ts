import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { decodeClientHello, ja4 } from './client-hello.ts';

/** The first bytes of a real TLS client: Node's own. */
async function helloOf(options: Record<string, unknown>): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const server = createServer((socket: Socket) => {
      socket.once('data', (bytes) => {
        socket.destroy();
        server.close();
        resolve(bytes);
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      connect({ port, host: '127.0.0.1', ...options }).on('error', () => undefined);
    });
    server.on('error', reject);
  });
}

test('server name, protocols and versions of a real client are read', async () => {
  const step = decodeClientHello(await helloOf({ servername: 'decoy.example', ALPNProtocols: ['h2', 'http/1.1'] }));
  assert.equal(step.kind, 'frame');
  if (step.kind !== 'frame') return;
  assert.equal(step.frame.serverName, 'decoy.example');
  assert.deepEqual(step.frame.alpn, ['h2', 'http/1.1']);
  assert.ok(step.frame.supportedVersions.includes(0x0304));
  assert.match(ja4(step.frame), /^t13d\d{4}h2_[0-9a-f]{12}_[0-9a-f]{12}$/);
});

test('JA4 marks a client without server name and protocols, and follows the offered version', async () => {
  const step = decodeClientHello(await helloOf({ maxVersion: 'TLSv1.2' }));
  assert.equal(step.kind, 'frame');
  if (step.kind === 'frame') assert.match(ja4(step.frame), /^t12i\d{4}00_/);
});

test('JA4 of a hello made by hand is the published example', () => {
  // FoxIO's technical details of JA4, the example of a Chrome client.
  const example = ja4({
    version: 0x0303,
    ciphers: [
      0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d,
      0x002f, 0x0035,
    ],
    extensions: [
      0x2a2a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01,
      0x000b, 0x000a, 0x0015,
    ],
    serverName: 'x',
    alpn: ['h2'],
    supportedVersions: [0x3a3a, 0x0304, 0x0303],
    signatureAlgorithms: [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
  });
  assert.equal(example, 't13d1516h2_8daaf6152771_e5627efa2ab1');
});

test('truncated and mutated hellos never throw', async () => {
  const bytes = await helloOf({ servername: 'decoy.example' });
  for (let length = 0; length < bytes.length; length += 1)
    assert.notEqual(decodeClientHello(bytes.subarray(0, length)).kind, 'frame');
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 8 }), (edits) => {
      const mutated = Buffer.from(bytes);
      for (const [at, value] of edits) mutated[at] = value;
      const step = decodeClientHello(mutated);
      if (step.kind === 'frame') ja4(step.frame);
    }),
    { numRuns: 2000 },
  );
});
