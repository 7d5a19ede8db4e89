/** Configuration of a sensor. */
import { z } from 'zod';
import { PERSONA_KINDS } from '../protocols/surfaces/persona.ts';

const MEGABYTE = 1_048_576;
const portNumber = z.int().min(0).max(65_535);

export const limitsConfig = z
  .strictObject({
    connections: z
      .int()
      .positive()
      .max(1_000_000)
      .default(20_000)
      .describe('Most connections open at once, over all services.'),
    connectionsPerSource: z
      .int()
      .positive()
      .max(1_000_000)
      .default(1000)
      .describe('Most connections open at once from one address.'),
    sessionSeconds: z.int().positive().default(3600).describe('Longest session.'),
    idleSeconds: z
      .int()
      .positive()
      .default(120)
      .describe('A session is ended after this long without a byte from the peer.'),
    bytesIn: z
      .int()
      .positive()
      .default(64 * MEGABYTE)
      .describe('Most bytes taken from a peer in one session.'),
    pendingBytes: z
      .int()
      .positive()
      .default(4 * MEGABYTE)
      .describe('Most bytes waiting for a peer that does not read.'),
    events: z.int().positive().default(10_000).describe('Most events recorded of one session.'),
    transcriptBytes: z.int().nonnegative().default(262_144).describe('Bytes of conversation kept of one session.'),
    captureBytes: z
      .int()
      .nonnegative()
      .default(32 * MEGABYTE)
      .describe('Bytes of files kept of one session.'),
  })
  .prefault({});

export const sensorConfig = z.strictObject({
  persona: z.enum(PERSONA_KINDS).default('windows-server').describe('The machine that the sensor pretends to be.'),
  services: z
    .union([z.enum(['auto', 'all']), z.array(z.string()).min(1)])
    .default('auto')
    .describe('`auto` opens what the persona would have, `all` every service there is, a list just those.'),
  bind: z.string().default('127.0.0.1').describe('Address that the services listen on.'),
  portOffset: portNumber.default(0).describe('Added to every port of a service.'),
  dataPorts: z
    .tuple([portNumber, portNumber])
    .refine(([low, high]) => low <= high && (low > 0 || high === 0), 'from a lower port to a higher one, or 0, 0')
    .default([0, 0])
    .describe('Range of ports for second connections (FTP passive mode); 0, 0 lets the system choose.'),
  options: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Options of the services by name: lures, limits, banners. See docs/protocols.md.'),
  limits: limitsConfig,
  spoolBytes: z
    .int()
    .min(MEGABYTE)
    .default(2048 * MEGABYTE)
    .describe('Disk space for records that the manager has not stored yet.'),
});
export type SensorConfig = z.infer<typeof sensorConfig>;
export type SensorLimits = SensorConfig['limits'];
