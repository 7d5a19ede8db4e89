/**
 * From delivered records to stored ones. Batches of all sensors that wait are joined into one segment, journalled, inserted, and only then answered. A batch
 * that comes twice is stored once: what a sensor's watermark covers is skipped, and what a crash interrupted is replayed under its token.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, errorText, ProjectError } from '../../events/index.ts';
import type { Control } from '../control/database.ts';
import type { Places } from '../enrich/places.ts';
import type { Log } from '../log.ts';
import { refusesData, type StoreClient } from '../store/client.ts';
import { TABLES, type TableName } from '../store/rows.ts';
import type { Artifacts } from './artifacts.ts';
import { type Delivery, type Gathered, gather, type ImportDelivery, type Stored, type Work } from './gather.ts';
import { Journal, type Segment } from './journal.ts';
import { Turns } from './turns.ts';
import { Watermarks } from './watermarks.ts';

/** Records and bytes joined into one segment at most; a batch is never split. */
const MAX_SEGMENT_RECORDS = 60_000;
const MAX_SEGMENT_BYTES = 64 * 1_048_576;
/** Records and bytes that may wait here; a further batch is refused and its sensor tries again. */
const MAX_WAITING_RECORDS = 400_000;
const MAX_WAITING_BYTES = 256 * 1_048_576;
const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 5000;
/** How long a stop waits for an insert that is under way; its segment stays journalled. */
const STOP_GRACE_MS = 5000;
/** Records that those who watch are shown at once. */
const SHOWN_AT_ONCE = 200;

interface Job {
  work: Work;
  records: number;
  resolve(): void;
  reject(error: unknown): void;
}

export interface IntakeState {
  waiting: number;
  stored_sessions: number;
  stored_events: number;
  segments: number;
  refused_segments: number;
  /** Why the store does not take the current segment, if it does not. */
  trouble: string | null;
}

export interface IntakeParts {
  control: Control;
  journalDir: string;
  store: StoreClient;
  places: Places;
  artifacts: Artifacts;
  log: Log;
  publish: (stored: readonly Stored[]) => void;
  now?: () => number;
}

export class Intake {
  readonly state: IntakeState;
  private readonly parts: IntakeParts;
  private readonly journal: Journal;
  private readonly watermarks: Watermarks;
  private readonly now: () => number;
  private queue: Job[] = [];
  private waitingBytes = 0;
  private running: Promise<void> | undefined;
  private recovering: Promise<void> | undefined;
  /** Fires when the manager stops, and a while later, when an insert that is still under way is given up. */
  private readonly stopping = new AbortController();
  private readonly givingUp = new AbortController();

  constructor(parts: IntakeParts) {
    this.parts = parts;
    this.now = parts.now ?? Date.now;
    this.journal = new Journal(parts.journalDir);
    this.watermarks = new Watermarks(parts.control);
    this.state = {
      waiting: 0,
      stored_sessions: 0,
      stored_events: 0,
      segments: 0,
      refused_segments: this.journal.asideCount,
      trouble: null,
    };
  }

  /** Resolves when what a stopped manager left on its way is stored. What is delivered meanwhile waits for it. */
  recover(): Promise<void> {
    this.recovering ??= this.replay().catch((error) => {
      this.recovering = undefined;
      throw error;
    });
    return this.recovering;
  }

  private async replay(): Promise<void> {
    for (const id of await this.journal.left()) {
      let segment: Segment;
      try {
        segment = await this.journal.read(id);
      } catch (error) {
        if (errorCode(error) !== 'INTAKE_SEGMENT_CORRUPT') throw error;
        // Nobody was answered for it: its sensors deliver once more what was in it.
        await this.putAside(id, error);
        continue;
      }
      if (!this.isSettled(segment)) {
        this.parts.log.info({ segment: id }, 'replaying an intake segment');
        await this.insert(segment);
      }
      await this.settle(segment);
    }
  }

