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

/** Parts and characters of base64 read for one answer at most; a sensor keeps far less by default. */
const MAX_PARTS = 20_000;
const MAX_CHARACTERS = 16 * 1_048_576;

export async function transcript(
  store: StoreClient,
  sessionId: string,
  signal?: AbortSignal,
): Promise<{ data: TranscriptPart[]; truncated: boolean }> {
  const rows = store.streamRows<{ at: string; direction: string; data: string }>(
    `SELECT at, direction, data FROM transcripts WHERE session_id = {id:UUID} ORDER BY seq, part LIMIT ${MAX_PARTS + 1}`,
    { id: sessionId },
    { ...(signal === undefined ? {} : { signal }), settings: { max_execution_time: 30 } },
  );
  const data: TranscriptPart[] = [];
  let start: number | undefined;
  let characters = 0;
  for await (const row of rows) {
    characters += row.data.length;
    if (data.length === MAX_PARTS || characters > MAX_CHARACTERS) return { data, truncated: true };
    const at = Date.parse(isoTime(row.at));
    start ??= at;
    data.push({
      offset_ms: Math.max(0, at - start),
      direction: row.direction === 'i' ? 'in' : 'out',
      data: row.data,
    });
  }
  return { data, truncated: false };
}
