/** `ps`, as procps and busybox have it. */
import { clock, type Process, processesOf } from '../machine.ts';
import type { Call, Shell } from '../state.ts';

/** What runs: the machine's own, then this login with what it came through, and the command itself. */
function everything(shell: Shell, command: string): (Process & { since: string; time: string })[] {
  const { machine, user, tty, loginAt, loginPid, nextPid, cameThrough } = shell.common;
  const booted = clock(machine, machine.bootedAt);
  const here = clock(machine, loginAt);
  const since = `${here.hours}:${here.minutes}`;
  const own = (pid: number, name: string, rssKb: number, text: string) => ({
    pid,
    user: name,
    tty,
    rssKb,
    command: text,
    since,
    time: '0:00',
  });
  return [
    ...processesOf(machine).map((process) => ({
      ...process,
      since: `${booted.month}${String(booted.date).padStart(2, '0')}`,
      time: `0:0${process.pid % 10}`,
    })),
    ...cameThrough.map((text, index) => own(loginPid - cameThrough.length + index, 'root', 3900 + 70 * index, text)),
    own(loginPid, user.name, 5120, '-bash'),
    own(nextPid + 1, user.name, 3272, command),
  ];
}

export function ps(call: Call): number {
  const list = everything(call.shell, ['ps', ...call.args].join(' '));
  const joined = call.args.join('');
  const { out } = call.io;
  const cells = (user: string, pid: number): string =>
    `${(user.length > 8 ? `${user.slice(0, 7)}+` : user).padEnd(8)} ${String(pid).padStart(7)}`;
  if (call.applet) {
    out('PID   USER     TIME  COMMAND\n');
    for (const { pid, user, time, command } of list)
      out(`${String(pid).padStart(5)} ${user.slice(0, 8).padEnd(8)}  ${time} ${command}\n`);
  } else if (joined.includes('u')) {
    out('USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n');
    for (const { user, pid, rssKb, tty, command, since, time } of list) {
      const share = ((rssKb * 100) / call.shell.common.machine.memoryKb).toFixed(1).padStart(4);
      out(
        `${cells(user, pid)}  0.0 ${share} ${String(rssKb * 3).padStart(6)} ${String(rssKb).padStart(5)} ${tty.padEnd(8)} Ss   ${since.padEnd(5)}   ${time} ${command}\n`,
      );
    }
  } else if (/[eA]/.test(joined)) {
    out('UID          PID    PPID  C STIME TTY          TIME CMD\n');
    for (const { user, pid, tty, command, since, time } of list)
      out(
        `${cells(user, pid)} ${String(pid > 2 ? 1 : 0).padStart(7)}  0 ${since} ${tty.padEnd(8)} 00:0${time} ${command}\n`,
      );
  } else {
    out('    PID TTY          TIME CMD\n');
    for (const { pid, tty, command } of list.slice(-2))
      out(`${String(pid).padStart(7)} ${tty.padEnd(8)} 00:00:00 ${command.replace(/^-/, '').split(' ')[0]}\n`);
  }
  return 0;
}
