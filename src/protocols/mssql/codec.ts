/**
 * TDS packets (MS-TDS §2.2.3): type, status, length, SPID, packet number, window, then up to 32 KB of a message that ends with the packet
 * whose status has the end bit. Under negotiated encryption TLS records stand between packets; their types (20 to 23) are no packet types.
 */
import type { Step } from '../kernel/codec.ts';

export const PACKET = {
  batch: 0x01,
  login42: 0x02,
  rpc: 0x03,
  reply: 0x04,
  attention: 0x06,
  bulk: 0x07,
  fedauth: 0x08,
  transaction: 0x0e,
  login7: 0x10,
  sspi: 0x11,
  prelogin: 0x12,
} as const;

const FROM_CLIENT: ReadonlySet<number> = new Set(Object.values(PACKET).filter((type) => type !== PACKET.reply));
const HEADER = 8;
/** Largest packet that a client may ask for (§2.2.6.4, PacketSize). */
export const MAX_PACKET = 32_767;
/** TLS records hold at most 16 KB and what a cipher adds (RFC 5246 §6.2.3). */
const MAX_TLS_RECORD = 16_384 + 2048 + 5;
/** What one unit of the stream can hold. */
export const MAX_UNIT = MAX_PACKET;

const END = 0x01;
const IGNORE = 0x02;

export interface Packet {
  kind: 'packet';
  type: number;
  status: number;
  body: Buffer;
}
export interface TlsRecord {
  kind: 'tls';
  bytes: Buffer;
}
/** What no client of SQL Server sends, with the header that shows it. */
export interface BadUnit {
  kind: 'bad';
  code: string;
  bytes: Buffer;
}
export type Unit = Packet | TlsRecord | BadUnit;

function bad(code: string, bytes: Buffer): Step<Unit> {
  return {
    kind: 'frame',
    frame: { kind: 'bad', code, bytes: Buffer.from(bytes.subarray(0, HEADER)) },
    used: bytes.length,
  };
}

export function decodeUnit(bytes: Buffer): Step<Unit> {
  // SQL Server judges a header once it is whole.
  if (bytes.length < HEADER) return { kind: 'need', bytes: HEADER - bytes.length };
  const type = bytes[0] ?? 0;
  if (type >= 20 && type <= 23) return decodeTlsRecord(bytes);
  if (!FROM_CLIENT.has(type)) return bad('tds_packet_type', bytes);
  const length = bytes.readUInt16BE(2);
  if (length < HEADER || length > MAX_PACKET) return bad('tds_packet_length', bytes);
  if (bytes.length < length) return { kind: 'need', bytes: length - bytes.length };
  return {
    kind: 'frame',
    frame: { kind: 'packet', type, status: bytes[1] ?? 0, body: bytes.subarray(HEADER, length) },
    used: length,
  };
}

function decodeTlsRecord(bytes: Buffer): Step<Unit> {
  const length = 5 + bytes.readUInt16BE(3);
  if (bytes[1] !== 3 || length > MAX_TLS_RECORD) return bad('tls_record', bytes);
  if (bytes.length < length) return { kind: 'need', bytes: length - bytes.length };
  return { kind: 'frame', frame: { kind: 'tls', bytes: bytes.subarray(0, length) }, used: length };
}

export interface Message {
  type: number;
  body: Buffer;
  /** Length as received; more than `body` holds where the message was longer than the limit. */
  bytes: number;
}

export interface Assembler {
  /** The message that this packet completes. `mixed` means that its type differs from that of the message begun. */
  add(packet: Packet): Message | 'mixed' | undefined;
}

/** Joins packets to messages and keeps the first `limit` bytes of each. */
export function assembler(limit: number): Assembler {
  let type = 0;
  let parts: Buffer[] = [];
  let kept = 0;
  let bytes = 0;

  function reset(): void {
    parts = [];
    kept = 0;
    bytes = 0;
    type = 0;
  }

  return {
    add(packet) {
      const ends = (packet.status & END) !== 0;
      if (packet.type === PACKET.attention) {
        // §2.2.1.7: an attention cancels what was begun.
        reset();
        return { type: PACKET.attention, body: packet.body.subarray(0, 0), bytes: 0 };
      }
      if (type !== 0 && type !== packet.type) return 'mixed';
      if (type === 0 && ends && packet.body.length <= limit && (packet.status & IGNORE) === 0)
        return { type: packet.type, body: packet.body, bytes: packet.body.length };
      type = packet.type;
      bytes += packet.body.length;
      const room = limit - kept;
      if (room > 0 && packet.body.length > 0) {
        // The packet lies in the reader's buffer, which is used again.
        const part = Buffer.from(packet.body.subarray(0, room));
        parts.push(part);
        kept += part.length;
      }
      if (!ends) return undefined;
      const message = { type, body: Buffer.concat(parts), bytes };
      reset();
      // §2.2.3.1.2: a client that gives up a message marks its last packet so.
      return (packet.status & IGNORE) === 0 ? message : undefined;
    },
  };
}

/** A message in packets of at most `size` bytes. */
export function encodeMessage(type: number, spid: number, body: Uint8Array, size: number): Buffer {
  const room = size - HEADER;
  const count = Math.max(1, Math.ceil(body.length / room));
  const bytes = Buffer.allocUnsafe(body.length + count * HEADER);
  for (let i = 0, at = 0; i < count; i += 1) {
    const part = body.subarray(i * room, (i + 1) * room);
    bytes[at] = type;
    bytes[at + 1] = i === count - 1 ? END : 0;
    bytes.writeUInt16BE(HEADER + part.length, at + 2);
    bytes.writeUInt16BE(spid, at + 4);
    bytes[at + 6] = (i + 1) & 0xff;
    bytes[at + 7] = 0;
    bytes.set(part, at + HEADER);
    at += HEADER + part.length;
  }
  return bytes;
}
