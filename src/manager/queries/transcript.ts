/** The conversation of a session: who sent which bytes when. */
import type { StoreClient } from '../store/client.ts';
import { isoTime } from './records.ts';

export interface TranscriptPart {
  /** Milliseconds after the first byte. */
  offset_ms: number;
  direction: 'in' | 'out';
  /** The bytes in base64. */
  data: string;
}

/** Parts read for one answer at most; a sensor keeps far less by default. */
const MAX_PARTS = 20_000;

export async function transcript(
  store: StoreClient,
  sessionId: string,
  signal?: AbortSignal,
): Promise<{ data: TranscriptPart[]; truncated: boolean }> {
  const rows = await store.query<{ at: string; direction: string; data: string }>(
    `SELECT at, direction, data FROM transcripts WHERE session_id = {id:UUID} ORDER BY seq, part LIMIT ${MAX_PARTS + 1}`,
    { id: sessionId },
    signal === undefined ? {} : { signal },
  );
  const start = rows[0] === undefined ? 0 : Date.parse(isoTime(rows[0].at));
  const data = rows.slice(0, MAX_PARTS).map(
    (row): TranscriptPart => ({
      offset_ms: Math.max(0, Date.parse(isoTime(row.at)) - start),
      direction: row.direction === 'i' ? 'in' : 'out',
      data: row.data,
    }),
  );
  return { data, truncated: rows.length > MAX_PARTS };
}
