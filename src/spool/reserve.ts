/**
 * Room set aside for a full disk: a file as large as a segment that is given up when a write fails. Appends go on in the room it leaves while
 * the spool sheds in the stated order, which needs room for copies. It is made again once enough was freed.
 */
import { randomFillSync } from 'node:crypto';
import { errorCode } from '../events/errors.ts';
import type { SpoolFs } from './contract.ts';
import { quietly, writeAt } from './files.ts';

const STEP_BYTES = 262_144;

export class Reserve {
  private readonly fs: SpoolFs;
  private readonly path: string;
  private readonly bytes: number;
  private filling: { fd: number; done: number } | undefined;
  full = false;

  constructor(fs: SpoolFs, path: string, bytes: number) {
    this.fs = fs;
    this.path = path;
    this.bytes = bytes;
    try {
      this.full = fs.statSync(path).size === bytes;
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
    }
  }

  /** Gives up the room. False if there was none. */
  release(): boolean {
    this.stop();
    try {
      this.fs.unlinkSync(this.path);
    } catch {
      return false;
    }
    this.full = false;
    return true;
  }

  /** Writes a piece of it; true while there is more to write. A failure gives up what was written. */
  fill(): boolean {
    if (this.full) return false;
    const { fs } = this;
    try {
      // Bytes that no file system can compress away.
      this.filling ??= { fd: fs.openSync(this.path, 'w', 0o600), done: 0 };
      const piece = randomFillSync(Buffer.allocUnsafe(Math.min(STEP_BYTES, this.bytes - this.filling.done)));
      writeAt(fs, this.filling.fd, this.filling.done, piece);
      this.filling.done += piece.length;
    } catch {
      this.release();
      return false;
    }
    this.full = this.filling.done >= this.bytes;
    if (this.full) this.stop();
    return !this.full;
  }

  /** Closes the file that is being written, if there is one. */
  stop(): void {
    const { filling } = this;
    if (filling !== undefined) quietly(() => this.fs.closeSync(filling.fd));
    this.filling = undefined;
  }
}
