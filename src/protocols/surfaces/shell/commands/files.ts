/** Commands on files: GNU coreutils as Ubuntu has them. */
import { contentOf, type Entry, type FileError, isError } from '../filesystem.ts';
import { clock } from '../machine.ts';
import { type Call, type CommandTable, keepDropped, type Run, readAll, step } from '../state.ts';
import { fail, misused, readFlags } from './flags.ts';

/** Names that one `ls` or `rm` visits. */
const MAX_VISITED = 2000;

const permissions = (entry: Entry): string => {
  const kind = entry.kind === 'directory' ? 'd' : entry.kind === 'link' ? 'l' : entry.kind === 'device' ? 'c' : '-';
  const mode = entry.kind === 'link' ? 0o777 : entry.mode;
  const letters = [...'rwxrwxrwx'].map((letter, bit) => (mode & (0o400 >> bit) ? letter : '-'));
  if (mode & 0o4000) letters[2] = mode & 0o100 ? 's' : 'S';
  if (mode & 0o1000) letters[8] = mode & 0o001 ? 't' : 'T';
  return kind + letters.join('');
};
const sizeOf = (entry: Entry): number => (entry.kind === 'file' ? entry.size : entry.kind === 'directory' ? 4096 : 0);
const ownerOf = (entry: Entry): string => (entry.kind === 'link' ? 'root' : entry.owner);

export function humanSize(bytes: number): string {
  if (bytes < 1024) return String(bytes);
  const units = ['K', 'M', 'G', 'T'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < 3) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 ? (Math.ceil(value * 10) / 10).toFixed(1) : Math.ceil(value)}${units[unit]}`;
}

function longRow(call: Call, name: string, entry: Entry, human: boolean): string {
  const { machine, host } = call.shell.common;
  const at = clock(machine, entry.mtime);
  const recent = host.now() - entry.mtime < 15_552_000_000;
  const when = `${at.month} ${String(at.date).padStart(2)} ${recent ? `${at.hours}:${at.minutes}` : ` ${at.year}`}`;
  const size = human ? humanSize(sizeOf(entry)) : String(sizeOf(entry));
  const owner = ownerOf(entry);
  const arrow = entry.kind === 'link' ? ` -> ${entry.target}` : '';
  return `${permissions(entry)} ${entry.kind === 'directory' ? 2 : 1} ${owner} ${owner} ${size.padStart(7)} ${when} ${name}${arrow}\n`;
}

function ls(call: Call): number {
  const { fs } = call.shell.common;
  const { letters, rest } = readFlags(call.args, 'I');
  const long = letters.has('l') || letters.has('n');
  const all = letters.has('a') || letters.has('A') || letters.has('all');
  const targets = rest.length === 0 ? ['.'] : rest;
  let status = 0;
  let blocks = false;
  for (const target of targets) {
    step(call.shell, 2);
    const found = fs.find(call.shell.cwd, target, !long);
    if (isError(found)) {
      status = fail(
        call,
        call.applet ? `${target}: ${found}` : `cannot access '${target}': ${found}`,
        call.applet ? 1 : 2,
      );
      continue;
    }
    const { entry } = found;
    if (entry.kind !== 'directory' || letters.has('d')) {
      call.io.out(long ? longRow(call, target, entry, letters.has('h')) : `${target}\n`);
      continue;
    }
    const names = fs
      .list(found.path)
      .filter((name) => all || !name.startsWith('.'))
      .slice(0, MAX_VISITED);
    step(call.shell, names.length >> 4);
    if (letters.has('a')) names.unshift('.', '..');
    if (targets.length > 1) call.io.out(`${blocks ? '\n' : ''}${target}:\n`);
    blocks = true;
    if (!long) {
      const apart = call.io.input.kind === 'terminal' && !letters.has('1') ? '  ' : '\n';
      call.io.out(names.length === 0 ? '' : `${names.join(apart)}\n`);
      continue;
    }
    const rows = names.map((name) => ({ name, at: fs.find(found.path, name, false) }));
    const total = rows.reduce((sum, { at }) => sum + (isError(at) ? 0 : Math.ceil(sizeOf(at.entry) / 4096) * 4), 0);
    call.io.out(`total ${total}\n`);
    for (const { name, at } of rows) if (!isError(at)) call.io.out(longRow(call, name, at.entry, letters.has('h')));
  }
  return status;
}

function* cat(call: Call): Run<number> {
  const { fs } = call.shell.common;
  const { letters, rest } = readFlags(call.args);
  let status = 0;
  let row = 0;
  const show = (text: string): void =>
    call.io.out(
      letters.has('n')
        ? text.replace(/[^\n]*\n?/g, (line) => (line === '' ? '' : `${String(++row).padStart(6)}\t${line}`))
        : text,
    );
  for (const target of rest.length === 0 ? ['-'] : rest) {
    step(call.shell);
    if (target === '-') {
      show(yield* readAll(call.io.input));
      continue;
    }
    const device = fs.find(call.shell.cwd, target);
    if (!isError(device) && device.entry.kind === 'device' && device.entry.read !== 'nothing') {
      call.io.out(
        device.entry.read === 'zeros' ? '\0'.repeat(65_536) : call.shell.common.host.random(65_536).toString('latin1'),
      );
      continue;
    }
    const text = fs.read(call.shell.cwd, target);
    if (typeof text === 'string') show(text);
    else status = fail(call, call.applet ? `can't open '${target}': ${text.error}` : `${target}: ${text.error}`);
  }
  return status;
}

