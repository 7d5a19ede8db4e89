/**
 * Keeps the processes of one machine running: starts each, waits until it says that it is ready, starts it again with growing pauses when it dies, and
 * stops all of them when asked. Their logs go to one file.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorText, ProjectError } from '../events/index.ts';
import type { LogFile } from './log-file.ts';

export interface Part {
  name: string;
  /** Arguments of Node: flags, script, its arguments. */
  args: readonly string[];
  /** Sent as the first line of standard input. */
  input: unknown;
  environment?: Readonly<Record<string, string>>;
}

/** What a part said when it was ready, or why it cannot be. */
export interface Readiness {
  event: string;
  [name: string]: unknown;
}

function readinessOf(line: string): Readiness {
  try {
    return JSON.parse(line) as Readiness;
  } catch {
    return { event: 'failed', message: line };
  }
}

const PAUSE_FIRST_MS = 200;
/** A part that ran this long before it died begins with the first pause again. */
const STEADY_MS = 30_000;
const STOP_MS = 15_000;

/** Told of each part that ended by itself. */
export type OnRestart = (name: string, code: number | null, signal: string | null) => void;

export class Supervised {
  readonly part: Part;
  private readonly log: LogFile;
  private readonly onRestart: OnRestart;
  private readonly pauseMaxMs: number;
  private readonly stopped = new AbortController();
  private child: ChildProcess | undefined;
  private running: Promise<void> | undefined;

  constructor(part: Part, log: LogFile, onRestart: OnRestart, pauseMaxMs = 10_000) {
    this.pauseMaxMs = pauseMaxMs;
    this.part = part;
    this.log = log;
    this.onRestart = onRestart;
  }

  /** Whether the part runs and has said that it is ready. */
  isReady = false;

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Starts the part and resolves when it is ready; rejects when it says that it cannot be, or ends before it is. */
  async start(): Promise<Readiness> {
    const { ready, ended } = this.spawn();
    const first = await ready;
    this.running = this.keep(ended);
    return first;
  }

  private spawn(): { ready: Promise<Readiness>; ended: Promise<[number | null, string | null]> } {
    const child = spawn(process.execPath, this.part.args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      // What else is in our environment is nobody's business, least of all the sensor's.
      env: { PATH: process.env.PATH ?? '', ...this.part.environment },
    });
    this.child = child;
    this.isReady = false;
    child.stdin?.on('error', () => undefined);
    child.stdin?.write(`${JSON.stringify(this.part.input)}\n`);
    child.stderr?.on('data', (chunk: Buffer) => this.log.write(chunk));
    const ended = new Promise<[number | null, string | null]>((resolve) =>
      child.once('close', (code, signal) => resolve([code, signal])),
    );
    const ready = new Promise<Readiness>((resolve, reject) => {
      child.once('error', reject);
      createInterface({ input: child.stdout as NonNullable<typeof child.stdout> }).once('line', (line) => {
        const said = readinessOf(line);
        this.isReady = said.event === 'ready';
        if (this.isReady) resolve(said);
        else
          reject(
            new ProjectError(String(said.code ?? 'PART_FAILED'), String(said.message ?? line), {
              part: this.part.name,
            }),
          );
      });
      void ended.then(([code, signal]) =>
        reject(
          new ProjectError(
            'PART_ENDED',
            `the ${this.part.name} ended before it was ready (${signal ?? `code ${code}`}); its log: ${this.log.path}`,
            { part: this.part.name, code, signal },
          ),
        ),
      );
    });
    ready.catch((error: unknown) => {
      const line = {
        level: 'error',
        time: new Date().toISOString(),
        part: this.part.name,
        msg: 'could not start',
        error: errorText(error),
      };
      this.log.write(Buffer.from(`${JSON.stringify(line)}\n`));
    });
    return { ready, ended };
  }

  private async keep(firstEnded: Promise<[number | null, string | null]>): Promise<void> {
    let ended = firstEnded;
    let pause = PAUSE_FIRST_MS;
    for (;;) {
      const since = Date.now();
      const [code, signal] = await ended;
      this.isReady = false;
      if (this.stopped.signal.aborted) return;
      this.onRestart(this.part.name, code, signal);
      if (Date.now() - since > STEADY_MS) pause = PAUSE_FIRST_MS;
      await sleep(pause, undefined, { signal: this.stopped.signal }).catch(() => undefined);
      pause = Math.min(this.pauseMaxMs, pause * 2);
      if (this.stopped.signal.aborted) return;
      ended = this.spawn().ended;
    }
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await (this.running ?? new Promise((resolve) => child.once('close', resolve)));
    clearTimeout(timer);
  }
}

/** Stops parts one after the other, the last one started first: what depends on others goes before them. */
export async function stopAll(parts: readonly Supervised[]): Promise<void> {
  for (const part of parts.toReversed()) await part.stop();
}
