/** The log of the processes of one machine: JSON lines in a file that is moved aside when it is large, a few times. */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const MAX_BYTES = 16 * 1_048_576;
const KEPT = 4;

export interface LogFile {
  path: string;
  write(chunk: Uint8Array): void;
  close(): void;
}

export function openLogFile(path: string): LogFile {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let fd = openSync(path, 'a', 0o600);
  let size = fstatSync(fd).size;
  let closed = false;
  function rotate(): void {
    for (let index = KEPT - 1; index >= 1; index -= 1) {
      try {
        renameSync(index === 1 ? path : `${path}.${index - 1}`, `${path}.${index}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    const next = openSync(path, 'a', 0o600);
    closeSync(fd);
    fd = next;
    size = 0;
  }
  return {
    path,
    write(chunk) {
      if (closed) return;
      // A full disk must not end the processes whose log this is.
      try {
        if (size + chunk.length > MAX_BYTES) rotate();
        size += writeSync(fd, chunk);
      } catch {
        size += 0;
      }
    },
    close() {
      if (!closed) closeSync(fd);
      closed = true;
    },
  };
}