  /** Whether a segment had been stored and noted, and only its file was still there. */
  private isSettled(segment: Segment): boolean {
    return segment.imports.length === 0 && segment.watermarks.every((mark) => this.watermarks.covers(mark));
  }

  /** Resolves when everything of the delivery is stored. */
  async deliver(delivery: Delivery): Promise<void> {
    await this.enqueue({ kind: 'sensor', delivery }, delivery.records.length);
  }

  async deliverImport(delivery: ImportDelivery): Promise<void> {
    await this.enqueue({ kind: 'import', delivery }, delivery.sessions.length + delivery.events.length);
  }

  private enqueue(work: Work, records: number): Promise<void> {
    if (this.stopping.signal.aborted) throw new ProjectError('INTAKE_STOPPED', 'the manager is stopping');
    const { waiting } = this.state;
    const { bytes } = work.delivery;
    if (this.queue.length > 0 || this.running !== undefined) {
      if (waiting + records > MAX_WAITING_RECORDS || this.waitingBytes + bytes > MAX_WAITING_BYTES)
        throw new ProjectError('INTAKE_FULL', 'more records wait than the store takes; try again', { waiting });
    }
    this.state.waiting += records;
    this.waitingBytes += bytes;
    const leave = (): void => {
      this.state.waiting -= records;
      this.waitingBytes -= bytes;
    };
    return new Promise((resolve, reject) => {
      this.queue.push({
        work,
        records,
        resolve() {
          leave();
          resolve();
        },
        reject(error) {
          leave();
          reject(error);
        },
      });
      this.running ??= this.run().finally(() => {
        this.running = undefined;
      });
    });
  }

  /** Takes in nothing more, and resolves when what is under way is stored or given back. */
  async stop(): Promise<void> {
    this.stopping.abort();
    const giveUp = setTimeout(() => this.givingUp.abort(), STOP_GRACE_MS);
    await this.running;
    await this.recovering?.catch(() => undefined);
    clearTimeout(giveUp);
  }

  private async run(): Promise<void> {
    while (this.queue.length > 0) await this.serve(this.takeJobs());
  }

  private async serve(jobs: readonly Job[]): Promise<void> {
    let stored: readonly Stored[] = [];
    try {
      await this.recover();
      const gathered = await this.gather(jobs);
      if (gathered === 'apart') {
        for (const job of jobs) await this.serve([job]);
        return;
      }
      if (gathered !== undefined) stored = await this.store(gathered);
      for (const job of jobs) job.resolve();
    } catch (error) {
      for (const job of jobs) job.reject(error);
      this.parts.log.error({ code: errorCode(error), error: errorText(error) }, 'deliveries were given back');
    }
    await this.show(stored);
  }

  private takeJobs(): Job[] {
    const jobs: Job[] = [];
    let records = 0;
    let bytes = 0;
    for (const next of this.queue) {
      records += next.records;
      bytes += next.work.delivery.bytes;
      if (jobs.length > 0 && (records > MAX_SEGMENT_RECORDS || bytes > MAX_SEGMENT_BYTES)) break;
      jobs.push(next);
    }
    this.queue = this.queue.slice(jobs.length);
    return jobs;
  }

  /** `apart` where something of the deliveries makes us fail: each is tried alone, so that it spoils no other. */
  private async gather(jobs: readonly Job[]): Promise<Gathered | undefined | 'apart'> {
    if (this.stopping.signal.aborted && this.state.trouble !== null)
      throw new ProjectError('INTAKE_STOPPED', 'the manager stops while the store takes nothing');
    const { places, artifacts, log } = this.parts;
    const work = jobs.map((job) => job.work);
    try {
      return await gather(work, { places, artifacts, log, watermarks: this.watermarks }, this.now());
    } catch (error) {
      if (jobs.length > 1 && (error instanceof TypeError || error instanceof RangeError)) return 'apart';
      throw error;
    }
  }

