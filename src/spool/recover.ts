/** What is found on disk when the spool is opened: see `segment.ts` for what is done with each kind of damage. */
import { join } from 'node:path';
import { errorCode } from '../events/errors.ts';
import type { Recovery, SpoolFs } from './contract.ts';
import type { CursorState } from './cursor.ts';
import { readAt } from './files.ts';
import { TableReader } from './open-table.ts';
import { withoutDamage } from './repair.ts';
import { decodeHeader, HEADER_BYTES, parseSegmentName } from './segment.ts';
import { type Segment, scanSegment } from './segment-index.ts';

const OWN_FILES = new Set(['segments', 'cursor', 'cursor.tmp', 'lock', 'reserve']);

export interface Recovered {
  segments: Segment[];
  sessions: Map<string, string>;
  recovery: Omit<Recovery, 'cursor' | 'staleLock'>;
}

export function recover(fs: SpoolFs, dir: string, cursor: CursorState): Recovered {
  const folder = join(dir, 'segments');
  const segments: Segment[] = [];
  const table = new TableReader();
  const recovery = {
    segments: 0,
    records: 0,
    tornBytes: 0,
    corruptBytes: 0,
    corruptRecords: 0,
    unknown: [] as string[],
  };
  for (const name of fs.readdirSync(dir)) if (!OWN_FILES.has(name)) recovery.unknown.push(name);
  const names: string[] = [];
  for (const name of fs.readdirSync(folder).sort()) {
    if (parseSegmentName(name) !== undefined) names.push(name);
    else if (name.endsWith('.tmp') && parseSegmentName(name.slice(0, -4)) !== undefined)
      fs.unlinkSync(join(folder, name));
    else recovery.unknown.push(`segments/${name}`);
  }
  /** Something was lost since the last record that was read. */
  let broken = false;
  for (const name of names) {
    const path = join(folder, name);
    const fd = fs.openSync(path, 'r+');
    try {
      const { size } = fs.fstatSync(fd);
      const header = decodeHeader(readAt(fs, fd, 0, HEADER_BYTES));
      const named = parseSegmentName(name);
      if (header === undefined || header.ordinal !== named?.ordinal || header.number !== named.number) {
        broken = true;
        if (discard(fs, fd, path, size)) recovery.tornBytes += size;
        else recovery.corruptBytes += size;
        continue;
      }
      const ackedSeq =
        header.ordinal < cursor.ordinal ? Number.MAX_SAFE_INTEGER : header.ordinal > cursor.ordinal ? 0 : cursor.seq;
      table.beginSegment();
      const { segment, damage } = scanSegment({ fs, fd, path, header, size, ackedSeq }, (frame) => table.frame(frame));
      let repair = false;
      const before = segments.at(-1);
      // A gap between segments is a loss only where something is known to be missing: refused records leave gaps, too.
      if (broken && before?.header.boot === header.boot) {
        const unacked = header.first - 1 - Math.max(before.end.seq, Math.min(ackedSeq, header.first - 1));
        recovery.corruptRecords += unacked;
      }
      broken = false;
      for (const { offset, end, lost } of damage) {
        if (end < size) {
          recovery.corruptBytes += end - offset;
          recovery.corruptRecords += lost;
          repair = true;
          continue;
        }
        broken = true;
        recovery.tornBytes += end - offset;
        fs.ftruncateSync(fd, offset);
        segment.skip(offset - end);
      }
      if (repair) segment.adopt(withoutDamage(fs, fd, segment, ackedSeq) ?? segment);
      segments.push(segment);
      recovery.segments += 1;
      recovery.records += segment.waitingRecords;
    } finally {
      fs.closeSync(fd);
    }
  }
  table.endSegment();
  return { segments, sessions: table.sessions, recovery };
}

/** A segment without a readable header: one that was just being made is deleted; another is put aside for whoever wants to look at it. */
function discard(fs: SpoolFs, fd: number, path: string, size: number): boolean {
  const start = readAt(fs, fd, 0, HEADER_BYTES);
  const unfinished = size < HEADER_BYTES || start.every((byte) => byte === 0);
  try {
    if (unfinished) fs.unlinkSync(path);
    else fs.renameSync(path, `${path}.corrupt`);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
  return unfinished;
}
