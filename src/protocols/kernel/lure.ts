/** Which logins a service lets in: the part of its options that every service with a login has. */
import { z } from 'zod';

export const lureOptions = z
  .strictObject({
    accept: z
      .enum(['never', 'list', 'nth', 'always'])
      .default('never')
      .describe('Which logins succeed: none, those of `logins`, every attempt of a source from its `nth` on, or all.'),
    logins: z
      .array(z.strictObject({ username: z.string(), password: z.string() }))
      .max(1000)
      .default([])
      .describe('Logins that succeed with `accept: list`.'),
    nth: z.int().positive().max(1000).default(3).describe('From which attempt on `accept: nth` lets in.'),
  })
  .prefault({});
export type LureOptions = z.infer<typeof lureOptions>;

/** How a service checks a candidate: a clear password to compare, or a response to verify against each listed password. */
export type Verify = (password: string) => boolean;

/** Whether the lure lets this attempt in. `attempt` is what the session counted. */
export function admits(lure: LureOptions, username: string, verify: Verify, attempt: number): boolean {
  switch (lure.accept) {
    case 'never':
      return false;
    case 'always':
      return true;
    case 'nth':
      return attempt >= lure.nth;
    case 'list':
      return lure.logins.some((login) => login.username === username && verify(login.password));
  }
}
