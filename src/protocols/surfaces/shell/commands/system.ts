/** Commands that describe the machine and who is on it: procps, coreutils, util-linux, net-tools as Ubuntu has them. */
import { isError } from '../filesystem.ts';
import { dateText } from '../linux-tree.ts';
import { clock } from '../machine.ts';
import { memoryOf, mountTable, uptimeSeconds } from '../proc.ts';
import { type Call, type CommandTable, type Run, type Shell, step, trimEnd, wait } from '../state.ts';
import { humanSize } from './files.ts';
import { fail, misused, readFlags } from './flags.ts';
import { ps } from './processes.ts';

/** `sleep` ends at the latest after this. */
const MAX_SLEEP_MS = 600_000;
const YES_BYTES = 65_536;

function uname(call: Call): number {
  const { letters, rest } = readFlags(call.args);
  const { machine } = call.shell.common;
  if (rest.length > 0) return misused(call, `extra operand '${rest[0]}'`);
  const known = [...letters].find((letter) => !['a', 's', 'n', 'r', 'v', 'm', 'p', 'i', 'o', 'all'].includes(letter));
  if (known !== undefined) return misused(call, `invalid option -- '${known}'`);
  const all = letters.has('a') || letters.has('all');
  const parts: readonly (readonly [string, string])[] = [
    ['s', 'Linux'],
    ['n', machine.hostName],
    ['r', machine.kernel],
    ['v', machine.kernelBuild],
    ['m', 'x86_64'],
    ['p', 'x86_64'],
    ['i', 'x86_64'],
    ['o', 'GNU/Linux'],
  ];
  // busybox leaves out -p and -i where it knows no more than -m.
  const shown = parts.filter(
    ([letter]) =>
      letters.has(letter) || (all && !(call.applet && 'pi'.includes(letter))) || (letters.size === 0 && letter === 's'),
  );
  call.io.out(`${shown.map(([, text]) => text).join(' ')}\n`);
  return 0;
}

function id(call: Call): number {
  const { user } = call.shell.common;
  const { letters, rest } = readFlags(call.args);
  const [name = user.name] = rest;
  const uid = name === user.name ? user.uid : name === 'root' ? 0 : name === call.shell.common.machine.user ? 1000 : -1;
  if (uid < 0) return fail(call, `‘${name}’: no such user`);
  const value = letters.has('n') ? name : String(uid);
  if (letters.has('u') || letters.has('g') || letters.has('G')) call.io.out(`${value}\n`);
  else
    call.io.out(`uid=${uid}(${name}) gid=${uid}(${name}) groups=${uid}(${name})${uid === 1000 ? ',27(sudo)' : ''}\n`);
  return 0;
}

function upText(shell: Shell): string {
  const { machine, host } = shell.common;
  const seconds = uptimeSeconds(machine, host.now());
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor(seconds / 3600) % 24;
  const minutes = Math.floor(seconds / 60) % 60;
  const span = hours > 0 ? `${String(hours).padStart(2)}:${String(minutes).padStart(2, '0')}` : `${minutes} min`;
  return days > 0 ? `${days} day${days === 1 ? '' : 's'}, ${span}` : span;
}

function headline(shell: Shell): string {
  const at = clock(shell.common.machine, shell.common.host.now());
  const load = shell.common.fs.read('/', '/proc/loadavg');
  const [one, five, fifteen] = typeof load === 'string' ? load.split(' ') : [];
  return ` ${at.hours}:${at.minutes}:${at.seconds} up ${upText(shell)},  1 user,  load average: ${one}, ${five}, ${fifteen}\n`;
}

function w(call: Call): number {
  const { user, tty, from, loginAt, machine } = call.shell.common;
  const at = clock(machine, loginAt);
  call.io.out(headline(call.shell));
  call.io.out('USER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT\n');
  call.io.out(
    `${user.name.slice(0, 8).padEnd(8)} ${tty.padEnd(8)} ${from.slice(0, 16).padEnd(16)} ${at.hours}:${at.minutes}    0.00s  0.02s  0.00s w\n`,
  );
  return 0;
}

function who(call: Call): number {
  const { user, tty, from, loginAt, machine } = call.shell.common;
  const at = clock(machine, loginAt);
  call.io.out(`${user.name.padEnd(8)} ${tty.padEnd(12)} ${at.iso.slice(0, 10)} ${at.hours}:${at.minutes} (${from})\n`);
  return 0;
}

