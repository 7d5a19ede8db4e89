/** Long work in slices of a few milliseconds, so that the process answers others meanwhile. */
import { setImmediate as turn } from 'node:timers/promises';

const SLICE_MS = 8;

export class Turns {
  private ends = performance.now() + SLICE_MS;

  /** Whether the slice is used up: then `await` the next one. */
  get over(): boolean {
    return performance.now() > this.ends;
  }

  async next(): Promise<void> {
    await turn();
    this.ends = performance.now() + SLICE_MS;
  }
}
