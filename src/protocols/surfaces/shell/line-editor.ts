/**
 * One line typed at a terminal, with what comes back as echo: the kernel's own line discipline (termios(3), canonical mode) for logins and for what
 * programs read, and as much of readline as people and scripts use at a prompt. Byte strings throughout.
 */

export type Style = 'canonical' | 'readline';
export type LineEvent =
  | { kind: 'more' }
  | { kind: 'line'; text: string }
  | { kind: 'interrupt' }
  | { kind: 'eof' }
  | { kind: 'recall'; step: -1 | 1 };

/** The kernel keeps 4095 characters of a line and drops the rest (N_TTY); readline has no bound of its own, ours is this. */
export const MAX_CANONICAL = 4095;
export const MAX_READLINE = 65_536;

const RUN = /[\x20-\x7e\x80-\xff]+/y;
const FINAL = /[\x40-\x7e]/;

export class LineEditor {
  text = '';
  private escape: '' | 'start' | 'sequence' = '';

  /** Takes bytes from `at` up to the next event. */
  feed(bytes: string, at: number, style: Style, echo: boolean): { event: LineEvent; echo: string; at: number } {
    let shown = '';
    let next = at;
    const show = (text: string): void => {
      if (echo) shown += text;
    };
    const done = (event: LineEvent): { event: LineEvent; echo: string; at: number } => ({
      event,
      echo: shown,
      at: next,
    });
    while (next < bytes.length) {
      if (this.escape === '') {
        RUN.lastIndex = next;
        const run = RUN.exec(bytes)?.[0];
        if (run !== undefined) {
          const room = Math.max(0, (style === 'canonical' ? MAX_CANONICAL : MAX_READLINE) - this.text.length);
          this.text += run.slice(0, room);
          show(run.slice(0, room));
          next += run.length;
          continue;
        }
      }
      const char = bytes[next] ?? '';
      next += 1;
      if (this.escape !== '') {
        const recall = this.escaped(char);
        if (recall !== undefined) return done({ kind: 'recall', step: recall });
        continue;
      }
      switch (char) {
        case '\r':
        case '\n': {
          const text = this.text;
          this.text = '';
          return done({ kind: 'line', text });
        }
        case '\x03':
          this.text = '';
          show('^C');
          return done({ kind: 'interrupt' });
        case '\x04':
          if (this.text === '') return done({ kind: 'eof' });
          if (style === 'readline') show('\x07');
          break;
        case '\x7f':
          show(this.erase(1, style));
          break;
        case '\b':
          show(style === 'readline' ? this.erase(1, style) : this.control(char));
          break;
        case '\x15':
          show(this.erase(this.text.length, style));
          break;
        case '\x17':
          show(this.erase(this.lastWord(), style));
          break;
        case '\t':
          if (style === 'readline') show('\x07');
          else {
            this.text += char;
            show(char);
          }
          break;
        case '\x1b':
          if (style === 'readline') this.escape = 'start';
          else show(this.control(char));
          break;
        case '\0':
          break;
        default:
          if (style === 'canonical') show(this.control(char));
      }
    }
    return done({ kind: 'more' });
  }

  /** Puts another line in its place (history). */
  replace(text: string): string {
    const erased = this.erase(this.text.length, 'readline', false);
    this.text = text;
    return erased + text;
  }

  /** One byte of an escape sequence; up and down recall lines, the rest is swallowed. */
  private escaped(char: string): -1 | 1 | undefined {
    if (this.escape === 'start') {
      this.escape = char === '[' || char === 'O' ? 'sequence' : '';
      return undefined;
    }
    if (!FINAL.test(char)) return undefined;
    this.escape = '';
    return char === 'A' ? -1 : char === 'B' ? 1 : undefined;
  }

  /** Length of the last word with the blanks behind it: what ^W erases. */
  private lastWord(): number {
    let start = this.text.length;
    while (start > 0 && this.text[start - 1] === ' ') start -= 1;
    while (start > 0 && this.text[start - 1] !== ' ') start -= 1;
    return this.text.length - start;
  }

  private control(char: string): string {
    if (this.text.length >= MAX_CANONICAL) return '';
    this.text += char;
    return `^${String.fromCharCode(char.charCodeAt(0) ^ 0x40)}`;
  }

  private erase(count: number, style: Style, bell = true): string {
    const gone = this.text.slice(this.text.length - Math.max(0, count));
    if (count <= 0 || gone === '') return style === 'readline' && bell ? '\x07' : '';
    this.text = this.text.slice(0, this.text.length - gone.length);
    // A control character was shown as two.
    return [...gone].map((char) => (char < ' ' ? '\b \b\b \b' : '\b \b')).join('');
  }
}
