import { z } from 'zod';
import { lureOptions } from '../kernel/lure.ts';

export const options = z.strictObject({
  lure: lureOptions,
  tlsPorts: z
    .array(z.int().min(1).max(65_535))
    .max(64)
    .default([443, 8443])
    .describe('Real ports on which TLS is spoken; on the others HTTP is plain.'),
  lures: z
    .boolean()
    .default(true)
    .describe(
      'Whether the applications (WordPress, phpMyAdmin, Outlook…) and leaked files are there beside the start page.',
    ),
  maxBodyBytes: z
    .int()
    .min(1024)
    .max(16 * 1_048_576)
    .default(4 * 1_048_576)
    .describe('Bytes of a request body that are kept; the rest is counted and dropped.'),
  maxRequests: z
    .int()
    .positive()
    .max(100_000)
    .default(1000)
    .describe('Requests answered in one connection (nginx closes after 1000 of its own accord).'),
});
export type Options = z.infer<typeof options>;
