/** What a running shell is: its variables, streams and bounds, and what a command is handed. */
import type { FileSystem } from './filesystem.ts';
import type { Machine } from './machine.ts';
import type { Node } from './parser.ts';

/** Why a shell stops running until its terminal goes on. */
export type Wait =
  | { kind: 'line'; prompt: string }
  | { kind: 'input'; silent?: boolean }
  | { kind: 'sleep'; ms: number };
/** How it goes on: a line, the end of input (^D), ^C, or the time is over. */
export type Resume = { kind: 'text'; text: string } | { kind: 'eof' } | { kind: 'interrupt' } | { kind: 'done' };
export type Run<T> = Generator<Wait, T, Resume>;

/** All text is byte strings: one character a byte. */
export type Sink = (bytes: string) => void;
export type Input = { kind: 'terminal' } | { kind: 'text'; text: string; at: number };
export interface Streams {
  input: Input;
  out: Sink;
  err: Sink;
}

/** What the shell needs of the session that it runs in. */
export interface ShellHost {
  now(): number;
  random(bytes: number): Buffer;
  /** The peer asked the machine to fetch something. */
  requested(urls: readonly string[], command: string): void;
  /** A file that the peer wrote is to be kept. */
  dropped(name: string, content: Buffer): void;
  limited(name: string, value: number): void;
}

export interface User {
  name: string;
  uid: number;
  home: string;
}

/** Commands, loop rounds and expansions that one line may cost. */
export const MAX_STEPS = 20_000;
/** Bytes that one line may print. */
export const MAX_OUTPUT = 524_288;
/** Longest value of a variable or result of an expansion. */
export const MAX_TEXT = 65_536;
export const MAX_VARIABLES = 256;
export const MAX_FUNCTIONS = 64;
/** Nested subshells, scripts, substitutions and function calls. */
export const MAX_DEPTH = 24;
/** Artifacts of one session, and their bytes. */
export const MAX_KEPT_FILES = 64;
export const MAX_KEPT_BYTES = 16 * 1_048_576;
/** What a command reads of the terminal, or of the stage before it in a pipeline. */
export const MAX_INPUT = 1_048_576;

export class Interrupted extends Error {}
/** The line has used up what a line may cost. */
export class Exhausted extends Error {}
export class ExitSignal extends Error {
  readonly status: number;
  constructor(status: number) {
    super();
    this.status = status;
  }
}
export class ReturnSignal extends ExitSignal {}
export class LoopSignal extends Error {
  readonly again: boolean;
  count: number;
  constructor(again: boolean, count: number) {
    super();
    this.again = again;
    this.count = count;
  }
}

/** Shared by a login shell and all that it starts. */
export interface Common {
  readonly host: ShellHost;
  readonly engine: Engine;
  readonly machine: Machine;
  readonly fs: FileSystem;
  readonly user: User;
  readonly tty: string;
  readonly loginAt: number;
  readonly from: string;
  readonly loginPid: number;
  /** Command lines of the daemons that the login came through, as `ps` shows them. */
  readonly cameThrough: readonly string[];
  readonly history: string[];
  steps: number;
  printed: number;
  nextPid: number;
  /** Contents already kept, by path: a file that did not change is kept once. */
  readonly kept: Map<string, string>;
  keptFiles: number;
  keptBytes: number;
}

/** `/bin/sh` is bash here, as where an administrator said no to dash: what attackers send is written for such a shell. */
export type Flavour = 'bash' | 'busybox';

/** What commands need of the interpreter that runs them. */
export interface Engine {
  command(shell: Shell, name: string, args: readonly string[], io: Streams, applet?: boolean): Run<number>;
  script(shell: Shell, name: string, content: string, args: readonly string[], io: Streams): Run<number>;
  source(shell: Shell, source: string, io: Streams): Run<number>;
  nested(shell: Shell, flavour: Flavour, name: string, io: Streams): Run<number>;
  /** Runs in the shell itself, one level deeper. */
  deeper(shell: Shell, body: () => Run<number>): Run<number>;
}

export interface Shell {
  readonly common: Common;
  flavour: Flavour;
  /** `-bash` for a login shell: what its complaints begin with. */
  name: string;
  interactive: boolean;
  line: number;
  depth: number;
  pid: number;
  cwd: string;
  status: number;
  parameters: readonly string[];
  variables: Map<string, string>;
  exported: Set<string>;
  aliases: Map<string, string>;
  functions: Map<string, Node>;
}

export interface Call {
  name: string;
  args: readonly string[];
  shell: Shell;
  io: Streams;
  /** Run as an applet of busybox. */
  applet: boolean;
}
export type Command = (call: Call) => number | Run<number>;
export type CommandTable = Readonly<Record<string, Command>>;

export function step(shell: Shell, cost = 1): void {
  shell.common.steps += cost;
  if (shell.common.steps > MAX_STEPS) throw new Exhausted();
}

/** `-bash: line 3: what: why`, as each shell words it. */
export function complain(shell: Shell, io: Streams, message: string): void {
  const where = shell.interactive || shell.flavour === 'busybox' ? '' : `line ${shell.line}: `;
  io.err(`${shell.name}: ${where}${message}\n`);
}

/** Waits for the terminal; ^C ends whatever waited. */
export function* wait(what: Wait): Run<Resume> {
  const resumed = yield what;
  if (resumed.kind === 'interrupt') throw new Interrupted();
  return resumed;
}

/** A line of the command's input with its end, or undefined at its end. */
export function* readLine(input: Input): Run<string | undefined> {
  if (input.kind === 'text') {
    if (input.at >= input.text.length) return undefined;
    const end = input.text.indexOf('\n', input.at);
    const line = input.text.slice(input.at, end < 0 ? input.text.length : end + 1);
    input.at += line.length;
    return line;
  }
  const resumed = yield* wait({ kind: 'input' });
  return resumed.kind === 'text' ? `${resumed.text}\n` : undefined;
}

/** All that is left of the command's input. */
export function* readAll(input: Input): Run<string> {
  if (input.kind === 'text') {
    const rest = input.text.slice(input.at);
    input.at = input.text.length;
    return rest;
  }
  let text = '';
  for (;;) {
    const line = yield* readLine(input);
    if (line === undefined || text.length > MAX_INPUT) return text;
    text += line;
  }
}

/** Keeps a dropped file as an artifact, once for each content. */
export function keepDropped(common: Common, path: string, content: string): void {
  if (content.length === 0 || common.kept.get(path) === content) return;
  if (common.keptFiles >= MAX_KEPT_FILES || common.keptBytes + content.length > MAX_KEPT_BYTES) {
    common.host.limited('shell artifacts', common.keptFiles);
    return;
  }
  common.keptFiles += 1;
  common.keptBytes += content.length;
  common.kept.set(path, content);
  common.host.dropped(path, Buffer.from(content, 'latin1'));
}

/** The text without the characters `char` at its end, in linear time. */
export function trimEnd(text: string, char: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === char) end -= 1;
  return text.slice(0, end);
}
