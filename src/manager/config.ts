/** Configuration of a manager. */
import { z } from 'zod';

const MAX_PORT = 65_535;

export const managerConfig = z.strictObject({
  listen: z
    .string()
    .regex(/^(\[[0-9a-fA-F:]+\]|[^:]+):\d{1,5}$/, {
      error: 'write ADDRESS:PORT, e.g. 127.0.0.1:8420',
      abort: true,
    })
    .refine((listen) => splitListen(listen).port <= MAX_PORT, `a port is at most ${MAX_PORT}`)
    .default('127.0.0.1:8420')
    .describe('Address and port of the dashboard and the API.'),
  storeMemoryMb: z.int().min(512).max(1_000_000).default(1500).describe('Memory that the store may use, in MiB.'),
  minFreeDiskMb: z
    .int()
    .min(0)
    .default(512)
    .describe('Intake stops while the disk has less room than this, in MiB; sensors wait.'),
});
export type ManagerConfig = z.infer<typeof managerConfig>;

export function splitListen(listen: string): { host: string; port: number } {
  const at = listen.lastIndexOf(':');
  return { host: listen.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(listen.slice(at + 1)) };
}
