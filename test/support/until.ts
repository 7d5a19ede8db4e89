/** Waits for what a test is about, and not for a time. */
import { setTimeout as sleep } from 'node:timers/promises';

const STEP_MS = 50;

/** The first value of `look` that is not undefined; throws with `what` after `ms`. */
export async function until<Value>(
  what: string,
  look: () => Promise<Value | undefined> | Value | undefined,
  ms = 20_000,
): Promise<Value> {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await sleep(STEP_MS);
  }
}
