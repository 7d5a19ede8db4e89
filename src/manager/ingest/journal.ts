/**
 * The intake journal: a segment of rows on its way into the store. What several sensors delivered is written as one file, synced, and inserted table by
 * table under the segment's id as deduplication token; the file goes when everything that belongs to it is done. After a crash the segments found are
 * inserted again under the same tokens with the same bytes, so that each row is stored once.
 *
 * Layout of `<id>.segment`: one line of JSON (`SegmentHead`), then the rows of each table, in the order and lengths that the head gives.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
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
/** Half-written: never acknowledged. */
const HALF = `${SUFFIX}.tmp`;
/** Put aside: not stored, for somebody to look at. */
const ASIDE = '.refused';

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
  async write(content: Omit<Segment, 'id'>): Promise<Segment> {
    const segment: Segment = { id: uuidv7(Date.now()), ...content };
    const tables = [...segment.rows].map(([name, rows]) => ({ name, bytes: rows.length }));
    const head = { id: segment.id, tables, watermarks: segment.watermarks, imports: segment.imports };
    const path = this.path(segment.id);
    const half = join(this.dir, segment.id + HALF);
    try {
      const file = await open(half, 'wx', 0o600);
      try {
        for (const bytes of [Buffer.from(`${JSON.stringify(head)}\n`), ...segment.rows.values()])
          await file.writeFile(bytes);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(half, path);
      await this.syncFolder();
    } catch (error) {
      // A segment that is given back must not be found after a restart: its records come again in another one.
      await rm(half, { force: true });
      await rm(path, { force: true });
      throw error;
    }
    return segment;
  }

  private async syncFolder(): Promise<void> {
    const folder = await open(this.dir, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  /** The segments that a stopped manager left, oldest first. Half-written ones are removed. */
  async left(): Promise<string[]> {
    const ids: string[] = [];
    for (const file of (await readdir(this.dir)).sort()) {
      if (file.endsWith(SUFFIX)) ids.push(file.slice(0, -SUFFIX.length));
      else if (file.endsWith(HALF)) await rm(join(this.dir, file), { force: true });
    }
    return ids;
  }

  /** Segments put aside so far. */
  get asideCount(): number {
    return readdirSync(this.dir).filter((file) => file.endsWith(ASIDE)).length;
  }

  async read(id: string): Promise<Segment> {
    const path = this.path(id);
    const bytes = await readFile(path);
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
      return { id, rows, watermarks: head.watermarks, imports: head.imports };
    } catch (cause) {
      throw new ProjectError('INTAKE_SEGMENT_CORRUPT', `the intake segment ${path} cannot be read`, { cause, path });
    }
  }

  /** Lets a segment go that is stored; one that was set aside is gone already. */
  async removeIfThere(id: string): Promise<void> {
    await rm(this.path(id), { force: true });
  }

  /** Puts a segment aside that the store refuses for what is in it, or that cannot be read: kept for a look, never lost. */
  async setAside(id: string): Promise<string> {
    const aside = join(this.dir, id + ASIDE);
    await rename(this.path(id), aside);
    return aside;
  }
}