function* dd(call: Call): Run<number> {
  const { fs, host } = call.shell.common;
  const options = new Map(
    call.args.map((arg) => [arg.slice(0, arg.indexOf('=')), arg.slice(arg.indexOf('=') + 1)] as const),
  );
  const number = (name: string): number | undefined => {
    const match = /^([0-9]{1,9})([kKMG]?)/.exec(options.get(name) ?? '');
    return match === null
      ? undefined
      : Number(match[1]) * ({ k: 1024, K: 1024, M: 1_048_576, G: 1_073_741_824 }[match[2] ?? ''] ?? 1);
  };
  const from = options.get('if');
  const block = Math.max(1, number('bs') ?? 512);
  const wanted = Math.min(block * (number('count') ?? Number.MAX_SAFE_INTEGER), 1_048_576);
  let text: string;
  const device = from === undefined ? undefined : fs.find(call.shell.cwd, from);
  if (from === undefined) text = yield* readAll(call.io.input);
  else if (device !== undefined && !isError(device) && device.entry.kind === 'device')
    text =
      device.entry.read === 'zeros'
        ? '\0'.repeat(wanted)
        : device.entry.read === 'noise'
          ? host.random(wanted).toString('latin1')
          : '';
  else {
    const read = fs.read(call.shell.cwd, from);
    if (typeof read !== 'string')
      return fail(
        call,
        call.applet ? `can't open '${from}': ${read.error}` : `failed to open '${from}': ${read.error}`,
      );
    text = read;
  }
  const copied = text.slice(0, wanted);
  const to = options.get('of');
  if (to === undefined) call.io.out(copied);
  else {
    const failed = fs.write(call.shell.cwd, to, copied, false);
    if (failed !== undefined) return fail(call, `failed to open '${to}': ${failed}`);
  }
  const whole = Math.floor(copied.length / block);
  const part = copied.length % block > 0 ? 1 : 0;
  const rate = call.applet
    ? `${copied.length} bytes (${humanSize(copied.length)}B) copied, 0.000213 seconds, ${humanSize(copied.length * 4690)}B/s`
    : `${copied.length} bytes copied, 0.000${host.random(1)[0]} s, ${(copied.length / 213).toFixed(1)} MB/s`;
  call.io.err(`${whole}+${part} records in\n${whole}+${part} records out\n${rate}\n`);
  return 0;
}

function keepIfProgram(call: Call, path: string): void {
  const found = call.shell.common.fs.find(call.shell.cwd, path);
  if (isError(found) || found.entry.kind !== 'file' || !found.entry.dropped) return;
  keepDropped(call.shell.common, found.path, contentOf(found.entry, call.shell.common.host.now()));
}

function modeFrom(text: string, before: number): number | undefined {
  if (/^[0-7]{1,5}$/.test(text)) return Number.parseInt(text, 8) & 0o7777;
  let mode = before;
  for (const clause of text.split(',').slice(0, 16)) {
    const match = /^([ugoa]*)([-+=])([rwxXst]*)$/.exec(clause);
    if (match === null) return undefined;
    const who = match[1] === '' || match[1]?.includes('a') ? 'ugo' : (match[1] ?? '');
    let bits = 0;
    for (const [index, name] of [...'ugo'].entries()) {
      if (!who.includes(name)) continue;
      for (const letter of match[3] ?? '')
        bits |= ({ r: 0o400, w: 0o200, x: 0o100, X: 0o100 }[letter] ?? 0) >> (index * 3);
    }
    mode = match[2] === '+' ? mode | bits : match[2] === '-' ? mode & ~bits : bits;
  }
  return mode;
}

