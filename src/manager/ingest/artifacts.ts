/** Artifacts by SHA-256, each once: `artifacts/aa/bb/SHA256`, never executable. A sensor delivers them in pieces, in order. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { ArtifactRecord } from '../../events/index.ts';

const MODE = 0o600;

export class Artifacts {
  private readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
    mkdirSync(join(dir, 'incoming'), { recursive: true, mode: 0o700 });
  }

  path(sha256: string): string {
    return join(this.dir, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
  }

  has(sha256: string): boolean {
    return existsSync(this.path(sha256));
  }

  /**
   * Takes one piece and syncs it; the last one completes the file. False where the whole is not what its hash says: the sensor is told, and what
   * arrived is dropped. A piece that comes twice changes nothing.
   */
  take(sensorId: string, piece: ArtifactRecord): boolean {
    if (this.has(piece.sha256)) return true;
    const incoming = join(this.dir, 'incoming', `${sensorId}-${piece.sha256}`);
    const data = Buffer.from(piece.data, 'base64');
    const end = piece.offset + data.length;
    if (end > piece.size) return false;
    const fd = openSync(incoming, existsSync(incoming) ? 'r+' : 'w+', MODE);
    try {
      for (let at = 0; at < data.length; ) at += writeSync(fd, data, at, data.length - at, piece.offset + at);
      if (end === piece.size) ftruncateSync(fd, piece.size);
      fdatasyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (end < piece.size) return true;
    if (createHash('sha256').update(readFileSync(incoming)).digest('hex') !== piece.sha256) {
      rmSync(incoming);
      return false;
    }
    const path = this.path(piece.sha256);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    renameSync(incoming, path);
    const folder = openSync(dirname(path), 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
    return true;
  }
}
