/**
 * Written before answered. Whatever sessions record and send while the event loop handles what arrived is collected, and at the end of that turn goes
 * out in two steps: one write to the spool for all sessions, then the answers. So nothing leaves that is not on the spool, and a busy sensor pays
 * for one write per turn and not per event.
 */
import type { Entry } from '../spool/index.ts';

export interface RecordSink {
  append(entries: readonly Entry[]): void;
}

/** Something with answers to let go, once what it recorded is written. */
export interface Waiting {
  /** Adds what it recorded in this turn. */
  collect(into: Entry[]): void;
  /** Sends what it queued. */
  release(): void;
  /** What it recorded could not be written, so nothing that it queued may leave: the end of it. */
  abandon(): void;
}

export class Turn {
  private readonly sink: RecordSink;
  private waiting = new Set<Waiting>();
  private loose: Entry[] = [];
  private scheduled = false;
  private readonly failed: (error: unknown) => void;

  /** `failed` is told what was thrown by the sink or a session. */
  constructor(sink: RecordSink, failed: (error: unknown) => void) {
    this.sink = sink;
    this.failed = failed;
  }

  /** This session has recorded or queued something. */
  join(session: Waiting): void {
    this.waiting.add(session);
    this.schedule();
  }

  /** Entries that belong to no session. */
  add(entry: Entry): void {
    this.loose.push(entry);
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.flush());
  }

  flush(): void {
    this.scheduled = false;
    const sessions = this.waiting;
    const entries = this.loose;
    this.waiting = new Set();
    this.loose = [];
    try {
      for (const session of sessions) session.collect(entries);
      if (entries.length > 0) this.sink.append(entries);
    } catch (error) {
      this.failed(error);
      for (const session of sessions) session.abandon();
      return;
    }
    for (const session of sessions) {
      try {
        session.release();
      } catch (error) {
        this.failed(error);
        session.abandon();
      }
    }
  }
}