function free(call: Call): number {
  const { letters } = readFlags(call.args, 's');
  const memory = memoryOf(call.shell.common.machine, call.shell.common.host.now());
  const unit = letters.has('m') ? 1024 : letters.has('g') ? 1_048_576 : letters.has('b') ? 1 / 1024 : 1;
  const cell = (kb: number): string =>
    (letters.has('h') ? `${humanSize(kb * 1024)}i` : String(Math.floor(kb / unit))).padStart(12);
  const row = (name: string, cells: readonly number[]): string => `${name}${cells.map(cell).join('')}\n`;
  call.io.out('               total        used        free      shared  buff/cache   available\n');
  call.io.out(row('Mem:   ', [memory.total, memory.used, memory.free, memory.shared, memory.cache, memory.available]));
  call.io.out(row('Swap:  ', [memory.swap, 0, memory.swap]));
  return 0;
}

function df(call: Call): number {
  const { letters } = readFlags(call.args);
  const { machine } = call.shell.common;
  const human = letters.has('h');
  const rows: readonly (readonly [string, number, number, string])[] = [
    ['tmpfs', Math.floor(machine.memoryKb / 10), 1024, '/run'],
    [machine.rootDevice, machine.diskKb, machine.diskUsedKb, '/'],
    ['tmpfs', Math.floor(machine.memoryKb / 2), 0, '/dev/shm'],
    ['tmpfs', 5120, 0, '/run/lock'],
  ];
  const cell = (kb: number, width: number): string =>
    (human ? (kb === 0 ? '0' : humanSize(kb * 1024)) : String(kb)).padStart(width);
  call.io.out(
    human
      ? 'Filesystem      Size  Used Avail Use% Mounted on\n'
      : 'Filesystem     1K-blocks     Used Available Use% Mounted on\n',
  );
  for (const [device, size, used, place] of rows) {
    const share = `${Math.ceil((used * 100) / size)}%`.padStart(4);
    call.io.out(
      `${device.padEnd(14)} ${cell(size, human ? 5 : 9)} ${cell(used, human ? 5 : 8)} ${cell(size - used, human ? 5 : 9)} ${share} ${place}\n`,
    );
  }
  return 0;
}

function mount(call: Call): number {
  if (readFlags(call.args, 'to').rest.length > 0) return fail(call, `only root can use "--options" option`, 1);
  for (const line of mountTable(call.shell.common.machine).split('\n')) {
    const [device, place, type, options] = line.split(' ');
    if (device !== '') call.io.out(`${device} on ${place} type ${type} (${options})\n`);
  }
  return 0;
}

function ifconfig(call: Call): number {
  const { machine } = call.shell.common;
  const packets = machine.number('packets in', 400_000, 9_000_000);
  const inet = machine.address.includes(':')
    ? `        inet6 ${machine.address}  prefixlen 64  scopeid 0x0<global>\n`
    : `        inet ${machine.address}  netmask 255.255.255.0  broadcast ${machine.address.replace(/\d+$/, '255')}\n`;
  call.io.out(
    `${machine.interface}: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n${inet}` +
      `        ether ${machine.mac}  txqueuelen 1000  (Ethernet)\n        RX packets ${packets}  bytes ${packets * 412} (${((packets * 412) / 1e6).toFixed(1)} MB)\n        RX errors 0  dropped 0  overruns 0  frame 0\n` +
      `        TX packets ${packets >> 1}  bytes ${packets * 137} (${((packets * 137) / 1e6).toFixed(1)} MB)\n        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\n` +
      'lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet 127.0.0.1  netmask 255.0.0.0\n        inet6 ::1  prefixlen 128  scopeid 0x10<host>\n        loop  txqueuelen 1000  (Local Loopback)\n\n',
  );
  return 0;
}

function ip(call: Call): number {
  const { machine } = call.shell.common;
  const what = call.args.find((arg) => !arg.startsWith('-')) ?? '';
  if (/^r/.test(what)) {
    call.io.out(
      `default via ${machine.gateway} dev ${machine.interface} proto static \n${machine.address.replace(/\d+$/, '0/24')} dev ${machine.interface} proto kernel scope link src ${machine.address} \n`,
    );
    return 0;
  }
  call.io.out(
    '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n' +
      `2: ${machine.interface}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000\n    link/ether ${machine.mac} brd ff:ff:ff:ff:ff:ff\n` +
      `    inet ${machine.address}/24 brd ${machine.address.replace(/\d+$/, '255')} scope global ${machine.interface}\n       valid_lft forever preferred_lft forever\n`,
  );
  return 0;
}

