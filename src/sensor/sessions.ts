/** All sessions of a sensor: what its limits count, and what ends those that reach one in silence. */
import { Attempts } from './attempts.ts';
import type { SensorLimits } from './config.ts';
import type { LiveSession } from './live-session.ts';

const SWEEP_MS = 1000;
/** How long a peer may take to read the last answer and close its side, once the session is over. */
const LINGER_MS = 5000;

export class Sessions {
  private readonly open = new Set<LiveSession>();
  private readonly bySource = new Map<string, number>();
  /** Sessions that are over while their sockets are not, and until when they may be so. */
  private readonly lingering = new Map<LiveSession, number>();
  private readonly ordinals = new Map<string, number>();
  private readonly sweeper: NodeJS.Timeout;
  private readonly limits: SensorLimits;
  readonly attempts = new Attempts();

  constructor(limits: SensorLimits) {
    this.limits = limits;
    this.sweeper = setInterval(() => this.sweep(Date.now()), SWEEP_MS);
    this.sweeper.unref();
  }

  get size(): number {
    return this.open.size;
  }

  /** Counts the sessions of a service from 1. */
  ordinal(service: string): number {
    const next = (this.ordinals.get(service) ?? 0) + 1;
    this.ordinals.set(service, next);
    return next;
  }

  /** Which limit one more connection of this source would break. */
  refuses(source: string): { limit: string; value: number } | undefined {
    const { connections, connectionsPerSource } = this.limits;
    if (this.open.size + this.lingering.size >= connections) return { limit: 'connections', value: connections };
    if ((this.bySource.get(source) ?? 0) >= connectionsPerSource)
      return { limit: 'connections per source', value: connectionsPerSource };
    return undefined;
  }

  add(session: LiveSession): void {
    this.open.add(session);
    this.bySource.set(session.peer.address, (this.bySource.get(session.peer.address) ?? 0) + 1);
  }

  remove(session: LiveSession): void {
    if (!this.open.delete(session)) return;
    const left = (this.bySource.get(session.peer.address) ?? 1) - 1;
    if (left > 0) this.bySource.set(session.peer.address, left);
    else this.bySource.delete(session.peer.address);
  }

  /** Its socket is closed by the sweep, if the peer does not do it before. */
  linger(session: LiveSession, now: number): void {
    this.lingering.set(session, now + LINGER_MS);
  }

  gone(session: LiveSession): void {
    this.lingering.delete(session);
  }

  /** One timer for all sessions: a timer each would cost every short one. */
  sweep(now: number): void {
    const { idleSeconds, sessionSeconds } = this.limits;
    for (const session of this.open) {
      if (now - session.lastActivity > idleSeconds * 1000) session.stop('idle seconds', idleSeconds);
      else if (now - session.startedAt > sessionSeconds * 1000) session.stop('session seconds', sessionSeconds);
    }
    for (const [session, until] of this.lingering) if (now > until) session.destroy();
  }

  /** Ends every session, for the sensor's own stop. Their last records wait for the turn's end. */
  stop(): void {
    clearInterval(this.sweeper);
    for (const session of this.lingering.keys()) session.destroySoon();
    for (const session of [...this.open]) session.finish('sensor_stopped');
  }

  /** Closes the sockets of those that are over, whatever is still on its way to the peer. */
  destroyLingering(): void {
    for (const session of this.lingering.keys()) session.destroy();
  }
}
