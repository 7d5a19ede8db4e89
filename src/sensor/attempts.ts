/** Login attempts by source and service, over all connections: what lures that open at the n-th try count by. Bounded, and forgotten after a while. */

export const MAX_SOURCES = 20_000;
export const FORGET_MS = 3_600_000;

export class Attempts {
  private readonly counts = new Map<string, { count: number; at: number }>();

  /** One more; returns which it is, from 1. */
  add(service: string, source: string, now: number): number {
    const key = `${service} ${source}`;
    const before = this.counts.get(key);
    const count = before === undefined || now - before.at > FORGET_MS ? 1 : before.count + 1;
    // Put last, so that the first is the one that was quiet for the longest.
    this.counts.delete(key);
    this.counts.set(key, { count, at: now });
    if (this.counts.size > MAX_SOURCES) this.counts.delete(this.counts.keys().next().value as string);
    return count;
  }
}
