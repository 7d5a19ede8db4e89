import type { TranscriptPart } from '../../api/types.ts';

export interface Part {
  key: number;
  offsetMs: number;
  direction: 'in' | 'out';
  data: string;
  bytes: number;
}

/** Bytes that a base64 text stands for (RFC 4648 §4). */
export function base64Bytes(data: string): number {
  const padding = data.endsWith('==') ? 2 : data.endsWith('=') ? 1 : 0;
  return Math.max(0, Math.floor((data.length * 3) / 4) - padding);
}

/** The parts with bytes in them, numbered. */
export function splitParts(parts: readonly TranscriptPart[]): Part[] {
  return parts
    .map((part, key) => ({
      key,
      offsetMs: part.offset_ms,
      direction: part.direction,
      data: part.data,
      bytes: base64Bytes(part.data),
    }))
    .filter((part) => part.bytes > 0);
}
