/**
 * MySQL's packets: three bytes of length (little endian), one sequence number, the payload. Sequence numbers run on through one exchange and begin
 * again at 0 with each command. (MySQL internals manual, "MySQL Packets" and "Basic Data Types".) Bytes to frames and back, no state.
 */
import type { Step } from '../kernel/codec.ts';

/** Capability flags of the handshake. */
export const CLIENT = {
  foundRows: 0x2,
  connectWithDb: 0x8,
  compress: 0x20,
  protocol41: 0x200,
  ssl: 0x800,
  secureConnection: 0x8000,
  multiStatements: 0x10000,
  pluginAuth: 0x80000,
  connectAttrs: 0x100000,
  lenencAuth: 0x200000,
  sessionTrack: 0x800000,
  deprecateEof: 0x1000000,
  optionalMetadata: 0x2000000,
  zstd: 0x4000000,
  queryAttributes: 0x8000000,
} as const;

export const STATUS = { autocommit: 0x2, moreResults: 0x8, noBackslashEscapes: 0x200 } as const;

export const HEADER = 4;
/** A payload of this length says that the message goes on in the next packet; ours are kept shorter. */
export const FULL_PACKET = 0xffffff;

export const has = (capabilities: number, flag: number): boolean => (capabilities & flag) !== 0;

/** What the next packet must look like: known to the connection, not to the bytes. */
export interface Expectation {
  sequence: number;
  maxBytes: number;
}

/** One packet's payload. A wrong sequence number or length is known from the header alone, as to the server. */
export function decodePacket(bytes: Buffer, expected: Expectation): Step<Buffer> {
  if (bytes.length < HEADER) return { kind: 'need', bytes: HEADER - bytes.length };
  if (bytes[3] !== expected.sequence) return { kind: 'malformed', code: 'packet_out_of_order', used: bytes.length };
  const length = bytes.readUIntLE(0, 3);
  if (length > expected.maxBytes) return { kind: 'malformed', code: 'packet_too_large', used: bytes.length };
  const size = HEADER + length;
  if (bytes.length < size) return { kind: 'need', bytes: size - bytes.length };
  return { kind: 'frame', frame: bytes.subarray(HEADER, size), used: size };
}

/** Frames of payloads, numbered from `sequence` on, as one buffer. */
export function encodePackets(payloads: readonly Buffer[], sequence: number): Buffer {
  let size = 0;
  for (const payload of payloads) size += HEADER + payload.length;
  const out = Buffer.allocUnsafe(size);
  let at = 0;
  let number = sequence;
  for (const payload of payloads) {
    out.writeUIntLE(payload.length, at, 3);
    out[at + 3] = number & 0xff;
    payload.copy(out, at + HEADER);
    at += HEADER + payload.length;
    number += 1;
  }
  return out;
}

/** A cursor over a payload. A read past the end gives nothing and turns `ok` false; it stays false. */
export class Reader {
  private readonly bytes: Buffer;
  at = 0;
  ok = true;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  private fail(): void {
    this.ok = false;
    this.at = this.bytes.length;
  }

  int(size: 1 | 2 | 3 | 4): number {
    if (this.left < size) {
      this.fail();
      return 0;
    }
    const value = this.bytes.readUIntLE(this.at, size);
    this.at += size;
    return value;
  }

  take(size: number): Buffer {
    if (size > this.left) {
      this.fail();
      return Buffer.alloc(0);
    }
    const part = this.bytes.subarray(this.at, this.at + size);
    this.at += size;
    return part;
  }

  rest(): Buffer {
    return this.take(this.left);
  }

  /** Up to a NUL, which must be there. */
  terminated(): Buffer {
    const end = this.bytes.indexOf(0, this.at);
    if (end < 0 || this.left === 0) {
      this.fail();
      return Buffer.alloc(0);
    }
    const part = this.bytes.subarray(this.at, end);
    this.at = end + 1;
    return part;
  }

  /** Up to a NUL or the end, as clients before 4.1 send the last field. */
  terminatedOrRest(): Buffer {
    const end = this.left === 0 ? -1 : this.bytes.indexOf(0, this.at);
    return end < 0 ? this.rest() : this.terminated();
  }

  /** A length-encoded integer. Eight-byte ones beyond what a packet can hold count as a read past the end. */
  lengthEncoded(): number {
    const first = this.int(1);
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.int(2);
    if (first === 0xfd) return this.int(3);
    if (first === 0xfe && this.left >= 8) {
      const value = this.bytes.readBigUInt64LE(this.at);
      this.at += 8;
      if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    }
    this.fail();
    return 0;
  }

  lengthEncodedBytes(): Buffer {
    return this.take(this.lengthEncoded());
  }
}

export function lengthEncoded(value: number): Buffer {
  if (value < 0xfb) return Buffer.from([value]);
  if (value < 0x10000) return Buffer.from([0xfc, value & 0xff, value >> 8]);
  if (value < 0x1000000) return Buffer.from([0xfd, value & 0xff, (value >> 8) & 0xff, value >> 16]);
  const bytes = Buffer.alloc(9, 0xfe);
  bytes.writeBigUInt64LE(BigInt(value), 1);
  return bytes;
}

export function lengthEncodedBytes(bytes: Uint8Array): Buffer {
  return Buffer.concat([lengthEncoded(bytes.length), bytes]);
}
