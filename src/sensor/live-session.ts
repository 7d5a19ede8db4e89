/** A session over a socket: what the service sees of it, and what the socket does to it. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { type Catalogue, type EndReason, errorText } from '../events/index.ts';
import type {
  Connection,
  DataHandler,
  DataListener,
  Endpoint,
  Identity,
  Session,
  SessionFacts,
  Timer,
} from '../protocols/kernel/contract.ts';
import type { Persona } from '../protocols/surfaces/persona.ts';
import type { Entry } from '../spool/index.ts';
import type { SensorLimits } from './config.ts';
import type { SessionRecorder } from './session-recorder.ts';
import type { Turn, Waiting } from './turn.ts';

export interface LiveSessionParts {
  socket: Socket;
  recorder: SessionRecorder;
  turn: Turn;
  limits: SensorLimits;
  peer: Endpoint;
  local: Endpoint;
  ordinal: number;
  persona: Persona;
  identity: Identity;
  openData(handler: DataHandler): Promise<DataListener>;
  /** Counts a login attempt of this source on this service. */
  countAttempt(): number;
  /** A service threw: a bug of ours, counted and never the sensor's end. */
  faulted(error: unknown): void;
  ended(session: LiveSession): void;
}

/** How long a peer may take to read the last answer and close, once we have ended. */
const LINGER_MS = 5000;

export class LiveSession implements Session<Catalogue>, Waiting {
  readonly id: string;
  readonly peer: Endpoint;
  readonly local: Endpoint;
  readonly ordinal: number;
  readonly persona: Persona;
  readonly identity: Identity;
  lastActivity: number;
  private readonly parts: LiveSessionParts;
  private readonly socket: Socket;
  private readonly recorder: SessionRecorder;
  private connection: Connection | undefined;
  private outbox: (Uint8Array | string)[] = [];
  /** What second connections send in this turn. */
  private deferred: (() => void)[] = [];
  private timers = new Set<NodeJS.Timeout>();
  private dataListeners = new Set<DataListener>();
  private closing: EndReason | undefined;
  private wireKept = true;

  constructor(parts: LiveSessionParts) {
    this.parts = parts;
    this.socket = parts.socket;
    this.recorder = parts.recorder;
    this.id = parts.recorder.id;
    this.peer = parts.peer;
    this.local = parts.local;
    this.ordinal = parts.ordinal;
    this.persona = parts.persona;
    this.identity = parts.identity;
    this.lastActivity = parts.recorder.startedAt;
  }

  get startedAt(): number {
    return this.recorder.startedAt;
  }

  /** Begins the dialogue: the service may greet. */
  start(open: (session: Session<Catalogue>) => Connection): void {
    this.socket.on('data', (chunk) => this.arrived(chunk));
    this.socket.on('end', () =>
      this.guarded(() => (this.connection?.end === undefined ? this.finish('peer_closed') : this.connection.end())),
    );
    this.socket.on('error', () => this.finish('reset'));
    this.socket.on('close', () => this.finish('peer_closed'));
    this.guarded(() => {
      this.connection = open(this);
    });
    this.parts.turn.join(this);
  }

  private arrived(chunk: Buffer): void {
    if (this.closing !== undefined) return;
    this.lastActivity = this.now();
    this.recorder.transferred('i', chunk, this.wireKept);
    this.parts.turn.join(this);
    this.guarded(() => this.connection?.data(chunk));
    if (this.recorder.bytesSoFar > this.parts.limits.bytesIn) this.stop('bytes in', this.parts.limits.bytesIn);
    else if (this.recorder.exhausted) this.finish('limit');
  }

