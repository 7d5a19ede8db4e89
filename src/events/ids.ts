/** Identifiers: UUIDv7 (RFC 9562 §5.7) for what we make, and name-based UUIDv8 (§5.8) for what others made and may come twice. */
import { createHash, randomFillSync } from 'node:crypto';

const pool = Buffer.alloc(4096);
let used = pool.length;
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function take(count: number): number {
  if (used + count > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const at = used;
  used += count;
  return at;
}

function format(b: Uint8Array, at: number): string {
  const h = (i: number): string => HEX[b[at + i] ?? 0] as string;
  return `${h(0)}${h(1)}${h(2)}${h(3)}-${h(4)}${h(5)}-${h(6)}${h(7)}-${h(8)}${h(9)}-${h(10)}${h(11)}${h(12)}${h(13)}${h(14)}${h(15)}`;
}

const scratch = Buffer.alloc(16);

/** A UUIDv7 whose first 48 bits are `atMs` (Unix time in milliseconds). */
export function uuidv7(atMs: number): string {
  const from = take(10);
  scratch.writeUIntBE(atMs, 0, 6);
  pool.copy(scratch, 6, from, from + 10);
  scratch[6] = ((scratch[6] ?? 0) & 0x0f) | 0x70;
  scratch[8] = ((scratch[8] ?? 0) & 0x3f) | 0x80;
  return format(scratch, 0);
}

/** The UUIDv8 of a name: the same name gives the same id, so that an imported record that comes twice is recognised. */
export function uuidFromName(name: string): string {
  const digest = createHash('sha256').update(name).digest();
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  return format(digest, 0);
}

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
