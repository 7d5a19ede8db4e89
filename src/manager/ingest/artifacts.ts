/** Artifacts by SHA-256, each once: `artifacts/aa/bb/SHA256`, never executable. A sensor delivers them in pieces, in order. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync } from 'node:fs';
import { constants, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArtifactRecord } from '../../events/index.ts';

const MODE = 0o600;
/** Unfinished artifacts of one sensor; beyond, the one that has waited longest for its next piece is dropped. */
export const MAX_UNFINISHED = 16;

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1_048_576 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export class Artifacts {
  private readonly dir: string;
  private readonly incoming: string;

  constructor(dir: string) {
    this.dir = dir;
    this.incoming = join(dir, 'incoming');
    mkdirSync(this.incoming, { recursive: true, mode: 0o700 });
  }

  path(sha256: string): string {
    return join(this.dir, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
  }

  has(sha256: string): boolean {
    return existsSync(this.path(sha256));
  }

  /**
   * Takes one piece and syncs it; the last one completes the file. False where the whole is not what its hash says: what arrived is dropped. A piece
   * that comes twice changes nothing. One call at a time.
   */
  async take(sensorId: string, piece: ArtifactRecord): Promise<boolean> {
    if (this.has(piece.sha256)) return true;
    const data = Buffer.from(piece.data, 'base64');
    const end = piece.offset + data.length;
    if (end > piece.size) return false;
    const unfinished = join(this.incoming, `${sensorId}-${piece.sha256}`);
    if (!existsSync(unfinished)) await this.makeRoom(sensorId);
    const file = await open(unfinished, constants.O_RDWR | constants.O_CREAT, MODE);
    try {
      for (let at = 0; at < data.length; )
        at += (await file.write(data, at, data.length - at, piece.offset + at)).bytesWritten;
      if (end === piece.size) await file.truncate(piece.size);
      await file.datasync();
    } finally {
      await file.close();
    }
    if (end < piece.size) return true;
    if ((await hashOf(unfinished)) !== piece.sha256) {
      await rm(unfinished);
      return false;
    }
    const path = this.path(piece.sha256);
    const folder = dirname(path);
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    await rename(unfinished, path);
    for (const changed of made === undefined ? [folder] : [folder, dirname(folder), this.dir])
      await syncFolder(changed);
    return true;
  }

  private async makeRoom(sensorId: string): Promise<void> {
    const names = (await readdir(this.incoming)).filter((name) => name.startsWith(`${sensorId}-`));
    if (names.length < MAX_UNFINISHED) return;
    const files = await Promise.all(
      names.map(async (name) => ({ name, at: (await stat(join(this.incoming, name))).mtimeMs })),
    );
    files.sort((a, b) => a.at - b.at);
    for (const { name } of files.slice(0, files.length - MAX_UNFINISHED + 1))
      await rm(join(this.incoming, name), { force: true });
  }
}
