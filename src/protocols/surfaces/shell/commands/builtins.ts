/** Builtins of bash and ash. */
import { setVariable } from '../expand.ts';
import { isError } from '../filesystem.ts';
import {
  type Call,
  type CommandTable,
  complain,
  ExitSignal,
  keepDropped,
  LoopSignal,
  MAX_FUNCTIONS,
  ReturnSignal,
  type Run,
  readLine,
} from '../state.ts';
import { bracket } from './conditions.ts';

/** As `enable` lists them in bash 5. */
const BASH_BUILTINS =
  '. : [ alias bg bind break builtin caller cd command compgen complete compopt continue declare dirs disown echo enable eval exec exit export false fc fg ' +
  'getopts hash help history jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly return set shift shopt source suspend test times ' +
  'trap true type typeset ulimit umask unalias unset wait';

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  e: '\x1b',
  E: '\x1b',
  f: '\f',
  v: '\v',
  '\\': '\\',
};

/** Backslash escapes of `echo -e` and `printf`; `\c` ends the output. */
function withEscapes(text: string): { text: string; ended: boolean } {
  const stop = /(?:^|[^\\])(?:\\\\)*\\c/.exec(text);
  const used = stop === null ? text : text.slice(0, stop.index + stop[0].length - 2);
  return {
    text: used.replace(
      /\\(?:x([0-9a-fA-F]{1,2})|0?([0-7]{1,3})|(.))/gs,
      (all, hex?: string, octal?: string, letter?: string) => {
        if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
        if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
        return ESCAPES[letter ?? ''] ?? all;
      },
    ),
    ended: stop !== null,
  };
}

function echo(call: Call): number {
  let at = 0;
  let newline = true;
  let escapes = false;
  for (; /^-[neE]+$/.test(call.args[at] ?? ''); at += 1) {
    for (const letter of (call.args[at] ?? '').slice(1)) {
      if (letter === 'n') newline = false;
      else escapes = letter === 'e';
    }
  }
  const plain = call.args.slice(at).join(' ');
  const { text, ended } = escapes ? withEscapes(plain) : { text: plain, ended: false };
  call.io.out(text + (newline && !ended ? '\n' : ''));
  return 0;
}

function printf(call: Call): number {
  const [format, ...args] = call.args;
  if (format === undefined) {
    complain(call.shell, call.io, 'printf: usage: printf [-v var] format [arguments]');
    return 2;
  }
  const { text } = withEscapes(format);
  let at = 0;
  let out = '';
  do {
    const before = at;
    out += text.replace(
      /%([-0]?)([0-9]{0,3})(?:\.[0-9]{1,3})?([sdiuxXocb%])/g,
      (_all, flag: string, width: string, kind: string) => {
        if (kind === '%') return '%';
        const arg = args[at] ?? '';
        at += 1;
        const number = Number(arg) || 0;
        const value =
          {
            x: number.toString(16),
            X: number.toString(16).toUpperCase(),
            o: number.toString(8),
            c: arg.slice(0, 1),
            b: withEscapes(arg).text,
            s: arg,
          }[kind] ?? String(number);
        return flag === '-' ? value.padEnd(Number(width)) : value.padStart(Number(width), flag === '0' ? '0' : ' ');
      },
    );
    if (at === before) break;
  } while (at < args.length && out.length < 65_536);
  call.io.out(out);
  return 0;
}

function cd(call: Call): number {
  const { shell } = call;
  const [wanted = shell.variables.get('HOME') ?? '/'] = call.args.filter(
    (arg) => arg !== '--' && arg !== '-P' && arg !== '-L',
  );
  const target = wanted === '-' ? (shell.variables.get('OLDPWD') ?? shell.cwd) : wanted;
  const found = shell.common.fs.find(shell.cwd, target);
  const problem = isError(found) ? found : found.entry.kind !== 'directory' ? 'Not a directory' : undefined;
  const closed =
    !isError(found) &&
    found.entry.kind === 'directory' &&
    (found.entry.mode & 0o001) === 0 &&
    shell.common.user.uid !== 0 &&
    found.entry.owner !== shell.common.user.name;
  if (problem !== undefined || closed || isError(found)) {
    const why = problem ?? 'Permission denied';
    complain(
      shell,
      call.io,
      shell.flavour === 'busybox' ? `cd: can't cd to ${target}: ${why}` : `cd: ${target}: ${why}`,
    );
    return 1;
  }
  setVariable(shell, 'OLDPWD', shell.cwd);
  // The name that was followed is kept, as in bash: `cd /bin` is `/bin`.
  shell.cwd = shell.common.fs.resolve(shell.cwd, target, false) as string;
  if (wanted === '-') call.io.out(`${shell.cwd}\n`);
  return 0;
}

