/** The sensor's durable queue. `contract.ts` says what it promises, `segment.ts` how it lies on disk, `shed.ts` what goes when room runs out. */
import { join, resolve } from 'node:path';
import { errorCode } from '../events/errors.ts';
import { uuidv7 } from '../events/ids.ts';
import { Appender } from './appender.ts';
import { GroupCommit } from './commit.ts';
import type {
  Batch,
  Entry,
  OlderRecord,
  Position,
  RecordKind,
  Recovery,
  ShedReason,
  ShedReport,
  Spool,
  SpoolFs,
  SpoolOptions,
  SpoolStats,
} from './contract.ts';
import { CursorFile, type CursorState, loadCursor, NO_CURSOR } from './cursor.ts';
import { SpoolError } from './errors.ts';
import { quietly, realFs } from './files.ts';
import { ShedLedger } from './ledger.ts';
import { type Lock, takeLock } from './lock.ts';
import { OpenTable } from './open-table.ts';
import { Reader } from './reader.ts';
import { type Recovered, recover } from './recover.ts';
import { rescan } from './repair.ts';
import { Reserve } from './reserve.ts';
import type { Segment } from './segment-index.ts';
import { isAfter, type Place, SegmentSet, waitingByKind } from './segments.ts';
import { Shedder } from './shed.ts';

const SEGMENT_BYTES = 16 * 1_048_576;
const SYNC_MS = 50;
/** Failures of a write that room can help against. After any other nothing is given up for it. */
const NO_ROOM: readonly (string | undefined)[] = ['ENOSPC', 'EDQUOT'];

/** Opens the spool of a folder and recovers what an earlier process left. Synchronous: it reads every segment, about a second for each GiB. */
export function openSpool(options: SpoolOptions): Spool {
  const fs = options.fs ?? realFs;
  const dir = resolve(options.dir);
  let lock: Lock | undefined;
  try {
    fs.mkdirSync(join(dir, 'segments'), { recursive: true, mode: 0o700 });
    lock = takeLock(fs, join(dir, 'lock'));
    const cursor = loadCursor(fs, join(dir, 'cursor'));
    const recovered = recover(fs, dir, typeof cursor === 'string' ? NO_CURSOR : cursor);
    return new DurableSpool(fs, dir, options, lock, recovered, cursor);
  } catch (cause) {
    lock?.release();
    if (cause instanceof SpoolError) throw cause;
    throw new SpoolError('SPOOL_OPEN_FAILED', `cannot open the spool in ${dir}`, { cause, path: dir });
  }
}

class DurableSpool implements Spool {
  readonly boot: string;
  readonly recovery: Recovery;
  readonly recoveredOpen: ReadonlyMap<string, string>;
  private readonly fs: SpoolFs;
  private readonly now: () => number;
  private readonly maxBytes: number;
  private readonly segmentBytes: number;
  private readonly ordinal: number;
  private readonly lock: Lock;
  private readonly segments: SegmentSet;
  private readonly table: OpenTable;
  private readonly ledger: ShedLedger;
  private readonly commit: GroupCommit;
  private readonly cursorFile: CursorFile;
  private readonly reserve: Reserve;
  private readonly shedder: Shedder;
  private readonly appender: Appender;
  private readonly reader: Reader;
  private cursor: Place & { boot: string };
  private recorded: number;
  /** When something began to wait. */
  private waitingSince = 0;
  /** Total size to come down to before the reserve is made again, while the disk is full. */
  private pressedTo: number | undefined;
  private maintaining: Promise<void> | undefined;
  private closed = false;

