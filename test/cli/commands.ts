/** The commands on one running manager, with rows that no other test of the file has. */
import { writeFileSync } from 'node:fs';
import type { Stack } from '../support/stack.ts';
import { type MhnRow, mhnRows } from './rows.ts';
import { type Result, scratch, sundew } from './sundew.ts';

export interface FileRow {
  file: string;
  format: string;
  rows: number;
  imported: number;
  duplicates: number;
  invalid: number;
  first: string | null;
  last: string | null;
}
export interface Report {
  files: FileRow[];
  rows: number;
  imported: number;
  duplicates: number;
  invalid: number;
}

export const folder = scratch();

export function file(name: string, content: string | Buffer): string {
  const path = folder.path(name);
  writeFileSync(path, content);
  return path;
}

export class Commands {
  private readonly stack: Stack;
  private kind = 0;

  constructor(stack: Stack) {
    this.stack = stack;
  }

  run(args: readonly string[], input?: string | Buffer): Promise<Result> {
    return sundew([...args, '--data', this.stack.dataDir], input);
  }

  async importJson(files: readonly string[], input?: string | Buffer): Promise<Result & { report: Report }> {
    const result = await this.run(['import', ...files, '--json'], input);
    return { ...result, report: JSON.parse(result.stdout) as Report };
  }

  /** Sessions of a sensor by the first field asked for; protocols where none is. */
  async statsOf(sensor: string, ...args: string[]): Promise<Record<string, number>> {
    const { stdout, stderr } = await this.run(['stats', '--json', '--where', `sensor=${sensor}`, ...args]);
    if (stderr !== '') throw new Error(stderr);
    const rows = JSON.parse(stdout) as Record<string, string | number | null>[];
    return Object.fromEntries(rows.map((row) => [String(Object.values(row)[0]), Number(row.sessions)]));
  }

  async sessions(): Promise<number> {
    return (await this.stack.client.get<{ sessions: number }>('/stats/summary')).sessions;
  }

  fresh(count: number): { rows: MhnRow[]; sensor: string; kind: number } {
    this.kind += 1;
    return { rows: mhnRows(count, this.kind), sensor: `sensor-${this.kind}`, kind: this.kind };
  }
}
