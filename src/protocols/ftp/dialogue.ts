/**
 * One dialogue: what the session has agreed on, its logins and its transfers. What is answered is the imitated server's (`Server`).
 */
import { textFromBytes } from '../../events/index.ts';
import type { CloseReason, Connection, Session } from '../kernel/contract.ts';
import { admits } from '../kernel/lure.ts';
import { type Command, encodeReply } from './codec.ts';
import { Control } from './control.ts';
import { DataChannel } from './data-channel.ts';
import { lureTree } from './lure-files.ts';
import type { FtpOptions } from './options.ts';
import type { Tree } from './tree.ts';

export interface Server {
  greeting: Buffer;
  /** Silence after which the server hangs up, and what it says. */
  idleMs: number;
  idleMsBeforeLogin: number;
  timeout: Buffer;
  lineTooLong: Buffer;
  /** Refused logins of one connection until the server hangs up. */
  maxRefused: number;
  refused: Buffer;
  loggedIn: Buffer;
  answer(dialogue: Dialogue, command: Command): void;
}

/** Who is logged in, and what they see. */
export interface Account {
  name: string;
  guest: boolean;
  readonly tree: Tree;
  directory: string;
}

/** What a command sends or takes over the data connection. */
export interface Transfer {
  /** Said once the peer is there, or at once where `early` says so. */
  announcement: (connected: boolean) => Buffer;
  early: boolean;
  noConnection: Buffer;
  /** To send; without it the peer sends. */
  bytes?: Buffer;
  /** What to say in the end. */
  done(upload: Upload): Buffer;
}

export interface Upload {
  bytes: Buffer;
  size: number;
  /** More came than is ever taken. */
  cut: boolean;
}

/** Where a data connection would go: a port of ours, or of the peer's. */
export type Channel = { kind: 'passive'; data: DataChannel } | { kind: 'active' };

export class Dialogue implements Connection {
  readonly session: Session;
  readonly options: FtpOptions;
  readonly server: Server;
  account: Account | undefined;
  channel: Channel | undefined;
  /** The name given by USER, as it came. */
  user: Buffer | undefined;
  protectData = false;
  /** After EPSV ALL (RFC 2428 §4). */
  extendedOnly = false;
  binary = false;
  restartAt = 0;
  renameFrom: string | undefined;
  private readonly control: Control;
  private userRecorded = true;
  private refusals = 0;
  private lines = 0;
  private lastLine: number;
  private shownAsLimit = false;
  /** Keeps what has come of an upload when the peer is gone. */
  private unfinished: (() => void) | undefined;

  constructor(session: Session, options: FtpOptions, server: Server) {
    this.session = session;
    this.options = options;
    this.server = server;
    this.lastLine = session.now();
    this.control = new Control(session, {
      command: (command) => this.take(command),
      tooLong: () => this.send(server.lineTooLong),
    });
    this.send(server.greeting);
    this.watch(server.idleMsBeforeLogin);
  }

  // What arrives.

  data(chunk: Buffer): void {
    this.control.data(chunk);
  }

  end(): void {
    this.control.end();
  }

  closed(): void {
    this.control.closed();
    this.recordUser();
    this.unfinished?.();
    this.dropChannel();
  }

  private take(command: Command): void {
    this.lastLine = this.session.now();
    this.lines += 1;
    if (this.lines > this.options.maxCommands) {
      this.session.record('limit.reached', { limit: 'ftp commands', value: this.options.maxCommands });
      this.send(this.server.timeout);
      this.close('limit');
      return;
    }
    // USER and PASS become one attempt; an empty line says nothing.
    if (command.verb !== 'USER' && command.verb !== 'PASS' && command.line.length > 0)
      this.session.record('command.input', { command: textFromBytes(command.line) });
    this.server.answer(this, command);
  }

  // What is said.

  get secure(): boolean {
    return this.control.secure;
  }

  send(bytes: Buffer): void {
    this.control.send(bytes);
  }

  reply(text: string): void {
    this.send(encodeReply(text));
  }

  /** Ends the connection once everything said has left. */
  close(reason: CloseReason): void {
    this.control.close(reason);
  }

  /** AUTH: from the next byte on, the peer speaks TLS. */
  startTls(): void {
    this.control.startTls();
  }

  /** Hangs up on a peer that says nothing. */
  private watch(ms: number): void {
    this.session.after(ms, () => {
      const idleMs = this.account === undefined ? this.server.idleMsBeforeLogin : this.server.idleMs;
      const silent = this.session.now() - this.lastLine;
      if (this.control.over) return;
      if (this.control.paused || silent < idleMs) {
        this.watch(this.control.paused ? idleMs : idleMs - silent);
        return;
      }
      this.send(this.server.timeout);
      this.close('idle');
    });
  }

  private resume(): void {
    this.lastLine = this.session.now();
    this.control.resume();
  }

  // Logging in.

  nameUser(name: Buffer): void {
    this.recordUser();
    this.user = Buffer.from(name);
    this.userRecorded = false;
  }

