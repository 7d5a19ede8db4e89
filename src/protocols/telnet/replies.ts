/** The two faces: what Linux netkit-telnetd 0.17 with login of shadow 4.8-4.13, and the Microsoft Telnet Service, send. All byte strings. */
import type { Persona } from '../surfaces/persona.ts';
import { dateText } from '../surfaces/shell/linux-tree.ts';
import { clock, machineOf } from '../surfaces/shell/machine.ts';
import { memoryOf } from '../surfaces/shell/proc.ts';
import { negotiate, OPTIONS } from './codec.ts';

export interface Face {
  kind: 'linux' | 'windows';
  /** The first options, and those whose answers it waits for. */
  opening: string;
  asked: readonly number[];
  banner: string;
  loginPrompt: string;
  passwordPrompt: string;
  failed: string;
  /** Failed logins until it hangs up, and what it says then. */
  tries: number;
  tooMany: string;
  /** Said when the time to log in is over; a face without it waits. */
  timedOut: string | undefined;
}

const { AUTHENTICATION, BINARY, ECHO, LFLOW, NAWS, NEW_ENVIRON, SGA, STATUS, TSPEED, TTYPE, XDISPLOC } = OPTIONS;

/** Sent by telnetd once the first options are answered; it waits for the answer about ECHO. */
export const LINUX_SECOND = negotiate(['WILL', SGA], ['DO', ECHO], ['DO', NAWS], ['WILL', STATUS], ['DO', LFLOW]);

function linuxFace(persona: Persona): Face {
  const asked = [TTYPE, TSPEED, XDISPLOC, NEW_ENVIRON];
  return {
    kind: 'linux',
    opening: negotiate(...asked.map((option) => ['DO', option] as const)),
    asked,
    // /etc/issue.net, with telnetd's line ends.
    banner: `${persona.os.name} ${persona.os.version}\r\n`,
    loginPrompt: `${persona.hostName} login: `,
    passwordPrompt: 'Password: ',
    failed: '\r\nLogin incorrect\r\n',
    // LOGIN_RETRIES and LOGIN_TIMEOUT of login.defs.
    tries: 5,
    tooMany: 'Maximum number of tries exceeded (5)\r\n',
    timedOut: '\r\nLogin timed out after 60 seconds.\r\n',
  };
}

const WINDOWS: Face = {
  kind: 'windows',
  opening: negotiate(
    ['DO', AUTHENTICATION],
    ['WILL', ECHO],
    ['WILL', SGA],
    ['DO', NEW_ENVIRON],
    ['DO', NAWS],
    ['DO', BINARY],
    ['WILL', BINARY],
  ),
  asked: [AUTHENTICATION],
  banner: 'Welcome to Microsoft Telnet Service \r\n',
  loginPrompt: '\n\rlogin: ',
  passwordPrompt: '\n\rpassword: ',
  failed: '\r\nThe handle is invalid.\r\n\r\nLogin Failed\r\n',
  tries: 3,
  tooMany: '\r\nTelnet Server has closed the connection\r\n',
  timedOut: undefined,
};

const faces = new WeakMap<Persona, Face>();

export function faceOf(persona: Persona): Face {
  const known = faces.get(persona);
  if (known !== undefined) return known;
  const face = persona.kind === 'windows-server' ? WINDOWS : linuxFace(persona);
  faces.set(persona, face);
  return face;
}

/** Ubuntu's dynamic message of the day and login's line about the login before. */
export function linuxWelcome(persona: Persona, localAddress: string, nowMs: number): string {
  const machine = machineOf(persona, localAddress);
  const memory = memoryOf(machine, nowMs);
  const help = machine.version === '20.04' ? 'https://ubuntu.com/advantage' : 'https://ubuntu.com/pro';
  const disk = ((machine.diskUsedKb * 100) / machine.diskKb).toFixed(1);
  const last = clock(machine, machine.bootedAt + machine.number('last login', 200, 4000) * 1000);
  const cell = (name: string, value: string): string => `${`${name}:`.padEnd(15)}${value}`;
  const rows = [
    [cell('System load', '0.08'), `Processes:             ${machine.number('process count', 98, 163)}`],
    [cell('Usage of /', `${disk}% of ${(machine.diskKb / 1_048_576).toFixed(2)}GB`), `Users logged in:       0`],
    [
      cell('Memory usage', `${Math.round((memory.used * 100) / memory.total)}%`),
      `IPv4 address for ${machine.interface}: ${machine.address}`,
    ],
    [cell('Swap usage', '0%'), ''],
  ];
  const updates = machine.number('updates', 3, 74);
  return [
    `Welcome to ${machine.release} (GNU/Linux ${machine.kernel} x86_64)`,
    '',
    ' * Documentation:  https://help.ubuntu.com',
    ' * Management:     https://landscape.canonical.com',
    ` * Support:        ${help}`,
    '',
    `  System information as of ${dateText(machine, nowMs)}`,
    '',
    ...rows.map(([left = '', right = '']) => `  ${left.padEnd(40)}${right}`.trimEnd()),
    '',
    '',
    `${updates} updates can be applied immediately.`,
    'To see these additional updates run: apt list --upgradable',
    '',
    '',
    `Last login: ${last.day} ${last.month} ${String(last.date).padStart(2)} ${last.hours}:${last.minutes}:${last.seconds} ${last.zone} ${last.year} on tty1`,
    '',
  ].join('\r\n');
}

export const WINDOWS_WELCOME =
  '\r\n*===============================================================\r\nMicrosoft Telnet Server.\r\n*===============================================================\r\n';

export const WINDOWS_NTLM_FAILED =
  '\r\nTelnet server could not log you in using NTLM authentication.\r\nYour password may have expired.\r\nLogin using username and password\r\n\r\n';