function exportVariables(call: Call): number {
  const { shell } = call;
  const names = call.args.filter((arg) => !arg.startsWith('-'));
  if (names.length === 0) {
    for (const name of [...shell.exported].sort())
      call.io.out(`declare -x ${name}="${shell.variables.get(name) ?? ''}"\n`);
    return 0;
  }
  let status = 0;
  for (const text of names) {
    const match = /^([A-Za-z_][A-Za-z0-9_]*)(?:=(.*))?$/s.exec(text);
    if (match === null) {
      complain(shell, call.io, `export: \`${text}': not a valid identifier`);
      status = 1;
      continue;
    }
    const name = match[1] ?? '';
    if (match[2] !== undefined) setVariable(shell, name, match[2]);
    if (shell.variables.has(name)) shell.exported.add(name);
  }
  return status;
}

function assign(call: Call): number {
  for (const text of call.args) {
    const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text);
    if (match !== null) setVariable(call.shell, match[1] ?? '', match[2] ?? '');
  }
  return 0;
}

function* read(call: Call): Run<number> {
  const names = call.args.filter((arg) => !arg.startsWith('-'));
  const line = yield* readLine(call.io.input);
  if (line === undefined) return 1;
  const raw = line.replace(/\n$/, '');
  const text = call.args.includes('-r') ? raw : raw.replace(/\\(.)/g, '$1');
  const fields = text.split(/[ \t]+/).filter((field) => field !== '');
  const targets = names.length === 0 ? ['REPLY'] : names.slice(0, 64);
  for (const [index, name] of targets.entries()) {
    const last = index === targets.length - 1;
    setVariable(
      call.shell,
      name,
      last ? (targets.length === 1 ? text.trim() : fields.slice(index).join(' ')) : (fields[index] ?? ''),
    );
  }
  return line.endsWith('\n') ? 0 : 1;
}

function* source(call: Call): Run<number> {
  const [path, ...args] = call.args;
  if (path === undefined) {
    complain(
      call.shell,
      call.io,
      `${call.name}: filename argument required\n${call.name}: usage: ${call.name} filename [arguments]`,
    );
    return 2;
  }
  const text = call.shell.common.fs.read(call.shell.cwd, path);
  if (typeof text !== 'string') {
    complain(call.shell, call.io, `${path}: ${text.error}`);
    return 1;
  }
  const found = call.shell.common.fs.find(call.shell.cwd, path);
  if (!isError(found) && found.entry.kind === 'file' && found.entry.dropped)
    keepDropped(call.shell.common, found.path, text);
  const before = call.shell.parameters;
  if (args.length > 0) call.shell.parameters = args;
  const status = yield* call.shell.common.engine.deeper(call.shell, () =>
    call.shell.common.engine.source(call.shell, text, call.io),
  );
  call.shell.parameters = before;
  return status;
}

function set(call: Call): number {
  if (call.args[0] === '--') call.shell.parameters = call.args.slice(1);
  else if (call.args.length === 0) for (const [name, value] of call.shell.variables) call.io.out(`${name}=${value}\n`);
  return 0;
}

function type(call: Call): number {
  let status = 0;
  for (const name of call.args.filter((arg) => !arg.startsWith('-'))) {
    const found = call.shell.common.fs.find('/', `/usr/bin/${name}`);
    if (call.shell.functions.has(name)) call.io.out(`${name} is a function\n`);
    else if (BASH_BUILTINS.split(' ').includes(name)) call.io.out(`${name} is a shell builtin\n`);
    else if (!isError(found))
      call.io.out(call.name === 'type' ? `${name} is /usr/bin/${name}\n` : `/usr/bin/${name}\n`);
    else {
      if (call.name === 'type') complain(call.shell, call.io, `type: ${name}: not found`);
      status = 1;
    }
  }
  return status;
}

