/** Writes to the newest segment and begins the next one. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { errorCode } from '../events/errors.ts';
import type { GroupCommit } from './commit.ts';
import type { Entry, RecordKind, SpoolFs } from './contract.ts';
import { quietly, writeAt } from './files.ts';
import type { OpenTable } from './open-table.ts';
import { CLOSED, encodeHeader, FrameWriter, OPENED, segmentName, TABLE_END } from './segment.ts';
import { Segment } from './segment-index.ts';
import type { SegmentSet } from './segments.ts';

export interface AppenderOptions {
  fs: SpoolFs;
  folder: string;
  boot: string;
  ordinal: number;
  segmentBytes: number;
  /** Total size of the segments that an append may not pass. */
  ceiling: number;
  now: () => number;
  segments: SegmentSet;
  table: OpenTable;
  commit: GroupCommit;
}

export class Appender {
  private readonly options: AppenderOptions;
  private readonly salt = randomBytes(4).readUInt32LE();
  private readonly frames = new FrameWriter(this.salt);
  /** Sizes of the frames of the entries in `frames`; 0 for one that was left out. */
  private readonly sizes: number[] = [];
  /** Bytes in `frames` before the first entry. */
  private lead = 0;
  private segmentNumber = 0;
  /** Size at which the newest segment is full. */
  private fullAt = 0;
  /** The number that the next record will get. */
  next = 1;
  /** The write that made the newest segment, in the count of `commit`. */
  tableVersion = Number.POSITIVE_INFINITY;
  /** Code of the last write if it failed. */
  failure: string | undefined;

  constructor(options: AppenderOptions) {
    this.options = options;
  }

  /** Builds the frames of the entries, without records of the kinds up to `refused`. */
  encode(entries: readonly Entry[], refused: number): void {
    const { frames, sizes } = this;
    frames.reset();
    this.options.table.putUnwritten(frames, this.next);
    this.lead = frames.length;
    let seq = this.next;
    for (let at = 0; at < entries.length; at += 1) {
      const entry = entries[at] as Entry;
      if ('kind' in entry) {
        sizes[at] = entry.kind > refused ? frames.put(entry.kind, seq, entry.payload) : 0;
        seq += 1;
      } else if ('open' in entry) sizes[at] = frames.put(OPENED, seq, `${entry.open}\n${entry.payload}`);
      else sizes[at] = frames.put(CLOSED, seq, entry.closed);
    }
  }

  /** Writes what is encoded at the end of the newest segment, whole or not at all. Says why not. */
  write(): 'size' | 'disk_full' | undefined {
    const { fs, segments, commit, ceiling } = this.options;
    const { length } = this.frames;
    if (length === 0) return undefined;
    if (segments.bytes + length > ceiling) return 'size';
    if (segments.active === undefined || segments.active.segment.end.offset + length > this.fullAt) this.rotate();
    const { active } = segments;
    if (active === undefined) return 'disk_full';
    try {
      writeAt(fs, active.fd, active.segment.end.offset, this.frames.bytes);
    } catch (error) {
      this.failure = errorCode(error) ?? 'EIO';
      // Where this fails, too, the next write begins at the same place, and recovery steps over what it leaves behind itself.
      quietly(() => fs.ftruncateSync(active.fd, active.segment.end.offset));
      return 'disk_full';
    }
    this.failure = undefined;
    commit.wrote();
    return undefined;
  }

  /** Takes note of what `write` wrote, or of nothing if it did not: numbers, sizes, open sessions. Calls `lost` for each record left out. */
  account(entries: readonly Entry[], written: boolean, lost: (kind: RecordKind) => void): void {
    const { segments, table } = this.options;
    const active = written ? segments.active?.segment : undefined;
    if (active !== undefined && this.frames.length > 0) {
      if (this.lead > 0) segments.wrote(active, OPENED, this.next, this.lead);
      table.allWritten();
    }
    for (let at = 0; at < entries.length; at += 1) {
      const entry = entries[at] as Entry;
      const size = this.sizes[at] ?? 0;
      if ('kind' in entry) {
        if (active !== undefined && size > 0) segments.wrote(active, entry.kind, this.next, size);
        else lost(entry.kind);
        this.next += 1;
        continue;
      }
      if (active !== undefined && size > 0) segments.wrote(active, OPENED, this.next, size);
      if ('open' in entry) table.open(entry.open, entry.payload, active !== undefined);
      else table.close(entry.closed, active !== undefined);
    }
  }

  /** Begins a new segment with the table of open sessions. On failure the old one, if there is one, is written on for as long again. */
  rotate(): boolean {
    const { fs, folder, boot, ordinal, segmentBytes, segments, table, commit, now } = this.options;
    const before = segments.active;
    if (before !== undefined) this.fullAt = before.segment.end.offset + segmentBytes;
    const number = this.segmentNumber + 1;
    const path = join(folder, segmentName(ordinal, number));
    const header = { ordinal, boot, number, salt: this.salt, first: this.next, createdAt: now() };
    const frames = new FrameWriter(this.salt);
    table.putAll(frames, this.next);
    const start = Buffer.concat([encodeHeader(header), frames.bytes]);
    let fd: number | undefined;
    try {
      fd = fs.openSync(path, 'wx+', 0o600);
      writeAt(fs, fd, 0, start);
    } catch (error) {
      this.failure = errorCode(error) ?? 'EIO';
      const made = fd;
      if (made !== undefined) {
        quietly(() => fs.closeSync(made));
        quietly(() => fs.unlinkSync(path));
      }
      return false;
    }
    this.segmentNumber = number;
    const segment = new Segment(path, header);
    segment.add(TABLE_END, this.next, frames.length);
    if (before !== undefined) quietly(() => fs.closeSync(before.fd));
    segments.add(segment);
    segments.active = { segment, fd };
    this.fullAt = start.length + segmentBytes;
    commit.began(path);
    this.tableVersion = commit.version;
    return true;
  }

  /** The newest segment is on disk with its table: what older ones say of open sessions can be forgotten. */
  get tableDurable(): boolean {
    return this.options.commit.durable >= this.tableVersion;
  }
}
