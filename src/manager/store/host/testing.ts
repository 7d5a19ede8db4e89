/** A store host in a temporary folder, for tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openStoreClient, type StoreClient } from '../client.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const MEMORY_MB = 768;

export interface TestHost {
  readonly folder: string;
  readonly socketPath: string;
  readonly token: string;
  readonly process: ChildProcess;
  connect(database?: string): StoreClient;
  /** Kills the process as a crash would, and waits for its end. */
  kill(): Promise<void>;
  /** Starts a new process on the same folder. */
  start(): Promise<void>;
  /** Stops the process in good order, removes the folder, and returns the exit code. */
  close(): Promise<number | null>;
}

export interface HostProcess {
  process: ChildProcess;
  /** Resolves with true when it serves, and with false when it has ended instead. */
  ready: Promise<boolean>;
  /** What it has logged so far. */
  log(): string;
}

/** Starts `main.ts` as a supervisor does. */
export function spawnHost(folder: string, socketPath: string, token: string, memoryMb = MEMORY_MB): HostProcess {
  const child = spawn(
    process.execPath,
    [MAIN, '--data', join(folder, 'store'), '--socket', socketPath, '--memory-mb', String(memoryMb)],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  child.stdin.on('error', () => undefined);
  child.stdin.write(`${JSON.stringify({ token })}\n`);
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  const ready = new Promise<boolean>((resolve) => {
    createInterface({ input: child.stdout }).once('line', (line) => resolve(line === '{"event":"ready"}'));
    child.once('exit', () => resolve(false));
  });
  return { process: child, ready, log: () => text };
}

export async function startTestHost(): Promise<TestHost> {
  const folder = await mkdtemp(join(tmpdir(), 'store-'));
  const socketPath = join(folder, 'run', 'store.sock');
  const token = randomBytes(24).toString('hex');
  const clients: StoreClient[] = [];
  const begin = async (): Promise<ChildProcess> => {
    const host = spawnHost(folder, socketPath, token);
    if (!(await host.ready)) throw new Error(`the store host did not start: ${host.log()}`);
    return host.process;
  };
  const ended = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  };
  let child = await begin();
  return {
    folder,
    socketPath,
    token,
    get process() {
      return child;
    },
    connect(database) {
      const client = openStoreClient({ socketPath, token, ...(database === undefined ? {} : { database }) });
      clients.push(client);
      return client;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended(child);
    },
    async start() {
      child = await begin();
    },
    async close() {
      for (const client of clients) await client.close();
      child.stdin?.end();
      await ended(child);
      await rm(folder, { recursive: true, force: true });
      return child.exitCode;
    },
  };
}
