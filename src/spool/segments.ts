/** The segments that exist, in the order of writing, and what they hold together. */
import type { RecordKind, SpoolFs } from './contract.ts';
import { SpoolError } from './errors.ts';
import { quietly } from './files.ts';
import { type Damage, type Frame, readFrames } from './segment.ts';
import type { Segment } from './segment-index.ts';

/** A place in the order of records, with the boot by its ordinal. */
export interface Place {
  ordinal: number;
  seq: number;
}

export function isAfter(place: Place, other: Place): boolean {
  return place.ordinal > other.ordinal || (place.ordinal === other.ordinal && place.seq > other.seq);
}

/** Whether the segment holds a record after the place. */
export function hasAfter(segment: Segment, place: Place): boolean {
  const { header, end } = segment;
  return end.seq >= header.first && isAfter({ ordinal: header.ordinal, seq: end.seq }, place);
}

/** What a segment still holds of each class. */
export function waitingByKind(segment: Segment): [RecordKind, number][] {
  return ([0, 1, 2] as const).map((kind) => [kind, segment.waiting(kind)]);
}

export class SegmentSet {
  private readonly fs: SpoolFs;
  /** Deletions under way, one after the other: what is left after a death is always the newest. */
  private unlinking: Promise<void> = Promise.resolve();
  readonly list: Segment[] = [];
  /** The newest one, if it is written to. */
  active: { segment: Segment; fd: number } | undefined;
  bytes = 0;
  waiting = 0;
  waitingBytes = 0;

  constructor(fs: SpoolFs) {
    this.fs = fs;
  }

  add(segment: Segment): void {
    this.list.push(segment);
    this.count(segment, 1);
  }

  /** All that are no longer written to. */
  sealed(): Segment[] {
    return this.active === undefined ? [...this.list] : this.list.slice(0, -1);
  }

  /** Counts a frame written at the end of the active segment. */
  wrote(segment: Segment, kind: Frame['kind'], seq: number, size: number): void {
    segment.add(kind, seq, size);
    this.bytes += size;
    if (kind > 2) return;
    this.waiting += 1;
    this.waitingBytes += size;
  }

  /** Makes a change to what is known of a segment and keeps the sums right. */
  update(segment: Segment, change: () => void): void {
    this.count(segment, -1);
    change();
    this.count(segment, 1);
  }

  remove(segment: Segment, how: 'now' | 'soon'): void {
    const at = this.list.indexOf(segment);
    if (at < 0) return;
    this.list.splice(at, 1);
    this.count(segment, -1);
    segment.gone = true;
    // A file that cannot be deleted is found at the next start, and is acknowledged or sent again.
    if (how === 'now') {
      quietly(() => this.fs.unlinkSync(segment.path));
      return;
    }
    this.unlinking = this.unlinking.then(
      () => new Promise<void>((resolve) => this.fs.unlink(segment.path, () => resolve())),
    );
  }

  removed(): Promise<void> {
    return this.unlinking;
  }

  /** Hands over the frames of a segment that may hold records after `seq`, until `visit` returns false. */
  read(segment: Segment, seq: number, visit: (frame: Frame | Damage) => boolean): void {
    this.withFile(segment, (fd) => {
      const mark = segment.near(seq);
      const source = { fs: this.fs, fd, salt: segment.header.salt };
      for (const frame of readFrames(source, mark.offset, segment.end.offset, mark.seq)) if (!visit(frame)) return;
    });
  }

  withFile<Result>(segment: Segment, use: (fd: number) => Result): Result {
    if (this.active?.segment === segment) return use(this.active.fd);
    let fd: number;
    try {
      fd = this.fs.openSync(segment.path, 'r');
    } catch (cause) {
      throw new SpoolError('SPOOL_READ_FAILED', `cannot open ${segment.path}`, { cause, path: segment.path });
    }
    try {
      return use(fd);
    } catch (cause) {
      if (cause instanceof SpoolError) throw cause;
      throw new SpoolError('SPOOL_READ_FAILED', `cannot read ${segment.path}`, { cause, path: segment.path });
    } finally {
      this.fs.closeSync(fd);
    }
  }

  private count(segment: Segment, sign: 1 | -1): void {
    this.bytes += sign * segment.end.offset;
    this.waiting += sign * segment.waitingRecords;
    this.waitingBytes += sign * segment.waitingBytes;
  }
}
