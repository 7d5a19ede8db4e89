/** Asks for a secret without showing it; where standard input is no terminal, its first line is taken. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { UsageError } from './usage.ts';

async function firstLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) return line;
  throw new UsageError('no password came on standard input');
}

export async function readSecret(question: string): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) return await firstLine();
  stderr.write(question);
  stdin.setRawMode(true);
  let secret = '';
  try {
    for (;;) {
      const [chunk] = (await once(stdin, 'data')) as [Buffer];
      for (const char of chunk.toString('utf8')) {
        if (char === '\r' || char === '\n') return secret;
        if (char === '\u0003') throw new UsageError('cancelled');
        secret = char === '\u007f' || char === '\b' ? secret.slice(0, -1) : secret + char;
      }
    }
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}
