/**
 * From delivered records to stored ones. Batches of all sensors that wait are joined into one segment, journalled, inserted, and only then answered. A batch
 * that comes twice is stored once: what a sensor's watermark covers is skipped, and what a crash interrupted is replayed under its token.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventRecord, SessionRecord, WireRecord } from '../../events/index.ts';
import { errorCode, errorText, ProjectError } from '../../events/index.ts';
import type { Control } from '../control/database.ts';
import type { Place, Places } from '../enrich/places.ts';
import type { Log } from '../log.ts';
import { isRetryable, type StoreClient } from '../store/client.ts';
import { eventRow, sessionRow, TABLES, type TableName, transcriptRows } from '../store/rows.ts';
import type { Artifacts } from './artifacts.ts';
import { type ImportProgress, Journal, type Segment, type Watermark } from './journal.ts';

/** Records joined into one segment at most; a batch is never split. */
const MAX_SEGMENT_RECORDS = 60_000;
/** Records that may wait here; a further batch is refused and its sensor tries again. */
const MAX_WAITING_RECORDS = 400_000;
const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 5000;

export type Stored =
  | { session: SessionRecord; sensorId: string; place: Place }
  | { event: EventRecord; sensorId: string; place: Place };

export interface Delivery {
  sensorId: string;
  bootId: string;
  records: readonly WireRecord[];
  /** Sequence number that is stored once this delivery is. */
  last: number;
}

/** Records of an importer: who they belong to is in them, and what comes twice was taken out before. */
export interface ImportDelivery {
  sessions: readonly { sensorId: string; session: SessionRecord }[];
  events: readonly { sensorId: string; event: EventRecord }[];
  progress: ImportProgress;
}

type Job = { waited: number; weight: number; resolve: () => void; reject: (error: unknown) => void } & (
  | { kind: 'sensor'; delivery: Delivery }
  | { kind: 'import'; delivery: ImportDelivery }
);

export interface IntakeState {
  waiting: number;
  stored_sessions: number;
  stored_events: number;
  segments: number;
  refused_segments: number;
  /** Why the store does not take the current segment, if it does not. */
  trouble: string | null;
}

export class Intake {
  readonly state: IntakeState = {
    waiting: 0,
    stored_sessions: 0,
    stored_events: 0,
    segments: 0,
    refused_segments: 0,
    trouble: null,
  };
  private readonly control: Control;
  private readonly journal: Journal;
  private readonly store: StoreClient;
  private readonly places: Places;
  private readonly artifacts: Artifacts;
  private readonly log: Log;
  private readonly publish: (stored: readonly Stored[]) => void;
  private readonly watermarks = new Map<string, number>();
  private queue: Job[] = [];
  private running: Promise<void> | undefined;
  private stopped = false;

  constructor(parts: {
    control: Control;
    journalDir: string;
    store: StoreClient;
    places: Places;
    artifacts: Artifacts;
    log: Log;
    publish: (stored: readonly Stored[]) => void;
  }) {
    this.control = parts.control;
    this.journal = new Journal(parts.journalDir);
    this.store = parts.store;
    this.places = parts.places;
    this.artifacts = parts.artifacts;
    this.log = parts.log;
    this.publish = parts.publish;
    for (const row of this.control.db
      .prepare('SELECT sensor_id, boot_id, seq FROM watermarks')
      .all() as unknown as Watermark[]) {
      this.watermarks.set(`${row.sensor_id} ${row.boot_id}`, row.seq);
    }
  }

  /** Stores what a stopped manager left on its way. Nothing is taken in before. */
  async recover(): Promise<void> {
    for (const segment of this.journal.left()) {
      this.log.info({ segment: segment.id }, 'replaying an intake segment');
      await this.insert(segment);
      this.settle(segment);
    }
  }

  /** Resolves when everything of the delivery is stored, with the number that is stored now. */
  async deliver(delivery: Delivery): Promise<void> {
    await this.enqueue({ kind: 'sensor', delivery }, delivery.records.length);
  }

  async deliverImport(delivery: ImportDelivery): Promise<void> {
    await this.enqueue({ kind: 'import', delivery }, delivery.sessions.length + delivery.events.length);
  }

  private enqueue(
    what: { kind: 'sensor'; delivery: Delivery } | { kind: 'import'; delivery: ImportDelivery },
    weight: number,
  ): Promise<void> {
    if (this.stopped) throw new ProjectError('INTAKE_STOPPED', 'the manager is stopping');
    if (this.state.waiting + weight > MAX_WAITING_RECORDS && this.state.waiting > 0) {
      throw new ProjectError('INTAKE_FULL', 'more records wait than the store takes; try again', {
        waiting: this.state.waiting,
      });
    }
    this.state.waiting += weight;
    return new Promise((resolve, reject) => {
      this.queue.push({ ...what, weight, waited: Date.now(), resolve, reject });
      this.running ??= this.run().finally(() => {
        this.running = undefined;
      });
    });
  }

