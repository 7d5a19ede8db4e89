/** What is wrong with a configuration: each mistake with the path of its key. */
import type { z } from 'zod';

export interface ConfigProblem {
  path: PropertyKey[];
  message: string;
}

/** The mistakes of one issue of a schema. An unknown key is named by its own path; of alternatives the one that the value was meant for tells. */
export function problemsOf(issue: z.core.$ZodIssue, above: readonly PropertyKey[] = []): ConfigProblem[] {
  const path = [...above, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: [...path, key], message: 'there is no such key' }));
    case 'invalid_union': {
      const meant = issue.errors.find((errors) => errors.length > 0 && errors.every((error) => error.path.length > 0));
      if (meant !== undefined) return meant.flatMap((error) => problemsOf(error, path));
      const each = issue.errors.flatMap((errors) => errors.map((error) => error.message));
      return [{ path, message: each.length > 0 ? each.join(', or: ') : issue.message }];
    }
    default:
      return [{ path, message: issue.message }];
  }
}
