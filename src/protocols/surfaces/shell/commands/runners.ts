/** Programs that run other programs: shells, busybox, `nohup`, `sudo`, `xargs`. */
import { contentOf, isError } from '../filesystem.ts';
import {
  type Call,
  type CommandTable,
  complain,
  type Flavour,
  keepDropped,
  type Run,
  readAll,
  type Streams,
  wait,
} from '../state.ts';
import { builtins } from './builtins.ts';
import { readFlags } from './flags.ts';
import { busyboxUsage } from './network.ts';

/** Applets of Ubuntu's busybox-static; its banner lists them. */
const APPLETS =
  '[ [[ acpid adjtimex ar arch arp arping ascii ash awk base64 basename blockdev brctl bunzip2 bzcat bzip2 cal cat chgrp chmod chown chpasswd chroot chvt clear ' +
  'cmp cp cpio crond crontab cttyhack cut date dc dd deallocvt depmod devmem df diff dirname dmesg dnsdomainname dos2unix dpkg dpkg-deb du dumpkmap dumpleases ' +
  'echo ed egrep env expand expr factor fallocate false fatattr fdisk fgrep find fold free freeramdisk fsfreeze fstrim ftpget ftpput fuser getopt getty grep ' +
  'groups gunzip gzip halt head hexdump hostid hostname httpd hwclock i2cdetect id ifconfig ifdown ifup init insmod ionice ip ipcalc kill killall klogd last ' +
  'less link linux32 linux64 linuxrc ln loadfont loadkmap logger login logname logread losetup ls lsmod lsscsi lzcat lzma lzop md5sum mdev microcom mkdir ' +
  'mkdosfs mke2fs mkfifo mknod mkpasswd mkswap mktemp modinfo modprobe more mount mt mv nameif nc netstat nl nologin nproc nsenter nslookup od openvt passwd ' +
  'paste patch pidof ping ping6 pivot_root poweroff printf ps pwd rdate readlink realpath reboot renice reset rev rm rmdir rmmod route rpm rpm2cpio run-parts ' +
  'sed seq setkeycodes setpriv setsid sh sha1sum sha256sum sha512sum shred shuf sleep sort start-stop-daemon stat strings stty su sulogin svc swapoff swapon ' +
  'switch_root sync sysctl syslogd tac tail tar taskset tc tee telnet telnetd test tftp time timeout top touch tr traceroute true truncate tty tunctl ubirename ' +
  'udhcpc udhcpd uevent umount uname uncompress unexpand uniq unix2dos unlink unlzma unshare unxz unzip uptime usleep uudecode uuencode vconfig vi w watch ' +
  'watchdog wc wget which who whoami xargs xxd xz xzcat yes zcat';
const APPLET_NAMES = new Set(APPLETS.split(' '));
const BANNER_WIDTH = 75;
/** Builtins of our shells that busybox has as applets too. */
const SHARED = new Set(['[', '[[', 'echo', 'false', 'printf', 'pwd', 'test', 'true']);

function banner(call: Call): number {
  const rows: string[] = [];
  for (const name of APPLETS.split(' ')) {
    const last = rows.at(-1);
    if (last !== undefined && last.length + name.length + 2 < BANNER_WIDTH) rows[rows.length - 1] = `${last}, ${name}`;
    else rows.push(name);
  }
  call.io.out(
    `${call.shell.common.machine.busybox}\nBusyBox is copyrighted by many authors between 1998-2015.\nLicensed under GPLv2. See source distribution for detailed\ncopyright notices.\n\n` +
      'Usage: busybox [function [arguments]...]\n   or: busybox --list[-full]\n   or: busybox --install [-s] [DIR]\n   or: function [arguments]...\n\n' +
      "\tBusyBox is a multi-call binary that combines many common Unix\n\tutilities into a single executable.  The shell in this build\n\tis configured to run built-in utilities without $PATH search.\n\tYou don't need to install a link to busybox for each utility.\n\tTo run external program, use full path (/sbin/ip instead of ip).\n\n" +
      `Currently defined functions:\n${rows.map((row) => `\t${row}`).join(',\n')}\n\n`,
  );
  return 0;
}

