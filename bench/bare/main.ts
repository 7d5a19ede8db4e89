/**
 * The yardstick: a bare `node:net` server that sends the bytes of a recorded dialogue in as many turns, understands nothing and records nothing. Like the
 * sensor it is told what to do by a line on standard input, and ends when that closes.
 */
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Dialogue } from './dialogue.ts';

const BACKLOG = 4096;

const input = createInterface({ input: process.stdin });
input.once('close', () => process.exit(0));
process.once('SIGTERM', () => process.exit(0));
const line = await new Promise<string>((resolve) => input.once('line', resolve));
const { turns, closes } = JSON.parse(line) as Dialogue;
const script = turns.map(({ after, bytes }) => ({ after, bytes: Buffer.from(bytes, 'base64') }));

const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  let received = 0;
  let said = 0;
  function speak(): void {
    for (let turn = script[said]; turn !== undefined && received >= turn.after; turn = script[said]) {
      socket.write(turn.bytes);
      said += 1;
    }
    if (closes && said === script.length) socket.end();
  }
  socket.on('data', (chunk) => {
    received += chunk.length;
    speak();
  });
  socket.on('end', () => socket.end());
  socket.on('error', () => socket.destroy());
  speak();
});
server.listen({ host: '127.0.0.1', port: 0, backlog: BACKLOG }, () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  process.stdout.write(`${JSON.stringify({ event: 'ready', port })}\n`);
});
