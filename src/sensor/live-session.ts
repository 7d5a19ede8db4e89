/** A session over a socket: what the service sees of it, and what the socket does to it. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { type Catalogue, type EndReason, errorText, ProjectError } from '../events/index.ts';
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
  /** The session is over. */
  ended(session: LiveSession): void;
  /** It is over, and its socket waits for the peer to read the last answer and to close. */
  lingers(session: LiveSession): void;
  /** Its socket is closed. */
  gone(session: LiveSession): void;
}

/** Ports that one session may have open at once for second connections. */
const MAX_DATA_LISTENERS = 16;

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
  private outbox: Uint8Array[] = [];
  /** What second connections send in this turn. */
  private deferred: (() => void)[] = [];
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly dataListeners = new Set<DataListener>();
  /** Those that are being opened included. */
  private dataListenerCount = 0;
  private closing: EndReason | undefined;
  /** Ended by a bound of the sensor or by the peer's reset: nobody is waited for. */
  private abrupt = false;
  private letGo = false;
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
    this.socket.on('error', () => {
      this.abrupt = true;
      this.finish('reset');
    });
    this.socket.on('close', () => {
      this.finish('peer_closed');
      this.parts.gone(this);
    });
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
    if (this.closing !== undefined) return;
    const { bytesIn } = this.parts.limits;
    if (this.recorder.bytesSoFar > bytesIn) this.stop('bytes in', bytesIn);
    else if (this.recorder.exhausted) {
      this.abrupt = true;
      this.finish('limit');
    }
  }

  /** Ends the session because a bound of the sensor was reached. */
  stop(limit: string, value: number): void {
    if (this.closing !== undefined) return;
    this.recorder.reachLimit(limit, value);
    // An idle peer is told, as a real server would.
    const idle = limit === 'idle seconds';
    this.abrupt = !idle;
    this.finish(idle ? 'idle' : 'limit');
  }

  collect(into: Entry[]): void {
    this.recorder.collect(into);
  }

  release(): void {
    for (const action of this.deferred.splice(0)) action();
    this.sendQueued();
    if (this.closing !== undefined) this.letSocketGo();
  }

  abandon(): void {
    this.outbox = [];
    this.deferred = [];
    this.letGo = true;
    this.socket.destroy();
    this.finish('unknown');
    for (const close of this.deferred.splice(0)) close();
  }

  private sendQueued(): void {
    const { outbox, socket } = this;
    if (outbox.length === 0) return;
    this.outbox = [];
    if (!socket.writable) return;
    if (outbox.length === 1) socket.write(outbox[0] as Uint8Array);
    else {
      socket.cork();
      for (const bytes of outbox) socket.write(bytes);
      socket.uncork();
    }
    const { pendingBytes } = this.parts.limits;
    if (socket.writableLength > pendingBytes) this.stop('pending bytes', pendingBytes);
  }

  private letSocketGo(): void {
    if (this.letGo) return;
    this.letGo = true;
    const { socket } = this;
    if (socket.destroyed) return;
    if (this.abrupt || !socket.writable) {
      socket.destroy();
      return;
    }
    this.parts.lingers(this);
    if (this.closing === 'sensor_stopped') this.destroySoon();
    else {
      socket.end();
      socket.resume();
    }
  }

  /** Closes the socket once the peer has taken what was sent. */
  destroySoon(): void {
    this.socket.destroySoon();
  }

  /** Closes the socket whatever the peer does. */
  destroy(): void {
    this.socket.destroy();
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
    const raw = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    this.outbox.push(raw);
    this.recorder.transferred('o', raw, this.wireKept);
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
    if (this.closing !== undefined || this.dataListenerCount >= MAX_DATA_LISTENERS)
      throw new ProjectError('SENSOR_NO_DATA_PORT', `a session has at most ${MAX_DATA_LISTENERS} ports open`);
    this.dataListenerCount += 1;
    // What goes out there waits for the turn's records too.
    const later = (action: () => void): void => {
      this.deferred.push(action);
      this.parts.turn.join(this);
    };
    let opened: DataListener | undefined;
    let counted = true;
    const over = (): void => {
      if (counted) this.dataListenerCount -= 1;
      counted = false;
    };
    try {
      opened = await this.parts.openData({
        opened: (connection) =>
          this.guarded(() =>
            handler.opened({
              send: (bytes) => {
                this.recorder.transferred('o', bytes, false);
                later(() => connection.send(bytes));
              },
              end: () => later(() => connection.end()),
              destroy: () => later(() => connection.destroy()),
            }),
          ),
        data: (chunk) => {
          if (this.closing !== undefined) return;
          this.lastActivity = this.now();
          this.recorder.transferred('i', chunk, false);
          this.guarded(() => handler.data(chunk));
        },
        closed: () => {
          over();
          if (this.closing === undefined) this.guarded(() => handler.closed());
        },
      });
    } catch (error) {
      over();
      throw error;
    }
    const listener = opened;
    if (this.closing !== undefined) listener.close();
    else this.dataListeners.add(listener);
    return {
      port: listener.port,
      close: () => {
        over();
        if (this.dataListeners.delete(listener)) later(() => listener.close());
      },
    };
  }

  close(reason: EndReason): void {
    this.finish(reason);
  }
}
