/** What the Microsoft Telnet Service gives after a login: a `cmd.exe` with a few commands, in a fixed machine. Byte strings; nothing is run. */
import type { Persona } from '../surfaces/persona.ts';
import { LineEditor } from '../surfaces/shell/line-editor.ts';
import { clock, machineOf } from '../surfaces/shell/machine.ts';

/** Commands joined by `&` in one line, and files written in one session. */
const MAX_COMMANDS = 64;
const MAX_FILES = 128;
const MAX_FILE_BYTES = 1_048_576;
const MAX_WRITTEN = 4_194_304;
const MAX_URLS = 16;
/** Bytes that one line may print. */
const MAX_OUTPUT = 262_144;
const MAX_KEPT = 64;

export interface CmdHost {
  persona: Persona;
  localAddress: string;
  user: string;
  now(): number;
  say(text: string): void;
  entered(line: string): void;
  requested(urls: readonly string[], command: string): void;
  dropped(path: string, content: Buffer): void;
  limited(name: string, value: number): void;
  over(): void;
}

const HELP_ERROR = (name: string): string =>
  `'${name}' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n`;
const FOLDERS: readonly string[] = [
  'C:',
  'C:\\inetpub',
  'C:\\PerfLogs',
  'C:\\Program Files',
  'C:\\Program Files (x86)',
  'C:\\Users',
  'C:\\Users\\Public',
  'C:\\Windows',
  'C:\\Windows\\System32',
  'C:\\Windows\\Temp',
];

export class CmdExe {
  private readonly host: CmdHost;
  private readonly editor = new LineEditor();
  private readonly home: string;
  private cwd: string;
  /** As they are written, by their lower-case path. */
  private readonly folders: Map<string, string>;
  private readonly files = new Map<string, string>();
  private written = 0;
  /** Contents already kept, by path. */
  private readonly kept = new Map<string, string>();
  private keptFiles = 0;
  private ended = false;

  constructor(host: CmdHost) {
    this.host = host;
    this.home = `C:\\Users\\${host.user}`;
    this.cwd = this.home;
    const own = ['', '\\Desktop', '\\Documents', '\\Downloads'].map((name) => this.home + name);
    this.folders = new Map([...FOLDERS, ...own].map((path) => [path.toLowerCase(), path]));
  }

  start(): void {
    this.host.say(`${this.cwd}>`);
  }

  input(bytes: string): void {
    let at = 0;
    while (at < bytes.length && !this.ended) {
      const fed = this.editor.feed(bytes, at, 'readline', true);
      at = fed.at;
      if (fed.echo !== '') this.host.say(fed.echo);
      if (fed.event.kind === 'line') {
        this.host.say('\r\n');
        this.host.entered(fed.event.text);
        this.line(fed.event.text);
        if (!this.ended) this.host.say(`${fed.event.text.trim() === '' ? '' : '\r\n'}${this.cwd}>`);
      } else if (fed.event.kind === 'interrupt') this.host.say(`\r\n${this.cwd}>`);
    }
  }

  /** The session is over: keep what was written. */
  close(): void {
    this.ended = true;
    for (const path of this.files.keys()) this.keep(path);
  }

  private keep(path: string): void {
    const content = this.files.get(path) ?? '';
    if (content === '' || this.kept.get(path) === content || this.keptFiles >= MAX_KEPT) return;
    this.keptFiles += 1;
    this.kept.set(path, content);
    this.host.dropped(path, Buffer.from(content, 'latin1'));
  }

  private line(line: string): void {
    let printed = 0;
    for (const part of line.split(/&&?|\|\|?/, MAX_COMMANDS)) {
      if (this.ended || printed > MAX_OUTPUT) return;
      const redirect = part.lastIndexOf('>');
      const append = redirect > 0 && part[redirect - 1] === '>';
      const output = this.command((redirect < 0 ? part : part.slice(0, append ? redirect - 1 : redirect)).trim());
      printed += output.length;
      if (redirect < 0) this.host.say(output.slice(0, MAX_OUTPUT));
      else this.write(part.slice(redirect + 1).trim(), output, append);
    }
  }

