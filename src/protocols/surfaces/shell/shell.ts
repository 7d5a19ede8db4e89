/** The shell of one login: prompts for lines, runs them, and holds each to its bounds. A nested `sh` is the same loop again. */
import { setVariable } from './expand.ts';
import { FileSystem } from './filesystem.ts';
import { deeper, runCommand, runNode, runScript, runSource, subshell, syntaxError } from './interpreter.ts';
import type { World } from './linux-tree.ts';
import { parse } from './parser.ts';
import {
  type Common,
  type Engine,
  Exhausted,
  ExitSignal,
  type Flavour,
  Interrupted,
  keepDropped,
  LoopSignal,
  MAX_OUTPUT,
  MAX_STEPS,
  type Run,
  type Shell,
  type ShellHost,
  type Streams,
} from './state.ts';

/** Longest unfinished input (an open quotation, a here-document), and its lines. */
const MAX_PENDING = 65_536;
const MAX_PENDING_LINES = 400;
const MAX_HISTORY = 500;
/** `Killed` is what the kernel leaves of a process that takes too much. */
const KILLED = 137;

export interface Login {
  user: string;
  term: string;
  /** `pts/0`. */
  tty: string;
  from: string;
  /** Command lines of the daemons that the login came through, as `ps` shows them. */
  cameThrough: readonly string[];
}

export function makeShell(world: World, host: ShellHost, login: Login): Shell {
  const root = login.user === 'root';
  const { machine, tree } = world;
  const home = root ? '/root' : `/home/${login.user}`;
  const user = { name: login.user, uid: root ? 0 : login.user === machine.user ? 1000 : 1001, home };
  const limited = new Set<string>();
  const bounded: ShellHost = {
    ...host,
    // A bound that is hit again and again is recorded once.
    limited: (name, value) => {
      if (limited.has(name)) return;
      limited.add(name);
      host.limited(name, value);
    },
  };
  const loginPid = machine.number('pid base', 1400, 28_000) + (host.random(2).readUInt16BE() & 0xfff);
  const common: Common = {
    host: bounded,
    engine: ENGINE,
    machine,
    fs: new FileSystem(tree, user.name, () => host.now(), bounded.limited),
    user,
    tty: login.tty,
    loginAt: host.now(),
    from: login.from,
    loginPid,
    cameThrough: login.cameThrough,
    history: [],
    steps: 0,
    printed: 0,
    nextPid: loginPid + 11,
    kept: new Map(),
    keptFiles: 0,
    keptBytes: 0,
  };
  if (!root && login.user !== machine.user) common.fs.adopt(home, 0o750);
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games:/usr/local/games:/snap/bin';
  const variables = new Map([
    ['SHELL', '/bin/bash'],
    ['HOME', home],
    ['USER', user.name],
    ['LOGNAME', user.name],
    ['TERM', login.term],
    ['PATH', path],
    ['LANG', 'C.UTF-8'],
    ['MAIL', `/var/mail/${user.name}`],
    ['HUSHLOGIN', 'FALSE'],
    ['SHLVL', '1'],
  ]);
  return {
    common,
    flavour: 'bash',
    name: '-bash',
    interactive: true,
    line: 0,
    depth: 0,
    pid: loginPid,
    cwd: home,
    status: 0,
    parameters: [],
    variables,
    exported: new Set(variables.keys()),
    aliases: new Map([
      ['ll', 'ls -alF'],
      ['la', 'ls -A'],
      ['l', 'ls -CF'],
    ]),
    functions: new Map(),
  };
}

function promptOf(shell: Shell): string {
  const { user, machine } = shell.common;
  const mark = user.uid === 0 ? '#' : '$';
  if (shell.name === 'sh' && shell.flavour === 'bash') return `sh-${machine.bash.slice(0, 3)}${mark} `;
  const home = shell.variables.get('HOME') ?? user.home;
  const folder =
    shell.cwd === home ? '~' : shell.cwd.startsWith(`${home}/`) ? `~${shell.cwd.slice(home.length)}` : shell.cwd;
  if (shell.flavour === 'busybox') return `${folder} ${mark} `;
  const term = shell.variables.get('TERM') ?? '';
  const title = /^(xterm|rxvt)/.test(term) ? `\x1b]0;${user.name}@${machine.hostName}: ${folder}\x07` : '';
  // Ubuntu's .bashrc colours the prompt for these terminals alone.
  return term === 'xterm-color' || term.endsWith('-256color')
    ? `${title}\x1b[01;32m${user.name}@${machine.hostName}\x1b[00m:\x1b[01;34m${folder}\x1b[00m${mark} `
    : `${title}${user.name}@${machine.hostName}:${folder}${mark} `;
}

