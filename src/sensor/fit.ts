/** Cuts an event's values to the bounds of its schema, so that an over-long value is kept as far as it fits and never refused later. */
import { type ZodType, z } from 'zod';

export interface Fit {
  fields: unknown;
  /** The first value that had to be cut, and its length before. */
  cut?: { path: string; length: number };
}

type Holder = Record<PropertyKey, unknown>;

function holderOf(root: unknown, path: readonly PropertyKey[]): Holder | undefined {
  let value = root;
  for (const key of path.slice(0, -1))
    value = typeof value === 'object' && value !== null ? (value as Holder)[key] : undefined;
  return typeof value === 'object' && value !== null ? (value as Holder) : undefined;
}

/** Fields that fit their schema are returned as they are. What does not fit for another reason than its size is a bug of the service, and throws. */
export function fitToSchema(schema: ZodType, fields: Readonly<Record<string, unknown>>): Fit {
  const first = schema.safeParse(fields);
  if (first.success) return { fields: first.data };
  const copy = structuredClone(fields) as Holder;
  let cut: Fit['cut'];
  for (const issue of first.error.issues) {
    const holder = holderOf(copy, issue.path);
    const key = issue.path.at(-1);
    if (issue.code !== 'too_big' || holder === undefined || key === undefined) continue;
    const value = holder[key];
    const maximum = Number(issue.maximum);
    if (typeof value === 'string') holder[key] = value.slice(0, maximum).toWellFormed();
    else if (Array.isArray(value)) holder[key] = value.slice(0, maximum);
    else continue;
    cut ??= { path: issue.path.map(String).join('.'), length: (value as string | unknown[]).length };
  }
  const second = schema.safeParse(copy);
  if (!second.success) throw new TypeError(`event does not fit its schema: ${z.prettifyError(second.error)}`);
  return cut === undefined ? { fields: second.data } : { fields: second.data, cut };
}
