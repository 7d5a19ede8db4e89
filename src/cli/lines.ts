/**
 * The lines of a file or of standard input, in groups as they are read. Where the file is one JSON array, or its objects go over several lines, each
 * value counts as a line and has the number of the line that it begins on.
 */
import { JsonValues } from './json-values.ts';
import { type Line, MAX_LINE, type Splitter } from './line.ts';
import { openBytes } from './read-bytes.ts';

/** As much of the beginning is looked at to tell lines from other JSON. */
const LOOK_BYTES = 65_536;
const NEWLINE = 0x0a;

class Lines implements Splitter {
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private number = 0;

  push(chunk: Buffer): Line[] {
    const lines: Line[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.finish(lines, chunk.subarray(from, at));
      from = at + 1;
    }
    const rest = chunk.subarray(from);
    if (rest.length > 0) {
      // Of a line that is too long already only the length is kept.
      if (this.pendingBytes <= MAX_LINE) this.pending.push(rest);
      this.pendingBytes += rest.length;
    }
    return lines;
  }

  end(): Line[] {
    const lines: Line[] = [];
    if (this.pendingBytes > 0) this.finish(lines, Buffer.alloc(0));
    return lines;
  }

  private finish(lines: Line[], last: Buffer): void {
    this.number += 1;
    const tooLong = this.pendingBytes + last.length > MAX_LINE;
    const bytes = tooLong ? Buffer.alloc(0) : this.pending.length === 0 ? last : Buffer.concat([...this.pending, last]);
    this.pending = [];
    this.pendingBytes = 0;
    const text = bytes.toString('utf8').trim();
    if (text !== '' || tooLong) lines.push({ number: this.number, text, tooLong });
  }
}

/** By its beginning: an array, or a first line that opens an object and leaves it open, or puts a comma behind it. */
function splitterFor(head: Buffer): Splitter {
  const text = head.toString('utf8').trimStart();
  const [line = ''] = text.split('\n', 1);
  const goesOn = line.startsWith('{') && line.length < text.length && /[{[,]\s*$/.test(line);
  return text.startsWith('[') || goesOn ? new JsonValues(MAX_LINE) : new Lines();
}

/** `bytes` counts what was read of the file, before unpacking: what a progress bar can show. */
export async function* readLines(path: string): AsyncGenerator<{ lines: Line[]; bytes: number }> {
  const source = await openBytes(path);
  let counted = 0;
  const group = (lines: Line[]): { lines: Line[]; bytes: number } => {
    const bytes = source.read() - counted;
    counted += bytes;
    return { lines, bytes };
  };
  let head: Buffer = Buffer.alloc(0);
  let splitter: Splitter | undefined;
  let damage: unknown;
  try {
    for await (const chunk of source.chunks) {
      if (splitter !== undefined) {
        yield group(splitter.push(chunk));
        continue;
      }
      head = Buffer.concat([head, chunk]);
      if (head.length < LOOK_BYTES && !/\S.*\n/.test(head.toString('latin1'))) continue;
      splitter = splitterFor(head);
      yield group(splitter.push(head));
    }
  } catch (error) {
    damage = error;
  }
  // What is whole before the damage of a file counts; the line that it cut off does not.
  const rest = splitter ?? splitterFor(head);
  const lines = splitter === undefined ? rest.push(head) : [];
  yield group(damage === undefined ? [...lines, ...rest.end()] : lines);
  if (damage !== undefined) throw damage;
}
