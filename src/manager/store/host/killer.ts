/**
 * Ends statements that nobody waits for any more. The engine takes no query ids from us, so every statement begins with a comment that
 * names it, and `KILL QUERY` looks for that comment. A statement may be killed before the engine has registered it; so the order is
 * repeated until the statement has ended.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { quoteText } from './quote.ts';

const REPEAT_MS = 50;

/** The mark in front of a statement. */
export const markOf = (id: string): string => `/* ${id} */ `;

export class Killer {
  readonly #run: (sql: string) => Promise<unknown>;
  readonly #doomed = new Set<string>();
  #working: Promise<void> | null = null;

  /** `run` executes a statement on a connection that nothing else uses. */
  constructor(run: (sql: string) => Promise<unknown>) {
    this.#run = run;
  }

  /** Kills the statement with this id until `spare` is called for it. */
  kill(id: string): void {
    this.#doomed.add(id);
    this.#working ??= this.#work();
  }

  /** The statement has ended. */
  spare(id: string): void {
    this.#doomed.delete(id);
  }

  /** Resolves when no order is under way. */
  async idle(): Promise<void> {
    this.#doomed.clear();
    await this.#working;
  }

  async #work(): Promise<void> {
    while (this.#doomed.size > 0) {
      const conditions = [...this.#doomed].map((id) => `startsWith(query, ${quoteText(markOf(id))})`);
      // A failed order is repeated like one that came too early.
      await this.#run(`KILL QUERY WHERE ${conditions.join(' OR ')} ASYNC`).catch(() => undefined);
      await delay(REPEAT_MS);
    }
    this.#working = null;
  }
}
