/** What `xp_cmdshell` prints for the commands that intruders begin with. Nothing is run: the lines are those of a Windows server's cmd.exe. */
import type { Persona } from '../surfaces/persona.ts';

/** Parts of one command line (`a & b && c`) that are answered. */
const MAX_PARTS = 32;

const two = (value: number): string => String(value).padStart(2, '0');
const SERVICE = 'nt service\\mssqlserver';

function unknown(word: string): string[] {
  return [`'${word}' is not recognized as an internal or external command,`, 'operable program or batch file.'];
}

function localAddress(address: string): string {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(address) ? address : '10.0.0.5';
}

export interface ShellFacts {
  persona: Persona;
  /** The address that the peer reached. */
  address: string;
  now: number;
}

function build(persona: Persona): string {
  return /^\d+\.\d+\.\d+$/.test(persona.kernel) ? persona.kernel : '10.0.17763';
}

function directory(path: string, { persona }: ShellFacts): string[] {
  const serial = persona.secret('volume serial', 4).toString('hex').toUpperCase();
  const at = new Date(persona.installedAt);
  const stamp = `${two(at.getUTCMonth() + 1)}/${two(at.getUTCDate())}/${at.getUTCFullYear()}  ${two(at.getUTCHours() % 12 || 12)}:${two(at.getUTCMinutes())} ${at.getUTCHours() < 12 ? 'AM' : 'PM'}`;
  const root = /^c:\\?$/i.test(path);
  const head = [
    ' Volume in drive C has no label.',
    ` Volume Serial Number is ${serial.slice(0, 4)}-${serial.slice(4)}`,
  ];
  if (!root) return [...head, '', ` Directory of ${path}`, '', 'File Not Found'];
  const names = ['inetpub', 'PerfLogs', 'Program Files', 'Program Files (x86)', 'Users', 'Windows'];
  const free = persona.number('disk free', 12_000_000_000, 180_000_000_000).toLocaleString('en-US');
  return [
    ...head,
    '',
    ' Directory of C:\\',
    '',
    ...names.map((name) => `${stamp}    <DIR>          ${name}`),
    '               0 File(s)              0 bytes',
    `               ${names.length} Dir(s)  ${free} bytes free`,
  ];
}

function systemInfo({ persona }: ShellFacts): string[] {
  return [
    '',
    `Host Name:                 ${persona.hostName.toUpperCase()}`,
    `OS Name:                   Microsoft ${persona.os.name}`,
    `OS Version:                ${build(persona)} N/A Build ${build(persona).split('.')[2] ?? ''}`,
    'OS Manufacturer:           Microsoft Corporation',
    'OS Configuration:          Member Server',
    'OS Build Type:             Multiprocessor Free',
    'Registered Owner:          Windows User',
    'System Type:               x64-based PC',
    `Domain:                    ${persona.fqdn.split('.').slice(1).join('.')}`,
  ];
}

function addresses(facts: ShellFacts): string[] {
  const address = localAddress(facts.address);
  return [
    '',
    'Windows IP Configuration',
    '',
    '',
    'Ethernet adapter Ethernet0:',
    '',
    `   Connection-specific DNS Suffix  . : ${facts.persona.fqdn.split('.').slice(1).join('.')}`,
    `   IPv4 Address. . . . . . . . . . . : ${address}`,
    '   Subnet Mask . . . . . . . . . . . : 255.255.255.0',
    `   Default Gateway . . . . . . . . . : ${address.split('.').slice(0, 3).join('.')}.1`,
  ];
}

const PROCESSES: readonly [string, number][] = [
  ['System Idle Process', 0],
  ['System', 4],
  ['smss.exe', 312],
  ['csrss.exe', 420],
  ['wininit.exe', 496],
  ['services.exe', 628],
  ['lsass.exe', 640],
  ['svchost.exe', 792],
  ['spoolsv.exe', 1420],
  ['sqlwriter.exe', 1776],
  ['sqlservr.exe', 1912],
];

