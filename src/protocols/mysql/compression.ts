/**
 * The compressed protocol, which begins after the login's OK: three bytes of length, a sequence number of its own, three bytes of length before
 * compression (0: it is not compressed), then packets as ever (internals manual, "Compressed Packet").
 */
import { deflateSync, inflateSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Step } from '../kernel/codec.ts';
import { CLIENT, FULL_PACKET, has } from './codec.ts';

export const COMPRESSED_HEADER = 7;
/** Shorter data are sent as they are, as the server does. */
const MIN_COMPRESSED = 50;

export type Algorithm = 'zlib' | 'zstd';

/** The server takes zlib where the client offers both. */
export function algorithmOf(capabilities: number): Algorithm | undefined {
  if (has(capabilities, CLIENT.compress)) return 'zlib';
  return has(capabilities, CLIENT.zstd) ? 'zstd' : undefined;
}

export function decodeCompressed(bytes: Buffer, algorithm: Algorithm, maxBytes: number): Step<Buffer> {
  if (bytes.length < COMPRESSED_HEADER) return { kind: 'need', bytes: COMPRESSED_HEADER - bytes.length };
  const length = bytes.readUIntLE(0, 3);
  const plain = bytes.readUIntLE(4, 3);
  if (length > maxBytes || plain > maxBytes) return { kind: 'malformed', code: 'packet_too_large', used: bytes.length };
  const size = COMPRESSED_HEADER + length;
  if (bytes.length < size) return { kind: 'need', bytes: size - bytes.length };
  const body = bytes.subarray(COMPRESSED_HEADER, size);
  if (plain === 0) return { kind: 'frame', frame: body, used: size };
  try {
    // Never more than the header promised, whatever the data would grow to.
    const limit = { maxOutputLength: plain };
    const frame = algorithm === 'zlib' ? inflateSync(body, limit) : zstdDecompressSync(body, limit);
    return { kind: 'frame', frame, used: size };
  } catch {
    return { kind: 'malformed', code: 'compressed_packet', used: size };
  }
}

export function encodeCompressed(plain: Buffer, algorithm: Algorithm, sequence: number): Buffer {
  const parts: Buffer[] = [];
  let number = sequence;
  for (let at = 0; at < plain.length; at += FULL_PACKET) {
    const part = plain.subarray(at, at + FULL_PACKET);
    const packed =
      part.length < MIN_COMPRESSED ? part : algorithm === 'zlib' ? deflateSync(part) : zstdCompressSync(part);
    const smaller = packed.length < part.length;
    const header = Buffer.alloc(COMPRESSED_HEADER);
    header.writeUIntLE(smaller ? packed.length : part.length, 0, 3);
    header[3] = number & 0xff;
    header.writeUIntLE(smaller ? part.length : 0, 4, 3);
    parts.push(header, smaller ? packed : part);
    number += 1;
  }
  return Buffer.concat(parts);
}
