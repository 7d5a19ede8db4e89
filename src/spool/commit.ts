/**
 * Group commit: everything written within `syncMs` goes to disk with one sync per file, off the thread that appends.
 *
 * Node's permission model, under which the sensor runs, refuses `fs.fsync` and `fs.fdatasync` and allows the same on a `FileHandle`, so each
 * file has one beside the descriptor that is written to. It is opened when the file is made: Linux tells of a failed write-back only those
 * who had the file open by then.
 */
import type { FileHandle } from 'node:fs/promises';
import { errorCode } from '../events/errors.ts';
import type { SpoolFs } from './contract.ts';
import { SpoolError } from './errors.ts';

interface Waiter {
  version: number;
  resolve: () => void;
  reject: (error: SpoolError) => void;
}

class Syncable {
  private readonly fs: SpoolFs;
  private readonly path: string;
  private opening: Promise<FileHandle | undefined>;
  dirty = true;

  constructor(fs: SpoolFs, path: string) {
    this.fs = fs;
    this.path = path;
    this.opening = this.open().catch(() => undefined);
  }

  /** Throws if the disk refuses; a file that was deleted meanwhile needs no sync. */
  async sync(kind: 'data' | 'folder'): Promise<void> {
    if (!this.dirty) return;
    this.dirty = false;
    try {
      let handle = await this.opening;
      if (handle === undefined) {
        handle = await this.open();
        this.opening = Promise.resolve(handle);
      }
      await (kind === 'data' ? handle.datasync() : handle.sync());
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return;
      this.dirty = true;
      throw error;
    }
  }

  async close(): Promise<void> {
    const handle = await this.opening;
    await handle?.close().catch(() => undefined);
  }

  private open(): Promise<FileHandle> {
    return this.fs.openHandle(this.path, 'r');
  }
}

export class GroupCommit {
  private readonly fs: SpoolFs;
  private readonly syncMs: number;
  /** The folder of the segments: a new file is there after a power cut only if its folder was synced, too. */
  private readonly folder: Syncable;
  private readonly onDurable: () => void;
  /** The file that is written to comes last; those before it are closed once they are synced. */
  private files: Syncable[] = [];
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private waiters: Waiter[] = [];
  /** Counts writes; everything up to `durable` is on disk. */
  version = 0;
  durable = 0;
  /** Code of the last sync if it failed. */
  failure: string | undefined;

  constructor(fs: SpoolFs, folder: string, syncMs: number, onDurable: () => void) {
    this.fs = fs;
    this.folder = new Syncable(fs, folder);
    this.syncMs = syncMs;
    this.onDurable = onDurable;
  }

  /** A file was made; it is the one that is written to from now on. */
  began(path: string): void {
    this.files.push(new Syncable(this.fs, path));
    this.folderChanged();
  }

  /** Something was written to the newest file. */
  wrote(): void {
    this.version += 1;
    const newest = this.files.at(-1);
    if (newest !== undefined) newest.dirty = true;
    this.schedule();
  }

  /** A file was made or renamed. */
  folderChanged(): void {
    this.version += 1;
    this.folder.dirty = true;
    this.schedule();
  }

  synced(): Promise<void> {
    if (this.durable >= this.version) return Promise.resolve();
    const { version } = this;
    const result = new Promise<void>((resolve, reject) => this.waiters.push({ version, resolve, reject }));
    this.begin();
    return result;
  }

  /** Ends what runs and syncs the rest. Does not throw: what failed is in `failure`. */
  async close(): Promise<void> {
    while (this.running !== undefined) await this.running;
    if (this.durable < this.version) this.begin();
    await this.running;
    clearTimeout(this.timer);
    for (const file of [...this.files, this.folder]) await file.close();
  }

  private schedule(): void {
    if (this.timer !== undefined || this.running !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.begin();
    }, this.syncMs).unref();
  }

  private begin(): void {
    if (this.running !== undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.running = this.run().then(() => {
      this.running = undefined;
      // What was written meanwhile has waited for a sync already; `synced` does not wait for the timer on top.
      if (this.waiters.length > 0) this.begin();
      else if (this.durable < this.version && this.failure === undefined) this.schedule();
    });
  }

  private async run(): Promise<void> {
    const { version } = this;
    const files = [...this.files];
    const results = await Promise.allSettled([...files.map((file) => file.sync('data')), this.folder.sync('folder')]);
    const failed = results.find((result) => result.status === 'rejected');
    const due = this.waiters.filter((waiter) => waiter.version <= version);
    this.waiters = this.waiters.filter((waiter) => waiter.version > version);
    if (failed !== undefined) {
      this.failure = errorCode(failed.reason) ?? 'EIO';
      const error = new SpoolError('SPOOL_SYNC_FAILED', 'the disk refused to sync the spool', { cause: failed.reason });
      for (const waiter of due) waiter.reject(error);
      return;
    }
    const done = files.slice(0, -1);
    this.files = this.files.filter((file) => !done.includes(file));
    for (const file of done) await file.close();
    this.failure = undefined;
    this.durable = version;
    for (const waiter of due) waiter.resolve();
    this.onDurable();
  }
}
