import { z } from 'zod';
import { lureOptions } from '../kernel/lure.ts';
import { AUTH_PLUGINS } from './auth.ts';

export const mysqlOptions = z.strictObject({
  lure: lureOptions,
  plugin: z
    .enum(['default', ...AUTH_PLUGINS])
    .default('default')
    .describe('How every account logs in; `default` is what the imitated version gives to new accounts.'),
  tls: z
    .boolean()
    .default(true)
    .describe('Whether clients can go on in TLS, as with the certificate mysqld makes itself.'),
  loginTimeoutMs: z
    .int()
    .positive()
    .max(600_000)
    .default(10_000)
    .describe('Time for the whole login; `connect_timeout` of the real server.'),
  maxLoginBytes: z
    .int()
    .min(512)
    .max(1_048_576)
    .default(131_072)
    .describe('Longest packet read before a login; longer ones are refused like packets over `max_allowed_packet`.'),
  maxPacketBytes: z
    .int()
    .min(16_384)
    .max(16_000_000)
    .default(8_388_608)
    .describe('Longest command read after a login: `max_allowed_packet`.'),
  fileWrites: z
    .boolean()
    .default(true)
    .describe('Whether `INTO OUTFILE` and `INTO DUMPFILE` seem to work; the files are captured either way.'),
});
export type MysqlOptions = typeof mysqlOptions._output;
