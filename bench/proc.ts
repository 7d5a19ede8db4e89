/** What the kernel says of processes (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks in a second: the same on every Linux that Node runs on. */
const TICKS = 100;

export interface ProcessFigures {
  cpuSeconds: number;
  rssBytes: number;
  /** Resident memory with shared pages counted by their share; undefined where the kernel does not tell. */
  pssBytes: number | undefined;
}

function statFields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name in parentheses can hold anything; what follows it is numbers.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function kilobytes(path: string, field: string): number | undefined {
  try {
    const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(path, 'latin1'));
    return match === null ? undefined : Number(match[1]) * 1024;
  } catch {
    return undefined;
  }
}

export function processFigures(pid: number): ProcessFigures {
  const fields = statFields(pid);
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
    rssBytes: kilobytes(`/proc/${pid}/status`, 'VmRSS') ?? 0,
    pssBytes: kilobytes(`/proc/${pid}/smaps_rollup`, 'Pss'),
  };
}

/** A process and everything it started, itself first. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const parent = Number(statFields(Number(name))[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It ended between the listing and the look.
    }
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}
