/** The files of an Ubuntu server, as far as somebody who looks around reads them. */
import type { Persona } from '../persona.ts';
import { type Entry, type Tree, treeOf } from './filesystem.ts';
import { clock, type Machine, machineOf, processesOf } from './machine.ts';
import { cpuinfo, kernelVersion, meminfo, mountTable, netDevices, uptimeSeconds } from './proc.ts';

export interface World {
  machine: Machine;
  tree: Tree;
}

const BINARIES =
  '[ apt apt-get arch awk base64 basename bash busybox bunzip2 bzip2 cat chattr chgrp chmod chown chsh clear cmp cp crontab curl cut date dd df diff ' +
  'dirname dmesg dpkg du echo ed egrep env expr false fgrep file find free ftp fuser getent git grep groups gunzip gzip head hostname hostnamectl htop id ' +
  'ip journalctl kill killall last lastlog ld.so less ln locale locate login ls lsattr lsblk lscpu lsof make md5sum mkdir mknod mktemp more mount mv nano nc ' +
  'netstat nice nohup nproc od openssl passwd perl pgrep ping pkill printenv printf ps pstree pwd python3 readlink realpath rm rmdir rsync scp screen sed ' +
  'seq sftp sh sha1sum sha256sum sleep sort ssh ssh-keygen stat strings strace stty su sudo systemctl tail tar tee telnet test time timeout tmux top touch tr ' +
  'true tty umount uname uniq unzip uptime users vi vim w watch wc wget which who whoami xargs xxd yes zcat';
const ADMIN_BINARIES =
  'adduser agetty arp chpasswd chroot cron deluser fdisk groupadd halt ifconfig inetd init insmod iptables lsmod mkfs modprobe poweroff reboot rmmod route ' +
  'runlevel service shutdown sshd sysctl ufw useradd userdel usermod vsftpd';
const DIRECTORIES =
  '/ /boot /dev /dev/pts /dev/shm /etc /etc/cron.d /etc/cron.daily /etc/default /etc/init.d /etc/ssh /etc/systemd /home /lost+found /media /mnt /opt /proc ' +
  '/proc/1 /proc/net /proc/self /proc/sys /proc/sys/kernel /root /root/.ssh /run /run/lock /run/shm /snap /srv /sys /tmp /usr /usr/bin /usr/games /usr/include /usr/lib ' +
  '/usr/lib64 /usr/local /usr/local/bin /usr/local/sbin /usr/sbin /usr/share /usr/src /var /var/backups /var/cache /var/lib /var/log /var/mail /var/opt ' +
  '/var/spool /var/spool/cron /var/tmp /var/www /var/www/html';
const LINKS: readonly (readonly [string, string])[] = [
  ['/bin', '/usr/bin'],
  ['/sbin', '/usr/sbin'],
  ['/lib', '/usr/lib'],
  ['/lib64', '/usr/lib64'],
  ['/var/run', '/run'],
  ['/var/lock', '/run/lock'],
  ['/proc/mounts', '/proc/self/mounts'],
  ['/proc/self/exe', '/usr/bin/bash'],
  ['/usr/bin/sh', '/usr/bin/bash'],
  ['/usr/bin/awk', '/usr/bin/mawk'],
];
const OPEN_DIRECTORIES = new Set(['/tmp', '/var/tmp', '/dev/shm', '/run/shm', '/run/lock']);
/** Real sizes of the programs that loaders read to learn the architecture. */
const SIZES: Readonly<Record<string, number>> = {
  echo: 35_120,
  cat: 35_280,
  ls: 138_208,
  bash: 1_396_520,
  busybox: 2_204_008,
};

