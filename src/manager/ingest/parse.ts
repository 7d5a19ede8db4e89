/** Reads lines of JSON by a schema without keeping the process from its other work: after every few milliseconds others get their turn. */
import { type ZodType, z } from 'zod';
import { type LineFault, MAX_RECORD_BYTES } from '../../events/index.ts';
import { Turns } from './turns.ts';

const NEWLINE = 0x0a;
/** Faults kept for the sender; all are counted. */
const MAX_FAULTS = 20;
const MAX_MESSAGE = 500;
/** Deepest nesting and most entries of one object of a record: what is deeper cannot be written as JSON again. */
const MAX_DEPTH = 16;
const MAX_KEYS = 4096;

export interface ParseOptions<Record> {
  /** More lines than this are not read: `tooMany` says so. */
  maxLines: number;
  /** What is wrong with a record that its schema cannot say, if anything. */
  check?: (record: Record) => string | undefined;
}

export interface Parsed<Record> {
  records: Record[];
  /** Lines that are no valid record, and the first of them. */
  refused: number;
  faults: LineFault[];
  tooMany: boolean;
}

function isBounded(value: unknown, depth = MAX_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  const values = Object.values(value);
  if (!Array.isArray(value) && values.length > MAX_KEYS) return false;
  return values.every((inner) => isBounded(inner, depth - 1));
}

function readLine<Record>(
  bytes: Buffer,
  schema: ZodType<Record>,
  check: ParseOptions<Record>['check'],
): { record: Record } | { message: string } {
  if (bytes.length > MAX_RECORD_BYTES) return { message: `more than ${MAX_RECORD_BYTES} bytes` };
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    return { message: cause instanceof Error ? cause.message : 'no JSON' };
  }
  if (!isBounded(value))
    return { message: `nested deeper than ${MAX_DEPTH}, or an object of more than ${MAX_KEYS} keys` };
  const parsed = schema.safeParse(value);
  if (!parsed.success) return { message: z.prettifyError({ issues: parsed.error.issues.slice(0, 3) }) };
  const complaint = check?.(parsed.data);
  return complaint === undefined ? { record: parsed.data } : { message: complaint };
}

/** Lines that are no valid record are reported with their number and stop nothing. */
export async function parseLines<Record>(
  bytes: Buffer,
  schema: ZodType<Record>,
  options: ParseOptions<Record>,
): Promise<Parsed<Record>> {
  const result: Parsed<Record> = { records: [], refused: 0, faults: [], tooMany: false };
  const turns = new Turns();
  for (let from = 0, line = 1; from < bytes.length; line += 1) {
    if (line > options.maxLines) {
      result.tooMany = true;
      break;
    }
    const newline = bytes.indexOf(NEWLINE, from);
    const to = newline < 0 ? bytes.length : newline;
    if (to > from) {
      const read = readLine(bytes.subarray(from, to), schema, options.check);
      if ('record' in read) result.records.push(read.record);
      else {
        result.refused += 1;
        if (result.faults.length < MAX_FAULTS)
          result.faults.push({ line, message: read.message.slice(0, MAX_MESSAGE) });
      }
    }
    from = to + 1;
    if (turns.over) await turns.next();
  }
  return result;
}
