/**
 * The yardstick of the intake: takes the same deliveries, unpacks them, appends them to a file and syncs it before it answers. It checks nothing, understands
 * nothing and can answer no question.
 */
import { open } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';

const unpack = promisify(zstdDecompress);

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const input = createInterface({ input: process.stdin });
input.once('close', () => process.exit(0));
process.once('SIGTERM', () => process.exit(0));
const line = await new Promise<string>((resolve) => input.once('line', resolve));
const file = await open((JSON.parse(line) as { file: string }).file, 'a');

async function take(request: IncomingMessage): Promise<void> {
  await file.appendFile(await unpack(await bodyOf(request)));
  await file.datasync();
}

const server = createServer((request, response) => {
  take(request).then(
    () => response.end('{}'),
    () => response.writeHead(500).end(),
  );
});
server.listen({ host: '127.0.0.1', port: 0 }, () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  process.stdout.write(`${JSON.stringify({ event: 'ready', port })}\n`);
});
