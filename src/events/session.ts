/** The session record: what one source did in one connection, UDP exchange or burst of probes. Written once, when the session has ended. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { UUID } from './ids.ts';
import { MAX_LIST, MAX_SHORT_TEXT } from './limits.ts';

export const timestamp = z.iso.datetime({ precision: 3 }).describe('UTC, RFC 3339 with milliseconds.');
export const uuid = z.string().regex(UUID);
export const shortText = z.string().max(MAX_SHORT_TEXT);
/** Without a zone (`fe80::1%eth0`, RFC 4007 §11): it means something on the sensor's machine alone. */
export const ipAddress = z
  .string()
  .refine((text) => isIP(text) !== 0 && !text.includes('%'), 'no IPv4 or IPv6 address');
export const port = z.int().min(0).max(65_535);
const byteCount = z.int().nonnegative();
/** How many of something, or a position among them, as 32 bits hold it. */
export const count32 = z.int().min(0).max(4_294_967_295);

export const END_REASONS = [
  'peer_closed',
  'service_closed',
  'protocol_error',
  'idle',
  'limit',
  'reset',
  'sensor_stopped',
  'sensor_restarted',
  'unknown',
] as const;
export const endReason = z.enum(END_REASONS);
export type EndReason = z.infer<typeof endReason>;

export const transport = z.enum(['tcp', 'udp', 'icmp', '']).describe('Empty where an imported record does not say.');

/** Who, where and what: carried by the session and by each of its events, so that questions need no join. */
export const envelope = z.object({
  src_ip: ipAddress
    .nullable()
    .describe('Source address; IPv4-mapped IPv6 is written as IPv4. Null where an imported record has none.'),
  src_port: port.nullable(),
  dst_ip: ipAddress.nullable(),
  dst_port: port.nullable(),
  transport,
  protocol: z.string().max(64).describe('Emulated protocol, or the protocol as an imported record names it.'),
  service: z.string().max(64).describe('The protocol in our own terms, the same for live and imported records.'),
  honeypot: z.string().max(64).describe('`sundew`, or the kind of honeypot that an imported record comes from.'),
});
export type Envelope = z.infer<typeof envelope>;

export const sessionRecord = envelope.extend({
  id: uuid,
  boot_id: uuid.describe('The run of the sensor that recorded it.'),
  started_at: timestamp,
  ended_at: timestamp,
  bytes_in: byteCount.describe('Bytes from the source.'),
  bytes_out: byteCount.describe('Bytes to the source.'),
  end_reason: endReason,
  events: count32,
  logins: count32,
  commands: count32,
  files: count32,
  ja4: z.string().max(64),
  hassh: z.string().max(64),
  client: shortText.describe('Client software as it named itself.'),
  tags: z.array(z.string().max(64)).max(MAX_LIST),
  techniques: z.array(z.string().max(16)).max(MAX_LIST).describe('MITRE ATT&CK technique ids.'),
  severity: z
    .int()
    .min(0)
    .max(4)
    .describe('0 contact, 1 login attempts, 2 login accepted, 3 commands or files, 4 exploit.'),
  ports: z.array(port).max(65_536).describe('The ports of a probe session, in order; empty otherwise.'),
  scan: z.string().max(32).describe('The scan type of a probe session; empty otherwise.'),
  origin: z
    .string()
    .max(MAX_LIST * 64)
    .describe('For imported records: the fields of the source that have no place here, as JSON. Empty otherwise.'),
});
export type SessionRecord = z.infer<typeof sessionRecord>;
