/** Captured bytes as records of the wire. */
import { createHash } from 'node:crypto';
import { ARTIFACT_CHUNK_BYTES, encodeRecord } from '../events/index.ts';
import { base64 } from './transcript.ts';

export interface Artifact {
  /** In order of offset; an empty file is one empty piece. */
  payloads: string[];
  digests: { sha256: string; sha1: string; md5: string };
}

export function artifactOf(bytes: Uint8Array): Artifact {
  const digest = (algorithm: string): string => createHash(algorithm).update(bytes).digest('hex');
  const digests = { sha256: digest('sha256'), sha1: digest('sha1'), md5: digest('md5') };
  const payloads: string[] = [];
  for (let offset = 0; offset === 0 || offset < bytes.length; offset += ARTIFACT_CHUNK_BYTES) {
    const data = base64(bytes.subarray(offset, offset + ARTIFACT_CHUNK_BYTES));
    payloads.push(encodeRecord({ record: 'artifact', sha256: digests.sha256, size: bytes.length, offset, data }));
  }
  return { payloads, digests };
}
