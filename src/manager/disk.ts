/** Room on the disk of the data folder, looked at now and then: intake stops before the disk is full, so that the rest goes on. */
import { statfsSync } from 'node:fs';

const FRESH_MS = 2000;

export interface DiskRoom {
  free_bytes: number;
  total_bytes: number;
}

export class Disk {
  private readonly dir: string;
  private readonly minFreeBytes: number;
  private readAt = 0;
  private last: DiskRoom = { free_bytes: 0, total_bytes: 0 };

  constructor(dir: string, minFreeBytes: number) {
    this.dir = dir;
    this.minFreeBytes = minFreeBytes;
  }

  room(): DiskRoom {
    if (Date.now() - this.readAt > FRESH_MS) {
      const stats = statfsSync(this.dir);
      this.last = { free_bytes: stats.bavail * stats.bsize, total_bytes: stats.blocks * stats.bsize };
      this.readAt = Date.now();
    }
    return this.last;
  }

  get enough(): boolean {
    return this.room().free_bytes >= this.minFreeBytes;
  }
}
