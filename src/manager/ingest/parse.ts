/** Reads lines of JSON by a schema without keeping the process from its other work: after every few milliseconds others get their turn. */
import { setImmediate as turn } from 'node:timers/promises';
import { type ZodType, z } from 'zod';
import type { LineFault } from '../../events/index.ts';

const SLICE_MS = 8;
const NEWLINE = 0x0a;

/** Lines that are no valid record are reported with their number and stop nothing. */
export async function parseLines<Record>(
  bytes: Buffer,
  schema: ZodType<Record>,
): Promise<{ records: Record[]; faults: LineFault[] }> {
  const records: Record[] = [];
  const faults: LineFault[] = [];
  let line = 0;
  let sliceEnds = performance.now() + SLICE_MS;
  for (let from = 0; from < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, from);
    const to = newline < 0 ? bytes.length : newline;
    line += 1;
    if (to > from) {
      try {
        const parsed = schema.safeParse(JSON.parse(bytes.toString('utf8', from, to)));
        if (parsed.success) records.push(parsed.data);
        else faults.push({ line, message: z.prettifyError(parsed.error) });
      } catch (cause) {
        faults.push({ line, message: cause instanceof Error ? cause.message : 'no JSON' });
      }
    }
    from = to + 1;
    if ((line & 63) === 0 && performance.now() > sliceEnds) {
      await turn();
      sliceEnds = performance.now() + SLICE_MS;
    }
  }
  return { records, faults };
}