  /** A name that no password followed would be lost otherwise. */
  private recordUser(): void {
    if (this.userRecorded) return;
    this.userRecorded = true;
    this.session.record('command.input', { command: `USER ${textFromBytes(this.user ?? Buffer.alloc(0))}` });
  }

  /** A password that no login is tried with: without a name, or by someone who is in already. */
  recordPassword(password: Buffer): void {
    this.session.record('auth.attempt', {
      username: null,
      password: textFromBytes(password),
      mechanism: 'plain',
      accepted: false,
      detail: { tls: this.secure },
    });
  }

  isAnonymous(name: Buffer): boolean {
    return name.length <= 9 && /^(anonymous|ftp)$/i.test(name.toString('latin1'));
  }

  tryLogin(name: Buffer, password: Buffer): void {
    const username = textFromBytes(name);
    const clear = textFromBytes(password);
    const guest = this.options.anonymous && this.isAnonymous(name);
    const accepted = guest || admits(this.options.lure, username, (listed) => listed === clear, this.session.attempt());
    this.userRecorded = true;
    this.user = undefined;
    this.session.record('auth.attempt', {
      username,
      password: clear,
      mechanism: 'plain',
      accepted,
      detail: { tls: this.secure },
    });
    if (accepted) {
      this.account = this.accountOf(guest ? 'ftp' : name.toString('latin1'), guest);
      this.send(this.server.loggedIn);
    } else if (this.options.failDelayMs === 0) this.refuse();
    else {
      this.control.pause();
      this.session.after(this.options.failDelayMs, () => {
        this.refuse();
        this.resume();
      });
    }
  }

  private accountOf(name: string, guest: boolean): Account {
    const { session } = this;
    let tree: Tree | undefined;
    return {
      name,
      guest,
      directory: '/',
      // Most who try passwords leave at once: the files are made when someone looks.
      get tree() {
        tree ??= lureTree(session.persona, guest, () => session.now());
        return tree;
      },
    };
  }

  private refuse(): void {
    this.refusals += 1;
    this.send(this.server.refused);
    if (this.refusals >= this.server.maxRefused) this.close('service_closed');
  }

  // Transfers.

  dropChannel(): void {
    if (this.channel?.kind === 'passive') this.channel.data.close();
    this.channel = undefined;
  }

  /** Opens a port for the peer and says which; where there is none, says `failed`. */
  listen(announce: (port: number) => void, failed: Buffer): void {
    this.dropChannel();
    this.control.pause();
    const data = new DataChannel(this.session, { secure: this.protectData, maxBytes: this.options.maxUploadBytes });
    data.listen().then(
      () => {
        if (this.control.over) {
          data.close();
          return;
        }
        this.channel = { kind: 'passive', data };
        announce(data.port);
        this.resume();
      },
      () => {
        if (this.control.over) return;
        this.send(failed);
        this.resume();
      },
    );
  }

  /** The address that a peer is told to connect to, in the commas of RFC 959; undefined over IPv6. */
  passiveAddress(): string | undefined {
    const address = this.options.passiveAddress === '' ? this.session.local.address : this.options.passiveAddress;
    return address.includes(':') ? undefined : address.replaceAll('.', ',');
  }

  /** Runs a transfer over the channel that PASV or PORT made, and goes on reading when it is over. */
  transfer(transfer: Transfer): void {
    const channel = this.channel;
    const finish = (bytes: Buffer): void => {
      this.unfinished = undefined;
      this.dropChannel();
      this.send(bytes);
      this.resume();
    };
    this.control.pause();
    if (channel?.kind !== 'passive') {
      // We connect to nobody: as if the peer's firewall refused.
      if (transfer.early) this.send(transfer.announcement(false));
      finish(transfer.noConnection);
      return;
    }
    const { data } = channel;
    let announced = transfer.early;
    let sent = false;
    if (transfer.bytes === undefined) this.unfinished = () => transfer.done(this.upload(data));
    if (announced) this.send(transfer.announcement(data.connected));
    const advance = (): void => {
      if (this.control.over) return;
      if (!data.connected) {
        if (data.over) finish(transfer.noConnection);
        return;
      }
      if (!announced) {
        announced = true;
        this.send(transfer.announcement(true));
      }
      if (transfer.bytes !== undefined && !sent) {
        sent = true;
        data.sendAll(transfer.bytes);
      }
      if (data.over) finish(transfer.done(this.upload(data)));
    };
    data.changed = advance;
    advance();
  }

  private upload(data: DataChannel): Upload {
    if (data.received > this.options.maxUploadBytes && !this.shownAsLimit) {
      this.shownAsLimit = true;
      this.session.record('limit.reached', { limit: 'ftp upload bytes', value: this.options.maxUploadBytes });
    }
    return { bytes: data.content(), size: data.received, cut: data.cut };
  }

  /** Keeps an upload: what came, as it came. */
  keep(upload: Upload, name: string): void {
    if (upload.size === 0) return;
    this.session.capture(upload.bytes, {
      name: textFromBytes(Buffer.from(name, 'latin1')),
      via: 'upload',
      truncated: upload.size > upload.bytes.length,
    });
  }
}
