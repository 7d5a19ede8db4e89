/** Replaces a damaged segment by a copy of its good frames, so that what is lost in it is counted once. */
import { constants } from 'node:fs';
import type { SpoolFs } from './contract.ts';
import { quietly, writeAt } from './files.ts';
import { encodeHeader, HEADER_BYTES, readFrames } from './segment.ts';
import { type Segment, scanSegment } from './segment-index.ts';

const { O_RDWR, O_CREAT, O_TRUNC, O_DSYNC } = constants;

/** What is known of the copy, or undefined if it could not be made: the damage stays, and is stepped over at each reading. */
export function withoutDamage(fs: SpoolFs, fd: number, segment: Segment, ackedSeq: number): Segment | undefined {
  const { path, header } = segment;
  const kept: Buffer[] = [encodeHeader(header)];
  const fresh = `${path}.tmp`;
  let to: number | undefined;
  try {
    const { size } = fs.fstatSync(fd);
    for (const frame of readFrames({ fs, fd, salt: header.salt }, HEADER_BYTES, size, header.first - 1))
      if (frame.kind !== 'damage') kept.push(frame.bytes);
    const bytes = Buffer.concat(kept);
    // Synced by its writes: the call for it may be refused (`commit.ts`).
    to = fs.openSync(fresh, O_RDWR | O_CREAT | O_TRUNC | O_DSYNC, 0o600);
    writeAt(fs, to, 0, bytes);
    const copy = scanSegment({ fs, fd: to, path, header, size: bytes.length, ackedSeq }).segment;
    fs.renameSync(fresh, path);
    return copy;
  } catch {
    if (to !== undefined) quietly(() => fs.unlinkSync(fresh));
    return undefined;
  } finally {
    const made = to;
    if (made !== undefined) quietly(() => fs.closeSync(made));
  }
}

/** What is left in a segment in which damage was found, after repairing it if that is possible. */
export function rescan(fs: SpoolFs, fd: number, segment: Segment): Segment {
  const { path, header } = segment;
  const ackedSeq = segment.acked.seq;
  const copy = withoutDamage(fs, fd, segment, ackedSeq);
  return copy ?? scanSegment({ fs, fd, path, header, size: fs.fstatSync(fd).size, ackedSeq }).segment;
}
