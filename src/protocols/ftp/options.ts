/** Options of the FTP service. */
import { z } from 'zod';
import { MAX_ARTIFACT_BYTES } from '../../events/index.ts';
import { lureOptions } from '../kernel/lure.ts';

const MEGABYTE = 1_048_576;

export const ftpOptions = z.strictObject({
  lure: lureOptions.describe('Which logins are let in.'),
  anonymous: z
    .boolean()
    .default(false)
    .describe('Whether `anonymous` and `ftp` may log in with any password, to read only.'),
  tls: z.boolean().default(true).describe('Whether AUTH TLS is offered (RFC 4217).'),
  failDelayMs: z
    .int()
    .min(0)
    .max(30_000)
    .default(0)
    .describe(
      'How long the answer to a refused login takes. A real vsftpd on Ubuntu takes about 3000: one second of its own and two of PAM.',
    ),
  maxUploadBytes: z
    .int()
    .positive()
    .max(MAX_ARTIFACT_BYTES)
    .default(8 * MEGABYTE)
    .describe('Most bytes kept of one upload; what follows is taken and dropped, and the artifact marked `truncated`.'),
  maxCommands: z
    .int()
    .positive()
    .max(1_000_000)
    .default(5000)
    .describe('Most lines answered in one connection; then it is closed.'),
  passiveAddress: z
    .union([z.ipv4(), z.literal('')])
    .default('')
    .describe(
      'Address shown in answers to PASV: the public one of a sensor behind address translation. Empty for its own.',
    ),
});
export type FtpOptions = z.infer<typeof ftpOptions>;
