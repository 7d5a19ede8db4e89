/**
 * The store host: the process that owns the embedded ClickHouse engine and serves it on a unix socket.
 *
 *     node src/manager/store/host/main.ts --data DIR --socket PATH --memory-mb N
 *
 * Stdin brings one line first, `{"token":"…"}`, and stays open; where it closes, the process that started this one is gone, and this one
 * ends. Stdout gets one line: `{"event":"ready"}` when requests are served, or `{"event":"failed","code":…,"message":…}`. Stderr gets log
 * lines as JSON. SIGTERM and the end of stdin stop new requests, let inserts end for ten seconds, and exit with 0.
 *
 * DIR holds `engine/` (the engine's own folder, which one process at a time can open), `engine.xml` (its limits) and `scratch/` (files of
 * requests under way, emptied at the start).
 *
 * Exit codes: 0 stopped, 1 failed, 2 wrong use, 3 the folder is in use.
 */
import { chmodSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { errorCode, errorText } from '../../../events/errors.ts';
import { engineConfig, MIN_MEMORY_MB } from './config.ts';
import { Engine, THREAD_POOL } from './engine.ts';
import { Front } from './front.ts';
import { log } from './log.ts';
import { ScratchFolder } from './scratch.ts';

/** How long inserts may take to end when the host is told to stop. */
const GRACE_MS = 10_000;
/** A unix socket's path fits into 108 bytes with its closing zero (unix(7)). */
const MAX_SOCKET_PATH = 107;
/** Shortest secret that is accepted. */
const MIN_TOKEN = 16;
const EXIT = { stopped: 0, failed: 1, usage: 2, inUse: 3 } as const;

class Refused extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string, cause?: unknown) {
    super(message, { cause });
    this.exitCode = exitCode;
  }
}

/**
 * libuv reads the size of its thread pool from the environment when the pool is first used, which is before this line runs. Where whoever
 * started us did not set it, the process replaces itself with one that has it; stdin has not been read yet and goes over.
 */
function ensureThreads(): void {
  if (Number(process.env.UV_THREADPOOL_SIZE ?? 0) >= THREAD_POOL) return;
  const argv = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve?.(process.execPath, argv, { ...process.env, UV_THREADPOOL_SIZE: String(THREAD_POOL) });
  throw new Refused(EXIT.usage, `UV_THREADPOOL_SIZE must be at least ${THREAD_POOL}`);
}

interface Options {
  /** Folder of the store. */
  folder: string;
  /** Path of the unix socket to serve on. Its folder is made private to the owner. */
  socket: string;
  /** Most memory the engine may use. */
  memoryMb: number;
}

// Read by hand: a schema library would be a tenth of what this process adds to the engine's own memory.
function readOptions(): Options {
  const { data, socket, 'memory-mb': memory } = parseOptions();
  const mistakes: string[] = [];
  if (!data) mistakes.push('--data DIR is missing');
  if (!socket) mistakes.push('--socket PATH is missing');
  else if (Buffer.byteLength(resolve(socket)) > MAX_SOCKET_PATH)
    mistakes.push(`--socket is longer than ${MAX_SOCKET_PATH} bytes`);
  const memoryMb = /^[0-9]{1,7}$/.test(memory ?? '') ? Number(memory) : 0;
  if (memoryMb < MIN_MEMORY_MB) mistakes.push(`--memory-mb must be a number of at least ${MIN_MEMORY_MB}`);
  if (!data || !socket || mistakes.length > 0) throw new Refused(EXIT.usage, mistakes.join('; '));
  return { folder: resolve(data), socket: resolve(socket), memoryMb };
}

function parseOptions() {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({ options: { data: text, socket: text, 'memory-mb': text } }).values;
  } catch (cause) {
    throw new Refused(EXIT.usage, errorText(cause), cause);
  }
}

/** The first line of stdin, and the end of stdin. */
async function readGreeting(): Promise<{ token: string; closed: Promise<void> }> {
  const lines = createInterface({ input: process.stdin });
  const closed = new Promise<void>((end) => lines.once('close', end));
  const line = await Promise.race([new Promise<string>((read) => lines.once('line', read)), closed.then(() => '')]);
  return { token: parseToken(line), closed };
}

