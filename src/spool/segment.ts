/**
 * The spool on disk.
 *
 *     segments/00000003-00000012.seg   boot 3, its 12th segment; names sort in the order of writing
 *     cursor                           what is acknowledged, and what was shed and is not reported yet (`cursor.ts`)
 *     reserve                          room set aside for the day the disk is full (`reserve.ts`)
 *     lock                             the process that has the folder open (`lock.ts`)
 *
 * A segment is a header of 64 bytes and frames one after the other; integers are little-endian:
 *
 *     header  magic "SUNDEWSP" · version u16 · 0 u16 · boot ordinal u32 · boot id (16 bytes) · number u32 · salt u32 ·
 *             first sequence number u48 · 0 u16 · created u48 (Unix ms) · 0 u16 · 0 u32 · CRC-32 of what precedes
 *     frame   payload length u32 · CRC-32 of (kind, seq, payload) seeded with salt xor length · kind u8 · seq u48 · payload
 *
 * Kinds 0 to 2 are records, by the order in which they are shed. Kinds 3 (opened: id, line feed, payload) and 4 (closed: id) keep the table
 * of open sessions and carry the number of the record that comes next. Every segment begins with the whole table as it stood, frames of kind
 * 3 ended by one of kind 5. So the newest segment alone tells which sessions are open, and older ones are deleted without a look inside.
 *
 * What always holds
 * - Sequence numbers of records rise within a boot, and every open of the spool is a new boot: after a power cut the tail may be lost
 *   although it was sent, and a number must never come to mean another record.
 * - Only the newest segment is written to, only at its end. Another is replaced (by rename of a synced copy that lacks what was shed) or
 *   deleted, and then only once the newest one's table is on disk.
 * - The salt is random and never leaves the machine: no bytes that a peer can have recorded look like a frame.
 *
 * Recovery reads every segment. Bytes at a segment's end that are no whole frame are a torn write and cut off. In the middle, reading goes on
 * at the next place where a frame with a matching checksum and a later number begins, and what lay between is counted. A lost or older
 * cursor means that records are sent again; the manager stores them once.
 */
import { crc32 } from 'node:zlib';
import type { RecordKind, SpoolFs } from './contract.ts';
import { readAt } from './files.ts';

export const HEADER_BYTES = 64;
export const FRAME_HEAD = 15;
/** Longest payload of a frame. Records are far shorter; it bounds what a damaged length can make us read. */
export const MAX_PAYLOAD_BYTES = 4 * 1_048_576;
export const OPENED = 3;
export const CLOSED = 4;
export const TABLE_END = 5;

const MAGIC = Buffer.from('SUNDEWSP');
const VERSION = 1;
const SEGMENT_NAME = /^(\d{8})-(\d{8})\.seg$/;

export interface SegmentHeader {
  /** Counts the boots of this spool. */
  ordinal: number;
  boot: string;
  /** Counts the segments of the boot. */
  number: number;
  salt: number;
  /** The number of the first record that it can hold. */
  first: number;
  createdAt: number;
}

export function segmentName(ordinal: number, number: number): string {
  return `${String(ordinal).padStart(8, '0')}-${String(number).padStart(8, '0')}.seg`;
}

export function parseSegmentName(name: string): { ordinal: number; number: number } | undefined {
  const match = SEGMENT_NAME.exec(name);
  return match === null ? undefined : { ordinal: Number(match[1]), number: Number(match[2]) };
}

export function encodeHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt16LE(VERSION, 8);
  bytes.writeUInt32LE(header.ordinal, 12);
  bytes.write(header.boot.replaceAll('-', ''), 16, 'hex');
  bytes.writeUInt32LE(header.number, 32);
  bytes.writeUInt32LE(header.salt, 36);
  bytes.writeUIntLE(header.first, 40, 6);
  bytes.writeUIntLE(header.createdAt, 48, 6);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
  return bytes;
}