  constructor(
    fs: SpoolFs,
    dir: string,
    options: SpoolOptions,
    lock: Lock,
    recovered: Recovered,
    cursor: CursorState | 'none' | 'corrupt',
  ) {
    this.fs = fs;
    this.lock = lock;
    this.now = options.now ?? Date.now;
    this.maxBytes = options.maxBytes;
    this.segmentBytes = Math.max(1, Math.min(options.segmentBytes ?? SEGMENT_BYTES, Math.floor(options.maxBytes / 4)));
    const syncMs = options.syncMs ?? SYNC_MS;
    const folder = join(dir, 'segments');
    this.boot = uuidv7(this.now());
    const { ordinal, boot, seq, shed } = typeof cursor === 'string' ? NO_CURSOR : cursor;
    this.cursor = { ordinal, boot, seq };
    this.ordinal = Math.max(ordinal, recovered.segments.at(-1)?.header.ordinal ?? 0) + 1;
    this.recovery = {
      ...recovered.recovery,
      cursor: typeof cursor === 'string' ? cursor : 'read',
      staleLock: lock.stale,
    };
    this.recoveredOpen = new Map(recovered.sessions);
    this.table = new OpenTable(recovered.sessions);
    this.segments = new SegmentSet(fs);
    for (const segment of recovered.segments) this.segments.add(segment);
    this.recorded = this.segments.waiting + this.recovery.corruptRecords;
    this.ledger = new ShedLedger(shed);
    this.commit = new GroupCommit(fs, folder, syncMs, () => this.maintain());
    this.cursorFile = new CursorFile(fs, join(dir, 'cursor'), syncMs, () => ({
      ordinal: this.cursor.ordinal,
      boot: this.cursor.boot,
      seq: this.cursor.seq,
      shed: this.ledger.state(),
    }));
    if (this.recovery.corruptRecords > 0) this.count('corrupt', 2, this.recovery.corruptRecords);
    this.reserve = new Reserve(fs, join(dir, 'reserve'), this.segmentBytes);
    this.appender = new Appender({
      fs,
      folder,
      boot: this.boot,
      ordinal: this.ordinal,
      segmentBytes: this.segmentBytes,
      ceiling: this.maxBytes + this.segmentBytes,
      now: this.now,
      segments: this.segments,
      table: this.table,
      commit: this.commit,
    });
    this.reader = new Reader({
      segments: this.segments,
      place: (after) => this.placeOf(after),
      damaged: (segment) => this.repair(segment),
    });
    this.shedder = new Shedder({
      fs,
      segments: this.segments,
      wanted: () => this.roomWanted(),
      syncTable: () => this.syncTable(),
      count: (reason, kind, count) => this.count(reason, kind, count),
      drop: (segment, reason) => this.drop(segment, reason, 'soon'),
      folderChanged: () => this.commit.folderChanged(),
    });
    if (!this.appender.rotate() && this.reserve.release()) this.appender.rotate();
    lock.sign();
    // What older segments say of open sessions can be forgotten once the new one is on disk: no need to wait for the first append.
    void this.syncTable().then(() => this.maintain());
  }

  get nextSeq(): number {
    return this.appender.next;
  }

  append(entries: readonly Entry[]): void {
    this.put(entries);
  }

  synced(): Promise<void> {
    return this.commit.synced();
  }

  read(maxBytes: number, maxRecords: number, after?: Position): Batch | undefined {
    this.assertOpen();
    return this.reader.read(maxBytes, maxRecords, after);
  }

  scanOlder(visit: (record: OlderRecord) => void): void {
    this.assertOpen();
    this.reader.scanOlder(this.ordinal, visit);
  }

  async waitForRecords(signal: AbortSignal, after?: Position): Promise<void> {
    this.assertOpen();
    await this.reader.wait(signal, after);
  }

  ack(boot: string, seq: number): void {
    this.assertOpen();
    const ordinal = this.ordinalOf(boot);
    if (ordinal === undefined) return;
    const newest = this.segments.list.findLast((segment) => segment.header.ordinal === ordinal);
    const last = ordinal === this.ordinal ? this.nextSeq - 1 : (newest?.end.seq ?? 0);
    const place = { ordinal, boot, seq: Math.min(seq, last) };
    if (!isAfter(place, this.cursor)) return;
    this.cursor = place;
    for (const segment of this.segments.list) {
      const { header } = segment;
      if (isAfter({ ordinal: header.ordinal, seq: header.first }, place)) break;
      this.segments.update(segment, () => this.acknowledge(segment, place));
    }
    this.cursorFile.touch();
    this.maintain();
  }

  reportShed(encode: (report: ShedReport) => string): number {
    let written = 0;
    for (const report of this.ledger.unreported()) {
      if (!this.put([{ kind: 2, payload: encode(report) }])) break;
      this.ledger.reported(report);
      this.cursorFile.touch();
      written += 1;
    }
    return written;
  }

  stats(): SpoolStats {
    const { segments, ledger } = this;
    const oldest = segments.list.find((segment) => segment.waitingRecords > 0);
    return {
      recorded: this.recorded,
      acked: this.recorded - segments.waiting - ledger.shed,
      waiting: segments.waiting,
      waitingBytes: segments.waitingBytes,
      shed: { ...ledger.total },
      bytes: segments.bytes,
      segments: segments.list.length,
      open: this.table.sessions.size,
      oldestAt: oldest === undefined ? undefined : Math.max(oldest.header.createdAt, this.waitingSince),
      failure: this.appender.failure ?? this.commit.failure,
    };
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.reader.close(new SpoolError('SPOOL_CLOSED', 'the spool was closed'));
    this.shedder.stopping = true;
    await this.maintaining;
    this.reserve.stop();
    const { active } = this.segments;
    if (active !== undefined) quietly(() => this.fs.closeSync(active.fd));
    this.segments.active = undefined;
    await this.commit.close();
    await this.segments.removed();
    await this.cursorFile.close();
    this.lock.release();
    const { failure } = this.commit;
    if (failure !== undefined)
      throw new SpoolError('SPOOL_SYNC_FAILED', `the disk refused to sync the spool: ${failure}`);
  }

