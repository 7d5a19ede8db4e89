/**
 * The control connection: splits what arrives into lines, in the clear or inside TLS, and hands them over one at a time. Both imitated servers do
 * one thing after another, so while a transfer or a delay is going on nothing is read, and what the peer sends ahead waits here.
 */
import { textFromBytes } from '../../events/index.ts';
import { type Framed, framed } from '../kernel/codec.ts';
import type { CloseReason, Session } from '../kernel/contract.ts';
import { type Command, decodeLine, type Line, MAX_LINE } from './codec.ts';
import { openSecureStream, type SecureStream } from './secure.ts';

/** Bytes that a peer may send ahead, with what keeping each piece costs. */
const MAX_AHEAD = 65_536;
const PIECE_COST = 64;

export interface ControlHandlers {
  command(command: Command): void;
  tooLong(): void;
}

export class Control {
  over = false;
  private readonly session: Session;
  private readonly handlers: ControlHandlers;
  private readonly reader: Framed<Line> = framed(decodeLine, MAX_LINE + 1);
  private tunnel: SecureStream | undefined;
  private held = false;
  private ahead: Buffer[] = [];
  private aheadBytes = 0;
  private peerEnded = false;

  constructor(session: Session, handlers: ControlHandlers) {
    this.session = session;
    this.handlers = handlers;
  }

  /** The peer and we speak TLS. */
  get secure(): boolean {
    return this.tunnel !== undefined;
  }

  /** Nothing is read until `resume`. */
  get paused(): boolean {
    return this.held;
  }

  /** Bytes off the wire. */
  data(chunk: Buffer): void {
    if (this.tunnel === undefined) this.plain(chunk);
    else this.tunnel.push(chunk);
  }

  end(): void {
    if (this.held) this.peerEnded = true;
    else this.close('peer_closed');
  }

  private plain(chunk: Buffer): void {
    if (this.over) return;
    if (this.held) this.hold(Buffer.from(chunk));
    else this.read(chunk);
  }

  private hold(bytes: Buffer): void {
    this.ahead.push(bytes);
    this.aheadBytes += bytes.length + PIECE_COST;
    if (this.aheadBytes <= MAX_AHEAD) return;
    this.session.record('limit.reached', { limit: 'ftp bytes ahead', value: MAX_AHEAD });
    this.close('limit');
  }

  private read(chunk: Buffer): void {
    const { tunnel } = this;
    for (const step of this.reader.push(chunk)) {
      if (step.kind === 'malformed') this.tooLong(chunk);
      else if (step.frame.kind === 'too_long') this.tooLong(step.frame.start);
      else this.handlers.command(step.frame);
      if (this.over) return;
      if (this.held) {
        const rest = this.reader.rest();
        if (rest.length > 0) this.hold(rest);
        return;
      }
      if (this.tunnel !== tunnel) {
        // What follows AUTH is the beginning of the handshake, and never a command.
        this.tunnel?.push(this.reader.rest());
        return;
      }
    }
  }

  private tooLong(start: Buffer): void {
    this.session.record('peer.malformed', { code: 'line_too_long', bytes: textFromBytes(start.subarray(0, 512)) });
    this.handlers.tooLong();
    this.close('protocol_error');
  }

  send(bytes: Buffer): void {
    if (this.over) return;
    if (this.tunnel === undefined) this.session.send(bytes);
    else this.tunnel.send(bytes);
  }

  pause(): void {
    this.held = true;
  }

  resume(): void {
    if (!this.held || this.over) return;
    this.held = false;
    const { ahead } = this;
    this.ahead = [];
    this.aheadBytes = 0;
    if (ahead.length > 0) this.read(Buffer.concat(ahead));
    if (this.peerEnded && !this.held) this.close('peer_closed');
  }

  /** From the next byte on, the peer speaks TLS. */
  startTls(): void {
    this.tunnel = openSecureStream(
      this.session,
      {
        cipher: (bytes) => this.session.send(bytes),
        plain: (chunk) => this.plain(chunk),
        hello: (_hello, ja4) => {
          this.session.note({ ja4 });
          this.session.record('peer.fingerprint', { kind: 'ja4', value: ja4 });
        },
        end: () => this.end(),
        failed: (code) => {
          if (this.over) return;
          this.over = true;
          this.session.record('peer.malformed', { code: `tls_${code.toLowerCase()}`.slice(0, 64) });
          this.session.close('protocol_error');
        },
      },
      { session: this.session },
    );
  }

  /** Ends the connection once everything said has left. */
  close(reason: CloseReason): void {
    if (this.over) return;
    this.over = true;
    if (this.tunnel === undefined || reason === 'peer_closed') this.session.close(reason);
    else this.tunnel.end(() => this.session.close(reason));
  }

  /** The session is over. */
  closed(): void {
    this.over = true;
    this.ahead = [];
    this.tunnel?.destroy();
  }
}