function chmod(call: Call): number {
  const { fs } = call.shell.common;
  const args = call.args.filter((arg) => !/^(-[Rfvc]+|--recursive)$/.test(arg));
  const [mode, ...targets] = args;
  if (mode === undefined) return misused(call, 'missing operand');
  if (modeFrom(mode, 0) === undefined) return misused(call, `invalid mode: '${mode}'`);
  if (targets.length === 0) return misused(call, `missing operand after '${mode}'`);
  let status = 0;
  for (const target of targets) {
    step(call.shell);
    const found = fs.find(call.shell.cwd, target);
    if (isError(found)) {
      status = fail(call, call.applet ? `${target}: ${found}` : `cannot access '${target}': ${found}`);
      continue;
    }
    const before = found.entry.kind === 'link' ? 0o777 : found.entry.mode;
    const failed = fs.setMode(found.path, modeFrom(mode, before) ?? before);
    if (failed !== undefined) status = fail(call, `changing permissions of '${target}': Operation not permitted`);
    else keepIfProgram(call, target);
  }
  return status;
}

function removal(call: Call, target: string, failed: FileError): number {
  return fail(call, call.applet ? `can't remove '${target}': ${failed}` : `cannot remove '${target}': ${failed}`);
}

function rm(call: Call): number {
  const { fs } = call.shell.common;
  const { letters, rest } = readFlags(call.args);
  const recursive = letters.has('r') || letters.has('R') || letters.has('recursive');
  const force = letters.has('f') || letters.has('force');
  if (rest.length === 0) return force ? 0 : misused(call, 'missing operand');
  let status = 0;
  for (const target of rest) {
    step(call.shell);
    if (recursive && /^\/+$/.test(target)) {
      call.io.err(
        "rm: it is dangerous to operate recursively on '/'\nrm: use --no-preserve-root to override this failsafe\n",
      );
      status = 1;
      continue;
    }
    keepIfProgram(call, target);
    const failed = fs.remove(call.shell.cwd, target, recursive);
    if (failed !== undefined && !(force && failed === 'No such file or directory'))
      status = removal(call, target, failed);
  }
  return status;
}

/** `cp` and `mv`. */
function transfer(call: Call, move: boolean): number {
  const { fs } = call.shell.common;
  const { rest } = readFlags(call.args, 'tS');
  const target = rest.at(-1);
  if (target === undefined) return misused(call, 'missing file operand');
  if (rest.length === 1) return misused(call, `missing destination file operand after '${target}'`);
  const into = fs.find(call.shell.cwd, target);
  const directory = !isError(into) && into.entry.kind === 'directory';
  let status = 0;
  for (const source of rest.slice(0, -1)) {
    step(call.shell);
    const found = fs.find(call.shell.cwd, source);
    if (isError(found)) {
      status = fail(call, call.applet ? `can't stat '${source}': ${found}` : `cannot stat '${source}': ${found}`);
      continue;
    }
    const name = source.split('/').findLast((part) => part !== '') ?? source;
    const path = directory ? `${target}/${name}` : target;
    if (found.entry.kind === 'directory') {
      if (move) fs.makeDirectory(call.shell.cwd, path);
      else status = fail(call, `-r not specified; omitting directory '${source}'`);
    } else if (found.entry.kind === 'file') {
      const failed = fs.copy(call.shell.cwd, found.entry, path);
      if (failed !== undefined) {
        status = fail(
          call,
          call.applet ? `can't create '${path}': ${failed}` : `cannot create regular file '${path}': ${failed}`,
        );
        continue;
      }
    }
    if (move) fs.remove(call.shell.cwd, source, true);
  }
  return status;
}

function mkdir(call: Call): number {
  const { fs } = call.shell.common;
  const { letters, rest } = readFlags(call.args, 'm');
  if (rest.length === 0) return misused(call, 'missing operand');
  let status = 0;
  for (const target of rest) {
    step(call.shell);
    if (letters.has('p')) {
      const parts = target.split('/').slice(0, 64);
      for (let count = 1; count < parts.length; count += 1) {
        const parent = parts.slice(0, count).join('/');
        if (parent !== '') fs.makeDirectory(call.shell.cwd, parent);
      }
    }
    const failed = fs.makeDirectory(call.shell.cwd, target);
    if (failed !== undefined && !(letters.has('p') && failed === 'File exists'))
      status = fail(
        call,
        call.applet
          ? `can't create directory '${target}': ${failed}`
          : `cannot create directory ‘${target}’: ${failed}`,
      );
  }
  return status;
}