/** An x86-64 executable's header, program headers and interpreter (System V ABI, ELF-64), padded to a plausible length. */
function executable(machine: Machine, name: string, size: number): string {
  const length = Math.min(size, 65_536);
  const elf = Buffer.alloc(length);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  elf.writeUInt16LE(3, 16);
  elf.writeUInt16LE(62, 18);
  elf.writeUInt32LE(1, 20);
  elf.writeUInt32LE(0x2000 + machine.number(`entry ${name}`, 0, 0xfff) * 16, 24);
  elf.writeUInt32LE(64, 32);
  elf.writeUInt32LE(size - 31 * 64, 40);
  elf.writeUInt16LE(64, 52);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(13, 56);
  elf.writeUInt16LE(64, 58);
  elf.writeUInt16LE(31, 60);
  elf.writeUInt16LE(30, 62);
  const segment = (index: number, type: number, flags: number, offset: number, bytes: number): void => {
    const at = 64 + index * 56;
    elf.writeUInt32LE(type, at);
    elf.writeUInt32LE(flags, at + 4);
    for (const field of [8, 16, 24]) elf.writeUInt32LE(offset, at + field);
    for (const field of [32, 40]) elf.writeUInt32LE(bytes, at + field);
    elf.writeUInt32LE(type === 1 ? 0x1000 : 8, at + 48);
  };
  segment(0, 6, 4, 64, 13 * 56);
  segment(1, 3, 4, 0x318, 28);
  segment(2, 1, 4, 0, 0x1628);
  segment(3, 1, 5, 0x2000, Math.max(0x1000, size - 0x6000));
  elf.write('/lib64/ld-linux-x86-64.so.2', 0x318, 'latin1');
  const code = machine.secret(`code ${name}`, 2048);
  for (let at = 0x2000; at < length - 0x1000; at += code.length) elf.set(code, at);
  return elf.toString('latin1');
}

function accounts(machine: Machine): { passwd: string; group: string } {
  const system =
    'root:0:/root:/bin/bash daemon:1:/usr/sbin:/usr/sbin/nologin bin:2:/bin:/usr/sbin/nologin sys:3:/dev:/usr/sbin/nologin sync:4:/bin:/bin/sync ' +
    'games:5:/usr/games:/usr/sbin/nologin man:6:/var/cache/man:/usr/sbin/nologin lp:7:/var/spool/lpd:/usr/sbin/nologin mail:8:/var/mail:/usr/sbin/nologin ' +
    'news:9:/var/spool/news:/usr/sbin/nologin www-data:33:/var/www:/usr/sbin/nologin backup:34:/var/backups:/usr/sbin/nologin nobody:65534:/nonexistent:/usr/sbin/nologin ' +
    'systemd-network:100:/run/systemd:/usr/sbin/nologin systemd-resolve:101:/run/systemd:/usr/sbin/nologin messagebus:102:/nonexistent:/usr/sbin/nologin ' +
    'syslog:104:/home/syslog:/usr/sbin/nologin sshd:106:/run/sshd:/usr/sbin/nologin mysql:112:/nonexistent:/bin/false telnetd:113:/nonexistent:/usr/sbin/nologin';
  const rows = [...system.split(' '), `${machine.user}:1000:/home/${machine.user}:/bin/bash`].map((row) =>
    row.split(':'),
  );
  return {
    passwd: rows
      .map(([name, id, home, shell]) => `${name}:x:${id}:${id === '4' ? '65534' : id}:${name}:${home}:${shell}\n`)
      .join(''),
    group: `${rows.map(([name, id]) => `${name}:x:${id}:\n`).join('')}sudo:x:27:${machine.user}\n`,
  };
}

function shadowFile(machine: Machine): string {
  const day = Math.floor(machine.installedAt / 86_400_000);
  const letters = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const text = (label: string, length: number): string =>
    [...machine.secret(label, length)].map((byte) => letters[byte % 64]).join('');
  const hash = (name: string): string => `$6$${text(`salt ${name}`, 16)}$${text(`hash ${name}`, 86)}`;
  return accounts(machine)
    .passwd.split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(':')[0] ?? '')
    .map((name) => `${name}:${name === 'root' || name === machine.user ? hash(name) : '*'}:${day}:0:99999:7:::\n`)
    .join('');
}

