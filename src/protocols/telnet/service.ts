/** Telnet: the options, the login, and after one that the lure lets in a shell of the persona's machine. */
import { MAX_LONG_TEXT, MAX_SHORT_TEXT, textFromBytes } from '../../events/index.ts';
import { type Connection, defineService, type Session, type Timer } from '../kernel/contract.ts';
import { admits } from '../kernel/lure.ts';
import { worldOf } from '../surfaces/shell/linux-tree.ts';
import { makeShell } from '../surfaces/shell/shell.ts';
import { Terminal } from '../surfaces/shell/terminal.ts';
import { CmdExe } from './cmd-exe.ts';
import { COMMANDS, encodeData, telnetReader } from './codec.ts';
import { Login } from './login.ts';
import { Negotiation } from './negotiation.ts';
import { NtlmExchange } from './ntlm.ts';
import { type TelnetOptions, telnetOptions } from './options.ts';
import { type Face, faceOf, linuxWelcome, WINDOWS_NTLM_FAILED, WINDOWS_WELCOME } from './replies.ts';

/** A peer on this host or in its network answers within a millisecond or not at all: it is not waited for as one across the world. */
const NEAR = /^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|::1$|fe80:|f[cd])/;
const NEAR_PATIENCE_MS = 2;
/** telnetd's banner never shares a packet with its options, as login has yet to start; tools that read packet by packet rely on it. */
const LOGIN_START_MS = 1;
/** Data commands recorded as malformed, of one session. */
const MAX_MALFORMED = 16;
/** IAC DM: the terminal's output was flushed. The ^C follows. */
const FLUSHED = '\xff\xf2';

interface Shellish {
  input(bytes: string): void;
  close(): void;
}

class TelnetConnection implements Connection {
  private readonly session: Session;
  private readonly options: TelnetOptions;
  private readonly face: Face;
  private readonly reader: ReturnType<typeof telnetReader>;
  private readonly negotiation: Negotiation;
  private readonly ntlm: NtlmExchange;
  private readonly login: Login;
  private patience: Timer | undefined;
  private deadline: Timer | undefined;
  /** The options are settled, and the login is about to start. */
  private settled = false;
  private started = false;
  private shell: Shellish | undefined;
  private ended = false;
  /** Bytes to send at the end of this turn, as a byte string. */
  private outgoing = '';
  private afterCr = false;
  private attempts = 0;
  private malformed = 0;
  private terminal = 'network';
  private environmentUser: string | undefined;

  constructor(session: Session, options: TelnetOptions) {
    this.session = session;
    this.options = options;
    this.face = faceOf(session.persona);
    this.reader = telnetReader({
      data: (bytes) => this.text(bytes.toString('latin1')),
      option: (verb, option) => {
        this.answered();
        this.negotiation.option(verb, option);
      },
      subnegotiation: (option, payload, whole) => {
        this.answered();
        this.negotiation.subnegotiation(option, payload, whole);
      },
      command: (code) => this.command(code),
    });
    this.negotiation = new Negotiation(this.face, {
      send: (bytes) => {
        this.outgoing += bytes;
      },
      learned: (kind, value, variables) => this.learned(kind, value, variables),
      authentication: (payload) => this.ntlm.take(payload),
      malformed: (code, bytes) => this.reject(code, bytes),
      ready: () => {
        this.settled = true;
        this.patience?.cancel();
        this.patience = this.later(LOGIN_START_MS, () => this.begin());
      },
    });
    this.ntlm = new NtlmExchange(session, {
      send: (bytes) => {
        this.outgoing += bytes;
      },
      malformed: (code, bytes) => this.reject(code, bytes),
      admit: (username, verify) => {
        this.attempts += 1;
        return !this.started && admits(options.lure, username, verify, this.attempts);
      },
      accepted: (username) => {
        this.started = true;
        this.patience?.cancel();
        this.enter(username, '');
      },
      refused: () => {
        if (this.started) return;
        this.say(WINDOWS_NTLM_FAILED);
        this.begin();
      },
    });
    this.login = new Login(this.face, options.failDelayMs, {
      say: (text) => this.say(text),
      attempt: (username, password) => this.attempt(username, password, 'plain'),
      interrupted: () => this.interrupted(),
      after: (ms, callback) => this.later(ms, callback),
      accepted: (username, rest) => this.enter(username, rest),
      over: () => this.hangUp(),
    });
    this.negotiation.open();
    this.flush();
    const near = NEAR.test(session.peer.address);
    this.patience = this.later(near ? Math.min(NEAR_PATIENCE_MS, options.patienceMs) : options.patienceMs, () =>
      this.begin(),
    );
  }

