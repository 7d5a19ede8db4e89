/** The data connection of one transfer (RFC 959 §3.2): a port opened for the peer, or a promise to connect to it that is never kept. */
import type { DataConnection, DataListener, Session, Timer } from '../kernel/contract.ts';
import { openSecureStream, type SecureStream } from './secure.ts';

/** A peer that has got everything closes its side; one that does not is not waited for longer. */
const CLOSE_WAIT_MS = 5000;
/** Bytes that a peer may send beyond what is kept, before the connection is cut. */
const MAX_DROPPED = 64 * 1_048_576;

export interface DataChannelOptions {
  /** PROT P. */
  secure: boolean;
  maxBytes: number;
}

export class DataChannel {
  /** The peer has connected at some time. */
  connected = false;
  /** Nobody came, or the connection is over. */
  over = false;
  /** The upload was longer than what is taken. */
  cut = false;
  /** Bytes of the peer, kept or not. */
  received = 0;
  port = 0;
  /** Called when one of these has changed. */
  changed: () => void = () => undefined;
  private readonly session: Session;
  private readonly options: DataChannelOptions;
  private readonly chunks: Buffer[] = [];
  private kept = 0;
  private listener: DataListener | undefined;
  private connection: DataConnection | undefined;
  private secure: SecureStream | undefined;
  private waiting: Timer | undefined;
  private closed = false;

  constructor(session: Session, options: DataChannelOptions) {
    this.session = session;
    this.options = options;
  }

  /** Opens a port for the peer; rejected where there is none. */
  async listen(): Promise<void> {
    const listener = await this.session.listenData({
      opened: (connection) => this.opened(connection),
      data: (chunk) => (this.secure === undefined ? this.plain(chunk) : this.secure.push(chunk)),
      closed: () => this.finish(),
    });
    if (this.closed) {
      listener.close();
      return;
    }
    this.listener = listener;
    this.port = listener.port;
  }

  private opened(connection: DataConnection): void {
    this.connection = connection;
    this.connected = true;
    if (this.options.secure)
      this.secure = openSecureStream(this.session, {
        cipher: (bytes) => connection.send(bytes),
        plain: (chunk) => this.plain(chunk),
        end: () => this.finish(),
        failed: () => this.finish(),
      });
    this.changed();
  }

  private plain(chunk: Buffer): void {
    if (this.over) return;
    this.received += chunk.length;
    const room = this.options.maxBytes - this.kept;
    if (room > 0) {
      // A copy of a piece, so that a small chunk does not keep the large buffer that it was read into.
      const piece = Buffer.from(chunk.subarray(0, room));
      this.chunks.push(piece);
      this.kept += piece.length;
    }
    if (this.received - this.kept > MAX_DROPPED) {
      this.cut = true;
      this.finish();
      this.close();
    }
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    this.waiting?.cancel();
    this.changed();
  }

  /** What the peer has sent so far, as far as it is kept. */
  content(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** Sends all there is and ends; `over` follows when the peer has closed its side, or takes too long to. */
  sendAll(bytes: Buffer): void {
    const connection = this.connection;
    if (connection === undefined) return;
    if (this.secure === undefined) {
      if (bytes.length > 0) connection.send(bytes);
      connection.end();
    } else {
      if (bytes.length > 0) this.secure.send(bytes);
      this.secure.end(() => connection.end());
    }
    this.waiting = this.session.after(CLOSE_WAIT_MS, () => this.finish());
  }

  /** Lets go of the port and the connection, whatever their state. */
  close(): void {
    this.closed = true;
    this.changed = () => undefined;
    this.waiting?.cancel();
    this.secure?.destroy();
    this.connection?.end();
    this.listener?.close();
  }
}
