/** multipart/form-data (RFC 7578): the parts with their names. */
import { shortText } from './message.ts';

/** Most parts that are taken out of one body, and the longest header block of a part. */
const MAX_PARTS = 64;
const MAX_PART_HEAD = 4096;

export interface Part {
  name: string;
  /** Present where the part is a file, however it is called. */
  filename?: string;
  bytes: Buffer;
}

function parameter(head: string, name: string): string | undefined {
  const at = head.toLowerCase().indexOf(`; ${name}=`);
  if (at < 0) return undefined;
  const value = /^"([^"\r\n]*)"|^([^;\s]*)/.exec(head.slice(at + name.length + 3));
  return value?.[1] ?? value?.[2];
}

export function parseMultipart(contentType: string, body: Buffer): Part[] {
  const boundary = parameter(contentType, 'boundary') ?? /boundary="?([^";\s]{1,200})/i.exec(contentType)?.[1];
  if (boundary === undefined || boundary === '') return [];
  const mark = Buffer.from(`--${boundary}`, 'latin1');
  const parts: Part[] = [];
  let at = body.indexOf(mark);
  while (at >= 0 && parts.length < MAX_PARTS) {
    const start = body.indexOf('\n', at + mark.length) + 1;
    if (start === 0 || body.toString('latin1', at + mark.length, at + mark.length + 2) === '--') break;
    const next = body.indexOf(mark, start);
    const part = body.subarray(start, next < 0 ? body.length : next);
    const blank = part.subarray(0, MAX_PART_HEAD).indexOf('\r\n\r\n');
    if (blank >= 0) {
      const head = part.toString('latin1', 0, blank);
      const filename = parameter(head, 'filename');
      // The line end before the boundary belongs to the boundary; a body cut short has none.
      const end = next >= 0 && part.length - 2 >= blank + 4 ? part.length - 2 : part.length;
      parts.push({
        name: shortText(parameter(head, 'name') ?? ''),
        ...(filename === undefined ? {} : { filename: shortText(filename) }),
        bytes: part.subarray(blank + 4, Math.max(blank + 4, end)),
      });
    }
    at = next;
  }
  return parts;
}