function tasks({ persona }: ShellFacts): string[] {
  return [
    '',
    'Image Name                     PID Session Name        Session#    Mem Usage',
    '========================= ======== ================ =========== ============',
    ...PROCESSES.map(([name, pid]) => {
      const memory = `${persona.number(`memory of ${name}`, 1200, 92_000).toLocaleString('en-US')} K`;
      return `${name.padEnd(25)} ${String(pid).padStart(8)} ${'Services'.padEnd(16)} ${'0'.padStart(11)} ${memory.padStart(12)}`;
    }),
  ];
}

function users({ persona }: ShellFacts): string[] {
  return [
    '',
    `User accounts for \\\\${persona.hostName.toUpperCase()}`,
    '',
    '-'.repeat(79),
    ['Administrator', 'DefaultAccount', 'Guest'].map((name) => name.padEnd(25)).join(''),
    persona.user,
    'The command completed successfully.',
    '',
  ];
}

function net(args: string, facts: ShellFacts): string[] {
  const key = args.toLowerCase();
  if (key === 'user' || key === 'users') return users(facts);
  if (/^localgroup\s+administrators$/.test(key))
    return [
      'Alias name     administrators',
      'Comment        Administrators have complete and unrestricted access to the computer/domain',
      '',
      'Members',
      '',
      '-'.repeat(79),
      'Administrator',
      `${facts.persona.domain}\\Domain Admins`,
      'The command completed successfully.',
      '',
    ];
  // The service account is no administrator.
  if (/^(user|localgroup|start|stop|share)\b/.test(key))
    return ['System error 5 has occurred.', '', 'Access is denied.', ''];
  return ['The command completed successfully.', ''];
}

/** Programs that print nothing of their own when they do their work. */
const SILENT: ReadonlySet<string> = new Set(
  'powershell powershell.exe cmd cmd.exe start mshta regsvr32 rundll32 wscript cscript del rd rmdir md mkdir copy attrib cd set taskkill reg sc schtasks icacls cacls wmic bitsadmin certutil'.split(
    ' ',
  ),
);

function part(line: string, facts: ShellFacts): string[] {
  const match = /^("[^"]*"|\S+)\s*(.*)$/s.exec(line);
  const word = (match?.[1] ?? '').replaceAll('"', '');
  const args = (match?.[2] ?? '').trim();
  switch (word.toLowerCase().replace(/\.exe$/, '')) {
    case 'whoami':
      return args === '' ? [SERVICE] : ['', 'USER INFORMATION', '----------------', '', `User Name: ${SERVICE}`];
    case 'hostname':
      return [facts.persona.hostName];
    case 'ver':
      return [
        '',
        `Microsoft Windows [Version ${build(facts.persona)}.${facts.persona.number('windows revision', 1000, 5800)}]`,
      ];
    case 'echo':
      return />/.test(args) ? [] : [args];
    case 'dir':
      return directory(args.replace(/\/\S+/g, '').trim() || 'C:\\Windows\\system32', facts);
    case 'systeminfo':
      return systemInfo(facts);
    case 'ipconfig':
      return addresses(facts);
    case 'tasklist':
      return tasks(facts);
    case 'net':
    case 'net1':
      return net(args, facts);
    case 'type':
      return ['The system cannot find the file specified.'];
    default:
      return SILENT.has(word.toLowerCase()) ? [] : unknown(word);
  }
}

/** The lines of output. */
export function shellOutput(command: string, facts: ShellFacts): string[] {
  const parts = command
    .split(/&&?|\|\|/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return parts.slice(0, MAX_PARTS).flatMap((line) => part((line.split('|')[0] ?? '').trim(), facts));
}

const URL = /\b(?:https?|ftp):\/\/[^\s'"()<>|&;,`^]+/gi;
const MAX_URLS = 32;

/** Addresses that a command would fetch. */
export function urlsIn(command: string): string[] {
  return [...new Set(command.match(URL) ?? [])].slice(0, MAX_URLS);
}
