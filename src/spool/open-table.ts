/**
 * The table of open sessions. It lives in memory and, as frames, in the segments: each begins with the table as it stood (`segment.ts`).
 * What could not be written on a full disk is remembered and written before anything else once there is room.
 */
import { CLOSED, type Frame, type FrameWriter, OPENED, TABLE_END } from './segment.ts';

export class OpenTable {
  readonly sessions: Map<string, string>;
  /** Changes that no segment holds yet; undefined for a session that was closed. */
  private readonly unwritten = new Map<string, string | undefined>();

  constructor(sessions: ReadonlyMap<string, string>) {
    this.sessions = new Map(sessions);
  }

  open(id: string, payload: string, written: boolean): void {
    this.sessions.set(id, payload);
    if (!written) this.unwritten.set(id, payload);
  }

  close(id: string, written: boolean): void {
    this.sessions.delete(id);
    if (!written) this.unwritten.set(id, undefined);
  }

  /** Frames of what is not written yet. */
  putUnwritten(writer: FrameWriter, seq: number): void {
    for (const [id, payload] of this.unwritten) {
      if (payload === undefined) writer.put(CLOSED, seq, id);
      else writer.put(OPENED, seq, `${id}\n${payload}`);
    }
  }

  /** Frames of the whole table, for the start of a segment. */
  putAll(writer: FrameWriter, seq: number): void {
    for (const [id, payload] of this.sessions) writer.put(OPENED, seq, `${id}\n${payload}`);
    writer.put(TABLE_END, seq, '');
  }

  allWritten(): void {
    if (this.unwritten.size > 0) this.unwritten.clear();
  }
}

/** Builds the table again from the frames of all segments in order. */
export class TableReader {
  sessions = new Map<string, string>();
  /** The start of a segment, until its table is complete. */
  private fresh: Map<string, string> | undefined;

  beginSegment(): void {
    this.endSegment();
    this.fresh = new Map();
  }

  frame(frame: Frame): void {
    switch (frame.kind) {
      case OPENED: {
        const text = frame.payload.toString('utf8');
        const cut = text.indexOf('\n');
        (this.fresh ?? this.sessions).set(text.slice(0, cut), text.slice(cut + 1));
        return;
      }
      case CLOSED:
        this.endSegment();
        this.sessions.delete(frame.payload.toString('utf8'));
        return;
      case TABLE_END:
        if (this.fresh !== undefined) this.sessions = this.fresh;
        this.fresh = undefined;
        return;
      default:
        if (this.fresh !== undefined) this.endSegment();
    }
  }

  /** A table that does not come to its end (the process died writing it, or its end is damaged) takes nothing away. */
  endSegment(): void {
    for (const [id, payload] of this.fresh ?? []) this.sessions.set(id, payload);
    this.fresh = undefined;
  }
}