  private path(text: string): string {
    const bare = text.replaceAll('"', '').replaceAll('/', '\\');
    const joined = /^[a-z]:/i.test(bare) ? bare : bare.startsWith('\\') ? `C:${bare}` : `${this.cwd}\\${bare}`;
    const done: string[] = [];
    for (const piece of joined.split('\\', 64)) {
      if (piece === '..') {
        if (done.length > 1) done.pop();
      } else if (piece !== '' && piece !== '.') done.push(piece);
    }
    return done.length === 1 ? `${done[0]}\\` : done.join('\\');
  }

  private write(name: string, text: string, append: boolean): void {
    if (name === '' || name.toLowerCase() === 'nul') return;
    const path = this.path(name);
    const before = append ? (this.files.get(path) ?? '') : '';
    const room = Math.min(MAX_FILE_BYTES - before.length, MAX_WRITTEN - this.written);
    if ((!this.files.has(path) && this.files.size >= MAX_FILES) || room < text.length) {
      this.host.limited('shell files', this.files.size);
      this.host.say('There is not enough space on the disk.\r\n');
      return;
    }
    this.written += text.length;
    this.files.set(path, before + text);
  }

  private command(text: string): string {
    const at = text.search(/[\s\\/.(:]/);
    const first = at < 0 ? text : text.slice(0, at);
    // `cd..`, `cd\` and `dir/w` need no blank; a path does not end at its first backslash.
    const [name, rest] = /^(cd|chdir|dir|echo|type)$/i.test(first)
      ? [first, at < 0 ? '' : text.slice(at)]
      : splitOnce(text);
    const argument = rest.trim();
    switch (name.toLowerCase().replace(/\.exe$/, '')) {
      case '':
      case 'rem':
      case 'cls':
      case 'set':
        return '';
      case 'exit':
      case 'logoff':
        this.ended = true;
        this.host.over();
        return '';
      case 'echo':
        return argument === '' ? 'ECHO is on.\r\n' : `${rest.slice(1)}\r\n`;
      case 'ver':
        return `\r\nMicrosoft Windows [Version ${this.version()}]\r\n`;
      case 'whoami':
        return `${this.host.persona.hostName.toLowerCase()}\\${this.host.user.toLowerCase()}\r\n`;
      case 'hostname':
        return `${this.host.persona.hostName}\r\n`;
      case 'cd':
      case 'chdir':
        return this.changeFolder(argument);
      case 'dir':
        return this.listFolder(argument);
      case 'type':
        return this.show(argument);
      case 'del':
      case 'erase':
        return this.files.delete(this.path(argument)) ? '' : `Could Not Find ${this.path(argument)}\r\n`;
      case 'md':
      case 'mkdir':
        if (this.folders.size < MAX_FILES) this.folders.set(this.path(argument).toLowerCase(), this.path(argument));
        return '';
      case 'ipconfig':
        return this.ipconfig();
      case 'systeminfo':
        return this.systeminfo();
      case 'net':
        return /^user\s*$/i.test(argument) ? this.users() : 'The command completed successfully.\r\n\r\n';
      case 'tasklist':
        return TASKS;
      case 'cmd':
        return argument === ''
          ? `Microsoft Windows [Version ${this.version()}]\r\n(c) Microsoft Corporation. All rights reserved.\r\n`
          : this.nested(argument);
      case 'certutil':
      case 'bitsadmin':
      case 'powershell':
      case 'curl':
      case 'wget':
      case 'ftp':
      case 'tftp':
      case 'mshta':
      case 'regsvr32':
      case 'rundll32':
        return this.fetch(name, text);
      default: {
        const written = this.files.get(this.path(name));
        if (written === undefined) return HELP_ERROR(name);
        this.keep(this.path(name));
        return '';
      }
    }
  }

  private nested(argument: string): string {
    const inner = argument.replace(/^\/[ck]\s*/i, '').replaceAll('"', '');
    // `cmd /c cmd /c …` is read once more and no deeper.
    return /^cmd\b/i.test(inner) ? '' : this.command(inner);
  }

  private fetch(name: string, command: string): string {
    const urls = command.match(/\b(?:https?|ftp|tftp):\/\/[^\s"'`)<>]+/gi) ?? [];
    if (urls.length > 0) this.host.requested(urls.slice(0, MAX_URLS), command);
    switch (name.toLowerCase().replace(/\.exe$/, '')) {
      case 'certutil':
        return urls.length === 0
          ? 'CertUtil: -dump command completed successfully.\r\n'
          : '****  Online  ****\r\nCertUtil: -URLCache command FAILED: 0x80072efd (WinHttp: 12029 ERROR_WINHTTP_CANNOT_CONNECT)\r\nCertUtil: A connection with the server could not be established\r\n';
      case 'bitsadmin':
        return '\r\nBITSADMIN version 3.0\r\nBITS administration utility.\r\n(C) Copyright Microsoft Corp.\r\n\r\nUnable to complete transfer.\r\n';
      case 'powershell':
        return urls.length === 0
          ? ''
          : 'Exception calling "DownloadString" with "1" argument(s): "Unable to connect to the remote server"\r\n';
      case 'wget':
      case 'tftp':
        return HELP_ERROR(name);
      case 'curl':
        return 'curl: (7) Failed to connect: Connection refused\r\n';
      default:
        return '';
    }
  }

  private version(): string {
    return `${this.host.persona.os.version}.${this.host.persona.number('windows revision', 1100, 6900)}`;
  }

  private changeFolder(argument: string): string {
    const target = argument.replace(/^\/d\s+/i, '');
    if (target === '') return `${this.cwd}\r\n`;
    const path = this.path(target);
    if (path.toLowerCase() !== 'c:\\' && !this.folders.has(path.toLowerCase()))
      return 'The system cannot find the path specified.\r\n';
    this.cwd = this.folders.get(path.toLowerCase()) ?? 'C:\\';
    return '';
  }

  private show(argument: string): string {
    const content = this.files.get(this.path(argument));
    if (argument === '') return 'The syntax of the command is incorrect.\r\n';
    return content ?? 'The system cannot find the file specified.\r\n';
  }

  private listFolder(argument: string): string {
    const path = this.path(argument.replace(/\/\w+/g, '').trim() || '.');
    const folder = path.toLowerCase().replace(/\\$/, '');
    if (!this.folders.has(folder))
      return ` Volume in drive C has no label.\r\n Volume Serial Number is ${this.serial()}\r\n\r\n Directory of ${path}\r\n\r\nFile Not Found\r\n`;
    const machine = machineOf(this.host.persona, this.host.localAddress);
    const at = clock(machine, this.host.persona.installedAt);
    const hours = Number(at.hours);
    const stamp = `${at.iso.slice(5, 7)}/${at.iso.slice(8, 10)}/${at.year}  ${String(hours % 12 || 12).padStart(2, '0')}:${at.minutes} ${hours < 12 ? 'AM' : 'PM'}`;
    const inside = (known: string): string | undefined => {
      const lower = known.toLowerCase();
      return lower.startsWith(`${folder}\\`) && !lower.slice(folder.length + 1).includes('\\')
        ? known.slice(folder.length + 1)
        : undefined;
    };
    const folders = [...this.folders.values()].map(inside).filter((name) => name !== undefined);
    if (folder !== 'c:') folders.unshift('.', '..');
    const files = [...this.files]
      .map(([name, content]) => ({ name: inside(name), size: content.length }))
      .filter(({ name }) => name !== undefined);
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const grouped = (value: number): string => value.toString().replace(/\B(?=(\d{3})+$)/g, ',');
    return [
      ' Volume in drive C has no label.',
      ` Volume Serial Number is ${this.serial()}`,
      '',
      ` Directory of ${path}`,
      '',
      ...folders.map((name) => `${stamp}    <DIR>          ${name}`),
      ...files.map(({ name, size }) => `${stamp}    ${grouped(size).padStart(14)} ${name}`),
      `${String(files.length).padStart(16)} File(s) ${grouped(bytes).padStart(14)} bytes`,
      `${String(folders.length).padStart(16)} Dir(s)  ${grouped(this.host.persona.number('windows free', 9_000_000, 80_000_000) * 1024).padStart(14)} bytes free`,
      '',
    ].join('\r\n');
  }

  private serial(): string {
    return this.host.persona
      .secret('volume serial', 4)
      .toString('hex')
      .toUpperCase()
      .replace(/^(....)/, '$1-');
  }

  private ipconfig(): string {
    const { address, gateway } = machineOf(this.host.persona, this.host.localAddress);
    return `\r\nWindows IP Configuration\r\n\r\n\r\nEthernet adapter Ethernet0:\r\n\r\n   Connection-specific DNS Suffix  . : \r\n   IPv4 Address. . . . . . . . . . . : ${address}\r\n   Subnet Mask . . . . . . . . . . . : 255.255.255.0\r\n   Default Gateway . . . . . . . . . : ${gateway}\r\n`;
  }

  private systeminfo(): string {
    const { persona } = this.host;
    const machine = machineOf(persona, this.host.localAddress);
    const date = (ms: number): string => {
      const at = clock(machine, ms);
      const hours = Number(at.hours);
      return `${Number(at.iso.slice(5, 7))}/${at.date}/${at.year}, ${hours % 12 || 12}:${at.minutes}:${at.seconds} ${hours < 12 ? 'AM' : 'PM'}`;
    };
    const id = persona.number('product id', 10_000, 99_999);
    const rows: readonly (readonly [string, string])[] = [
      ['Host Name', persona.hostName],
      ['OS Name', `Microsoft ${persona.os.name}`],
      ['OS Version', `${persona.os.version} N/A Build ${persona.os.version.split('.')[2] ?? ''}`],
      ['OS Manufacturer', 'Microsoft Corporation'],
      ['OS Configuration', 'Member Server'],
      ['OS Build Type', 'Multiprocessor Free'],
      ['Registered Owner', 'Windows User'],
      ['Product ID', `00${id % 1000}-${id}-00000-AA${id % 1000}`],
      ['Original Install Date', date(persona.installedAt)],
      ['System Boot Time', date(persona.bootedAt)],
      ['System Manufacturer', 'VMware, Inc.'],
      ['System Type', 'x64-based PC'],
      ['Windows Directory', 'C:\\Windows'],
      ['System Directory', 'C:\\Windows\\system32'],
      ['System Locale', 'en-us;English (United States)'],
      ['Total Physical Memory', `${Math.floor(machine.memoryKb / 1024).toLocaleString('en-US')} MB`],
      ['Domain', persona.fqdn.slice(persona.fqdn.indexOf('.') + 1)],
    ];
    return `\r\n${rows.map(([name, value]) => `${`${name}:`.padEnd(27)}${value}\r\n`).join('')}`;
  }

  private users(): string {
    const names = ['Administrator', 'DefaultAccount', 'Guest', this.host.persona.user]
      .map((name) => name.padEnd(25))
      .join('');
    return `\r\nUser accounts for \\\\${this.host.persona.hostName}\r\n\r\n${'-'.repeat(79)}\r\n${names}\r\nThe command completed successfully.\r\n\r\n`;
  }
}

function splitOnce(text: string): [string, string] {
  const at = text.search(/\s/);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)];
}

const TASKS = `\r\nImage Name                     PID Session Name        Session#    Mem Usage\r\n========================= ======== ================ =========== ============\r\n${(
  [
    ['System Idle Process', 0, 8],
    ['System', 4, 144],
    ['smss.exe', 276, 1204],
    ['csrss.exe', 372, 5012],
    ['wininit.exe', 472, 4720],
    ['services.exe', 568, 8204],
    ['lsass.exe', 588, 15_028],
    ['svchost.exe', 680, 12_840],
    ['svchost.exe', 728, 9704],
    ['spoolsv.exe', 1236, 15_308],
    ['tlntsvr.exe', 1472, 6120],
    ['tlntsess.exe', 2960, 7044],
    ['cmd.exe', 3012, 3508],
  ] as const
)
  .map(
    ([name, pid, kb]) =>
      `${name.padEnd(25)} ${String(pid).padStart(8)} Services                   0 ${`${kb.toLocaleString('en-US')} K`.padStart(12)}\r\n`,
  )
  .join('')}`;