function netstat(call: Call): number {
  const { machine, from } = call.shell.common;
  const ports = [21, 22, 23, 80, 3306];
  call.io.out(
    'Active Internet connections (servers and established)\nProto Recv-Q Send-Q Local Address           Foreign Address         State      \n',
  );
  for (const port of ports)
    call.io.out(
      `tcp        0      0 ${`${port === 3306 ? '127.0.0.1' : '0.0.0.0'}:${port}`.padEnd(23)} ${'0.0.0.0:*'.padEnd(23)} LISTEN     \n`,
    );
  call.io.out(
    `tcp        0    212 ${`${machine.address}:23`.padEnd(23)} ${`${from}:${40_000 + (call.shell.common.nextPid % 20_000)}`.padEnd(23)} ESTABLISHED\n`,
  );
  return 0;
}

function lscpu(call: Call): number {
  const { machine } = call.shell.common;
  const rows: readonly (readonly [string, string | number])[] = [
    ['Architecture:', 'x86_64'],
    ['CPU op-mode(s):', '32-bit, 64-bit'],
    ['Byte Order:', 'Little Endian'],
    ['CPU(s):', machine.cores],
    ['On-line CPU(s) list:', machine.cores === 1 ? '0' : `0-${machine.cores - 1}`],
    ['Vendor ID:', 'GenuineIntel'],
    ['Model name:', machine.cpu.model],
    ['CPU family:', machine.cpu.family],
    ['Model:', machine.cpu.modelNumber],
    ['Stepping:', machine.cpu.stepping],
    ['Hypervisor vendor:', 'KVM'],
    ['Virtualization type:', 'full'],
  ];
  call.io.out(rows.map(([name, value]) => `${name.padEnd(33)}${value}\n`).join(''));
  return 0;
}

function hostname(call: Call): number {
  const { machine } = call.shell.common;
  const { letters, rest } = readFlags(call.args);
  if (rest.length > 0) return fail(call, 'you must be root to change the host name');
  call.io.out(
    `${letters.has('I') || letters.has('i') ? `${machine.address} ` : letters.has('f') ? machine.fqdn : machine.hostName}\n`,
  );
  return 0;
}

function date(call: Call): number {
  const { machine, host } = call.shell.common;
  const format = call.args.find((arg) => arg.startsWith('+'));
  const at = clock(machine, host.now());
  const two = (value: number): string => String(value).padStart(2, '0');
  const fields: Readonly<Record<string, string>> = {
    Y: String(at.year),
    m: at.iso.slice(5, 7),
    d: two(at.date),
    H: at.hours,
    M: at.minutes,
    S: at.seconds,
    s: String(Math.floor(host.now() / 1000)),
    F: at.iso.slice(0, 10),
    T: `${at.hours}:${at.minutes}:${at.seconds}`,
    Z: at.zone,
    z: at.offset,
    a: at.day,
    b: at.month,
    N: '000000000',
  };
  call.io.out(
    `${format === undefined ? dateText(machine, host.now()) : format.slice(1).replace(/%(.)/g, (all, letter: string) => fields[letter] ?? all)}\n`,
  );
  return 0;
}

function* sleep(call: Call): Run<number> {
  const match = /^([0-9]{0,6}(?:\.[0-9]{0,6})?)([smhd]?)$/.exec(call.args[0] ?? '');
  if (match === null || match[1] === '')
    return call.args.length === 0
      ? misused(call, 'missing operand')
      : misused(call, `invalid time interval ‘${call.args[0]}’`);
  const unit = { '': 1000, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] ?? ''] ?? 1000;
  yield* wait({ kind: 'sleep', ms: Math.min(MAX_SLEEP_MS, Number(match[1]) * unit) });
  return 0;
}

function which(call: Call): number {
  let status = 0;
  for (const name of readFlags(call.args).rest) {
    step(call.shell);
    const path = (call.shell.variables.get('PATH') ?? '')
      .split(':', 16)
      .map((folder) => `${folder}/${name}`)
      .find((candidate) => !isError(call.shell.common.fs.find('/', candidate)));
    if (path === undefined) status = 1;
    else call.io.out(`${path}\n`);
  }
  return status;
}