/** What a line prints, cut where it prints without end. */
function meter(shell: Shell, io: Streams): Streams {
  const { common } = shell;
  const through =
    (sink: (bytes: string) => void) =>
    (bytes: string): void => {
      if (common.printed >= MAX_OUTPUT) return;
      common.printed += bytes.length;
      sink(bytes.slice(0, MAX_OUTPUT));
      if (common.printed >= MAX_OUTPUT) common.host.limited('shell output bytes', MAX_OUTPUT);
    };
  return { input: io.input, out: through(io.out), err: through(io.err) };
}

/** Reads and runs lines until `exit` or the end of input. */
export function* interact(shell: Shell, io: Streams): Run<number> {
  const metered = meter(shell, io);
  let pending = '';
  let lines = 0;
  for (;;) {
    const resumed = yield { kind: 'line', prompt: pending === '' ? promptOf(shell) : '> ' };
    if (resumed.kind === 'interrupt') {
      pending = '';
      shell.status = 130;
      continue;
    }
    if (resumed.kind !== 'text') {
      if (shell.flavour === 'bash') io.out(shell.name === '-bash' ? 'logout\n' : 'exit\n');
      return shell.status;
    }
    shell.line += 1;
    lines = pending === '' ? 1 : lines + 1;
    pending = pending === '' ? resumed.text : `${pending}\n${resumed.text}`;
    if (resumed.text.trim() !== '' && shell.common.history.length < MAX_HISTORY)
      shell.common.history.push(resumed.text.slice(0, 4096));
    const parsed = parse(pending);
    if (parsed.kind === 'more' && pending.length < MAX_PENDING && lines < MAX_PENDING_LINES) continue;
    if (parsed.kind === 'more') shell.common.host.limited('shell unfinished input', pending.length);
    pending = '';
    shell.common.steps = 0;
    shell.common.printed = 0;
    try {
      if (parsed.kind === 'script') shell.status = yield* runNode(shell, parsed.node, metered);
      else {
        syntaxError(shell, io, parsed.kind === 'fault' ? parsed.near : 'newline');
        shell.status = 2;
      }
    } catch (error) {
      if (error instanceof ExitSignal) return error.status;
      shell.status = afterFailure(shell, error, io);
    }
  }
}

function afterFailure(shell: Shell, error: unknown, io: Streams): number {
  if (error instanceof Interrupted) return 130;
  if (error instanceof LoopSignal) return 0;
  if (!(error instanceof Exhausted)) throw error;
  shell.common.host.limited('shell steps', MAX_STEPS);
  io.err('Killed\n');
  return KILLED;
}

/** `sh`, `bash`, `busybox sh` at a prompt. */
export function* nested(shell: Shell, flavour: Flavour, name: string, io: Streams): Run<number> {
  const inner = subshell(shell);
  inner.flavour = flavour;
  inner.name = name;
  inner.line = 0;
  inner.interactive = true;
  setVariable(inner, 'SHLVL', String(Number(shell.variables.get('SHLVL') ?? '1') + 1));
  if (flavour === 'busybox') {
    io.out(
      `\n\n${shell.common.machine.busybox.replace(' multi-call binary.', ' built-in shell (ash)')}\nEnter 'help' for a list of built-in commands.\n\n`,
    );
  }
  return yield* interact(inner, io);
}

/** A command without a terminal's prompt (`ssh host command`), with the same bounds as a line. */
export function* execute(shell: Shell, source: string, io: Streams): Run<number> {
  shell.interactive = false;
  shell.name = 'bash';
  shell.line = 1;
  try {
    return yield* runSource(shell, source, meter(shell, io));
  } catch (error) {
    return error instanceof ExitSignal ? error.status : afterFailure(shell, error, io);
  }
}

const ENGINE: Engine = { command: runCommand, script: runScript, source: runSource, nested, deeper };

/** Keeps what was written and not yet kept: when the session ends. */
export function keepAll(shell: Shell): void {
  for (const { path, file } of shell.common.fs.dropped()) {
    if (typeof file.content === 'string') keepDropped(shell.common, path, file.content);
  }
}
