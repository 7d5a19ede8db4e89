/**
 * Takes in what an importer read: sessions and events of other honeypots under ids made from the names that their own systems gave them. What is stored
 * already, in this file or any other, is counted as a duplicate and left out. One batch at a time, so that two imports cannot both find a session missing.
 */
import { type EventRecord, ProjectError, type SessionRecord } from '../../events/index.ts';
import type { Control } from '../control/database.ts';
import type { StoreClient } from '../store/client.ts';
import { storeTime } from '../store/rows.ts';
import type { Intake } from './intake.ts';
import type { ImportProgress } from './journal.ts';

export interface ImportBatch {
  fingerprint: string;
  file: string;
  format: string;
  /** Rows of the file read so far, this batch included, and those of them that were no record. */
  rows: number;
  invalid: number;
  done: boolean;
  sessions: readonly { sensorId: string; session: SessionRecord }[];
  events: readonly { sensorId: string; event: EventRecord }[];
  /** Size of the records as they came. */
  bytes: number;
}

/** Ids asked for in one statement: their text stays below the 256 KiB that a ClickHouse server takes for a query. */
const IDS_PER_QUESTION = 6000;
/** Batches that may wait for their turn; a further one is refused and its importer tries again. */
const MAX_WAITING = 8;

export class Imports {
  private readonly control: Control;
  private readonly store: StoreClient;
  private readonly intake: Intake;
  private turn: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  constructor(control: Control, store: StoreClient, intake: Intake) {
    this.control = control;
    this.store = store;
    this.intake = intake;
  }

  /** How far an import of this file has come, if it was begun. */
  progress(fingerprint: string): ImportProgress | undefined {
    const row = this.control.db.prepare('SELECT * FROM imports WHERE fingerprint = ?').get(fingerprint) as
      | (Omit<ImportProgress, 'done'> & { done: number })
      | undefined;
    if (row === undefined) return undefined;
    const { fingerprint: _, file, format, rows, imported, duplicates, invalid } = row;
    return { fingerprint, file, format, rows, imported, duplicates, invalid, done: row.done === 1 };
  }

  /** Begins a file anew: its rows are counted from the start, and what is stored of it will be found to be duplicates. */
  restart(fingerprint: string): void {
    this.control.db.prepare('DELETE FROM imports WHERE fingerprint = ?').run(fingerprint);
  }

  async take(batch: ImportBatch): Promise<ImportProgress> {
    if (this.waiting >= MAX_WAITING)
      throw new ProjectError('INTAKE_FULL', 'more imports wait than the store takes; try again', {
        waiting: this.waiting,
      });
    this.waiting += 1;
    const result = this.turn.then(() => this.takeNow(batch));
    this.turn = result.catch(() => undefined);
    try {
      return await result;
    } finally {
      this.waiting -= 1;
    }
  }

  private async takeNow(batch: ImportBatch): Promise<ImportProgress> {
    // What a stopped manager left on its way may be this very batch: only when it is stored can it be found.
    await this.intake.recover();
    const before = this.progress(batch.fingerprint);
    if (before !== undefined && before.rows >= batch.rows && before.rows > 0 && !(batch.done && !before.done))
      return before;
    const known = await this.knownIds(batch.sessions.map(({ session }) => session));
    const fresh = batch.sessions.filter(({ session }) => {
      if (known.has(session.id)) return false;
      known.add(session.id);
      return true;
    });
    const freshIds = new Set(fresh.map(({ session }) => session.id));
    const progress: ImportProgress = {
      fingerprint: batch.fingerprint,
      file: batch.file,
      format: batch.format,
      rows: batch.rows,
      imported: (before?.imported ?? 0) + fresh.length,
      duplicates: (before?.duplicates ?? 0) + batch.sessions.length - fresh.length,
      invalid: batch.invalid,
      done: batch.done,
    };
    // A row that comes twice brings its events twice.
    const seen = new Set<string>();
    const events = batch.events.filter(({ event: { session_id, seq } }) => {
      const id = `${session_id}.${seq}`;
      if (session_id === null || !freshIds.has(session_id) || seen.has(id)) return false;
      seen.add(id);
      return true;
    });
    await this.intake.deliverImport({ sessions: fresh, events, progress, bytes: batch.bytes });
    return progress;
  }

  /** Which of these sessions are stored. They are looked for at their own times alone, which the store is sorted by. */
  private async knownIds(sessions: readonly SessionRecord[]): Promise<Set<string>> {
    const known = new Set<string>();
    if (sessions.length === 0) return known;
    const times = sessions.map((session) => session.started_at).sort();
    const range = { from: storeTime(times[0] as string), to: storeTime(times.at(-1) as string) };
    const inRange = "started_at >= {from:DateTime64(3, 'UTC')} AND started_at <= {to:DateTime64(3, 'UTC')}";
    const [any] = await this.store.query<{ n: string }>(`SELECT count() AS n FROM sessions WHERE ${inRange}`, range);
    if (Number(any?.n ?? 0) === 0) return known;
    for (let from = 0; from < sessions.length; from += IDS_PER_QUESTION) {
      // Ids are ours (hexadecimal, checked by the record's schema), and too many for parameters in a URL.
      const ids = sessions.slice(from, from + IDS_PER_QUESTION).map((session) => `'${session.id}'`);
      const rows = await this.store.query<{ id: string }>(
        `SELECT id FROM sessions WHERE ${inRange} AND id IN (${ids.join(',')})`,
        range,
      );
      for (const row of rows) known.add(row.id);
    }
    return known;
  }
}