  data(chunk: Buffer): void {
    this.reader.push(chunk);
    this.flush();
  }

  closed(): void {
    this.ended = true;
    this.shell?.close();
    this.shell = undefined;
  }

  private later(ms: number, callback: () => void): Timer {
    return this.session.after(ms, () => {
      if (this.ended) return;
      callback();
      this.flush();
    });
  }

  /** Who answers at all is given the time to answer everything. */
  private answered(): void {
    if (this.started || this.settled) return;
    this.patience?.cancel();
    this.patience = this.later(this.options.patienceMs, () => this.begin());
  }

  private say(text: string): void {
    this.outgoing += encodeData(text, this.face.kind === 'linux');
  }

  private interrupted(): void {
    if (this.face.kind === 'linux') this.outgoing += FLUSHED;
  }

  private flush(): void {
    if (this.outgoing === '' || this.ended) return;
    const bytes = Buffer.from(this.outgoing, 'latin1');
    this.outgoing = '';
    this.session.send(bytes);
  }

  private hangUp(): void {
    this.flush();
    this.ended = true;
    this.session.close('service_closed');
  }

  /** CR LF, CR NUL and CR are one line end, as telnetd and the terminal make of them; LF is one too. */
  private text(raw: string): void {
    if (this.ended) return;
    let text = raw;
    if (this.afterCr && (text[0] === '\n' || text[0] === '\0')) text = text.slice(1);
    this.afterCr = raw.endsWith('\r');
    if (text.includes('\r')) text = text.replace(/\r[\n\0]/g, '\r');
    if (text === '') return;
    // Data before the options are settled: a client that does not negotiate.
    this.begin();
    this.input(text);
  }

  private input(text: string): void {
    if (this.ended) return;
    if (this.shell !== undefined) this.shell.input(text);
    else this.login.input(text);
  }

  private command(code: number): void {
    switch (code) {
      case COMMANDS.AYT:
        if (this.face.kind === 'linux') this.say('\r\n[Yes]\r\n');
        return;
      case COMMANDS.IP:
      case COMMANDS.BRK:
        this.typed('\x03');
        return;
      case COMMANDS.EC:
        this.typed('\x7f');
        return;
      case COMMANDS.EL:
        this.typed('\x15');
        return;
      case COMMANDS.EOF:
        this.typed('\x04');
        return;
      case COMMANDS.AO:
        this.outgoing += FLUSHED;
        return;
      case COMMANDS.NOP:
      case COMMANDS.DM:
      case COMMANDS.GA:
        return;
      default:
        this.reject('unknown_command', Buffer.from([255, code]));
    }
  }

  /** A key that a command stands for; before the login there is no terminal to press it at. */
  private typed(key: string): void {
    if (this.started) this.input(key);
  }

  private begin(): void {
    if (this.started || this.ended) return;
    this.started = true;
    this.patience?.cancel();
    const { timedOut } = this.face;
    if (timedOut !== undefined) {
      this.deadline = this.later(this.options.loginTimeoutMs, () => {
        this.say(timedOut);
        this.hangUp();
      });
    }
    if (this.negotiation.answers.length > 0) {
      this.session.record('peer.fingerprint', { kind: 'telnet_options', value: this.negotiation.answers.join(',') });
    }
    if (this.environmentUser?.startsWith('-') === true && this.bypass(this.environmentUser)) return;
    this.login.start(this.face.kind === 'linux' ? this.environmentUser : undefined);
  }

  private learned(kind: string, value: string, variables: readonly [string, string][] = []): void {
    const detail = variables.map(([name, text]) => this.short(`${name}=${text}`));
    this.session.record('peer.fingerprint', {
      kind: `telnet_${kind}`,
      value: this.short(value),
      ...(detail.length > 0 ? { detail: { variables: detail } } : {}),
    });
    // telnetd hands the name to programs in lower case.
    if (kind === 'terminal') this.terminal = /^[A-Za-z0-9._+-]{1,40}$/.test(value) ? value.toLowerCase() : 'network';
    const user = variables.find(([name]) => name === 'USER')?.[1];
    if (user !== undefined && user !== '' && !this.started) this.environmentUser = user;
  }

  private short(bytes: string): string {
    return this.bounded(bytes, MAX_SHORT_TEXT);
  }

  private bounded(bytes: string, max: number): string {
    const text = textFromBytes(Buffer.from(bytes, 'latin1'));
    if (text.length <= max) return text;
    this.session.record('limit.reached', { limit: 'text length', value: text.length });
    return text.slice(0, max).toWellFormed();
  }

