/**
 * The intake journal: a segment of rows on its way into the store. What several sensors delivered is written as one file, synced, and inserted table by
 * table under the segment's id as deduplication token; the file goes when everything that belongs to it is done. After a crash the segments found are
 * inserted again under the same tokens with the same bytes, so that each row is stored once.
 *
 * Layout of `<id>.segment`: one line of JSON (`SegmentHead`), then the rows of each table, in the order and lengths that the head gives.
 */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ProjectError, uuidv7 } from '../../events/index.ts';
import { TABLES, type TableName } from '../store/rows.ts';

const tableName = z.enum(Object.keys(TABLES) as [TableName, ...TableName[]]);
const watermark = z.object({ sensor_id: z.string(), boot_id: z.string(), seq: z.int() });
export const importProgress = z.object({
  fingerprint: z.string(),
  file: z.string(),
  format: z.string(),
  rows: z.int(),
  imported: z.int(),
  duplicates: z.int(),
  invalid: z.int(),
  done: z.boolean(),
});
const segmentHead = z.object({
  id: z.string(),
  tables: z.array(z.object({ name: tableName, bytes: z.int() })),
  /** What is stored with this segment, to be noted in the control database once it is. */
  watermarks: z.array(watermark),
  imports: z.array(importProgress),
});
export type Watermark = z.infer<typeof watermark>;
export type ImportProgress = z.infer<typeof importProgress>;

export interface Segment {
  id: string;
  rows: ReadonlyMap<TableName, Buffer>;
  watermarks: readonly Watermark[];
  imports: readonly ImportProgress[];
}

const SUFFIX = '.segment';

export class Journal {
  private readonly dir: string;

  constructor(dir: string) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    this.dir = dir;
  }

  private path(id: string): string {
    return join(this.dir, id + SUFFIX);
  }

  /** Writes a segment so that it survives a power cut. Throws what the file system throws; then nothing is left of it. */
  write(content: Omit<Segment, 'id'>): Segment {
    const segment: Segment = { id: uuidv7(Date.now()), ...content };
    const tables = [...segment.rows].map(([name, rows]) => ({ name, bytes: rows.length }));
    const head = { id: segment.id, tables, watermarks: segment.watermarks, imports: segment.imports };
    const path = this.path(segment.id);
    const temporary = `${path}.tmp`;
    const fd = openSync(temporary, 'w', 0o600);
    try {
      for (const bytes of [Buffer.from(`${JSON.stringify(head)}\n`), ...segment.rows.values()]) {
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      }
      fdatasyncSync(fd);
    } catch (error) {
      closeSync(fd);
      unlinkSync(temporary);
      throw error;
    }
    closeSync(fd);
    renameSync(temporary, path);
    this.syncFolder();
    return segment;
  }

  private syncFolder(): void {
    const fd = openSync(this.dir, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** The segments that a stopped manager left, oldest first. Half-written ones were never acknowledged and are removed. */
  left(): Segment[] {
    const segments: Segment[] = [];
    for (const file of readdirSync(this.dir).sort()) {
      if (file.endsWith(SUFFIX)) segments.push(this.read(join(this.dir, file)));
      else if (file.endsWith(`${SUFFIX}.tmp`)) unlinkSync(join(this.dir, file));
    }
    return segments;
  }

  private read(path: string): Segment {
    const bytes = readFileSync(path);
    const newline = bytes.indexOf(0x0a);
    try {
      const head = segmentHead.parse(JSON.parse(bytes.toString('utf8', 0, newline)));
      const rows = new Map<TableName, Buffer>();
      let at = newline + 1;
      for (const { name, bytes: length } of head.tables) {
        if (at + length > bytes.length) throw new Error(`${name} ends ${at + length - bytes.length} bytes early`);
        rows.set(name, bytes.subarray(at, at + length));
        at += length;
      }
      return { id: head.id, rows, watermarks: head.watermarks, imports: head.imports };
    } catch (cause) {
      throw new ProjectError(
        'INTAKE_SEGMENT_CORRUPT',
        `the intake segment ${path} cannot be read; move it away and start again: its sensors deliver it once more`,
        { cause, path },
      );
    }
  }

  /** Lets a segment go that is stored; one that was set aside is gone already. */
  removeIfThere(id: string): void {
    rmSync(this.path(id), { force: true });
  }

  /** Puts a segment aside that the store refuses for what is in it: kept for a look, never lost. */
  setAside(id: string): string {
    const aside = join(this.dir, `${id}.refused`);
    renameSync(this.path(id), aside);
    return aside;
  }
}