function touch(call: Call): number {
  const { fs } = call.shell.common;
  const { rest } = readFlags(call.args, 'dtr');
  if (rest.length === 0) return misused(call, 'missing file operand');
  let status = 0;
  for (const target of rest) {
    step(call.shell);
    const existing = fs.find(call.shell.cwd, target);
    const failed = isError(existing) ? fs.write(call.shell.cwd, target, '', true) : undefined;
    if (failed !== undefined)
      status = fail(call, call.applet ? `${target}: ${failed}` : `cannot touch '${target}': ${failed}`);
  }
  return status;
}

function ln(call: Call): number {
  const { letters, rest } = readFlags(call.args);
  const [target = '', link = target.split('/').at(-1) ?? ''] = rest;
  if (target === '') return misused(call, 'missing file operand');
  if (letters.has('f')) call.shell.common.fs.remove(call.shell.cwd, link, false);
  const failed = call.shell.common.fs.makeLink(call.shell.cwd, link, target);
  return failed === undefined ? 0 : fail(call, `failed to create symbolic link '${link}': ${failed}`);
}

function* tee(call: Call): Run<number> {
  const { letters, rest } = readFlags(call.args);
  const text = yield* readAll(call.io.input);
  call.io.out(text);
  let status = 0;
  for (const target of rest) {
    const failed = call.shell.common.fs.write(call.shell.cwd, target, text, letters.has('a'));
    if (failed !== undefined) status = fail(call, `${target}: ${failed}`);
  }
  return status;
}

function find(call: Call): number {
  const { fs } = call.shell.common;
  const start = call.args[0]?.startsWith('-') === false ? call.args[0] : '.';
  const root = fs.find(call.shell.cwd, start);
  if (isError(root)) return fail(call, `‘${start}’: ${root}`);
  const pending = [{ shown: start, path: root.path }];
  for (let visited = 0; pending.length > 0 && visited < MAX_VISITED; visited += 1) {
    step(call.shell);
    const here = pending.shift();
    if (here === undefined) break;
    call.io.out(`${here.shown}\n`);
    const at = fs.find('/', here.path, false);
    if (isError(at) || at.entry.kind !== 'directory') continue;
    for (const name of fs.list(here.path).slice(0, MAX_VISITED))
      pending.push({
        shown: `${here.shown.replace(/\/$/, '')}/${name}`,
        path: `${here.path === '/' ? '' : here.path}/${name}`,
      });
    if (pending.length > MAX_VISITED) pending.length = MAX_VISITED;
  }
  return 0;
}

function stat(call: Call): number {
  const [target = ''] = readFlags(call.args, 'c').rest;
  const found = call.shell.common.fs.find(call.shell.cwd, target, false);
  if (isError(found)) return fail(call, `cannot statx '${target}': ${found}`);
  const { entry } = found;
  const mode = entry.kind === 'link' ? 0o777 : entry.mode;
  const at = clock(call.shell.common.machine, entry.mtime).iso.replace('T', ' ').replace('Z', '');
  const kind =
    entry.kind === 'file'
      ? entry.size === 0
        ? 'regular empty file'
        : 'regular file'
      : entry.kind === 'link'
        ? 'symbolic link'
        : entry.kind;
  call.io.out(
    `  File: ${target}\n  Size: ${String(sizeOf(entry)).padEnd(10)}\tBlocks: ${String(Math.ceil(sizeOf(entry) / 4096) * 8).padEnd(10)} IO Block: 4096   ${kind}\n` +
      `Access: (${mode.toString(8).padStart(4, '0')}/${permissions(entry)})  Uid: (${entry.kind !== 'link' && entry.owner !== 'root' ? ' 1000' : '    0'}/${ownerOf(entry).padStart(8)})\nModify: ${at}\n`,
  );
  return 0;
}

const accepted = (): number => 0;

export const fileCommands: CommandTable = {
  cat,
  chattr: accepted,
  chgrp: accepted,
  chmod,
  chown: accepted,
  cp: (call) => transfer(call, false),
  dd,
  dir: ls,
  find,
  ln,
  ls,
  mkdir,
  mknod: accepted,
  mv: (call) => transfer(call, true),
  rm,
  rmdir: rm,
  stat,
  tee,
  touch,
};
