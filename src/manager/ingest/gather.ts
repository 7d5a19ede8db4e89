/** The rows of one segment, from the deliveries that are joined in it: what is stored already is left out, places are looked up, and rows are made in slices. */
import type { EventRecord, SessionRecord, WireRecord } from '../../events/index.ts';
import type { Place, Places } from '../enrich/places.ts';
import type { Log } from '../log.ts';
import { eventRow, sessionRow, type TableName, transcriptRows } from '../store/rows.ts';
import type { Artifacts } from './artifacts.ts';
import { Clock } from './clock.ts';
import type { ImportProgress, Segment, Watermark } from './journal.ts';
import { Turns } from './turns.ts';
import type { Watermarks } from './watermarks.ts';

export interface Delivery {
  sensorId: string;
  bootId: string;
  records: readonly WireRecord[];
  /** Sequence number that is stored once this delivery is. */
  last: number;
  /** Size of the records as they came: a measure of the memory that they hold. */
  bytes: number;
}

/** Records of an importer: who they belong to is in them, and what comes twice was taken out before. */
export interface ImportDelivery {
  sessions: readonly { sensorId: string; session: SessionRecord }[];
  events: readonly { sensorId: string; event: EventRecord }[];
  progress: ImportProgress;
  bytes: number;
}

export type Work = { kind: 'sensor'; delivery: Delivery } | { kind: 'import'; delivery: ImportDelivery };

export type Stored =
  | { session: SessionRecord; sensorId: string; place: Place }
  | { event: EventRecord; sensorId: string; place: Place };

/** Lines joined into one piece of text before they become bytes. */
const PIECE_LINES = 1000;

class Rows {
  count = 0;
  private lines: string[] = [];
  private readonly pieces: Buffer[] = [];

  add(line: string): void {
    this.count += 1;
    this.lines.push(line);
    if (this.lines.length >= PIECE_LINES) this.close();
  }

  private close(): void {
    if (this.lines.length === 0) return;
    this.pieces.push(Buffer.from(`${this.lines.join('\n')}\n`));
    this.lines = [];
  }

  bytes(): Buffer {
    this.close();
    return Buffer.concat(this.pieces);
  }
}

export interface Gathered {
  content: Omit<Segment, 'id'>;
  /** What becomes visible when the segment is stored. */
  stored: Stored[];
  sessions: number;
  events: number;
}

export interface GatherParts {
  places: Places;
  artifacts: Artifacts;
  watermarks: Watermarks;
  log: Log;
}

class Gathering {
  readonly rows: Record<TableName, Rows> = { sessions: new Rows(), events: new Rows(), transcripts: new Rows() };
  readonly stored: Stored[] = [];
  private readonly parts: GatherParts;
  private readonly receivedAt: string;
  private readonly clock: Clock;

  constructor(parts: GatherParts, nowMs: number) {
    this.parts = parts;
    this.receivedAt = new Date(nowMs).toISOString();
    this.clock = new Clock(nowMs);
  }

  session(session: SessionRecord, sensorId: string): void {
    const place = this.parts.places.of(session.src_ip);
    this.rows.sessions.add(sessionRow(session, { sensorId, receivedAt: this.receivedAt, place }));
    this.stored.push({ session, sensorId, place });
  }

  event(event: EventRecord, sensorId: string): void {
    const place = this.parts.places.of(event.src_ip);
    this.rows.events.add(eventRow(event, { sensorId, receivedAt: this.receivedAt, place }));
    this.stored.push({ event, sensorId, place });
  }

  async record(numbered: WireRecord, sensorId: string): Promise<void> {
    const { n: _, ...record } = this.clock.steady(numbered);
    switch (record.record) {
      case 'session': {
        const { record: _kind, ...session } = record;
        this.session(session, sensorId);
        break;
      }
      case 'event':
        this.event(record, sensorId);
        break;
      case 'transcript':
        for (const row of transcriptRows(record)) this.rows.transcripts.add(row);
        break;
      case 'artifact':
        if (!(await this.parts.artifacts.take(sensorId, record)))
          this.parts.log.warn(
            { sensor: sensorId, sha256: record.sha256 },
            'an artifact is not what its hash says; dropped',
          );
        break;
    }
  }
}

/** Undefined where nothing of the deliveries is new. */
export async function gather(work: readonly Work[], parts: GatherParts, nowMs: number): Promise<Gathered | undefined> {
  const gathering = new Gathering(parts, nowMs);
  const turns = new Turns();
  const marks = new Map<string, Watermark>();
  const imports: ImportProgress[] = [];
  for (const { kind, delivery } of work) {
    if (kind === 'import') {
      imports.push(delivery.progress);
      for (const { sensorId, session } of delivery.sessions) {
        gathering.session(session, sensorId);
        if (turns.over) await turns.next();
      }
      for (const { sensorId, event } of delivery.events) {
        gathering.event(event, sensorId);
        if (turns.over) await turns.next();
      }
      continue;
    }
    const { sensorId, bootId, records, last } = delivery;
    const key = `${sensorId} ${bootId}`;
    const mark = marks.get(key)?.seq ?? parts.watermarks.get(sensorId, bootId);
    for (const record of records) {
      if (record.n > mark) await gathering.record(record, sensorId);
      if (turns.over) await turns.next();
    }
    if (last > mark) marks.set(key, { sensor_id: sensorId, boot_id: bootId, seq: last });
  }
  if (marks.size === 0 && imports.length === 0) return undefined;
  const rows = new Map<TableName, Buffer>();
  for (const [name, table] of Object.entries(gathering.rows) as [TableName, Rows][])
    if (table.count > 0) rows.set(name, table.bytes());
  return {
    content: { rows, watermarks: [...marks.values()], imports },
    stored: gathering.stored,
    sessions: gathering.rows.sessions.count,
    events: gathering.rows.events.count,
  };
}
