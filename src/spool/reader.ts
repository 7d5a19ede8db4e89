/** Hands out records in order, and wakes those who wait for one. */
import type { Batch, OlderRecord, Position, RecordKind } from './contract.ts';
import type { Segment } from './segment-index.ts';
import { hasAfter, type Place, type SegmentSet } from './segments.ts';

interface Waiter {
  after: Position | undefined;
  wake: () => void;
  fail: (reason: unknown) => void;
}

export interface ReaderHost {
  segments: SegmentSet;
  /** The place that a position names, and never one that is acknowledged already. */
  place(after: Position | undefined): Place;
  /** Frames of this segment do not match their checksums. */
  damaged(segment: Segment): void;
}

export class Reader {
  private readonly host: ReaderHost;
  private readonly waiters = new Set<Waiter>();

  constructor(host: ReaderHost) {
    this.host = host;
  }

  read(maxBytes: number, maxRecords: number, after: Position | undefined): Batch | undefined {
    const { segments } = this.host;
    const from = this.host.place(after);
    let batch: Batch | undefined;
    let bytes = 0;
    let full = false;
    for (const segment of [...segments.list]) {
      if (full) break;
      if (!hasAfter(segment, from)) continue;
      const { boot } = segment.header;
      if (batch !== undefined && batch.boot !== boot) break;
      this.records(segment, from, (_kind, seq, payload) => {
        bytes += payload.length;
        full = batch !== undefined && (batch.records.length >= maxRecords || bytes > maxBytes);
        if (full) return false;
        batch ??= { boot, first: seq, last: seq, records: [] };
        batch.last = seq;
        batch.records.push({ seq, payload });
        return true;
      });
    }
    return batch;
  }

  /** Visits what is not acknowledged of boots before `ordinal`. */
  scanOlder(ordinal: number, visit: (record: OlderRecord) => void): void {
    const from = this.host.place(undefined);
    for (const segment of [...this.host.segments.list]) {
      if (segment.header.ordinal >= ordinal || !hasAfter(segment, from)) continue;
      const { boot } = segment.header;
      this.records(segment, from, (kind, seq, payload) => {
        visit({ boot, kind, seq, payload });
        return true;
      });
    }
  }

  has(after: Position | undefined): boolean {
    const from = this.host.place(after);
    return this.host.segments.list.some((segment) => hasAfter(segment, from));
  }

  async wait(signal: AbortSignal, after: Position | undefined): Promise<void> {
    signal.throwIfAborted();
    if (this.has(after)) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { after, wake: resolve, fail: reject };
    const abort = (): void => reject(signal.reason);
    this.waiters.add(waiter);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await promise;
    } finally {
      this.waiters.delete(waiter);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Records were appended. */
  wake(): void {
    for (const waiter of this.waiters) if (this.has(waiter.after)) waiter.wake();
  }

  close(reason: unknown): void {
    for (const waiter of this.waiters) waiter.fail(reason);
  }

  private records(
    segment: Segment,
    from: Place,
    visit: (kind: RecordKind, seq: number, payload: Buffer) => boolean,
  ): void {
    const { header } = segment;
    const above = header.ordinal === from.ordinal ? from.seq : header.first - 1;
    let damaged = false;
    this.host.segments.read(segment, above, (frame) => {
      if (frame.kind === 'damage') damaged = true;
      else if (frame.kind <= 2 && frame.seq > above) return visit(frame.kind as RecordKind, frame.seq, frame.payload);
      return true;
    });
    if (damaged) this.host.damaged(segment);
  }
}
