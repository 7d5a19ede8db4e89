/** Those who watch: each gets what matches its filter as it is stored, through a bounded queue. A slow watcher misses records, and is told how many. */
import type { LiveItem } from './matches.ts';

export interface Watcher {
  /** Whether it wants to see an item. */
  wants(item: LiveItem): boolean;
  /** Takes an item; false when it cannot take more now. */
  take(item: LiveItem): boolean;
  /** Told after a time of misses how many there were. */
  missed(count: number): void;
}

/** More watchers than this are refused. */
export const MAX_WATCHERS = 200;

export class Hub {
  private readonly watchers = new Map<Watcher, number>();

  get size(): number {
    return this.watchers.size;
  }

  add(watcher: Watcher): () => void {
    this.watchers.set(watcher, 0);
    return () => this.watchers.delete(watcher);
  }

  publish(items: readonly LiveItem[]): void {
    for (const [watcher, before] of this.watchers) {
      let missed = before;
      for (const item of items) {
        if (!watcher.wants(item)) continue;
        if (!watcher.take(item)) missed += 1;
        else if (missed > 0) {
          watcher.missed(missed);
          missed = 0;
        }
      }
      if (this.watchers.has(watcher)) this.watchers.set(watcher, missed);
    }
  }
}
