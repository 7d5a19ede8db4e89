import { z } from 'zod';
import { lureOptions } from '../kernel/lure.ts';

export const mssqlOptions = z.strictObject({
  lure: lureOptions,
  encryption: z
    .enum(['optional', 'required', 'unsupported'])
    .default('optional')
    .describe(
      'What PRELOGIN negotiates: what the client wishes (as SQL Server does by default), always full encryption, or none.',
    ),
  strict: z
    .enum(['auto', 'always', 'never'])
    .default('auto')
    .describe(
      'Whether TLS from the first byte (TDS 8.0) is answered: `auto` where the imitated version does (2022 and later).',
    ),
  maxMessageBytes: z
    .int()
    .min(4096)
    .max(16 * 1_048_576)
    .default(1_048_576)
    .describe('Bytes kept of one message (a batch, a procedure call, bulk data); the rest is read and dropped.'),
  maxStatements: z
    .int()
    .min(1)
    .max(100_000)
    .default(256)
    .describe('Statements of one batch that are answered; the rest is recorded with the batch alone.'),
});
export type MssqlOptions = z.infer<typeof mssqlOptions>;
