/** Runs the tree of commands (POSIX.1-2017, Shell Command Language, 2.9). Everything is a generator, so that a command can wait for its terminal. */
import { builtins, programs, soughtElsewhere } from './commands/table.ts';
import { expandPattern, expandText, expandWords, setVariable } from './expand.ts';
import { contentOf, type File, isError } from './filesystem.ts';
import { type Node, parse } from './parser.ts';
import { globMatch } from './pattern.ts';
import { withRedirects } from './redirects.ts';
import {
  type Call,
  complain,
  Exhausted,
  ExitSignal,
  type Input,
  keepDropped,
  LoopSignal,
  MAX_DEPTH,
  MAX_FUNCTIONS,
  MAX_INPUT,
  ReturnSignal,
  type Run,
  type Shell,
  type Sink,
  type Streams,
  step,
} from './state.ts';

const ELF = '\x7fELF';
const X86_64 = 62;

/** What a generator-or-number of a command comes to. */
function* settle(result: number | Run<number>): Run<number> {
  return typeof result === 'number' ? result : yield* result;
}

/** A sink that keeps what it is given, within a bound. */
function collector(): { sink: Sink; text: () => string } {
  const parts: string[] = [];
  let size = 0;
  return {
    sink: (bytes) => {
      if (size > MAX_INPUT) return;
      size += bytes.length;
      parts.push(bytes);
    },
    text: () => parts.join(''),
  };
}

/** A copy whose changes do not come back: `( … )`, `$( … )`, a stage of a pipeline. */
export function subshell(shell: Shell): Shell {
  if (shell.depth >= MAX_DEPTH) throw new Exhausted();
  return {
    ...shell,
    depth: shell.depth + 1,
    interactive: shell.interactive,
    variables: new Map(shell.variables),
    exported: new Set(shell.exported),
    aliases: new Map(shell.aliases),
    functions: new Map(shell.functions),
  };
}

/** Runs in a subshell; `exit` leaves only that. */
function* contained(shell: Shell, body: (inner: Shell) => Run<number>): Run<number> {
  try {
    return yield* body(subshell(shell));
  } catch (error) {
    if (error instanceof ExitSignal) return error.status;
    throw error;
  }
}

function* substitute(shell: Shell, source: string, io: Streams): Run<string> {
  const { sink, text } = collector();
  shell.status = yield* contained(shell, (inner) => runSource(inner, source, { ...io, out: sink }));
  return text();
}

/** Source that is not typed at a prompt: a script, `sh -c`, `eval`, a substitution. */
export function* runSource(shell: Shell, source: string, io: Streams): Run<number> {
  const parsed = parse(source);
  switch (parsed.kind) {
    case 'script':
      return yield* runNode(shell, parsed.node, io);
    case 'more':
      complain(shell, io, 'syntax error: unexpected end of file');
      return 2;
    case 'fault':
      syntaxError(shell, io, parsed.near);
      return 2;
  }
}

export function syntaxError(shell: Shell, io: Streams, near: string): void {
  if (shell.flavour === 'bash') complain(shell, io, `syntax error near unexpected token \`${near}'`);
  else complain(shell, io, `syntax error: unexpected "${near}"`);
}

export function* runNode(shell: Shell, node: Node, io: Streams): Run<number> {
  switch (node.kind) {
    case 'list':
      for (const { node: item, background } of node.items) {
        if (background && shell.interactive) io.err(`[1] ${nextPid(shell)}\n`);
        shell.status = background ? yield* inBackground(shell, item, io) : yield* runNode(shell, item, io);
      }
      return shell.status;
    case 'and':
    case 'or':
      shell.status = yield* runNode(shell, node.left, io);
      return (shell.status === 0) === (node.kind === 'and') ? yield* runNode(shell, node.right, io) : shell.status;
    case 'pipeline':
      return yield* runPipeline(shell, node.stages, node.negated, io);
    case 'simple':
      return yield* runSimple(shell, node, io);
    case 'function':
      if (shell.functions.size < MAX_FUNCTIONS) shell.functions.set(node.name, node.body);
      return 0;
    default: {
      const streams = yield* withRedirects(shell, node.redirects, io, substitute);
      return streams === undefined ? 1 : yield* runCompound(shell, node, streams);
    }
  }
}

