/** Waits until a number has come to rest: memory after a start, a folder while the store merges. */
import { setTimeout as sleep } from 'node:timers/promises';

const STEP_MS = 500;

/** The value of `look` once it has changed by no more than `tolerance` (a share) for `steadyMs`; the last one after `maxMs`. */
export async function settled(
  look: () => number,
  options: { tolerance: number; steadyMs: number; maxMs: number },
): Promise<number> {
  const deadline = performance.now() + options.maxMs;
  let reference = look();
  let since = performance.now();
  for (;;) {
    await sleep(STEP_MS);
    const value = look();
    const now = performance.now();
    if (Math.abs(value - reference) > options.tolerance * reference) {
      reference = value;
      since = now;
    }
    if (now - since >= options.steadyMs || now >= deadline) return value;
  }
}
