/** One process at a time: a file that names the process, and what is done with that of a process that died. */
import { randomBytes } from 'node:crypto';
import { errorCode } from '../events/errors.ts';
import type { SpoolFs } from './contract.ts';
import { SpoolError } from './errors.ts';
import { quietly } from './files.ts';

export interface Lock {
  stale: boolean;
  /** Writes the owner's name again, if the disk was too full for it. */
  sign(): void;
  release(): void;
}

interface Owner {
  pid: number;
  /** Start time of the process in clock ticks (proc(5), stat field 22), so that another with the same number is not taken for it. */
  started: string;
  /** The machine's boot, so that after another no process is taken for one of before. */
  machineBoot: string;
}

/** A lock without a name is one just being made, or made on a full disk. After this time the latter is assumed. */
const UNSIGNED_MS = 10_000;
const NOBODY: Owner = { pid: 0, started: '', machineBoot: '' };
/** The folders that this process itself has open. */
const held = new Set<string>();

type Reads = Pick<SpoolFs, 'readFileSync' | 'statSync'>;

function startTime(fs: Reads, pid: number): string {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the command in parentheses and may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/** Where the permission model or the system does not let us read such a file, the comparison is left out. */
function machineBoot(fs: Reads): string {
  try {
    return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}

const differ = (one: string, other: string): boolean => one !== '' && other !== '' && one !== other;

function isAlive(fs: Reads, owner: Owner): boolean {
  // Our own number on a lock that we do not hold: an earlier process had it, as is usual in containers.
  if (owner.pid === process.pid) return false;
  if (differ(owner.machineBoot, machineBoot(fs))) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return false;
  }
  return !differ(owner.started, startTime(fs, owner.pid));
}

function readOwner(fs: Reads, path: string): Owner | 'unsigned' | undefined {
  try {
    const [pid = '', started = '', boot = ''] = fs.readFileSync(path, 'latin1').trim().split(/[ \n]/);
    if (/^\d{1,10}$/.test(pid)) return { pid: Number(pid), started, machineBoot: boot };
    return Date.now() - fs.statSync(path).mtimeMs < UNSIGNED_MS ? 'unsigned' : NOBODY;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new SpoolError('SPOOL_OPEN_FAILED', `cannot read ${path}`, { cause: error, path });
  }
}

/** The process that holds a lock, if one that lives does. */
export function holderOf(fs: Reads, path: string): number | undefined {
  const owner = readOwner(fs, path);
  return owner !== undefined && owner !== 'unsigned' && owner.pid !== 0 && isAlive(fs, owner) ? owner.pid : undefined;
}

function refuse(path: string, owner: Owner | 'unsigned'): never {
  const by = owner === 'unsigned' ? 'another process' : `process ${owner.pid}`;
  const facts = owner === 'unsigned' ? { path } : { path, pid: owner.pid };
  throw new SpoolError('SPOOL_LOCKED', `the spool is in use by ${by} (${path})`, facts);
}

/** Moves a dead process's lock away. Two that try at once are told apart by the rename; who took a live lock by mistake puts it back. */
function takeAway(fs: SpoolFs, path: string, expected: Owner): void {
  const aside = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    fs.renameSync(path, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw new SpoolError('SPOOL_OPEN_FAILED', `cannot take over ${path}`, { cause: error, path });
  }
  const taken = readOwner(fs, aside);
  const same =
    taken !== undefined && taken !== 'unsigned' && taken.pid === expected.pid && taken.started === expected.started;
  if (!same) {
    try {
      fs.linkSync(aside, path);
    } catch {
      // A third process has made its own lock since; whose it is shows at the next reading.
    }
  }
  fs.unlinkSync(aside);
}

/** Tries of making the lock before another process is taken to be faster. */
const MAX_TRIES = 4;

export function takeLock(fs: SpoolFs, path: string): Lock {
  if (held.has(path)) refuse(path, { ...NOBODY, pid: process.pid });
  const name = `${process.pid} ${startTime(fs, process.pid)} ${machineBoot(fs)}\n`;
  let stale = false;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const owner = readOwner(fs, path);
    if (owner !== undefined) {
      if (owner === 'unsigned' || (owner.pid !== 0 && isAlive(fs, owner))) refuse(path, owner);
      takeAway(fs, path, owner);
      stale = true;
    }
    let fd: number;
    try {
      fd = fs.openSync(path, 'wx', 0o600);
    } catch (error) {
      if (errorCode(error) === 'EEXIST') continue;
      throw new SpoolError('SPOOL_OPEN_FAILED', `cannot make ${path}`, { cause: error, path });
    }
    held.add(path);
    let signed = false;
    const sign = (): void => {
      if (signed) return;
      try {
        signed = fs.writeSync(fd, name, 0, 'latin1') === name.length;
      } catch {
        // A full disk: the lock stands without a name until there is room.
      }
    };
    sign();
    return {
      stale,
      sign,
      release() {
        held.delete(path);
        quietly(() => fs.closeSync(fd));
        quietly(() => fs.unlinkSync(path));
      },
    };
  }
  return refuse(path, 'unsigned');
}
