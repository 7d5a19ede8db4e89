/** What is known in memory of a segment on disk: how much is in it, how much of that is acknowledged, and where to look for a number. */
import type { RecordKind, SpoolFs } from './contract.ts';
import { type Damage, FRAME_HEAD, type Frame, HEADER_BYTES, readFrames, type SegmentHeader } from './segment.ts';

/** A place between two frames, and what lies before it in the segment. */
export interface Mark {
  /** Number of the last record before it. */
  seq: number;
  offset: number;
  transcripts: number;
  probes: number;
  records: number;
  /** Of the frames of records. */
  bytes: number;
}

/** Distance between the places remembered: what a search for a number reads. */
const STRIDE_BYTES = 131_072;

export function tally(mark: Mark, kind: RecordKind): number {
  return kind === 0 ? mark.transcripts : kind === 1 ? mark.probes : mark.records;
}

export class Segment {
  readonly path: string;
  readonly header: SegmentHeader;
  /** After the last frame. */
  end: Mark;
  /** After the last record that is acknowledged. */
  acked: Mark;
  /** Deleted, or no longer wanted. */
  gone = false;
  private index: Mark[];

  constructor(path: string, header: SegmentHeader) {
    this.path = path;
    this.header = header;
    this.end = {
      seq: header.first - 1,
      offset: HEADER_BYTES,
      transcripts: 0,
      probes: 0,
      records: 0,
      bytes: 0,
    };
    this.acked = { ...this.end };
    this.index = [this.acked];
  }

  /** Counts a frame that was written at the end. */
  add(kind: Frame['kind'], seq: number, size: number): void {
    const { end } = this;
    if (kind <= 2) {
      end.seq = seq;
      end.bytes += size;
      if (kind === 0) end.transcripts += 1;
      else if (kind === 1) end.probes += 1;
      else end.records += 1;
    }
    end.offset += size;
    const before = this.index.at(-1);
    if (before === undefined || end.offset - before.offset >= STRIDE_BYTES) this.index.push({ ...end });
  }

  /** Damaged bytes take up room, too. */
  skip(bytes: number): void {
    this.end.offset += bytes;
  }

  /** Takes over what is known of a file that replaced this one. */
  adopt(fresh: Segment): void {
    this.end = fresh.end;
    this.acked = fresh.acked;
    this.index = fresh.index;
  }

  waiting(kind: RecordKind): number {
    return tally(this.end, kind) - tally(this.acked, kind);
  }

  get waitingRecords(): number {
    return this.waiting(0) + this.waiting(1) + this.waiting(2);
  }

  get waitingBytes(): number {
    return this.end.bytes - this.acked.bytes;
  }

  /** The last remembered place that is not after the record `seq`. */
  near(seq: number): Mark {
    let best = this.index[0] ?? this.acked;
    if (this.acked.seq <= seq && this.acked.offset > best.offset) best = this.acked;
    for (let at = this.index.length - 1; at > 0; at -= 1) {
      const mark = this.index[at];
      if (mark === undefined || mark.seq > seq) continue;
      return mark.offset > best.offset ? mark : best;
    }
    return best;
  }

  /** The place after the record `seq`, or after the last one below it. */
  locate(fs: SpoolFs, fd: number, seq: number): Mark {
    if (seq >= this.end.seq) return { ...this.end };
    const mark = { ...this.near(seq) };
    for (const frame of readFrames({ fs, fd, salt: this.header.salt }, mark.offset, this.end.offset, mark.seq)) {
      if (frame.kind === 'damage') {
        mark.offset = frame.end;
        continue;
      }
      if (frame.kind <= 2 && frame.seq > seq) break;
      advance(mark, frame);
    }
    return mark;
  }
}

/** Reads a segment from disk. `damage` holds what is no frame, in order; an unfinished write at the end is the last of them. */
export function scanSegment(
  source: { fs: SpoolFs; fd: number; path: string; header: SegmentHeader; size: number; ackedSeq: number },
  visit: (frame: Frame) => void = () => {},
): { segment: Segment; damage: (Damage & { lost: number })[] } {
  const { fs, fd, path, header, size, ackedSeq } = source;
  const segment = new Segment(path, header);
  const damage: (Damage & { lost: number })[] = [];
  let open: (Damage & { lost: number }) | undefined;
  for (const found of readFrames({ fs, fd, salt: header.salt }, HEADER_BYTES, size, header.first - 1)) {
    if (found.kind === 'damage') {
      open = { ...found, lost: 0 };
      damage.push(open);
      segment.skip(found.end - found.offset);
      continue;
    }
    if (open !== undefined) {
      // Numbers are missing where something was shed, too; what was damaged cannot have been more than its bytes have room for.
      const room = Math.floor((open.end - open.offset) / FRAME_HEAD);
      open.lost = Math.max(0, Math.min(found.seq - Math.max(segment.end.seq, ackedSeq) - 1, room));
      open = undefined;
    }
    segment.add(found.kind, found.seq, found.end - found.offset);
    if (found.kind <= 2 && found.seq <= ackedSeq) segment.acked = { ...segment.end };
    visit(found);
  }
  return { segment, damage };
}

export function advance(mark: Mark, frame: Frame): void {
  mark.offset = frame.end;
  if (frame.kind > 2) return;
  mark.seq = frame.seq;
  mark.bytes += frame.end - frame.offset;
  if (frame.kind === 0) mark.transcripts += 1;
  else if (frame.kind === 1) mark.probes += 1;
  else mark.records += 1;
}
