/** The kinds of attempts, against which service of which machine they go, and what other honeypots do of them. */
import { serviceNamed } from '../src/protocols/registry.ts';
import { type Dialogue, DialogueRecorder } from './bare/dialogue.ts';
import type { AloneSensor } from './bench.ts';
import { attempt } from './load/attempt.ts';
import { type Mode, tokenOf } from './load/conversations.ts';

export interface ModeFacts {
  mode: Mode;
  title: string;
  service: string;
  persona: 'windows-server' | 'ubuntu-server';
  options?: Record<string, unknown>;
  /** The server ends the connection after its last answer. */
  closes: boolean;
  /** The server speaks first. */
  greets: boolean;
  /** The best that was measured of another honeypot with these clients in the same form: 16 at a time, on two cores. */
  other?: { name: string; perSecond: number; times: number };
}

/** Dionaea 0.11 with `log_json`, its fastest set-up; Cowrie for Telnet. */
const dionaea = (perSecond: number): NonNullable<ModeFacts['other']> => ({ name: 'Dionaea', perSecond, times: 5 });
const login = { closes: false, greets: true, persona: 'windows-server' } as const;

export const LOGIN_MODES: readonly ModeFacts[] = [
  { ...login, mode: 'tcp-connect', title: 'TCP connect', service: 'http', greets: false, other: dionaea(1355) },
  { ...login, mode: 'http-get', title: 'HTTP GET', service: 'http', closes: true, greets: false, other: dionaea(682) },
  { ...login, mode: 'ftp-login', title: 'FTP login', service: 'ftp', other: dionaea(454) },
  { ...login, mode: 'mysql-login', title: 'MySQL login', service: 'mysql', other: dionaea(362) },
  { ...login, mode: 'mssql-login', title: 'MSSQL login', service: 'mssql', greets: false, other: dionaea(174) },
  {
    ...login,
    mode: 'telnet-login',
    title: 'Telnet failed login',
    service: 'telnet',
    persona: 'ubuntu-server',
    other: { name: 'Cowrie', perSecond: 735, times: 4 },
  },
];

export const TELNET_SHELL: ModeFacts = {
  ...login,
  mode: 'telnet-shell',
  title: 'Telnet login and a file written',
  service: 'telnet',
  persona: 'ubuntu-server',
  options: { lure: { accept: 'always' } },
};

export const isServed = (mode: ModeFacts): boolean => serviceNamed(mode.service) !== undefined;

export const factsOf = (mode: Mode): ModeFacts => {
  const found = LOGIN_MODES.find((facts) => facts.mode === mode);
  if (found === undefined) throw new Error(`no mode ${mode}`);
  return found;
};

/** As long as the names of all runs (`s0`, `b1`): the bare server counts on tokens of one length. */
const RECORDING_RUN = 'r0';

/** Records what the sensor says in one attempt, for the bare server to say it again. */
export async function recordDialogue(sensor: AloneSensor, facts: ModeFacts): Promise<Dialogue> {
  const recorder = new DialogueRecorder();
  const target = { mode: facts.mode, host: '127.0.0.1', port: sensor.port(facts.service), sources: 1 };
  const { result } = await attempt(target, 0, tokenOf(RECORDING_RUN, 0), recorder.observe);
  if (result !== 'ok') throw new Error(`the recording of ${facts.mode} failed: ${result}`);
  return recorder.dialogue(facts.closes);
}
