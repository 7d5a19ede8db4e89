/** Programs of the system that tests use: whether they are there, and running them. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const RUN_MS = 60_000;
/** Most of what a program may print; a test that makes one print more is wrong. */
const MAX_OUTPUT = 8 * 1_048_576;
/** Where Debian keeps programs that only an administrator's PATH names. */
const MORE_FOLDERS = ['/usr/sbin', '/sbin'];

function isThere(program: string): boolean {
  return [...(process.env.PATH ?? '').split(delimiter), ...MORE_FOLDERS].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Why a test that runs these programs is skipped, or false where all are installed. A continuous integration run installs them, so there it is an error that one
 * is missing.
 */
export function needs(...programs: readonly string[]): string | false {
  const missing = programs.filter((program) => !isThere(program));
  if (missing.length === 0) return false;
  const reason = `${missing.join(' and ')} not installed`;
  if (process.env.CI !== undefined && process.env.CI !== '' && process.env.CI !== 'false') throw new Error(reason);
  return reason;
}

export interface Ran {
  /** Null where a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** What it reads; nothing unless given. */
  input?: string;
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  ms?: number;
}

/** Runs a program to its end. Rejected where it cannot be started, is not done in time or prints too much. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { input = '', env, cwd, ms = RUN_MS } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, LC_ALL: 'C', PATH: [process.env.PATH, ...MORE_FOLDERS].join(delimiter), ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    const texts = { stdout: '', stderr: '' };
    const command = [program, ...args].join(' ');
    let failure: string | undefined;
    const fail = (why: string): void => {
      failure ??= why;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => fail(`was not done in ${ms} ms`), ms);
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        texts[name] += text;
        if (texts[name].length > MAX_OUTPUT) fail(`printed more than ${MAX_OUTPUT} characters`);
      });
    }
    // A program that ends without reading everything is no failure of the test.
    child.stdin.on('error', () => undefined).end(input);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (failure === undefined) resolve({ code, ...texts });
      else reject(new Error(`${command} ${failure}:\n${texts.stdout}${texts.stderr}`));
    });
  });
}