export function makeRunners(programs: () => CommandTable): CommandTable {
  function* busybox(call: Call): Run<number> {
    // A link of another name is the applet; else the first argument names it.
    const base = call.name.slice(call.name.lastIndexOf('/') + 1);
    const linked = base !== 'busybox' && APPLET_NAMES.has(base);
    const [name, ...args] = linked ? [base, ...call.args] : call.args;
    if (name === undefined || name === '--help') return banner(call);
    if (name === '--list') {
      call.io.out(`${APPLETS.split(' ').join('\n')}\n`);
      return 0;
    }
    if (!APPLET_NAMES.has(name)) {
      call.io.err(`${name}: applet not found\n`);
      return 127;
    }
    const applet = { ...call, name, args, applet: true };
    if (name === 'sh' || name === 'ash') return yield* shellProgram(applet, 'busybox');
    const command = SHARED.has(name) ? builtins[name] : programs()[name];
    if (args.includes('--help')) return busyboxUsage(call, `${name} [OPTION]...`);
    const result = command === undefined ? 0 : command(applet);
    return typeof result === 'number' ? result : yield* result;
  }

  /** `sh`, `sh -c …`, `sh FILE`, `… | sh`. */
  function* shellProgram(call: Call, flavour: Flavour): Run<number> {
    const { engine, fs } = call.shell.common;
    const name = call.name === 'ash' ? 'sh' : call.name;
    const options = call.args.findIndex((arg) => !/^[-+][a-z]+$/.test(arg) || arg === '-');
    const rest = options < 0 ? [] : call.args.slice(options);
    const letters = (options < 0 ? call.args : call.args.slice(0, options)).join('');
    const shell = { ...call.shell, flavour };
    if (letters.includes('c')) {
      const [script = '', as = name, ...args] = rest;
      return yield* engine.script(shell, as, script, args, call.io);
    }
    const [file, ...args] = rest;
    if (file !== undefined && file !== '-') {
      const text = fs.read(call.shell.cwd, file);
      if (typeof text !== 'string') {
        call.io.err(
          flavour === 'bash' ? `${name}: ${file}: ${text.error}\n` : `${name}: can't open '${file}': ${text.error}\n`,
        );
        return 127;
      }
      const found = fs.find(call.shell.cwd, file);
      if (!isError(found) && found.entry.kind === 'file') {
        if (found.entry.dropped) keepDropped(call.shell.common, found.path, text);
        if (contentOf(found.entry, call.shell.common.host.now()).startsWith('\x7fELF')) {
          call.io.err(`${file}: ${file}: cannot execute binary file\n`);
          return 126;
        }
      }
      return yield* engine.script(shell, file, text, args, call.io);
    }
    if (call.io.input.kind === 'terminal' && !letters.includes('s'))
      return yield* engine.nested(call.shell, flavour, name, call.io);
    return yield* engine.script(shell, name, yield* readAll(call.io.input), args, call.io);
  }

  /** Runs the rest of its arguments as a command, after its own options. */
  const runs = (withValue: string, operands = 0) =>
    function* (call: Call): Run<number> {
      let at = 0;
      for (; call.args[at]?.startsWith('-'); at += 1) {
        const arg = call.args[at] ?? '';
        if (arg === '--') {
          at += 1;
          break;
        }
        if (arg.length === 2 && withValue.includes(arg[1] ?? '-')) at += 1;
      }
      for (; /^[A-Za-z_][A-Za-z0-9_]*=/.test(call.args[at] ?? ''); at += 1);
      const [name, ...args] = call.args.slice(at + operands);
      if (name === undefined) return 0;
      return yield* call.shell.common.engine.command(call.shell, name, args, call.io);
    };

  function* xargs(call: Call): Run<number> {
    const words = (yield* readAll(call.io.input)).split(/\s+/).filter((word) => word !== '');
    const command = readFlags(call.args, 'nPIL').rest;
    const [name = 'echo', ...args] = command;
    const io: Streams = { ...call.io, input: { kind: 'text', text: '', at: 0 } };
    return yield* call.shell.common.engine.command(call.shell, name, [...args, ...words.slice(0, 1024)], io);
  }

  function* su(call: Call): Run<number> {
    const { user, engine } = call.shell.common;
    if (user.uid === 0) return yield* engine.nested(call.shell, 'bash', 'bash', call.io);
    call.io.err('Password: ');
    yield* wait({ kind: 'input', silent: true });
    call.io.err('\nsu: Authentication failure\n');
    return 1;
  }

  function* sudo(call: Call): Run<number> {
    const { user } = call.shell.common;
    if (user.uid === 0) return yield* runs('ug')(call);
    call.io.err(`[sudo] password for ${user.name}: `);
    yield* wait({ kind: 'input', silent: true });
    call.io.err(`\n${user.name} is not in the sudoers file.  This incident will be reported.\n`);
    return 1;
  }

  return {
    bash: (call) => shellProgram({ ...call, name: call.name === 'bash' ? 'bash' : call.name }, 'bash'),
    busybox,
    nice: runs('n'),
    nohup: function* (call) {
      if (call.args.length === 0) {
        complain(call.shell, call.io, "nohup: missing operand\nTry 'nohup --help' for more information.");
        return 125;
      }
      call.io.err("nohup: ignoring input and appending output to 'nohup.out'\n");
      return yield* runs('')(call);
    },
    setsid: runs(''),
    su,
    sudo,
    time: runs(''),
    timeout: runs('sk', 1),
    xargs,
  };
}