function textFiles(machine: Machine): Record<string, string | ((nowMs: number) => string)> {
  const { passwd, group } = accounts(machine);
  const uuid = machine
    .secret('disk uuid', 16)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  return {
    '/etc/passwd': passwd,
    '/etc/group': group,
    '/etc/shadow': shadowFile(machine),
    '/etc/hostname': `${machine.hostName}\n`,
    '/etc/hosts': `127.0.0.1 localhost\n127.0.1.1 ${machine.fqdn} ${machine.hostName}\n\n::1     ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n`,
    '/etc/hosts.allow': '',
    '/etc/hosts.deny': '',
    '/etc/issue': `${machine.release} \\n \\l\n\n`,
    '/etc/issue.net': `${machine.release}\n`,
    '/etc/debian_version': `${machine.version === '20.04' ? 'bullseye' : machine.version === '22.04' ? 'bookworm' : 'trixie'}/sid\n`,
    '/etc/lsb-release': `DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=${machine.version}\nDISTRIB_CODENAME=${(machine.codeName.split(' ')[0] ?? '').toLowerCase()}\nDISTRIB_DESCRIPTION="${machine.release}"\n`,
    '/etc/os-release': `PRETTY_NAME="${machine.release}"\nNAME="Ubuntu"\nVERSION_ID="${machine.version}"\nVERSION="${machine.release.slice(7)} (${machine.codeName})"\nID=ubuntu\nID_LIKE=debian\nHOME_URL="https://www.ubuntu.com/"\nSUPPORT_URL="https://help.ubuntu.com/"\nBUG_REPORT_URL="https://bugs.launchpad.net/ubuntu/"\n`,
    '/etc/resolv.conf': 'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n',
    '/etc/fstab': `UUID=${uuid} / ext4 defaults 0 1\n/swap.img none swap sw 0 0\n`,
    '/etc/inetd.conf': 'telnet\tstream\ttcp\tnowait\ttelnetd\t/usr/sbin/tcpd\t/usr/sbin/in.telnetd\n',
    '/etc/crontab':
      'SHELL=/bin/sh\nPATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin\n\n17 *\t* * *\troot    cd / && run-parts --report /etc/cron.hourly\n25 6\t* * *\troot\ttest -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )\n',
    '/etc/ssh/sshd_config':
      'Include /etc/ssh/sshd_config.d/*.conf\n\nKbdInteractiveAuthentication no\nUsePAM yes\nX11Forwarding yes\nPrintMotd no\nAcceptEnv LANG LC_*\nSubsystem\tsftp\t/usr/lib/openssh/sftp-server\n',
    '/root/.bashrc':
      '# ~/.bashrc: executed by bash(1) for non-login shells.\n\n[ -z "$PS1" ] && return\n\nHISTCONTROL=ignoredups:ignorespace\nshopt -s histappend\nHISTSIZE=1000\nHISTFILESIZE=2000\n',
    '/root/.profile':
      '# ~/.profile: executed by Bourne-compatible login shells.\n\nif [ "$BASH" ]; then\n  if [ -f ~/.bashrc ]; then\n    . ~/.bashrc\n  fi\nfi\n\nmesg n 2> /dev/null || true\n',
    '/root/.ssh/authorized_keys': '',
    '/var/log/auth.log': '',
    '/var/log/syslog': '',
    '/var/log/wtmp': '',
    '/var/www/html/index.html': '<html><body><h1>It works!</h1></body></html>\n',
    '/proc/cpuinfo': cpuinfo(machine),
    '/proc/meminfo': (now) => meminfo(machine, now),
    '/proc/self/mounts': mountTable(machine),
    '/proc/self/cmdline': '-bash\0',
    '/proc/1/cmdline': '/sbin/init\0',
    '/proc/1/mounts': mountTable(machine),
    '/proc/version': `${kernelVersion(machine)}\n`,
    '/proc/cmdline': `BOOT_IMAGE=/boot/vmlinuz-${machine.kernel} root=UUID=${uuid} ro console=tty1 console=ttyS0\n`,
    '/proc/uptime': (now) =>
      `${uptimeSeconds(machine, now)}.${machine.number('uptime odd', 10, 99)} ${uptimeSeconds(machine, now) * machine.cores}.41\n`,
    '/proc/loadavg': `0.${machine.number('load 1', 0, 19).toString().padStart(2, '0')} 0.${machine.number('load 5', 0, 19).toString().padStart(2, '0')} 0.01 1/${machine.number('threads', 120, 260)} ${machine.number('last pid', 9000, 99_000)}\n`,
    '/proc/net/dev': netDevices(machine),
    '/proc/sys/kernel/hostname': `${machine.hostName}\n`,
    '/proc/filesystems':
      'nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tcgroup2\nnodev\tdevpts\n\text3\n\text2\n\text4\n\tvfat\n',
    '/proc/partitions': `major minor  #blocks  name\n\n 252        0   ${machine.diskKb + 4096} ${machine.rootDevice.slice(5, -1)}\n 252        1   ${machine.diskKb} ${machine.rootDevice.slice(5)}\n`,
  };
}