export function decodeHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, 8).equals(MAGIC)) return undefined;
  if (bytes.readUInt16LE(8) !== VERSION || bytes.readUInt32LE(60) !== crc32(bytes.subarray(0, 60))) return undefined;
  const hex = bytes.toString('hex', 16, 32);
  return {
    ordinal: bytes.readUInt32LE(12),
    boot: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`,
    number: bytes.readUInt32LE(32),
    salt: bytes.readUInt32LE(36),
    first: bytes.readUIntLE(40, 6),
    createdAt: bytes.readUIntLE(48, 6),
  };
}

const FIRST_CAPACITY = 65_536;
/** A larger buffer than this is given back after use. */
const KEPT_CAPACITY = 4 * 1_048_576;

/** Builds frames in a buffer that is used again and again. */
export class FrameWriter {
  private buffer = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  private readonly salt: number;
  length = 0;

  constructor(salt: number) {
    this.salt = salt;
  }

  /** The frames built since `reset`, until the next call of any method. */
  get bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  reset(): void {
    this.length = 0;
    if (this.buffer.length > KEPT_CAPACITY) this.buffer = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  }

  /** Adds a frame and returns its size, or 0 if the payload is too long. */
  put(kind: number, seq: number, payload: string): number {
    if (payload.length > MAX_PAYLOAD_BYTES) return 0;
    // UTF-8 takes at most three bytes for each UTF-16 code unit.
    const most = this.length + FRAME_HEAD + payload.length * 3;
    if (most > this.buffer.length) this.grow(most);
    const { buffer } = this;
    const at = this.length;
    const length = buffer.write(payload, at + FRAME_HEAD, 'utf8');
    if (length > MAX_PAYLOAD_BYTES) return 0;
    const end = at + FRAME_HEAD + length;
    buffer.writeUInt32LE(length, at);
    buffer[at + 8] = kind;
    buffer.writeUIntLE(seq, at + 9, 6);
    buffer.writeUInt32LE(crc32(buffer.subarray(at + 8, end), (this.salt ^ length) >>> 0), at + 4);
    this.length = end;
    return end - at;
  }

  private grow(most: number): void {
    const grown = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(most)));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }
}

export interface Frame {
  kind: RecordKind | typeof OPENED | typeof CLOSED | typeof TABLE_END;
  seq: number;
  payload: Buffer;
  /** The whole frame. */
  bytes: Buffer;
  offset: number;
  /** Where the next one begins. */
  end: number;
}

/** Bytes that are no frame. Where `end` is the end of what was read, no frame follows. */
export interface Damage {
  kind: 'damage';
  offset: number;
  end: number;
}

export interface FrameSource {
  fs: SpoolFs;
  fd: number;
  salt: number;
}

const WINDOW_BYTES = 262_144;

/** Size of the frame at `at`, or 0 if none is there that is whole, later than `last` and matches its checksum. */
function frameSize(bytes: Buffer, at: number, salt: number, last: number): number {
  if (bytes.length - at < FRAME_HEAD) return 0;
  const length = bytes.readUInt32LE(at);
  const end = at + FRAME_HEAD + length;
  if (length > MAX_PAYLOAD_BYTES || end > bytes.length || (bytes[at + 8] ?? 255) > TABLE_END) return 0;
  if (bytes.readUIntLE(at + 9, 6) <= last) return 0;
  const sum = crc32(bytes.subarray(at + 8, end), (salt ^ length) >>> 0);
  return sum === bytes.readUInt32LE(at + 4) ? end - at : 0;
}

/** Checksummed bytes that a search may cost, in multiples of what it searches: damage must not make opening a spool slow. */
const SEARCH_EFFORT = 8;

/** Where the next frame begins at or after `from`, or the end. */
function findFrame(bytes: Buffer, from: number, salt: number, last: number): number {
  let effort = (bytes.length - from) * SEARCH_EFFORT;
  for (let at = from; at + FRAME_HEAD <= bytes.length && effort > 0; at += 1) {
    const length = bytes.readUInt32LE(at);
    if (length > MAX_PAYLOAD_BYTES || (bytes[at + 8] ?? 255) > TABLE_END) continue;
    if (bytes.readUIntLE(at + 9, 6) <= last) continue;
    if (frameSize(bytes, at, salt, last) > 0) return at;
    effort -= Math.min(length, bytes.length - at);
  }
  return bytes.length;
}

/** The frames of a segment from offset `from` to `to`, whose record numbers are above `last`; `from` is the start of a frame. */
export function* readFrames(source: FrameSource, from: number, to: number, last: number): Generator<Frame | Damage> {
  const { fs, fd, salt } = source;
  let window: Buffer = Buffer.alloc(0);
  let base = from;
  let at = from;
  let newest = last;
  while (at < to) {
    let need = FRAME_HEAD;
    if (base + window.length - at >= FRAME_HEAD) need += Math.min(window.readUInt32LE(at - base), MAX_PAYLOAD_BYTES);
    if (at + need > base + window.length && base + window.length < to) {
      window = readAt(fs, fd, at, Math.min(Math.max(need, WINDOW_BYTES), to - at));
      base = at;
      if (window.length < Math.min(need, to - at)) break;
      if (need === FRAME_HEAD) continue;
    }
    const size = frameSize(window, at - base, salt, newest);
    if (size === 0) {
      window = readAt(fs, fd, at, to - at);
      base = at;
      const found = findFrame(window, 1, salt, newest);
      const end = found === window.length ? to : at + found;
      yield { kind: 'damage', offset: at, end };
      at = end;
      continue;
    }
    const bytes = window.subarray(at - base, at - base + size);
    const kind = bytes[8] as Frame['kind'];
    const seq = bytes.readUIntLE(9, 6);
    if (kind <= 2) newest = seq;
    yield { kind, seq, payload: bytes.subarray(FRAME_HEAD), bytes, offset: at, end: at + size };
    at += size;
  }
  // The file is shorter than it was.
  if (at < to) yield { kind: 'damage', offset: at, end: to };
}
