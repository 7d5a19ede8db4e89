/** The bytes of a conversation as transcript records: collected during a turn, written at its end, and before a record grows past the bounds of the wire. */
import { ARTIFACT_CHUNK_BYTES } from '../events/index.ts';

/** Bounds of one record (see `transcriptRecord`). The clock can jump within a turn. */
const MAX_PARTS = 1024;
const MAX_OFFSET_MS = 4_294_967_295;

export type Direction = 'i' | 'o';
type Part = [number, Direction, string];

export const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');

export class Transcript {
  private readonly sessionId: string;
  private readonly maxBytes: number;
  /** Takes each finished record. */
  private readonly emit: (payload: string) => void;
  private parts: Part[] = [];
  private partsBytes = 0;
  private partsAt = 0;
  private seq = 0;
  private kept = 0;
  private cut = false;

  constructor(sessionId: string, maxBytes: number, emit: (payload: string) => void) {
    this.sessionId = sessionId;
    this.maxBytes = maxBytes;
    this.emit = emit;
  }

  /** Keeps what there is room for. False once, when the first byte is not kept; a session of which nothing is to be kept misses nothing. */
  add(direction: Direction, bytes: Uint8Array, at: number): boolean {
    const room = this.maxBytes - this.kept;
    const kept = bytes.length > room ? bytes.subarray(0, room) : bytes;
    this.kept += kept.length;
    for (let offset = 0; offset < kept.length; offset += ARTIFACT_CHUNK_BYTES) {
      const piece = kept.subarray(offset, offset + ARTIFACT_CHUNK_BYTES);
      if (this.parts.length === 0) this.partsAt = at;
      this.parts.push([Math.min(MAX_OFFSET_MS, Math.max(0, at - this.partsAt)), direction, base64(piece)]);
      this.partsBytes += piece.length;
      if (this.parts.length >= MAX_PARTS || this.partsBytes >= ARTIFACT_CHUNK_BYTES) this.flush();
    }
    if (kept.length === bytes.length || this.cut || this.maxBytes === 0) return true;
    this.cut = true;
    return false;
  }

  flush(): void {
    if (this.parts.length === 0) return;
    const at = new Date(this.partsAt).toISOString();
    const head = `{"record":"transcript","session_id":"${this.sessionId}","seq":${this.seq},"at":"${at}","parts":`;
    this.emit(`${head}${JSON.stringify(this.parts)}}`);
    this.seq += 1;
    this.parts = [];
    this.partsBytes = 0;
  }
}
