/** The few file operations that the parts of the spool share. */
import * as nodeFs from 'node:fs';
import type { SpoolFs } from './contract.ts';

export const realFs: SpoolFs = { ...nodeFs, openHandle: nodeFs.promises.open };

/** Reads until `length` bytes are there or the file ends. */
export function readAt(fs: SpoolFs, fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  let have = 0;
  while (have < length) {
    const got = fs.readSync(fd, bytes, have, length - have, offset + have);
    if (got === 0) break;
    have += got;
  }
  return bytes.subarray(0, have);
}

/** Writes all bytes or throws: a write may take only part of them when the disk is nearly full. */
export function writeAt(fs: SpoolFs, fd: number, offset: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) {
    const count = fs.writeSync(fd, bytes, done, bytes.length - done, offset + done);
    if (count === 0) throw Object.assign(new Error('nothing was written'), { code: 'ENOSPC' });
    done += count;
  }
}

/** For where nothing can be done about a failure: what matters was synced or is given up. */
export function quietly(action: () => void): void {
  try {
    action();
  } catch {}
}
