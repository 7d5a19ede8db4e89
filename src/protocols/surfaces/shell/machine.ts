/** The hardware, network and software of the Linux machine that a shell shows, derived from the persona so that all its services agree. */
import { DAY_MS, type Persona } from '../persona.ts';

export interface Machine {
  hostName: string;
  fqdn: string;
  /** `Ubuntu 22.04.4 LTS`, and its parts. */
  release: string;
  version: string;
  codeName: string;
  kernel: string;
  /** `#115-Ubuntu SMP Mon Apr 15 09:52:04 UTC 2024`: what `uname -v` shows. */
  kernelBuild: string;
  cpu: { model: string; family: number; modelNumber: number; stepping: number; mhz: string; cache: number };
  cores: number;
  memoryKb: number;
  diskKb: number;
  diskUsedKb: number;
  rootDevice: string;
  interface: string;
  address: string;
  gateway: string;
  mac: string;
  bootedAt: number;
  installedAt: number;
  zoneMinutes: number;
  /** The ordinary user with uid 1000. */
  user: string;
  /** First line of `busybox`. */
  busybox: string;
  bash: string;
  /** Daemons besides the system's own, as `ps` shows them: user, name, command line. */
  daemons: readonly (readonly [string, string, string])[];
  number(label: string, min: number, max: number): number;
  secret(label: string, bytes: number): Buffer;
}

interface Release {
  codeName: string;
  busybox: string;
  bash: string;
  builds: Readonly<Record<string, string>>;
}

/** By release: package versions and kernel builds as its archive has them. */
const RELEASES: Readonly<Record<string, Release>> = {
  '20.04': {
    codeName: 'Focal Fossa',
    busybox: 'BusyBox v1.30.1 (Ubuntu 1:1.30.1-4ubuntu6.4) multi-call binary.',
    bash: '5.0.17(1)-release',
    builds: {
      '5.4.0-169-generic': '#187-Ubuntu SMP Thu Nov 23 14:52:28 UTC 2023',
      '5.4.0-182-generic': '#202-Ubuntu SMP Fri Apr 26 12:29:36 UTC 2024',
      '5.4.0-200-generic': '#220-Ubuntu SMP Fri Sep 27 13:19:16 UTC 2024',
    },
  },
  '22.04': {
    codeName: 'Jammy Jellyfish',
    busybox: 'BusyBox v1.30.1 (Ubuntu 1:1.30.1-7ubuntu3.1) multi-call binary.',
    bash: '5.1.16(1)-release',
    builds: {
      '5.15.0-94-generic': '#104-Ubuntu SMP Tue Jan 9 15:25:40 UTC 2024',
      '5.15.0-105-generic': '#115-Ubuntu SMP Mon Apr 15 09:52:04 UTC 2024',
      '5.15.0-119-generic': '#129-Ubuntu SMP Fri Aug 2 19:25:20 UTC 2024',
    },
  },
  '24.04': {
    codeName: 'Noble Numbat',
    busybox: 'BusyBox v1.36.1 (Ubuntu 1:1.36.1-6ubuntu3.1) multi-call binary.',
    bash: '5.2.21(1)-release',
    builds: {
      '6.8.0-31-generic': '#31-Ubuntu SMP PREEMPT_DYNAMIC Sat Apr 20 00:40:06 UTC 2024',
      '6.8.0-45-generic': '#45-Ubuntu SMP PREEMPT_DYNAMIC Fri Aug 30 12:02:04 UTC 2024',
      '6.8.0-51-generic': '#52-Ubuntu SMP PREEMPT_DYNAMIC Thu Dec  5 13:09:44 UTC 2024',
    },
  },
};

const CPUS: readonly [Machine['cpu'], ...Machine['cpu'][]] = [
  {
    model: 'Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz',
    family: 6,
    modelNumber: 79,
    stepping: 1,
    mhz: '2399.998',
    cache: 35_840,
  },
  {
    model: 'Intel(R) Xeon(R) Gold 6140 CPU @ 2.30GHz',
    family: 6,
    modelNumber: 85,
    stepping: 4,
    mhz: '2299.998',
    cache: 25_344,
  },
  {
    model: 'Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz',
    family: 6,
    modelNumber: 85,
    stepping: 7,
    mhz: '2499.998',
    cache: 36_608,
  },
];

const PRIVATE = /^(127\.|::1$|::ffff:127\.)/;

function daemonsOf(persona: Persona): (readonly [string, string, string])[] {
  const web = persona.products.http?.name ?? '';
  return [
    ['root', 'sshd', 'sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups'],
    ['root', 'inetd', '/usr/sbin/inetd'],
    web === 'nginx'
      ? ['root', 'nginx', 'nginx: master process /usr/sbin/nginx -g daemon on; master_process on;']
      : ['root', 'apache2', '/usr/sbin/apache2 -k start'],
    web === 'nginx'
      ? ['www-data', 'nginx', 'nginx: worker process']
      : ['www-data', 'apache2', '/usr/sbin/apache2 -k start'],
    ['mysql', 'mysqld', '/usr/sbin/mysqld'],
    ['root', 'vsftpd', '/usr/sbin/vsftpd /etc/vsftpd.conf'],
  ];
}

