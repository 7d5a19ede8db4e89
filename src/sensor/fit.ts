/** Cuts an event's values to the bounds of its schema and of a record, so that an over-long value is kept as far as it fits and never refused later. */
import { type ZodType, z } from 'zod';
import { MAX_RECORD_BYTES } from '../events/index.ts';

export interface Cut {
  path: string;
  /** Length before. */
  length: number;
}

export interface Fit {
  /** The fields as JSON. */
  json: string;
  /** The first value that had to be cut. */
  cut?: Cut;
}

/** What an event record has beside its fields takes a few hundred bytes. */
const MAX_FIELDS_BYTES = MAX_RECORD_BYTES - 4096;
/** Longest escape that JSON makes of one UTF-16 unit, `\u0000`; UTF-8 never takes more. */
const MAX_UNIT_BYTES = 6;

type Holder = Record<PropertyKey, unknown>;
function holderOf(root: unknown, path: readonly PropertyKey[]): Holder | undefined {
  let value = root;
  for (const key of path.slice(0, -1))
    value = typeof value === 'object' && value !== null ? (value as Holder)[key] : undefined;
  return typeof value === 'object' && value !== null ? (value as Holder) : undefined;
}

/** Cutting can split a surrogate pair, whose half UTF-8 cannot carry. */
const cutText = (text: string, length: number): string => text.slice(0, length).toWellFormed();

/** A list that is too long hides what is too long in it, and a schema nests a list in a list in an object at most. */
const MAX_PASSES = 4;

/** Cuts what these issues name; returns the first. */
function cutIssues(fields: unknown, issues: readonly z.core.$ZodIssue[]): Cut | undefined {
  let cut: Cut | undefined;
  for (const issue of issues) {
    const holder = holderOf(fields, issue.path);
    const key = issue.path.at(-1);
    if (issue.code !== 'too_big' || holder === undefined || key === undefined) continue;
    const value = holder[key];
    const maximum = Number(issue.maximum);
    if (typeof value === 'string') holder[key] = cutText(value, maximum);
    else if (Array.isArray(value)) holder[key] = value.slice(0, maximum);
    else continue;
    cut ??= { path: issue.path.map(String).join('.'), length: (value as string | unknown[]).length };
  }
  return cut;
}

function cutToSchema(schema: ZodType, fields: unknown): { data: unknown; cut: Cut | undefined } {
  const copy = structuredClone(fields);
  let cut: Cut | undefined;
  for (let pass = 0; ; pass += 1) {
    const result = schema.safeParse(copy);
    if (result.success) return { data: result.data, cut };
    const more = pass < MAX_PASSES ? cutIssues(copy, result.error.issues) : undefined;
    if (more === undefined) throw new TypeError(`event does not fit its schema: ${z.prettifyError(result.error)}`);
    cut ??= more;
  }
}

const fitsRecord = (json: string): boolean =>
  json.length * MAX_UNIT_BYTES <= MAX_FIELDS_BYTES || Buffer.byteLength(json) <= MAX_FIELDS_BYTES;

/** Lengths of all texts in a value. */
function textLengths(value: unknown): number[] {
  if (typeof value === 'string') return [value.length];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textLengths) : [];
}

/** Halves the longest texts until all of them together fit a record: a request can have a thousand header fields, each within its own bound. */
function cutToRecord(data: unknown, bytes: number): Fit {
  const lengths = textLengths(data);
  const units = (most: number): number => lengths.reduce((sum, length) => sum + Math.min(length, most), 0);
  let most = MAX_FIELDS_BYTES;
  // What has too many units has too many bytes: nothing is encoded that cannot fit.
  while (most > 1 && units(most) > MAX_FIELDS_BYTES) most >>= 1;
  for (; most > 0; most >>= 1) {
    const limit = most;
    const json = JSON.stringify(data, (_, value: unknown) =>
      typeof value === 'string' && value.length > limit ? cutText(value, limit) : value,
    );
    if (fitsRecord(json)) return { json, cut: { path: 'record bytes', length: bytes } };
  }
  throw new TypeError('event does not fit a record');
}

/** Fields that fit are encoded as they are. What does not fit for another reason than its size is a bug of the service, and throws. */
export function fitEvent(schema: ZodType, fields: Readonly<Record<string, unknown>>): Fit {
  const first = schema.safeParse(fields);
  const { data, cut } = first.success ? { data: first.data, cut: undefined } : cutToSchema(schema, fields);
  const json = JSON.stringify(data);
  if (fitsRecord(json)) return cut === undefined ? { json } : { json, cut };
  const shorter = cutToRecord(data, Buffer.byteLength(json));
  return cut === undefined ? shorter : { ...shorter, cut };
}
