/** The event record and the event types that every protocol shares. A protocol's own types are declared in its folder's `events.ts`. */
import { type ZodType, z } from 'zod';
import { MAX_LIST, MAX_LONG_TEXT, MAX_SHORT_TEXT } from './limits.ts';
import { count32, endReason, envelope, port, shortText, timestamp, uuid } from './session.ts';

/** Event name -> schema of its fields. A service can record only what its catalogue declares. */
export type Catalogue = Readonly<Record<string, ZodType>>;

export const longText = z.string().max(MAX_LONG_TEXT);
const detailValue = z.union([shortText, z.number(), z.boolean(), z.array(shortText).max(MAX_LIST)]);
/** Protocol-specific facts beside the typed fields: flat, named in snake_case. */
export const detail = z.record(z.string().max(64), detailValue);
const count = z.int().nonnegative();

export const sharedEvents = {
  'session.opened': z.object({}).describe('A peer connected.'),
  'session.closed': z
    .object({ reason: endReason, duration_ms: count, bytes_in: count, bytes_out: count })
    .describe('The session ended; the session record follows.'),
  'auth.attempt': z
    .object({
      username: shortText.nullable().describe('Null where the mechanism carries none.'),
      password: shortText.nullable().describe('In clear; null where only a hash crossed the wire.'),
      hash: shortText.optional().describe('The response in the form that hashcat and john read.'),
      hash_format: z.string().max(32).optional().describe('Which form: `mysqlna`, `netntlmv2`, `caching_sha2`…'),
      mechanism: z
        .string()
        .max(64)
        .describe('How the client logged in: `plain`, `mysql_native_password`, `http-basic`, `http-form`, `ntlmssp`…'),
      accepted: z.boolean().describe('Whether the lure let the login in.'),
      detail: detail.optional(),
    })
    .describe('One login attempt.'),
  'command.input': z
    .object({ command: longText, detail: detail.optional() })
    .describe('A line given to a shell or a protocol command with its arguments.'),
  query: z.object({ statement: longText, detail: detail.optional() }).describe('A statement in a query language.'),
  request: z
    .object({
      method: shortText,
      target: longText,
      version: z.string().max(32).optional(),
      headers: z
        .array(z.tuple([shortText, longText]))
        .max(MAX_LIST)
        .optional()
        .describe('In the order and spelling received.'),
      body: longText.optional(),
      body_bytes: count.optional(),
      status: z.int().optional().describe('The status we answered with.'),
      detail: detail.optional(),
    })
    .describe('A request of a request-response protocol.'),
  'file.captured': z
    .object({
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      sha1: z.string().regex(/^[0-9a-f]{40}$/),
      md5: z.string().regex(/^[0-9a-f]{32}$/),
      bytes: count,
      name: shortText.optional(),
      via: z.string().max(64).describe('How it came: `upload`, `shell`, `ole`, `dumpfile`…'),
      truncated: z.boolean().describe('Whether the file was longer than we keep.'),
    })
    .describe('Bytes worth keeping were stored as an artifact.'),
  'file.requested': z
    .object({ urls: z.array(longText).max(MAX_LIST), command: longText.optional() })
    .describe('The peer asked this machine to fetch something. It is never fetched.'),
  'file.reported': z
    .object({
      md5: shortText.optional(),
      sha1: shortText.optional(),
      sha256: shortText.optional(),
      sha512: shortText.optional(),
      name: shortText.optional(),
    })
    .describe('An imported record names a file by its hashes; the bytes are not here.'),
  'rpc.call': z
    .object({ interface: shortText, opnum: count, name: shortText.optional(), detail: detail.optional() })
    .describe('A remote procedure call.'),
  'peer.fingerprint': z
    .object({ kind: z.string().max(32), value: shortText, detail: detail.optional() })
    .describe('What the client software shows of itself: `ja4`, `hassh`, `software`, `tds_login`…'),
  'peer.malformed': z
    .object({
      code: z.string().max(64),
      bytes: z.string().max(MAX_SHORT_TEXT).optional().describe('The offending bytes, up to 512, as recorded text.'),
    })
    .describe('The peer sent what the protocol does not allow.'),
  'limit.reached': z.object({ limit: z.string().max(64), value: z.number() }).describe('A named bound was reached.'),
  'exploit.matched': z
    .object({ rule: shortText, cve: z.string().max(32).optional(), detail: detail.optional() })
    .describe('A known exploit or signature.'),
  'probe.seen': z
    .object({ ports: z.array(port).max(65_536), scan: z.string().max(32), flags: z.string().max(32).optional() })
    .describe('Packets to ports where nobody listens.'),
  'records.shed': z
    .object({ transcripts: count, probes: count, records: count, reason: z.string().max(64) })
    .describe('The spool was full: that many records were dropped. Belongs to no session.'),
} as const satisfies Catalogue;

export type SharedEvents = typeof sharedEvents;
export type SharedEventType = keyof SharedEvents;
export type SharedEventFields<Name extends SharedEventType> = z.infer<SharedEvents[Name]>;

/** An event as it is stored: the fields of its type are in `fields`. */
export const eventRecord = envelope.extend({
  session_id: uuid.nullable().describe('Null for what belongs to no session (`records.shed`).'),
  seq: count32.describe('Position within its session, from 0.'),
  at: timestamp,
  type: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[a-z0-9_]+(\.[a-z0-9_]+)*$/),
  fields: z.record(z.string().max(64), z.unknown()),
});
export type EventRecord = z.infer<typeof eventRecord>;
