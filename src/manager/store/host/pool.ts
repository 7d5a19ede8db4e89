/** A fixed number of things that are lent out one at a time, and a bounded line of those who wait for one. */
import { cancelled, EngineError } from './exception.ts';

/** Most statements that wait for a connection of one kind. */
const MAX_WAITING = 64;
/** Longest wait for a connection. */
const MAX_WAIT_MS = 30_000;

interface Waiter<T> {
  give(item: T): void;
}

const busy = (message: string): EngineError => new EngineError(202, 'TOO_MANY_SIMULTANEOUS_QUERIES', message);

export class Pool<T> {
  readonly #free: T[];
  readonly #waiting = new Set<Waiter<T>>();

  constructor(items: readonly T[]) {
    this.#free = [...items];
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  async take(signal: AbortSignal): Promise<T> {
    if (signal.aborted) throw cancelled();
    const item = this.#free.pop();
    if (item !== undefined) return item;
    if (this.#waiting.size >= MAX_WAITING) throw busy(`${MAX_WAITING} statements wait already`);
    return await new Promise<T>((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(waiter);
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter<T> = {
        give(given) {
          end();
          resolve(given);
        },
      };
      const onAbort = (): void => {
        end();
        reject(cancelled());
      };
      const timer = setTimeout(() => {
        end();
        reject(busy(`no connection became free within ${MAX_WAIT_MS / 1000} s`));
      }, MAX_WAIT_MS);
      signal.addEventListener('abort', onAbort);
      this.#waiting.add(waiter);
    });
  }

  give(item: T): void {
    const [first] = this.#waiting;
    if (first === undefined) this.#free.push(item);
    else first.give(item);
  }
}