function entriesOf(machine: Machine): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  const installed = machine.installedAt;
  const directory = (path: string, mode: number, owner = 'root'): void =>
    void entries.set(path, { kind: 'directory', mode, owner, mtime: installed });
  for (const path of DIRECTORIES.split(' '))
    directory(path, OPEN_DIRECTORIES.has(path) ? 0o1777 : path === '/root' || path === '/root/.ssh' ? 0o700 : 0o755);
  directory(`/home/${machine.user}`, 0o750, machine.user);
  for (const [path, target] of LINKS) entries.set(path, { kind: 'link', target, mtime: installed });
  for (const [name, read] of [
    ['null', 'nothing'],
    ['zero', 'zeros'],
    ['random', 'noise'],
    ['urandom', 'noise'],
    ['tty', 'nothing'],
    ['console', 'nothing'],
  ] as const)
    entries.set(`/dev/${name}`, { kind: 'device', mode: 0o666, owner: 'root', mtime: machine.bootedAt, read });
  const file = (
    path: string,
    mode: number,
    content: string | ((nowMs: number) => string),
    size: number,
    program = '',
  ): void =>
    void entries.set(path, {
      kind: 'file',
      mode,
      owner: 'root',
      mtime: path.startsWith('/proc') ? machine.bootedAt : installed,
      size,
      content,
      program,
      dropped: false,
    });
  for (const [path, content] of Object.entries(textFiles(machine))) {
    const secret = path === '/etc/shadow';
    file(
      path,
      path.startsWith('/proc') ? 0o444 : secret ? 0o640 : 0o644,
      content,
      typeof content === 'string' && !path.startsWith('/proc') ? content.length : 0,
    );
  }
  for (const { pid, command } of processesOf(machine)) {
    if (pid === 1) continue;
    directory(`/proc/${pid}`, 0o555);
    file(`/proc/${pid}/cmdline`, 0o444, command.startsWith('[') ? '' : `${command.split(' ').join('\0')}\0`, 0);
  }
  for (const [folder, names] of [
    ['/usr/bin', `${BINARIES} mawk`],
    ['/usr/sbin', ADMIN_BINARIES],
  ] as const) {
    for (const name of names.split(' ')) {
      if (entries.has(`${folder}/${name}`)) continue;
      const size = SIZES[name] ?? machine.number(`size ${name}`, 14_000, 160_000);
      file(
        `${folder}/${name}`,
        name === 'su' || name === 'sudo' || name === 'passwd' ? 0o4755 : 0o755,
        () => executable(machine, name, size),
        size,
        name,
      );
    }
  }
  return entries;
}

/** Made once for each persona and address; nothing in them changes. */
const worlds = new WeakMap<Persona, Map<string, World>>();
const MAX_ADDRESSES = 16;

export function worldOf(persona: Persona, localAddress: string): World {
  const known = worlds.get(persona) ?? new Map<string, World>();
  worlds.set(persona, known);
  const made = known.get(localAddress);
  if (made !== undefined) return made;
  const machine = machineOf(persona, localAddress);
  const world = { machine, tree: treeOf(entriesOf(machine)) };
  if (known.size < MAX_ADDRESSES) known.set(localAddress, world);
  return world;
}

/** `Mon Nov  2 09:30:00 UTC 2026`. */
export function dateText(machine: Machine, atMs: number): string {
  const at = clock(machine, atMs);
  return `${at.day} ${at.month} ${String(at.date).padStart(2)} ${at.hours}:${at.minutes}:${at.seconds} ${at.zone} ${at.year}`;
}