function* passwd(call: Call): Run<number> {
  const { user } = call.shell.common;
  const lines: string[] = [];
  for (const prompt of user.uid === 0
    ? ['New password: ', 'Retype new password: ']
    : ['Current password: ', 'New password: ', 'Retype new password: ']) {
    if (prompt.startsWith('Current')) call.io.out(`Changing password for ${user.name}.\n`);
    call.io.err(prompt);
    if (call.io.input.kind === 'terminal') {
      const resumed = yield* wait({ kind: 'input', silent: true });
      if (resumed.kind === 'text') lines.push(resumed.text);
    } else {
      const { text, at } = call.io.input;
      const end = text.indexOf('\n', at);
      lines.push(text.slice(at, end < 0 ? undefined : end));
      call.io.input.at = end < 0 ? text.length : end + 1;
      call.io.err('\n');
    }
  }
  if (lines.at(-1) !== lines.at(-2) || lines.at(-1) === undefined || lines.at(-1) === '') {
    call.io.err(
      'Sorry, passwords do not match.\npasswd: Authentication token manipulation error\npasswd: password unchanged\n',
    );
    return 10;
  }
  call.io.err('passwd: password updated successfully\n');
  return 0;
}

const silent = (): number => 0;
const shown =
  (text: (shell: Shell) => string) =>
  (call: Call): number => {
    call.io.out(text(call.shell));
    return 0;
  };
/** What needs privilege that a user has not, and a machine that root would not see change. */
const privileged = (call: Call): number => (call.shell.common.user.uid === 0 ? 0 : fail(call, 'Permission denied'));

export const systemCommands: CommandTable = {
  arch: shown(() => 'x86_64\n'),
  basename: (call) => {
    call.io.out(`${(call.args[0] ?? '').split('/').findLast((part) => part !== '') ?? '/'}\n`);
    return 0;
  },
  clear: shown(() => '\x1b[H\x1b[2J\x1b[3J'),
  crontab: (call) => {
    if (!call.args.includes('-l')) return 0;
    call.io.err(`no crontab for ${call.shell.common.user.name}\n`);
    return 1;
  },
  date,
  df,
  dirname: (call) => {
    const path = trimEnd(call.args[0] ?? '', '/');
    call.io.out(`${path.includes('/') ? path.slice(0, Math.max(1, path.lastIndexOf('/'))) : '.'}\n`);
    return 0;
  },
  dmesg: (call) =>
    call.shell.common.user.uid === 0 ? 0 : fail(call, 'read kernel buffer failed: Operation not permitted'),
  env: shown((shell) => [...shell.exported].map((name) => `${name}=${shell.variables.get(name) ?? ''}\n`).join('')),
  free,
  groups: shown((shell) => `${shell.common.user.name}\n`),
  hostname,
  id,
  ifconfig,
  insmod: privileged,
  ip,
  iptables: privileged,
  kill: silent,
  killall: (call) => fail(call, `${call.args.at(-1) ?? ''}: no process found`),
  last: who,
  lscpu,
  mount,
  netstat,
  nproc: shown((shell) => `${shell.common.machine.cores}\n`),
  passwd,
  pidof: () => 1,
  pkill: () => 1,
  printenv: shown((shell) =>
    [...shell.exported].map((name) => `${name}=${shell.variables.get(name) ?? ''}\n`).join(''),
  ),
  ps,
  realpath: (call) => {
    const resolved = call.shell.common.fs.resolve(call.shell.cwd, call.args[0] ?? '.');
    call.io.out(typeof resolved === 'string' ? `${resolved}\n` : '');
    return typeof resolved === 'string' ? 0 : 1;
  },
  seq: (call) => {
    const numbers = call.args.map((arg) => Number.parseInt(arg, 10) || 0);
    const [from, to] = numbers.length > 1 ? [numbers[0] ?? 1, numbers.at(-1) ?? 1] : [1, numbers[0] ?? 1];
    for (let value = from; value <= to && value < from + 10_000; value += 1) call.io.out(`${value}\n`);
    return 0;
  },
  sleep,
  tty: shown((shell) => `/dev/${shell.common.tty}\n`),
  uname,
  uptime: shown(headline),
  users: shown((shell) => `${shell.common.user.name}\n`),
  w,
  which,
  who,
  whoami: shown((shell) => `${shell.common.user.name}\n`),
  yes: (call) => {
    const line = `${call.args.join(' ') || 'y'}\n`;
    call.io.out(line.repeat(Math.ceil(YES_BYTES / line.length)));
    return 0;
  },
};
