/** What every benchmark gets: how long to run, a folder of its own, and processes that are gone when it is over. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { loadConfig } from '../src/cli/config.ts';
import { type LogFile, openLogFile } from '../src/cli/log-file.ts';
import { sensorPart } from '../src/cli/stack.ts';
import { type Part, Supervised } from '../src/cli/supervisor.ts';
import type { ServiceListing } from '../src/sensor/sensor.ts';
import type { Dialogue } from './bare/dialogue.ts';
import type { HoldOrder, LoadOrder, LoadResult } from './load/main.ts';
import type { Row } from './report.ts';

export interface Benchmark {
  name: string;
  title: string;
  run(bench: Bench): Promise<Row[]>;
}

export interface Running {
  pid: number;
  stop(): Promise<void>;
}

export interface AloneSensor extends Running {
  /** The spool's folder, readable once the sensor has stopped. */
  queue: string;
  /** From the start of the process until it said that it is ready. */
  startMs: number;
  services: readonly ServiceListing[];
  port(protocol: string): number;
}

export interface BareServer extends Running {
  port: number;
  startMs: number;
}

const SPOOL_BYTES = 8 * 1024 ** 3;
/** Below the range that outgoing connections take their ports from, and above what needs a privilege. */
const randomOffset = (): number => 10_000 + Math.floor(Math.random() * 14_000);
const OFFSET_TRIES = 5;
const LOG_TAIL = 2000;

export class Bench {
  /** Short runs that show whether a benchmark works; their figures say little. */
  readonly quick: boolean;
  /** The long forms: the whole import, ten minutes of ingest. */
  readonly full: boolean;
  private readonly folder: string;
  private readonly log: LogFile;
  private readonly closers: (() => void | Promise<void>)[] = [];
  private folders = 0;
  private closed: Promise<void> | undefined;

  constructor(options: { quick: boolean; full: boolean }) {
    this.quick = options.quick;
    this.full = options.full;
    this.folder = mkdtempSync(join(tmpdir(), 'sundew-bench-'));
    this.log = openLogFile(join(this.folder, 'processes.log'));
    // At the very end: what was interrupted may write until then.
    process.once('exit', () => rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 }));
  }

  /** The value for a usual run, or for a quick one. */
  choose(usual: number, quick: number): number {
    return this.quick ? quick : usual;
  }

  say(text: string): void {
    process.stderr.write(`  ${text}\n`);
  }

  newFolder(name: string): string {
    this.folders += 1;
    const path = join(this.folder, `${name}-${this.folders}`);
    mkdirSync(path);
    return path;
  }

  /** To be done when all is over, whatever happens. Nothing can be begun after that. */
  atEnd(close: () => void | Promise<void>): void {
    if (this.isClosed) {
      void close();
      throw new Error('interrupted');
    }
    this.closers.push(close);
  }

  /** Stops what runs. Called again, it waits for the same end. */
  close(): Promise<void> {
    this.closed ??= this.closeAll();
    return this.closed;
  }

  get isClosed(): boolean {
    return this.closed !== undefined;
  }

  private async closeAll(): Promise<void> {
    for (const close of this.closers.splice(0).reverse()) await close();
    this.log.close();
  }

  /** Starts a process as the supervisor of the program does. One that dies by itself spoils the run. */
  private async start(
    part: Part,
  ): Promise<{ supervised: Supervised; ready: Record<string, unknown>; startMs: number }> {
    const supervised = new Supervised(part, this.log, (name) => {
      process.stderr.write(`  the ${name} died and was started again: its figures are worth nothing\n`);
      process.exitCode = 1;
    });
    this.atEnd(() => supervised.stop());
    const started = performance.now();
    try {
      const ready = await supervised.start();
      return { supervised, ready, startMs: performance.now() - started };
    } catch (error) {
      // The log goes with the folder: what it says last is why.
      process.stderr.write(readFileSync(this.log.path, 'utf8').slice(-LOG_TAIL));
      throw error;
    }
  }

  /** A sensor without a manager: its records stay on its spool. The same `dir` again is the same sensor started again. */
  async startSensor(
    options: { services: 'all' | readonly string[]; persona?: string; options?: Record<string, unknown> },
    dir: string = this.newFolder('sensor'),
  ): Promise<AloneSensor> {
    for (let tries = 1; ; tries += 1) {
      const config = loadConfig(dir, undefined, {
        sensor: {
          services: options.services,
          persona: options.persona ?? 'windows-server',
          options: options.options ?? {},
          portOffset: randomOffset(),
          spoolBytes: SPOOL_BYTES,
        },
      });
      try {
        const { supervised, ready, startMs } = await this.start(sensorPart(dir, config, undefined));
        const services = ready.services as ServiceListing[];
        return {
          pid: supervised.pid ?? 0,
          queue: join(dir, 'spool', 'queue'),
          startMs,
          services,
          port(protocol) {
            const service = services.find((listing) => listing.protocol === protocol);
            if (service === undefined) throw new Error(`no service ${protocol}`);
            return service.port;
          },
          stop: () => supervised.stop(),
        };
      } catch (error) {
        if ((error as { code?: string }).code !== 'SENSOR_PORT_IN_USE' || tries >= OFFSET_TRIES) throw error;
      }
    }
  }

  /** A yardstick: the bare server that says a dialogue, or the one that takes deliveries. */
  async startBare(dialogue: Dialogue): Promise<BareServer>;
  async startBare(sink: { file: string }, script: 'ingest.ts'): Promise<BareServer>;
  async startBare(input: Dialogue | { file: string }, script = 'main.ts'): Promise<BareServer> {
    const args = [join(import.meta.dirname, 'bare', script)];
    const { supervised, ready, startMs } = await this.start({ name: 'bare server', args, input });
    return { pid: supervised.pid ?? 0, port: Number(ready.port), startMs, stop: () => supervised.stop() };
  }

  /** A worker process: one line of JSON in, one out. */
  worker(script: string, order: unknown): { result: Promise<unknown>; child: ChildProcess } {
    const child = spawn(process.execPath, [join(import.meta.dirname, script)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.atEnd(() => void child.kill('SIGKILL'));
    child.stdin?.on('error', () => undefined);
    child.stdin?.write(`${JSON.stringify(order)}\n`);
    const result = new Promise<unknown>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`${script} ended with ${code} before it had a result`)));
      createInterface({ input: child.stdout as NonNullable<typeof child.stdout> }).once('line', (line) =>
        resolve(JSON.parse(line)),
      );
    });
    return { result, child };
  }

  async load(order: Omit<LoadOrder, 'kind'>): Promise<LoadResult> {
    const { result, child } = this.worker('load/main.ts', { kind: 'load', ...order });
    const loaded = (await result) as LoadResult;
    child.stdin?.end();
    return loaded;
  }

  async hold(order: Omit<HoldOrder, 'kind'>): Promise<{ held: number; release(): Promise<void> }> {
    const { result, child } = this.worker('load/main.ts', { kind: 'hold', ...order });
    const { held } = (await result) as { held: number };
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    return {
      held,
      async release() {
        child.stdin?.end();
        await gone;
      },
    };
  }
}
