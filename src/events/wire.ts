/**
 * The wire form between sensor and manager: NDJSON, one record per line, batches compressed with zstd. Every line starts with the record's
 * sequence number within its boot:
 *
 *     {"n":17,"record":"event","session_id":"0192…","seq":3,"at":"…","type":"auth.attempt","src_ip":…,"fields":{…}}
 *     {"n":18,"record":"transcript","session_id":"0192…","seq":2,"at":"…","parts":[[0,"i","aGVsbG8="],[1,"o","aGk="]]}
 *     {"n":19,"record":"artifact","sha256":"…","size":5,"offset":0,"data":"aGVsbG8="}
 *     {"n":20,"record":"session","id":"0192…",…}
 *
 * Sequence numbers rise within a boot; a gap is what the spool shed. The sensor writes the record without `n` (`encodeRecord`) and the
 * uplink puts the number in front (`numberRecord`), because the spool assigns it.
 */
import { z } from 'zod';
import { type EventRecord, eventRecord } from './event.ts';
import { ARTIFACT_CHUNK_BYTES, MAX_ARTIFACT_BYTES } from './limits.ts';
import { count32, type SessionRecord, sessionRecord, timestamp, uuid } from './session.ts';

const n = z.int().positive();
const base64 = (maxBytes: number) =>
  z
    .string()
    .max(Math.ceil(maxBytes / 3) * 4)
    .regex(/^[A-Za-z0-9+/]*={0,2}$/);

/** Longest time after its record's `at` that a part of a transcript can be, in milliseconds: what 32 bits hold, 49 days. */
const partOffset = count32;

/** Bytes of a conversation. A part is [milliseconds after `at`, direction (`i` from the source, `o` to it), bytes]. */
export const transcriptRecord = z.object({
  session_id: uuid,
  seq: count32.describe('Position among the transcript records of the session, from 0.'),
  at: timestamp,
  parts: z.array(z.tuple([partOffset, z.enum(['i', 'o']), base64(ARTIFACT_CHUNK_BYTES)])).max(1024),
});
export type TranscriptRecord = z.infer<typeof transcriptRecord>;

/** A piece of an artifact. Pieces of one artifact follow one another in order of offset. */
export const artifactRecord = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.int().min(0).max(MAX_ARTIFACT_BYTES),
  offset: z.int().min(0).max(MAX_ARTIFACT_BYTES),
  data: base64(ARTIFACT_CHUNK_BYTES),
});
export type ArtifactRecord = z.infer<typeof artifactRecord>;

export const wireRecord = z.discriminatedUnion('record', [
  sessionRecord.extend({ record: z.literal('session'), n }),
  eventRecord.extend({ record: z.literal('event'), n }),
  transcriptRecord.extend({ record: z.literal('transcript'), n }),
  artifactRecord.extend({ record: z.literal('artifact'), n }),
]);
export type WireRecord = z.infer<typeof wireRecord>;

export type UnnumberedRecord =
  | ({ record: 'session' } & SessionRecord)
  | ({ record: 'event' } & EventRecord)
  | ({ record: 'transcript' } & TranscriptRecord)
  | ({ record: 'artifact' } & ArtifactRecord);

/** One record as the spool keeps it: JSON without its number. */
export function encodeRecord(record: UnnumberedRecord): string {
  return JSON.stringify(record);
}

const OPENING = Buffer.from('{"n":');
const COMMA = Buffer.from(',');
const NEWLINE = Buffer.from('\n');

/** A line of a batch from a spooled record and its number, as pieces to be concatenated. */
export function numberRecord(sequence: number, payload: Buffer): readonly Buffer[] {
  return [OPENING, Buffer.from(String(sequence)), COMMA, payload.subarray(1), NEWLINE];
}

export interface LineFault {
  /** Line within the batch, from 1. */
  line: number;
  message: string;
}
