import { z } from 'zod';
import { lureOptions } from '../kernel/lure.ts';

export const telnetOptions = z.strictObject({
  lure: lureOptions.describe('Which logins succeed, and find a shell.'),
  failDelayMs: z
    .int()
    .min(0)
    .max(30_000)
    .default(0)
    .describe(
      'How long a failed login waits before it is answered. Real ones take 2 to 4 seconds (pam_unix and login); 0 loses no attempt of an impatient tool.',
    ),
  patienceMs: z
    .int()
    .min(0)
    .max(30_000)
    .default(300)
    .describe(
      'How long a client may leave the option negotiation unanswered before it gets its login prompt all the same. A real telnetd waits without end, which would lose most bots.',
    ),
  loginTimeoutMs: z
    .int()
    .min(1000)
    .max(600_000)
    .default(60_000)
    .describe('Time to log in before the connection is ended, on Linux.'),
});
export type TelnetOptions = z.infer<typeof telnetOptions>;
