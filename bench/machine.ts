/** The machine that results come from: figures without it say nothing. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { PACKAGE_ROOT } from '../src/cli/paths.ts';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  kernel: string;
  node: string;
  date: string;
  commit: string;
  /** Load average of the last minute when the run began. */
  load: number;
}

function git(...args: readonly string[]): string {
  try {
    return execFileSync('git', args, {
      cwd: PACKAGE_ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return '';
  }
}

export function describeMachine(): Machine {
  const commit = git('rev-parse', '--short=12', 'HEAD');
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1e9),
    kernel: `${type()} ${release()}`,
    node: process.version,
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    commit: commit === '' ? 'unknown' : git('status', '--porcelain') === '' ? commit : `${commit} with local changes`,
    load: loadavg()[0] ?? 0,
  };
}

export const machineLines = (machine: Machine): string[] => [
  `CPU: ${machine.cpu}, ${machine.cores} cores; memory: ${machine.memoryGb} GB; ${machine.kernel}; Node ${machine.node}`,
  `Date: ${machine.date} UTC; commit: ${machine.commit}; load average when it began: ${machine.load.toFixed(2)}`,
];
