/** Runs the command line as a user does: its own process, its exit code, what it printed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/stack.ts';

const BIN = resolve(import.meta.dirname, '../../bin/sundew.mjs');
const GIVE_UP_MS = 90_000;

export interface Result {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  /** What came so far. */
  output(): { stdout: string; stderr: string };
  ended: Promise<Result>;
}

/** Starts a command. Without `input` its standard input stays open and silent. */
export function start(
  args: readonly string[],
  options: { input?: string | Buffer; wrap?: readonly string[] } = {},
): Running {
  const [program = process.execPath, ...before] = [...(options.wrap ?? []), process.execPath];
  const child = spawn(program, [...before, BIN, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.on('error', () => undefined);
  if (options.input !== undefined) child.stdin.end(options.input);
  const output = () => ({ stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
  const ended = once(child, 'close').then(([code, signal]) => {
    return { code: code as number | null, signal: signal as string | null, ...output() };
  });
  return { child, output, ended };
}

/** Runs a command to its end; one that hangs is a failure. */
export async function sundew(args: readonly string[], input: string | Buffer = ''): Promise<Result> {
  const running = start(args, { input });
  const timer = setTimeout(() => running.child.kill('SIGKILL'), GIVE_UP_MS);
  return await running.ended.finally(() => clearTimeout(timer));
}

/** A folder that is gone when the test is. */
export function scratch(): { dir: string; path(...names: string[]): string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'sundew-cli-'));
  return { dir, path: (...names) => join(dir, ...names), remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Decoys of `up` at ports of our own, below those that outgoing connections take theirs from. */
export const randomOffset = (): number => 10_000 + Math.floor(Math.random() * 12_000);

export interface Up extends Running {
  url: string;
  link: string;
  offset: number;
}

const STARTED = /Dashboard\s+(\S+)\s+Sign in\s+(\S+)[\s\S]*Stop\s+Ctrl-C/;
const TRIES = 5;

/** `sundew up` (or `manager`) on a folder, when it says that it is ready. */
export async function startUp(
  data: string,
  flags: readonly string[] = [],
  command = 'up',
  wrap: readonly string[] = [],
): Promise<Up> {
  for (let tries = 1; ; tries += 1) {
    const offset = randomOffset();
    const ports = command === 'up' ? ['--port-offset', String(offset)] : [];
    const listen = `127.0.0.1:${await freePort()}`;
    const running = start([command, '--data', data, '--listen', listen, ...ports, ...flags], { wrap });
    let ended: Result | undefined;
    void running.ended.then((result) => {
      ended = result;
    });
    for (;;) {
      const [, url, link] = STARTED.exec(running.output().stdout) ?? [];
      if (url !== undefined && link !== undefined) return { ...running, url, link, offset };
      if (ended !== undefined) break;
      await sleep(25);
    }
    // Another program had one of the ports that were drawn.
    if (!/is in use by another program/.test(ended.stderr) || tries >= TRIES) throw new Error(`up: ${ended.stderr}`);
  }
}

/** Stops a command with SIGTERM. */
export async function stop(running: Running): Promise<Result> {
  running.child.kill('SIGTERM');
  return await running.ended;
}

/** The port of somebody else, taken until it is closed. */
export async function takenPort(port = 0): Promise<{ port: number; server: Server }> {
  const server = createServer();
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(port, '127.0.0.1', done);
  });
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, server };
}

/** One line to the user: what went wrong, without a stack. */
export function isOneMessage(stderr: string): boolean {
  const lines = stderr.trimEnd().split('\n');
  return lines.length === 1 && /^(sundew|error): \S/.test(lines[0] ?? '') && !/\n\s+at /.test(stderr);
}