  private reject(code: string, bytes: Buffer): void {
    this.malformed += 1;
    if (this.malformed <= MAX_MALFORMED)
      this.session.record('peer.malformed', { code, bytes: textFromBytes(bytes.subarray(0, 512)) });
  }

  private attempt(username: string, password: string, mechanism: string): boolean {
    this.attempts += 1;
    const { lure } = this.options;
    const name = this.short(username);
    const accepted = admits(
      lure,
      name,
      (candidate) => candidate === textFromBytes(Buffer.from(password, 'latin1')),
      this.attempts,
    );
    this.session.record('auth.attempt', { username: name, password: this.short(password), mechanism, accepted });
    return accepted;
  }

  /** USER=-f root: telnetd of GNU inetutils up to 2.7 gave that to login as an option; netkit's ignores it. Lets in where the lure lets everybody in. */
  private bypass(user: string): boolean {
    const accepted = this.options.lure.accept === 'always';
    const name = user.replace(/^-f\s*/, '');
    this.session.record('exploit.matched', {
      rule: 'telnet-login-option-injection',
      cve: 'CVE-2026-24061',
      detail: { user: this.short(user) },
    });
    this.session.record('auth.attempt', {
      username: this.short(name),
      password: null,
      mechanism: 'login-option',
      accepted,
    });
    this.environmentUser = undefined;
    if (accepted) this.enter(name, '');
    return accepted;
  }

  private enter(username: string, rest: string): void {
    this.deadline?.cancel();
    const user = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/.test(username) ? username : 'user';
    this.shell =
      this.face.kind === 'linux'
        ? this.linuxShell(user)
        : this.windowsShell(user.replace(/^administrator$/i, 'Administrator'));
    // What was typed ahead of the shell is the shell's.
    if (rest !== '') this.shell.input(rest);
  }

  private recorders() {
    return {
      now: () => this.session.now(),
      requested: (urls: readonly string[], command: string): void =>
        this.session.record('file.requested', {
          urls: urls.map((url) => this.bounded(url, MAX_LONG_TEXT)),
          command: this.bounded(command, MAX_LONG_TEXT),
        }),
      dropped: (path: string, content: Buffer): void =>
        this.session.capture(content, { name: this.short(path), via: 'shell' }),
      limited: (limit: string, value: number): void => this.session.record('limit.reached', { limit, value }),
    };
  }

  private entered(line: string, detail?: Record<string, boolean>): void {
    if (line === '') return;
    this.session.record('command.input', {
      command: this.bounded(line, MAX_LONG_TEXT),
      ...(detail === undefined ? {} : { detail }),
    });
  }

  private linuxShell(user: string): Shellish {
    const { session } = this;
    this.say(linuxWelcome(session.persona, session.local.address, session.now()));
    const recorders = this.recorders();
    const shell = makeShell(
      worldOf(session.persona, session.local.address),
      { ...recorders, random: (bytes) => session.random(bytes) },
      {
        user,
        term: this.terminal,
        tty: 'pts/0',
        from: session.peer.address,
        cameThrough: [`in.telnetd: ${session.peer.address}`, `login -h ${session.peer.address} -p`],
      },
    );
    const terminal = new Terminal(shell, {
      send: (bytes) => this.say(bytes),
      entered: (text, silent) => this.entered(text, silent ? { echoed: false } : undefined),
      interrupted: () => this.interrupted(),
      after: (ms, callback) => this.later(ms, callback),
      limited: recorders.limited,
      ended: () => this.hangUp(),
    });
    terminal.start();
    return terminal;
  }

  private windowsShell(user: string): Shellish {
    const { session } = this;
    this.say(WINDOWS_WELCOME);
    const cmd = new CmdExe({
      ...this.recorders(),
      persona: session.persona,
      localAddress: session.local.address,
      user,
      say: (text) => this.say(text),
      entered: (line) => this.entered(line),
      over: () => this.hangUp(),
    });
    cmd.start();
    return cmd;
  }
}

export const telnet = defineService({
  name: 'telnet',
  title: 'Telnet',
  transport: 'tcp',
  ports: [23, 2323],
  personas: ['ubuntu-server', 'windows-server'],
  options: telnetOptions,
  events: {},
  product: (persona) => (persona.kind === 'windows-server' ? 'Microsoft Windows XP telnetd' : 'Linux telnetd'),
  open: (session: Session, options) => new TelnetConnection(session, options),
});