  /** Appends; true if every record was kept. What fails for want of room is tried again after each measure that may help. */
  private put(entries: readonly Entry[]): boolean {
    this.assertOpen();
    const { appender, segments } = this;
    let refused = -1;
    let reason: ShedReason = 'size';
    let written = true;
    let dropped = false;
    appender.encode(entries, refused);
    for (let failure = appender.write(); failure !== undefined; failure = appender.write()) {
      reason = failure;
      if (failure === 'disk_full' && NO_ROOM.includes(appender.failure) && this.reserve.release()) {
        this.pressedTo = Math.max(0, segments.bytes - this.segmentBytes);
        continue;
      }
      // One segment for each append on a full disk: the room may go to another program, and more would be given up for nothing.
      if (refused >= 1 && (failure === 'size' || (!dropped && NO_ROOM.includes(appender.failure)))) {
        const oldest = segments.sealed()[0];
        if (oldest !== undefined) {
          this.drop(oldest, failure, 'now');
          dropped = true;
          continue;
        }
      }
      if (refused === 2) {
        written = false;
        break;
      }
      refused += 1;
      appender.encode(entries, refused);
    }
    let shed = 0;
    const before = appender.next;
    const idle = segments.waiting === 0;
    appender.account(entries, written, (kind) => {
      shed += 1;
      this.count(reason, kind, 1);
    });
    const records = appender.next - before;
    this.recorded += records;
    if (records > shed) {
      if (idle) this.waitingSince = this.now();
      this.reader.wake();
    }
    if (this.roomWanted() !== undefined) this.maintain();
    return shed === 0;
  }

  private async syncTable(): Promise<boolean> {
    // A sync that fails shows in the stats; the next one tries again.
    if (!this.appender.tableDurable) await this.commit.synced().catch(() => undefined);
    return this.appender.tableDurable;
  }

  private roomWanted(): ShedReason | undefined {
    if (this.segments.bytes > this.maxBytes) return 'size';
    if (this.pressedTo !== undefined && this.segments.bytes > this.pressedTo) return 'disk_full';
    return undefined;
  }

  private drop(segment: Segment, reason: ShedReason, how: 'now' | 'soon'): void {
    for (const [kind, count] of waitingByKind(segment)) if (count > 0) this.count(reason, kind, count);
    this.segments.remove(segment, how);
  }

  private count(reason: ShedReason, kind: RecordKind, count: number): void {
    this.ledger.add(reason, kind, count);
    this.cursorFile.touch();
  }

  /** Deletes what is done, sheds what is too much, and makes the reserve again. */
  private maintain(): void {
    if (this.closed) return;
    if (this.appender.tableDurable)
      for (const segment of this.segments.sealed())
        if (segment.waitingRecords === 0) this.segments.remove(segment, 'soon');
    if (this.maintaining !== undefined || (this.roomWanted() === undefined && this.reserve.full)) return;
    this.maintaining = this.makeRoom()
      .catch((error: unknown) => {
        this.appender.failure = errorCode(error) ?? 'EIO';
      })
      .finally(() => {
        this.maintaining = undefined;
      });
  }

  private async makeRoom(): Promise<void> {
    await this.shedder.run();
    await this.segments.removed();
    this.pressedTo = undefined;
    while (!this.closed && this.roomWanted() === undefined && this.reserve.fill())
      await new Promise((done) => setImmediate(done));
  }

  private acknowledge(segment: Segment, place: Place): void {
    const { header, end } = segment;
    if (header.ordinal < place.ordinal || end.seq <= place.seq) {
      segment.acked = { ...end };
      return;
    }
    // Out of file descriptors, the counts stay behind the cursor until the next acknowledgement.
    quietly(() => {
      segment.acked = this.segments.withFile(segment, (fd) => segment.locate(this.fs, fd, place.seq));
    });
  }

  /** Something in a segment no longer matches its checksum. */
  private repair(segment: Segment): void {
    const { segments } = this;
    // Only a segment that is no longer written to can be replaced.
    if (segment.gone || (segments.active?.segment === segment && !this.appender.rotate())) return;
    const before = waitingByKind(segment);
    quietly(() => {
      const fresh = segments.withFile(segment, (fd) => rescan(this.fs, fd, segment));
      segments.update(segment, () => segment.adopt(fresh));
      this.commit.folderChanged();
    });
    for (const [kind, count] of before) {
      const lost = count - segment.waiting(kind);
      if (lost > 0) this.count('corrupt', kind, lost);
    }
  }

  private placeOf(after: Position | undefined): Place {
    const ordinal = after === undefined ? undefined : this.ordinalOf(after.boot);
    if (after === undefined || ordinal === undefined) return this.cursor;
    const place = { ordinal, seq: after.seq };
    return isAfter(place, this.cursor) ? place : this.cursor;
  }

  private ordinalOf(boot: string): number | undefined {
    if (boot === this.boot) return this.ordinal;
    if (boot === this.cursor.boot) return this.cursor.ordinal;
    return this.segments.list.find((segment) => segment.header.boot === boot)?.header.ordinal;
  }

  private assertOpen(): void {
    if (this.closed) throw new SpoolError('SPOOL_CLOSED', 'the spool is closed');
  }
}
