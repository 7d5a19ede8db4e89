/** Texts of the kernel: `/proc/cpuinfo`, `/proc/mounts` and the like (proc(5)). */
import type { Machine } from './machine.ts';

const FLAGS =
  'fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ss ht syscall nx pdpe1gb rdtscp lm constant_tsc rep_good ' +
  'nopl xtopology cpuid tsc_known_freq pni pclmulqdq ssse3 fma cx16 pcid sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave avx f16c rdrand hypervisor ' +
  'lahf_lm abm 3dnowprefetch invpcid_single pti fsgsbase tsc_adjust bmi1 avx2 smep bmi2 erms invpcid rdseed adx smap xsaveopt arat';

export function cpuinfo(machine: Machine): string {
  const { cpu, cores } = machine;
  const bogomips = (Number(cpu.mhz) * 2).toFixed(2);
  return Array.from({ length: cores }, (_, index) =>
    [
      `processor\t: ${index}`,
      'vendor_id\t: GenuineIntel',
      `cpu family\t: ${cpu.family}`,
      `model\t\t: ${cpu.modelNumber}`,
      `model name\t: ${cpu.model}`,
      `stepping\t: ${cpu.stepping}`,
      'microcode\t: 0x1',
      `cpu MHz\t\t: ${cpu.mhz}`,
      `cache size\t: ${cpu.cache} KB`,
      'physical id\t: 0',
      `siblings\t: ${cores}`,
      `core id\t\t: ${index}`,
      `cpu cores\t: ${cores}`,
      `apicid\t\t: ${index}`,
      `initial apicid\t: ${index}`,
      'fpu\t\t: yes',
      'fpu_exception\t: yes',
      'cpuid level\t: 13',
      'wp\t\t: yes',
      `flags\t\t: ${FLAGS}`,
      'bugs\t\t: cpu_meltdown spectre_v1 spectre_v2 spec_store_bypass l1tf mds swapgs itlb_multihit',
      `bogomips\t: ${bogomips}`,
      'clflush size\t: 64',
      'cache_alignment\t: 64',
      'address sizes\t: 46 bits physical, 48 bits virtual',
      'power management:\n\n',
    ].join('\n'),
  ).join('');
}

export interface Memory {
  total: number;
  used: number;
  free: number;
  shared: number;
  cache: number;
  available: number;
  swap: number;
}

/** Kilobytes; what is used wanders a little with the time, as on a machine that lives. */
export function memoryOf(machine: Machine, nowMs: number): Memory {
  const total = machine.memoryKb;
  const wander = Math.floor(nowMs / 30_000) % 97;
  const used = Math.floor(total * 0.21) + machine.number('memory used', 0, 90_000) + wander * 52;
  const free = Math.floor(total * 0.34) - wander * 61;
  const shared = machine.number('memory shared', 900, 4200);
  return { total, used, free, shared, cache: total - used - free, available: total - used - 61_000, swap: 2_097_148 };
}

export function meminfo(machine: Machine, nowMs: number): string {
  const memory = memoryOf(machine, nowMs);
  const rows: readonly (readonly [string, number])[] = [
    ['MemTotal', memory.total],
    ['MemFree', memory.free],
    ['MemAvailable', memory.available],
    ['Buffers', Math.floor(memory.cache * 0.11)],
    ['Cached', Math.floor(memory.cache * 0.74)],
    ['SwapCached', 0],
    ['Active', Math.floor(memory.total * 0.24)],
    ['Inactive', Math.floor(memory.total * 0.33)],
    ['SwapTotal', memory.swap],
    ['SwapFree', memory.swap],
    ['Dirty', 64],
    ['Writeback', 0],
    ['AnonPages', Math.floor(memory.used * 0.8)],
    ['Mapped', 141_268],
    ['Shmem', memory.shared],
    ['Slab', Math.floor(memory.cache * 0.15)],
    ['PageTables', 4964],
    ['VmallocTotal', 34_359_738_367],
    ['HugePages_Total', 0],
  ];
  return rows.map(([name, value]) => `${`${name}:`.padEnd(16)}${String(value).padStart(8)} kB\n`).join('');
}

export function mountTable(machine: Machine): string {
  const tmpfs = Math.floor(machine.memoryKb / 10);
  return [
    'sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0',
    'proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0',
    `udev /dev devtmpfs rw,nosuid,relatime,size=${Math.floor(machine.memoryKb / 2)}k,nr_inodes=${Math.floor(machine.memoryKb / 8)},mode=755,inode64 0 0`,
    'devpts /dev/pts devpts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=000 0 0',
    `tmpfs /run tmpfs rw,nosuid,nodev,noexec,relatime,size=${tmpfs}k,mode=755,inode64 0 0`,
    `${machine.rootDevice} / ext4 rw,relatime,discard,errors=remount-ro 0 0`,
    'securityfs /sys/kernel/security securityfs rw,nosuid,nodev,noexec,relatime 0 0',
    'tmpfs /dev/shm tmpfs rw,nosuid,nodev,inode64 0 0',
    'tmpfs /run/lock tmpfs rw,nosuid,nodev,noexec,relatime,size=5120k,inode64 0 0',
    'cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot 0 0',
    `tmpfs /run/user/0 tmpfs rw,nosuid,nodev,relatime,size=${tmpfs}k,nr_inodes=${Math.floor(tmpfs / 4)},mode=700,inode64 0 0`,
    '',
  ].join('\n');
}

const COMPILERS: Readonly<Record<string, string>> = {
  '20.04': 'gcc version 9.4.0 (Ubuntu 9.4.0-1ubuntu1~20.04.2)',
  '22.04': 'gcc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0, GNU ld (GNU Binutils for Ubuntu) 2.38',
  '24.04': 'x86_64-linux-gnu-gcc-13 (Ubuntu 13.2.0-23ubuntu4) 13.2.0, GNU ld (GNU Binutils for Ubuntu) 2.42',
};

export function kernelVersion(machine: Machine): string {
  return `Linux version ${machine.kernel} (buildd@lcy02-amd64-${String(machine.number('build host', 1, 119)).padStart(3, '0')}) (${COMPILERS[machine.version] ?? ''}) ${machine.kernelBuild}`;
}

export function uptimeSeconds(machine: Machine, nowMs: number): number {
  return Math.max(60, Math.floor((nowMs - machine.bootedAt) / 1000));
}

export function netDevices(machine: Machine): string {
  const row = (name: string, bytes: number, packets: number): string =>
    `${name.padStart(6)}: ${String(bytes).padStart(7)} ${String(packets).padStart(7)}    0    0    0     0          0         0 ${String(Math.floor(bytes / 3)).padStart(8)} ${String(Math.floor(packets / 2)).padStart(7)}    0    0    0     0       0          0\n`;
  const packets = machine.number('packets in', 400_000, 9_000_000);
  return (
    'Inter-|   Receive                                                |  Transmit\n' +
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n' +
    row('lo', machine.number('loopback', 1_000_000, 90_000_000), 81_240) +
    row(machine.interface, packets * 412, packets)
  );
}