const statusOf = (text: string | undefined, otherwise: number): number =>
  text === undefined ? otherwise : (Number.parseInt(text, 10) || 0) & 0xff;

function leave(call: Call): number {
  if (call.shell.interactive && call.shell.flavour === 'bash')
    call.io.err(call.shell.name === '-bash' ? 'logout\n' : 'exit\n');
  throw new ExitSignal(statusOf(call.args[0], call.shell.status));
}

const silent = (): number => 0;

export const builtins: CommandTable = {
  '.': source,
  ':': silent,
  '[': bracket,
  '[[': bracket,
  alias: (call) => {
    for (const text of call.args) {
      const at = text.indexOf('=');
      if (at > 0 && call.shell.aliases.size < MAX_FUNCTIONS)
        call.shell.aliases.set(text.slice(0, at), text.slice(at + 1, 4096));
    }
    if (call.args.length === 0)
      for (const [name, value] of call.shell.aliases) call.io.out(`alias ${name}='${value}'\n`);
    return 0;
  },
  bg: silent,
  break: (call) => {
    throw new LoopSignal(false, statusOf(call.args[0], 1));
  },
  cd,
  command: (call) => {
    if (/^-[vV]/.test(call.args[0] ?? '')) return type({ ...call, name: 'command' });
    const [name, ...args] = call.args;
    return name === undefined ? 0 : call.shell.common.engine.command(call.shell, name, args, call.io);
  },
  continue: (call) => {
    throw new LoopSignal(true, statusOf(call.args[0], 1));
  },
  declare: assign,
  echo,
  enable: (call) => {
    if (call.args.length === 0) for (const name of BASH_BUILTINS.split(' ')) call.io.out(`enable ${name}\n`);
    const [unknown] = call.args.filter((arg) => !arg.startsWith('-') && !BASH_BUILTINS.split(' ').includes(arg));
    if (unknown === undefined) return 0;
    complain(call.shell, call.io, `enable: ${unknown}: not a shell builtin`);
    return 1;
  },
  eval: (call) =>
    call.shell.common.engine.deeper(call.shell, () =>
      call.shell.common.engine.source(call.shell, call.args.join(' '), call.io),
    ),
  exec: function* (call) {
    const [name, ...args] = call.args;
    if (name === undefined) return 0;
    throw new ExitSignal(yield* call.shell.common.engine.command(call.shell, name, args, call.io));
  },
  exit: leave,
  export: exportVariables,
  false: () => 1,
  hash: silent,
  history: (call) => {
    if (call.args.includes('-c')) call.shell.common.history.length = 0;
    else
      for (const [index, line] of call.shell.common.history.entries())
        call.io.out(`${String(index + 1).padStart(5)}  ${line}\n`);
    return 0;
  },
  jobs: silent,
  local: assign,
  logout: leave,
  printf,
  pwd: (call) => {
    call.io.out(`${call.shell.cwd}\n`);
    return 0;
  },
  read,
  readonly: assign,
  return: (call) => {
    throw new ReturnSignal(statusOf(call.args[0], call.shell.status));
  },
  set,
  shift: (call) => {
    call.shell.parameters = call.shell.parameters.slice(statusOf(call.args[0], 1));
    return 0;
  },
  shopt: silent,
  source,
  test: bracket,
  trap: silent,
  true: silent,
  type,
  typeset: assign,
  ulimit: (call) => {
    if (call.args.length === 0) call.io.out('unlimited\n');
    return 0;
  },
  umask: (call) => {
    if (call.args.length === 0) call.io.out('0022\n');
    return 0;
  },
  unalias: (call) => {
    for (const name of call.args) call.shell.aliases.delete(name);
    return 0;
  },
  unset: (call) => {
    for (const name of call.args) {
      call.shell.variables.delete(name);
      call.shell.exported.delete(name);
      call.shell.functions.delete(name);
    }
    return 0;
  },
  wait: silent,
};
