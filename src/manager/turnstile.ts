/** Lets so many through at a time; the others wait in order. */
export class Turnstile {
  private free: number;
  private readonly line: (() => void)[] = [];

  constructor(places: number) {
    this.free = places;
  }

  get waiting(): number {
    return this.line.length;
  }

  async through<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.line.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.line.shift();
      if (next === undefined) this.free += 1;
      else next();
    }
  }
}

/** Counts what each has under way, and refuses what is more than its share. */
export class Shares {
  private readonly most: number;
  private readonly taken = new Map<string, number>();

  constructor(most: number) {
    this.most = most;
  }

  /** False where the share is used up; otherwise `leave` must follow once. */
  enter(who: string): boolean {
    const count = this.taken.get(who) ?? 0;
    if (count >= this.most) return false;
    this.taken.set(who, count + 1);
    return true;
  }

  leave(who: string): void {
    const count = this.taken.get(who) ?? 0;
    if (count <= 1) this.taken.delete(who);
    else this.taken.set(who, count - 1);
  }
}