  /** Runs what the service does; what it throws ends this connection and nothing else. */
  private guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.parts.faulted(error);
      this.recorder.record('peer.malformed', { code: 'internal_error', bytes: errorText(error).slice(0, 512) });
      this.finish('service_closed');
    }
  }

  /** Ends the session because a bound of the sensor was reached. */
  stop(limit: string, value: number): void {
    if (this.closing !== undefined) return;
    this.recorder.reachLimit(limit, value);
    this.finish(limit === 'idle seconds' ? 'idle' : 'limit');
  }

  collect(into: Entry[]): void {
    this.recorder.collect(into);
  }

  release(): void {
    for (const action of this.deferred.splice(0)) action();
    if (this.outbox.length > 0) {
      const outbox = this.outbox;
      this.outbox = [];
      if (this.socket.writable) {
        if (outbox.length === 1) this.socket.write(outbox[0] as Uint8Array);
        else {
          this.socket.cork();
          for (const bytes of outbox) this.socket.write(bytes);
          this.socket.uncork();
        }
        if (this.closing === undefined && this.socket.writableLength > this.parts.limits.pendingBytes)
          this.stop('pending bytes', this.parts.limits.pendingBytes);
      }
    }
    if (this.closing !== undefined && !this.socket.destroyed) {
      if (this.closing === 'reset' || this.closing === 'limit' || !this.socket.writable) this.socket.destroy();
      else if (this.closing === 'sensor_stopped') this.socket.destroySoon();
      else {
        this.socket.end();
        // A peer that never closes its side must not keep the socket.
        this.socket.setTimeout(LINGER_MS, () => this.socket.destroy());
        this.socket.resume();
      }
    }
  }

  /** The session is over: last records, and everything let go. */
  finish(reason: EndReason): void {
    if (this.closing !== undefined) return;
    this.closing = reason;
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.deferred.push(...[...this.dataListeners].map((listener) => () => listener.close()));
    this.dataListeners.clear();
    try {
      this.connection?.closed?.();
    } catch (error) {
      this.parts.faulted(error);
    }
    this.connection = undefined;
    this.recorder.end(reason);
    this.parts.turn.join(this);
    this.parts.ended(this);
  }

  // What the service uses.

  now(): number {
    return Date.now();
  }

  random(bytes: number): Buffer {
    return randomBytes(bytes);
  }

  send(bytes: Uint8Array | string): void {
    if (this.closing !== undefined || bytes.length === 0) return;
    this.outbox.push(bytes);
    this.recorder.transferred('o', typeof bytes === 'string' ? Buffer.from(bytes) : bytes, this.wireKept);
    this.parts.turn.join(this);
  }

  record(name: string, fields: unknown): void {
    this.recorder.record(name, fields as Record<string, unknown>);
    this.parts.turn.join(this);
  }

  capture(bytes: Uint8Array, fields: { name?: string; via: string; truncated?: boolean }): void {
    this.recorder.capture(bytes, fields);
    this.parts.turn.join(this);
  }

  keepWire(keep: boolean): void {
    this.wireKept = keep;
  }

  trace(direction: 'in' | 'out', bytes: Uint8Array): void {
    this.recorder.trace(direction === 'in' ? 'i' : 'o', bytes);
    this.parts.turn.join(this);
  }

  attempt(): number {
    return this.parts.countAttempt();
  }

  note(facts: SessionFacts): void {
    this.recorder.note(facts);
  }

  after(ms: number, callback: () => void): Timer {
    if (this.closing !== undefined) return { cancel: () => undefined };
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      this.guarded(callback);
    }, ms);
    this.timers.add(timer);
    return {
      cancel: () => {
        clearTimeout(timer);
        this.timers.delete(timer);
      },
    };
  }

  async listenData(handler: DataHandler): Promise<DataListener> {
    const listener = await this.parts.openData({
      opened: (connection) => {
        // What goes out there waits for the turn's records too.
        const later = (action: () => void): void => {
          this.deferred.push(action);
          this.parts.turn.join(this);
        };
        this.guarded(() =>
          handler.opened({
            send: (bytes) => later(() => connection.send(bytes)),
            end: () => later(() => connection.end()),
            destroy: () => later(() => connection.destroy()),
          }),
        );
      },
      data: (chunk) => {
        this.lastActivity = this.now();
        this.guarded(() => handler.data(chunk));
      },
      closed: () => this.guarded(() => handler.closed()),
    });
    if (this.closing !== undefined) listener.close();
    else this.dataListeners.add(listener);
    return {
      port: listener.port,
      close: () => {
        this.dataListeners.delete(listener);
        listener.close();
      },
    };
  }

  close(reason: EndReason): void {
    this.finish(reason);
  }
}