  private async store(gathered: Gathered): Promise<readonly Stored[]> {
    const segment = await this.journal.write(gathered.content);
    const refused = !(await this.insert(segment));
    await this.settle(segment);
    if (refused) return [];
    this.state.stored_sessions += gathered.sessions;
    this.state.stored_events += gathered.events;
    return gathered.stored;
  }

  /** Those who watch are no part of storing: what goes wrong with them is theirs. */
  private async show(stored: readonly Stored[]): Promise<void> {
    const turns = new Turns();
    for (let from = 0; from < stored.length; from += SHOWN_AT_ONCE) {
      try {
        this.parts.publish(stored.slice(from, from + SHOWN_AT_ONCE));
      } catch (error) {
        this.parts.log.error({ error: errorText(error) }, 'stored records could not be shown');
      }
      if (turns.over) await turns.next();
    }
  }

  /**
   * Inserts a journalled segment, for as long as it takes: it is journalled, so it is the manager's to bring home. False where the store refuses a part
   * of it for what is in it; then it is put aside, and the rest is stored.
   */
  private async insert(segment: Segment): Promise<boolean> {
    let refusal: unknown;
    for (const [name, rows] of segment.rows) {
      try {
        await this.untilDone(
          { segment: segment.id, table: name },
          () => this.insertRows(segment.id, name, rows),
          refusesData,
        );
      } catch (error) {
        if (!refusesData(error)) throw error;
        refusal = error;
      }
    }
    if (refusal !== undefined) await this.putAside(segment.id, refusal);
    this.state.segments += 1;
    return refusal === undefined;
  }

  private async insertRows(id: string, name: TableName, rows: Buffer): Promise<void> {
    await this.parts.store.insert(name, TABLES[name], rows, { token: id, signal: this.givingUp.signal });
  }

  private async putAside(id: string, error: unknown): Promise<void> {
    const path = await this.journal.setAside(id);
    this.state.refused_segments += 1;
    this.parts.log.error({ segment: id, path, error: errorText(error) }, 'an intake segment is put aside');
  }

  /** Notes what is stored, then lets the segment go. Until it is noted nothing else is taken: the same records could come again. */
  private async settle(segment: Segment): Promise<void> {
    await this.untilDone({ segment: segment.id }, async () => this.note(segment));
    this.watermarks.remember(segment.watermarks);
    await this.untilDone({ segment: segment.id }, () => this.journal.removeIfThere(segment.id));
  }

  /** Tries again with growing pauses, until it is done, the failure is final, or the manager stops. */
  private async untilDone(
    facts: Readonly<Record<string, string>>,
    action: () => Promise<void>,
    isFinal: (error: unknown) => boolean = () => false,
  ): Promise<void> {
    const { signal } = this.stopping;
    for (let wait = RETRY_FIRST_MS; ; wait = Math.min(RETRY_MAX_MS, wait * 2)) {
      try {
        await action();
        this.state.trouble = null;
        return;
      } catch (error) {
        if (isFinal(error)) throw error;
        this.state.trouble = errorText(error);
        this.parts.log.warn({ ...facts, error: errorText(error), wait }, 'a segment cannot be stored; trying again');
        if (signal.aborted)
          throw new ProjectError(
            'INTAKE_STOPPED',
            'the manager stops before the store took the records; they stay journalled',
            { cause: error },
          );
        await sleep(wait, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private note(segment: Segment): void {
    const at = new Date(this.now()).toISOString();
    const { control } = this.parts;
    control.transaction(() => {
      this.watermarks.save(segment.watermarks, at);
      const progress = control.db.prepare(
        `INSERT INTO imports (fingerprint, file, format, rows, imported, duplicates, invalid, done, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET file = excluded.file, rows = excluded.rows, imported = excluded.imported, duplicates = excluded.duplicates,
           invalid = excluded.invalid, done = excluded.done, updated_at = excluded.updated_at`,
      );
      for (const p of segment.imports)
        progress.run(p.fingerprint, p.file, p.format, p.rows, p.imported, p.duplicates, p.invalid, p.done ? 1 : 0, at);
    });
  }
}