/** The machine of a persona, seen on the address that the peer reached it at. */
export function machineOf(persona: Persona, localAddress: string): Machine {
  const version = persona.os.version.slice(0, 5);
  const release = RELEASES[version] ?? (RELEASES['22.04'] as Release);
  const cores = persona.pick('shell cores', [1, 2, 2, 4] as const);
  const memoryKb = cores * 1_991_000 + persona.number('shell memory', 1200, 9800) * 4;
  const diskKb =
    persona.pick('shell disk', [20, 25, 40, 80] as const) * 1_015_000 + persona.number('shell disk odd', 0, 4000);
  const mac = persona.secret('shell mac', 3);
  const address = PRIVATE.test(localAddress)
    ? `10.${persona.number('shell net', 0, 250)}.${persona.number('shell subnet', 0, 20)}.${persona.number('shell address', 4, 250)}`
    : localAddress.replace(/^::ffff:/, '');
  return {
    hostName: persona.hostName,
    fqdn: persona.fqdn,
    release: `${persona.os.name} ${persona.os.version}`,
    version,
    codeName: release.codeName,
    kernel: persona.kernel,
    kernelBuild: release.builds[persona.kernel] ?? '#1-Ubuntu SMP Mon Apr 15 09:52:04 UTC 2024',
    cpu: persona.pick('shell cpu', CPUS),
    cores,
    memoryKb,
    diskKb,
    diskUsedKb: Math.floor((diskKb * persona.number('shell disk used', 18, 61)) / 100),
    rootDevice: persona.pick('shell device', ['/dev/vda1', '/dev/sda1', '/dev/sda2'] as const),
    interface: persona.pick('shell interface', ['eth0', 'ens3', 'ens18', 'enp1s0'] as const),
    address,
    gateway: address.includes(':') ? 'fe80::1' : address.replace(/\d+$/, '1'),
    mac: `52:54:00:${[...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`,
    bootedAt: persona.bootedAt,
    installedAt: Math.max(persona.installedAt, persona.bootedAt - 900 * DAY_MS),
    zoneMinutes: persona.zoneMinutes,
    user: persona.user,
    busybox: release.busybox,
    bash: release.bash,
    daemons: daemonsOf(persona),
    number: (label, min, max) => persona.number(`shell ${label}`, min, max),
    secret: (label, bytes) => persona.secret(`shell ${label}`, bytes),
  };
}

export interface Process {
  pid: number;
  user: string;
  tty: string;
  rssKb: number;
  command: string;
}

const SYSTEM_PROCESSES: readonly (readonly [string, string])[] = [
  ['root', '/sbin/init'],
  ['root', '[kthreadd]'],
  ['root', '[rcu_gp]'],
  ['root', '[rcu_par_gp]'],
  ['root', '[kworker/0:0H-events_highpri]'],
  ['root', '[mm_percpu_wq]'],
  ['root', '[ksoftirqd/0]'],
  ['root', '[rcu_sched]'],
  ['root', '[migration/0]'],
  ['root', '[kdevtmpfs]'],
  ['root', '[kauditd]'],
  ['root', '[khungtaskd]'],
  ['root', '[kswapd0]'],
  ['root', '[jbd2/vda1-8]'],
  ['root', '/lib/systemd/systemd-journald'],
  ['root', '/lib/systemd/systemd-udevd'],
  ['systemd-network', '/lib/systemd/systemd-networkd'],
  ['systemd-resolve', '/lib/systemd/systemd-resolved'],
  ['root', '/usr/sbin/cron -f'],
  [
    'messagebus',
    '/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only',
  ],
  ['root', '/usr/bin/python3 /usr/bin/networkd-dispatcher --run-startup-triggers'],
  ['syslog', '/usr/sbin/rsyslogd -n -iNONE'],
  ['root', '/lib/systemd/systemd-logind'],
];

/** What runs on the machine, in order of process id. */
export function processesOf(machine: Machine): Process[] {
  let pid = 0;
  const list = [...SYSTEM_PROCESSES, ...machine.daemons.map(([user, , command]) => [user, command] as const)];
  return list.map(([user, command], index) => {
    const kernel = command.startsWith('[');
    pid += index < 12 ? 1 : machine.number(`pid step ${index}`, 1, index < 14 ? 90 : 37);
    return {
      pid,
      user,
      tty: '?',
      rssKb: kernel ? 0 : machine.number(`rss ${index}`, 2900, command.includes('mysqld') ? 420_000 : 21_000),
      command: command.replace('vda1', machine.rootDevice.slice(5)),
    };
  });
}

const two = (value: number): string => String(value).padStart(2, '0');
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** Parts of a moment on the machine's own clock. */
export function clock(machine: Machine, atMs: number) {
  const date = new Date(atMs + machine.zoneMinutes * 60_000);
  const offset = Math.abs(machine.zoneMinutes);
  return {
    day: DAYS[date.getUTCDay()] ?? 'Sun',
    month: MONTHS[date.getUTCMonth()] ?? 'Jan',
    date: date.getUTCDate(),
    year: date.getUTCFullYear(),
    hours: two(date.getUTCHours()),
    minutes: two(date.getUTCMinutes()),
    seconds: two(date.getUTCSeconds()),
    iso: date.toISOString(),
    zone: machine.zoneMinutes === 0 ? 'UTC' : machine.zoneMinutes === 60 ? 'CET' : 'EST',
    offset: `${machine.zoneMinutes < 0 ? '-' : '+'}${two(Math.floor(offset / 60))}${two(offset % 60)}`,
  };
}