function parseToken(line: string): string {
  const wrong = `stdin must begin with a line {"token":"…"} of at least ${MIN_TOKEN} characters`;
  try {
    const { token } = JSON.parse(line) as { token?: unknown };
    if (typeof token === 'string' && token.length >= MIN_TOKEN) return token;
  } catch (cause) {
    throw new Refused(EXIT.usage, wrong, cause);
  }
  throw new Refused(EXIT.usage, wrong);
}

function openEngine(folder: string, memoryMb: number): Engine {
  const configFile = join(folder, 'engine.xml');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(configFile, engineConfig(memoryMb), { mode: 0o600 });
    return new Engine({ folder: join(folder, 'engine'), configFile, memoryMb });
  } catch (cause) {
    const owner = lockOwner(join(folder, 'engine'));
    if (owner !== null) {
      throw new Refused(
        EXIT.inUse,
        `the store folder ${folder} is in use by another process (${owner}); stop it, or choose another with --data`,
        cause,
      );
    }
    throw new Refused(EXIT.failed, `the store folder ${folder} cannot be opened: ${errorText(cause)}`, cause);
  }
}

/** Who holds the engine's lock: its file names the process, and is left behind by one that was killed. */
function lockOwner(folder: string): number | null {
  let pid = 0;
  try {
    pid = Number(/^PID: ([0-9]+)$/m.exec(readFileSync(join(folder, 'status'), 'utf8'))?.[1] ?? 0);
    if (pid === 0 || pid === process.pid) return null;
    process.kill(pid, 0);
    return pid;
  } catch (cause) {
    // EPERM: it lives, and is another user's.
    return errorCode(cause) === 'EPERM' ? pid : null;
  }
}

/** Serves on the socket. Only the owner can reach it: the folder is 0700 and the socket 0600 from its first moment. */
async function listen(front: Front, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  chmodSync(dirname(path), 0o700);
  // We hold the folder's lock, so that a socket that is there was left by a process that is gone.
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path);
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((done, fail) => {
      front.server.once('error', fail);
      front.server.listen(path, done);
    });
  } catch (cause) {
    throw new Refused(EXIT.failed, `cannot serve on ${path}: ${errorCode(cause) ?? errorText(cause)}`, cause);
  } finally {
    process.umask(umask);
  }
}

async function main(): Promise<void> {
  ensureThreads();
  // Where the process that reads our lines is gone, stdin says so too; a line that cannot be written is no reason to skip the orderly end.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
  process.umask(0o077);
  const { folder, socket, memoryMb } = readOptions();
  const { token, closed } = await readGreeting();
  const stop = new Promise<string>((wake) => {
    process.once('SIGTERM', () => wake('SIGTERM'));
    process.once('SIGINT', () => wake('SIGINT'));
    closed.then(() => wake('stdin closed')).catch(() => undefined);
  });

  const started = performance.now();
  const engine = openEngine(folder, memoryMb);
  const scratch = new ScratchFolder(join(folder, 'scratch'));
  await scratch.open();
  const front = new Front({
    engine,
    scratch,
    token,
    onFault: (error) => log('error', error.message, { cause: errorText(error.cause) }),
  });
  await listen(front, socket);
  process.stdout.write(`${JSON.stringify({ event: 'ready' })}\n`);
  log('info', 'serving', { folder, socket, open_ms: Math.round(performance.now() - started) });

  const reason = await stop;
  log('info', 'stopping', { reason, ...engine.load });
  front.refuse();
  await engine.close(GRACE_MS);
  front.server.closeAllConnections();
  rmSync(socket, { force: true });
  process.exit(EXIT.stopped);
}

main().catch((thrown: unknown) => {
  const code = thrown instanceof Refused && thrown.exitCode === EXIT.inUse ? 'DATA_IN_USE' : 'STORE_FAILED';
  process.stdout.write(`${JSON.stringify({ event: 'failed', code, message: errorText(thrown) })}\n`);
  log(
    'error',
    errorText(thrown),
    thrown instanceof Refused ? { cause: errorText(thrown.cause ?? '') } : { cause: String(thrown) },
  );
  process.exit(thrown instanceof Refused ? thrown.exitCode : EXIT.failed);
});