function* inBackground(shell: Shell, node: Node, io: Streams): Run<number> {
  yield* contained(shell, (inner) => runNode(inner, node, { ...io, input: { kind: 'text', text: '', at: 0 } }));
  return 0;
}

function nextPid(shell: Shell): number {
  shell.common.nextPid += 1 + (shell.common.nextPid % 3);
  return shell.common.nextPid;
}

function* runPipeline(shell: Shell, stages: readonly Node[], negated: boolean, io: Streams): Run<number> {
  let input: Input = io.input;
  let status = 0;
  for (const [index, stage] of stages.entries()) {
    const { sink, text } = collector();
    const last = index === stages.length - 1;
    const streams = { ...io, input, out: last ? io.out : sink };
    status =
      stages.length === 1
        ? yield* runNode(shell, stage, streams)
        : yield* contained(shell, (inner) => runNode(inner, stage, streams));
    input = { kind: 'text', text: text(), at: 0 };
  }
  return negated ? Number(status === 0) : status;
}

/** One round of a loop; false where the loop is to end. */
function* round(shell: Shell, body: Node, io: Streams): Run<boolean> {
  step(shell);
  try {
    shell.status = yield* runNode(shell, body, io);
    return true;
  } catch (error) {
    if (!(error instanceof LoopSignal)) throw error;
    error.count -= 1;
    if (error.count > 0) throw error;
    return error.again;
  }
}

type Compound = Exclude<Node, { kind: 'list' | 'and' | 'or' | 'pipeline' | 'simple' | 'function' }>;

function* runCompound(shell: Shell, node: Compound, io: Streams): Run<number> {
  switch (node.kind) {
    case 'group':
      return node.subshell
        ? yield* contained(shell, (inner) => runNode(inner, node.body, io))
        : yield* runNode(shell, node.body, io);
    case 'if':
      for (const { condition, body } of node.branches) {
        if ((yield* runNode(shell, condition, io)) === 0) return yield* runNode(shell, body, io);
      }
      return node.otherwise === undefined ? 0 : yield* runNode(shell, node.otherwise, io);
    case 'loop': {
      let status = 0;
      for (;;) {
        step(shell);
        if (((yield* runNode(shell, node.condition, io)) === 0) === node.until) return status;
        if (!(yield* round(shell, node.body, io))) return 0;
        status = shell.status;
      }
    }
    case 'for': {
      const values =
        node.words === undefined ? [...shell.parameters] : yield* expandWords(shell, node.words, io, substitute);
      for (const value of values) {
        setVariable(shell, node.name, value);
        if (!(yield* round(shell, node.body, io))) break;
      }
      return shell.status;
    }
    case 'case': {
      const subject = yield* expandText(shell, node.subject, io, substitute);
      for (const { patterns, body } of node.arms) {
        for (const pattern of patterns) {
          step(shell);
          if (globMatch(yield* expandPattern(shell, pattern, io, substitute), subject))
            return yield* runNode(shell, body, io);
        }
      }
      return 0;
    }
  }
}

function* runSimple(shell: Shell, node: Extract<Node, { kind: 'simple' }>, io: Streams): Run<number> {
  step(shell);
  const words = yield* expandWords(shell, node.words, io, substitute);
  const streams = yield* withRedirects(shell, node.redirects, io, substitute);
  if (streams === undefined) return 1;
  const before = new Map<string, string | undefined>();
  for (const { name, value } of node.assignments) {
    before.set(name, shell.variables.get(name));
    setVariable(shell, name, yield* expandText(shell, value, io, substitute));
  }
  const alias = shell.interactive ? shell.aliases.get(words[0] ?? '') : undefined;
  if (alias !== undefined) words.splice(0, 1, ...alias.split(' ').filter((word) => word !== ''));
  const [name, ...args] = words;
  if (name === undefined) return node.words.length > 0 ? shell.status : 0;
  try {
    return yield* runCommand(shell, name, args, streams);
  } finally {
    for (const [variable, value] of before) {
      if (value === undefined) shell.variables.delete(variable);
      else shell.variables.set(variable, value);
    }
  }
}

