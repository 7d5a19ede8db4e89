/**
 * Splits JSON that is not one object a line: an array of objects, as a hand or an API makes it, or objects over several lines. Only strings and brackets
 * are looked at; whether a value is right JSON is for its reader to say. A string that is not closed on its line is a mistake: its value ends there, and
 * reading goes on at the next line that begins with an object, so that one broken row does not take the others with it.
 */
import type { Line, Splitter } from './line.ts';

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === NEWLINE;

export class JsonValues implements Splitter {
  private readonly maxBytes: number;
  /** `between` values, `in` one, or after a broken one at the beginning of a line (`search`) or behind that (`skip`). */
  private state: 'between' | 'in' | 'search' | 'skip' = 'between';
  private opened = false;
  private line = 1;
  private depth = 0;
  private inString = false;
  private escaped = false;
  private startLine = 1;
  private kept: Buffer[] = [];
  private bytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  push(chunk: Buffer): Line[] {
    const lines: Line[] = [];
    let from = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (this.state !== 'in') {
        if (this.opens(byte)) {
          from = at;
          this.startLine = this.line;
        }
      }
      if (this.state === 'in') {
        const end = this.step(byte);
        if (end !== 'inside') {
          // A delimiter that ends a bare word is not part of it; the bracket or quote that ends another value is.
          const to = end === 'after' ? at : at + 1;
          this.keep(chunk.subarray(from, to));
          this.finish(lines);
          this.state = end === 'broken' ? 'search' : 'between';
        }
      }
      if (byte === NEWLINE) {
        this.line += 1;
        if (this.state === 'skip') this.state = 'search';
      }
    }
    if (this.state === 'in') this.keep(chunk.subarray(from));
    return lines;
  }

  end(): Line[] {
    const lines: Line[] = [];
    if (this.state === 'in') this.finish(lines);
    this.state = 'between';
    return lines;
  }

  /** Whether a byte outside of values begins one. */
  private opens(byte: number): boolean {
    if (isBlank(byte) || byte === COMMA || this.state === 'skip') return false;
    if (this.state === 'search' && byte !== OPEN_OBJECT) {
      this.state = 'skip';
      return false;
    }
    if (byte === OPEN_LIST && !this.opened) {
      this.opened = true;
      return false;
    }
    if (byte === CLOSE_LIST) return false;
    this.opened = true;
    this.state = 'in';
    this.depth = 0;
    this.inString = false;
    this.escaped = false;
    return true;
  }

  private step(byte: number): 'inside' | 'last' | 'after' | 'broken' {
    if (this.inString) {
      if (byte === NEWLINE) return 'broken';
      if (this.escaped) this.escaped = false;
      else if (byte === BACKSLASH) this.escaped = true;
      else if (byte === QUOTE) {
        this.inString = false;
        if (this.depth === 0) return 'last';
      }
      return 'inside';
    }
    switch (byte) {
      case QUOTE:
        this.inString = true;
        return 'inside';
      case OPEN_OBJECT:
      case OPEN_LIST:
        this.depth += 1;
        return 'inside';
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        if (this.depth === 0) return byte === CLOSE_LIST ? 'after' : 'last';
        this.depth -= 1;
        return this.depth === 0 ? 'last' : 'inside';
      default:
        return this.depth === 0 && (isBlank(byte) || byte === COMMA) ? 'after' : 'inside';
    }
  }

  private keep(bytes: Buffer): void {
    // Of a value that is too long already only the length is kept.
    if (this.bytes <= this.maxBytes) this.kept.push(bytes);
    this.bytes += bytes.length;
  }

  private finish(lines: Line[]): void {
    const tooLong = this.bytes > this.maxBytes;
    const text = tooLong ? '' : Buffer.concat(this.kept).toString('utf8').trim();
    if (text !== '' || tooLong) lines.push({ number: this.startLine, text, tooLong });
    this.kept = [];
    this.bytes = 0;
  }
}