  /** Takes in nothing more, and resolves when what is under way is stored or given back. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  private async run(): Promise<void> {
    while (this.queue.length > 0) {
      const jobs = this.takeJobs();
      try {
        await this.storeJobs(jobs);
        for (const job of jobs) job.resolve();
      } catch (error) {
        for (const job of jobs) job.reject(error);
        this.log.error({ code: errorCode(error), error: errorText(error) }, 'deliveries were given back');
      }
      for (const job of jobs) this.state.waiting -= job.weight;
    }
  }

  private takeJobs(): Job[] {
    const jobs: Job[] = [];
    let weight = 0;
    while (this.queue.length > 0) {
      const next = this.queue[0] as Job;
      if (jobs.length > 0 && weight + next.weight > MAX_SEGMENT_RECORDS) break;
      weight += next.weight;
      jobs.push(next);
      this.queue.shift();
    }
    return jobs;
  }

  private async storeJobs(jobs: readonly Job[]): Promise<void> {
    const lines: Record<TableName, string[]> = { sessions: [], events: [], transcripts: [] };
    const stored: Stored[] = [];
    const watermarks: Watermark[] = [];
    const imports: ImportProgress[] = [];
    const marks = new Map<string, number>();
    const receivedAt = new Date().toISOString();
    for (const job of jobs) {
      if (job.kind === 'import') {
        imports.push(job.delivery.progress);
        for (const { sensorId, session } of job.delivery.sessions)
          this.addSession(session, { sensorId, receivedAt }, lines, stored);
        for (const { sensorId, event } of job.delivery.events)
          this.addEvent(event, { sensorId, receivedAt }, lines, stored);
        continue;
      }
      const { sensorId, bootId, records, last } = job.delivery;
      const key = `${sensorId} ${bootId}`;
      const mark = marks.get(key) ?? this.watermarks.get(key) ?? 0;
      for (const { n, ...record } of records) {
        if (n <= mark) continue;
        switch (record.record) {
          case 'session': {
            const { record: _, ...session } = record;
            this.addSession(session, { sensorId, receivedAt }, lines, stored);
            break;
          }
          case 'event':
            this.addEvent(record, { sensorId, receivedAt }, lines, stored);
            break;
          case 'transcript':
            for (const row of transcriptRows(record)) lines.transcripts.push(row);
            break;
          case 'artifact':
            if (!this.artifacts.take(sensorId, record))
              this.log.warn(
                { sensor: sensorId, sha256: record.sha256 },
                'an artifact is not what its hash says; dropped',
              );
            break;
        }
      }
      if (last > mark) {
        marks.set(key, last);
        watermarks.push({ sensor_id: sensorId, boot_id: bootId, seq: last });
      }
    }
    if (watermarks.length === 0 && imports.length === 0) return;
    const rows = new Map<TableName, Buffer>();
    for (const name of Object.keys(lines) as TableName[]) {
      if (lines[name].length > 0) rows.set(name, Buffer.from(`${lines[name].join('\n')}\n`));
    }
    const segment = this.journal.write({ rows, watermarks, imports });
    await this.insert(segment);
    this.settle(segment);
    this.state.stored_sessions += lines.sessions.length;
    this.state.stored_events += lines.events.length;
    this.publish(stored);
  }

  private addSession(
    session: SessionRecord,
    by: { sensorId: string; receivedAt: string },
    lines: Record<TableName, string[]>,
    stored: Stored[],
  ): void {
    const place = this.places.of(session.src_ip);
    lines.sessions.push(sessionRow(session, { ...by, place }));
    stored.push({ session, sensorId: by.sensorId, place });
  }

  private addEvent(
    event: EventRecord,
    by: { sensorId: string; receivedAt: string },
    lines: Record<TableName, string[]>,
    stored: Stored[],
  ): void {
    const place = this.places.of(event.src_ip);
    lines.events.push(eventRow(event, { ...by, place }));
    stored.push({ event, sensorId: by.sensorId, place });
  }

  /** Inserts a journalled segment, for as long as it takes: it is journalled, so it is the manager's to bring home. */
  private async insert(segment: Segment): Promise<void> {
    for (const [name, rows] of segment.rows) {
      for (let wait = RETRY_FIRST_MS; ; wait = Math.min(RETRY_MAX_MS, wait * 2)) {
        try {
          await this.store.insert(name, TABLES[name], rows, { token: segment.id });
          this.state.trouble = null;
          break;
        } catch (error) {
          this.state.trouble = errorText(error);
          if (!isRetryable(error)) {
            const path = this.journal.setAside(segment.id);
            this.state.refused_segments += 1;
            this.log.error(
              { segment: segment.id, table: name, path, error: errorText(error) },
              'the store refuses a segment; it is kept aside',
            );
            return;
          }
          this.log.warn(
            { segment: segment.id, table: name, error: errorText(error), wait },
            'the store does not take a segment; trying again',
          );
          if (this.stopped)
            throw new ProjectError(
              'INTAKE_STOPPED',
              'the manager stops before the store took the records; they stay journalled',
              { cause: error },
            );
          await sleep(wait);
        }
      }
    }
    this.state.segments += 1;
  }

  /** Notes what is stored, then lets the segment go. */
  private settle(segment: Segment): void {
    const at = new Date().toISOString();
    this.control.transaction(() => {
      const mark = this.control.db.prepare(
        'INSERT INTO watermarks (sensor_id, boot_id, seq, updated_at) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq), updated_at = excluded.updated_at',
      );
      for (const { sensor_id, boot_id, seq } of segment.watermarks) mark.run(sensor_id, boot_id, seq, at);
      const progress = this.control.db.prepare(
        `INSERT INTO imports (fingerprint, file, format, rows, imported, duplicates, invalid, done, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET file = excluded.file, rows = excluded.rows, imported = excluded.imported, duplicates = excluded.duplicates,
           invalid = excluded.invalid, done = excluded.done, updated_at = excluded.updated_at`,
      );
      for (const p of segment.imports)
        progress.run(p.fingerprint, p.file, p.format, p.rows, p.imported, p.duplicates, p.invalid, p.done ? 1 : 0, at);
    });
    for (const { sensor_id, boot_id, seq } of segment.watermarks) {
      const key = `${sensor_id} ${boot_id}`;
      this.watermarks.set(key, Math.max(seq, this.watermarks.get(key) ?? 0));
    }
    this.journal.removeIfThere(segment.id);
  }
}
