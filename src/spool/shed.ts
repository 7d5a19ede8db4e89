/**
 * Makes room in the stated order: transcript bytes and the bulk of artifacts first, then probes, then the oldest records whatever they are.
 *
 * The first two are taken out of the oldest segment that holds any by copying the rest of it, syncing the copy and renaming it over the
 * original: at every moment one of the two is there whole. That runs in small steps between other work. Where appending is faster, or no room
 * is left for a copy, the spool drops whole segments (`spool.ts`), so that the limit is passed by one segment and the copy at most.
 *
 * Only the segment that is written to keeps frames of the table of open sessions from being needed: a copy leaves them out (`segment.ts`).
 * A record that was read and not yet acknowledged may be shed; if its acknowledgement comes after all, it was counted as shed although it is stored.
 */
import type { FileHandle } from 'node:fs/promises';
import type { RecordKind, ShedReason, SpoolFs } from './contract.ts';
import { quietly, writeAt } from './files.ts';
import { encodeHeader, readFrames } from './segment.ts';
import { advance, type Mark, Segment, tally } from './segment-index.ts';
import { type SegmentSet, waitingByKind } from './segments.ts';

export interface ShedderHost {
  fs: SpoolFs;
  segments: SegmentSet;
  /** Why room has to be made, as long as it has to be. */
  wanted(): ShedReason | undefined;
  /** Resolves when the newest segment's table is on disk, so that older segments are not needed for theirs; false if it cannot be. */
  syncTable(): Promise<boolean>;
  count(reason: ShedReason, kind: RecordKind, count: number): void;
  /** Gives up a whole segment. */
  drop(segment: Segment, reason: ShedReason): void;
  /** A segment's file was replaced. */
  folderChanged(): void;
}

const STEP_BYTES = 262_144;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class Shedder {
  private readonly host: ShedderHost;
  stopping = false;

  constructor(host: ShedderHost) {
    this.host = host;
  }

  /** Sheds as long as room is wanted and something can be done about it. */
  async run(): Promise<void> {
    const { host } = this;
    for (let reason = host.wanted(); reason !== undefined; reason = host.wanted()) {
      await turn();
      if (!(await host.syncTable()) || this.stopping) return;
      const victim = this.choose();
      if (victim !== undefined && (await this.shed(victim.segment, victim.kind, reason))) continue;
      if (this.stopping) return;
      // Nothing is left to take out, or no room for a copy.
      const oldest = host.segments.sealed()[0];
      if (oldest === undefined) return;
      host.drop(oldest, reason);
    }
  }

  private choose(): { segment: Segment; kind: 0 | 1 } | undefined {
    const sealed = this.host.segments.sealed();
    for (const kind of [0, 1] as const) {
      const segment = sealed.find((candidate) => candidate.waiting(kind) > 0);
      if (segment !== undefined) return { segment, kind };
    }
    return undefined;
  }

  /** Takes records up to `kind` out of a segment. False if it could not be done. */
  private async shed(segment: Segment, kind: 0 | 1, reason: ShedReason): Promise<boolean> {
    const { fs } = this.host;
    if (waitingByKind(segment).every(([each, count]) => each <= kind || count === 0)) {
      this.host.drop(segment, reason);
      return true;
    }
    const path = `${segment.path}.tmp`;
    let from: FileHandle | undefined;
    let to: FileHandle | undefined;
    let kept = false;
    try {
      from = await fs.openHandle(segment.path, 'r');
      to = await fs.openHandle(path, 'w+', 0o600);
      const copied = await this.copy(segment, kind, from.fd, to.fd);
      if (copied === undefined) return true;
      await to.datasync();
      if (segment.gone || this.stopping) return true;
      this.replace(segment, kind, reason, copied, to.fd, path);
      kept = true;
      return true;
    } catch {
      return false;
    } finally {
      await from?.close().catch(() => undefined);
      await to?.close().catch(() => undefined);
      if (!kept && to !== undefined) quietly(() => fs.unlinkSync(path));
    }
  }

  /** Undefined if the copy is not wanted any more. */
  private async copy(
    segment: Segment,
    kind: 0 | 1,
    from: number,
    to: number,
  ): Promise<{ fresh: Segment; seen: Mark } | undefined> {
    const { host } = this;
    const { fs } = host;
    const fresh = new Segment(segment.path, segment.header);
    const seen = { ...segment.acked };
    let kept: Buffer[] = [encodeHeader(segment.header)];
    let written = 0;
    let pause = seen.offset + STEP_BYTES;
    const write = (): void => {
      const bytes = Buffer.concat(kept);
      kept = [];
      writeAt(fs, to, written, bytes);
      written += bytes.length;
    };
    const source = { fs, fd: from, salt: segment.header.salt };
    for (const frame of readFrames(source, seen.offset, segment.end.offset, seen.seq)) {
      if (frame.kind === 'damage') continue;
      advance(seen, frame);
      if (frame.kind > kind && frame.kind <= 2) {
        fresh.add(frame.kind, frame.seq, frame.bytes.length);
        kept.push(frame.bytes);
      }
      if (frame.end < pause) continue;
      pause = frame.end + STEP_BYTES;
      write();
      await turn();
      if (this.stopping || segment.gone || host.wanted() === undefined) return undefined;
    }
    write();
    return { fresh, seen };
  }

  private replace(
    segment: Segment,
    kind: 0 | 1,
    reason: ShedReason,
    copied: { fresh: Segment; seen: Mark },
    fd: number,
    path: string,
  ): void {
    const { host } = this;
    const { fresh, seen } = copied;
    // What was acknowledged while copying.
    fresh.acked = fresh.locate(host.fs, fd, segment.acked.seq);
    const shed: [ShedReason, RecordKind, number][] = [];
    for (const each of [0, 1, 2] as const) {
      const lost = Math.min(tally(segment.end, each) - tally(seen, each), segment.waiting(each));
      shed.push(['corrupt', each, lost]);
      if (each <= kind) shed.push([reason, each, segment.waiting(each) - lost]);
    }
    host.fs.renameSync(path, segment.path);
    host.folderChanged();
    host.segments.update(segment, () => segment.adopt(fresh));
    for (const [why, each, count] of shed) if (count > 0) host.count(why, each, count);
  }
}
