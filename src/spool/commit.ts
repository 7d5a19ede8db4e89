/** Group commit: everything written within `syncMs` goes to disk with one sync per file, off the thread that appends. */
import { errorCode } from '../events/errors.ts';
import type { SpoolFs } from './contract.ts';
import { SpoolError } from './errors.ts';
import { quietly } from './files.ts';

interface Waiter {
  version: number;
  resolve: () => void;
  reject: (error: SpoolError) => void;
}

export class GroupCommit {
  private readonly fs: SpoolFs;
  private readonly syncMs: number;
  /** The folder of the segments: a new file is there after a power cut only if its folder was synced, too. */
  private readonly folder: number;
  private readonly onDurable: () => void;
  private readonly dirty = new Set<number>();
  private retired: number[] = [];
  private folderDirty = false;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private waiters: Waiter[] = [];
  /** Counts writes; everything up to `durable` is on disk. */
  version = 0;
  durable = 0;
  /** Code of the last sync if it failed. */
  failure: string | undefined;

  constructor(fs: SpoolFs, folder: number, syncMs: number, onDurable: () => void) {
    this.fs = fs;
    this.folder = folder;
    this.syncMs = syncMs;
    this.onDurable = onDurable;
  }

  wrote(fd: number): void {
    this.version += 1;
    this.dirty.add(fd);
    this.schedule();
  }

  /** A file was made or renamed. */
  folderChanged(): void {
    this.version += 1;
    this.folderDirty = true;
    this.schedule();
  }

  /** Closes a file that is written no more, once it is synced. */
  retire(fd: number): void {
    this.dirty.add(fd);
    this.retired.push(fd);
    this.schedule();
  }

  synced(): Promise<void> {
    if (this.durable >= this.version) return Promise.resolve();
    const { version } = this;
    const result = new Promise<void>((resolve, reject) => this.waiters.push({ version, resolve, reject }));
    this.begin();
    return result;
  }

  /** Syncs what was written before anything else runs: for the first segment, whose table takes the place of all older ones. */
  now(): void {
    const { version } = this;
    quietly(() => {
      for (const fd of this.dirty) this.fs.fdatasyncSync(fd);
      this.fs.fsyncSync(this.folder);
      this.dirty.clear();
      this.folderDirty = false;
      this.durable = version;
    });
  }

  /** Ends what runs and syncs the rest. Does not throw: what failed is in `failure`. */
  async close(): Promise<void> {
    while (this.running !== undefined) await this.running;
    if (this.durable < this.version || this.retired.length > 0) {
      this.begin();
      await this.running;
    }
    clearTimeout(this.timer);
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
    const { fs, version, retired, folderDirty } = this;
    const files = [...this.dirty];
    this.dirty.clear();
    this.retired = [];
    this.folderDirty = false;
    const syncs = files.map((fd) => new Promise<Error | null>((resolve) => fs.fdatasync(fd, resolve)));
    if (folderDirty) syncs.push(new Promise<Error | null>((resolve) => fs.fsync(this.folder, resolve)));
    const failed = (await Promise.all(syncs)).find((result) => result instanceof Error);
    for (const fd of retired) quietly(() => fs.closeSync(fd));
    const due = this.waiters.filter((waiter) => waiter.version <= version);
    this.waiters = this.waiters.filter((waiter) => waiter.version > version);
    if (failed !== undefined) {
      this.failure = errorCode(failed) ?? 'EIO';
      if (folderDirty) this.folderDirty = true;
      const error = new SpoolError('SPOOL_SYNC_FAILED', 'the disk refused to sync the spool', { cause: failed });
      for (const waiter of due) waiter.reject(error);
      return;
    }
    this.failure = undefined;
    this.durable = version;
    for (const waiter of due) waiter.resolve();
    this.onDurable();
  }
}
