/**
 * Errors behind a part of a result. The status has left long before, so ClickHouse (25.11 and later) ends the body with
 *
 *     \r\n__exception__\r\nTAG\r\nCode: 159. DB::Exception: …\n57 TAG\r\n__exception__\r\n
 *
 * where TAG is a word from the response's `X-ClickHouse-Exception-Tag` that no data can know.
 */
import { parseError } from '@clickhouse/client';

/** Longest error that is read; a server cuts its own at 16 KiB. */
const MAX_ERROR_BYTES = 65_536;

/** The bytes of a result; throws the store's error where the body ends with one. */
export async function* withoutLateError(
  body: AsyncIterable<Buffer>,
  tag: string | undefined,
): AsyncGenerator<Buffer, void> {
  if (tag === undefined || tag === '') {
    yield* body;
    return;
  }
  const opening = Buffer.from(`\r\n__exception__\r\n${tag}\r\n`);
  // As many bytes as could be the beginning of an opening are held back.
  let held: Buffer = Buffer.alloc(0);
  let message: Buffer | null = null;
  for await (const chunk of body) {
    if (message !== null) {
      if (message.length < MAX_ERROR_BYTES) message = Buffer.concat([message, chunk]);
      continue;
    }
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const at = bytes.indexOf(opening);
    const end = at >= 0 ? at : Math.max(0, bytes.length - opening.length + 1);
    if (end > 0) yield bytes.subarray(0, end);
    held = bytes.subarray(end);
    if (at >= 0) message = bytes.subarray(at + opening.length);
  }
  if (message !== null) throw parseError(message.toString('utf8'));
  if (held.length > 0) yield held;
}