/** A command by its name: a function, a builtin, a program found in `PATH` or by its path. */
export function* runCommand(
  shell: Shell,
  name: string,
  args: readonly string[],
  io: Streams,
  applet = false,
): Run<number> {
  const body = applet ? undefined : shell.functions.get(name);
  if (body !== undefined) return yield* callFunction(shell, body, args, io);
  const call: Call = { name, args, shell, io, applet };
  const builtin = Object.hasOwn(builtins, name) ? builtins[name] : undefined;
  if (builtin !== undefined) return yield* settle(builtin(call));
  const file = findProgram(shell, name);
  if (file === undefined) {
    const slash = name.includes('/');
    const missing = slash ? shell.common.fs.find(shell.cwd, name) : undefined;
    const why =
      typeof missing === 'string' && missing !== 'No such file or directory' ? missing : 'No such file or directory';
    if (slash && missing !== undefined && !isError(missing)) {
      complain(
        shell,
        io,
        `${name}: ${missing.entry.kind === 'directory' && shell.flavour === 'bash' ? 'Is a directory' : 'Permission denied'}`,
      );
      return 126;
    }
    soughtElsewhere(call);
    complain(
      shell,
      io,
      shell.flavour !== 'bash' ? `${name}: not found` : slash ? `${name}: ${why}` : `${name}: command not found`,
    );
    return 127;
  }
  const program = file.file.program;
  if (program === '') return yield* runDropped(shell, name, file.path, file.file, args, io);
  const known = programs[program];
  return known === undefined
    ? 0
    : yield* settle(
        known({
          ...call,
          name: program === 'busybox' || program === 'bash' ? name.slice(name.lastIndexOf('/') + 1) : program,
        }),
      );
}

function findProgram(shell: Shell, name: string): { path: string; file: File } | undefined {
  const candidates = name.includes('/')
    ? [name]
    : (shell.variables.get('PATH') ?? '').split(':', 16).map((folder) => `${folder}/${name}`);
  for (const candidate of candidates) {
    const found = shell.common.fs.find(shell.cwd, candidate);
    if (!isError(found) && found.entry.kind === 'file' && (found.entry.mode & 0o111) !== 0)
      return { path: found.path, file: found.entry };
  }
  return undefined;
}

/** `eval`, `source`, a function: the shell itself, one level deeper. */
export function* deeper(shell: Shell, body: () => Run<number>): Run<number> {
  if (shell.depth >= MAX_DEPTH) throw new Exhausted();
  shell.depth += 1;
  try {
    return yield* body();
  } catch (error) {
    if (error instanceof ReturnSignal) return error.status;
    throw error;
  } finally {
    shell.depth -= 1;
  }
}

function* callFunction(shell: Shell, body: Node, args: readonly string[], io: Streams): Run<number> {
  const parameters = shell.parameters;
  shell.parameters = args;
  try {
    return yield* deeper(shell, () => runNode(shell, body, io));
  } finally {
    shell.parameters = parameters;
  }
}

/** A file that the peer wrote. A script is read by our own shell; a program is kept and comes to nothing, like one that goes to the background. */
function* runDropped(
  shell: Shell,
  name: string,
  path: string,
  file: File,
  args: readonly string[],
  io: Streams,
): Run<number> {
  const content = contentOf(file, shell.common.host.now());
  keepDropped(shell.common, path, content);
  if (content.startsWith(ELF)) {
    const machine = content.charCodeAt(18) | (content.charCodeAt(19) << 8);
    if (content.length >= 64 && machine === X86_64 && content.charCodeAt(5) === 1) return 0;
    complain(
      shell,
      io,
      shell.flavour === 'bash'
        ? `${name}: cannot execute binary file: Exec format error`
        : `${name}: Exec format error`,
    );
    return 126;
  }
  return yield* runScript(shell, name, content, args, io);
}

/** A script by a shell of its own: `./x`, `sh x`, `… | sh`. */
export function* runScript(
  shell: Shell,
  name: string,
  content: string,
  args: readonly string[],
  io: Streams,
): Run<number> {
  return yield* contained(shell, (inner) => {
    inner.name = name;
    inner.interactive = false;
    inner.line = 1;
    inner.parameters = args;
    inner.pid = nextPid(shell);
    return runSource(inner, content, io);
  });
}
