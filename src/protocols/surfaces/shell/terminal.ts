/** A shell at a terminal: typed bytes in, echo, prompts and output out. The protocol around it (telnet, ssh) only carries the bytes. */
import { LineEditor } from './line-editor.ts';
import { interact, keepAll } from './shell.ts';
import type { Resume, Run, Shell, Wait } from './state.ts';

/** Typed ahead while a command runs; more is dropped, as the kernel does. */
const MAX_TYPED_AHEAD = 65_536;
const NO_BRACKETS = /^(dumb|network|unknown)?$/;

export interface TerminalHost {
  /** Bytes for the peer; line ends are CR LF already. */
  send(bytes: string): void;
  /** A line was entered; `silent` where it was not echoed. */
  entered(text: string, silent: boolean): void;
  /** ^C flushed the terminal; its echo follows. */
  interrupted(): void;
  after(ms: number, callback: () => void): { cancel(): void };
  limited(name: string, value: number): void;
  /** The shell has ended. */
  ended(): void;
}

export class Terminal {
  private readonly shell: Shell;
  private readonly host: TerminalHost;
  private readonly run: Run<number>;
  private readonly editor = new LineEditor();
  /** Bash 5.1 and later asks terminals that know it to mark what is pasted; readline leaves `dumb` ones alone. */
  private readonly brackets: boolean;
  private waiting: Wait | undefined;
  private timer: { cancel(): void } | undefined;
  private ahead = '';
  private recalled = 0;
  private over = false;

  constructor(shell: Shell, host: TerminalHost) {
    this.shell = shell;
    this.host = host;
    const { machine } = shell.common;
    this.brackets = machine.version !== '20.04' && !NO_BRACKETS.test(shell.variables.get('TERM') ?? '');
    const out = (bytes: string): void => host.send(bytes.replaceAll('\n', '\r\n'));
    this.run = interact(shell, { input: { kind: 'terminal' }, out, err: out });
  }

  start(): void {
    this.settle(this.run.next());
  }

  input(bytes: string): void {
    if (this.over) return;
    if (this.waiting?.kind === 'sleep') {
      const interrupt = bytes.lastIndexOf('\x03');
      if (interrupt < 0) {
        this.ahead += bytes.slice(0, MAX_TYPED_AHEAD - this.ahead.length);
        if (this.ahead.length >= MAX_TYPED_AHEAD) this.host.limited('shell typed ahead', MAX_TYPED_AHEAD);
        return;
      }
      // ^C flushes what was typed before it.
      this.ahead = bytes.slice(interrupt + 1);
      this.timer?.cancel();
      this.host.interrupted();
      this.host.send('^C\r\n');
      this.resume({ kind: 'interrupt' });
      return;
    }
    this.ahead = bytes;
    this.type();
  }

  /** The session is over: keep what the peer left. */
  close(): void {
    this.over = true;
    this.timer?.cancel();
    keepAll(this.shell);
  }

  /** Works through what was typed until it is used up or the shell is busy. */
  private type(): void {
    while (!this.over && this.ahead !== '' && this.waiting !== undefined && this.waiting.kind !== 'sleep') {
      const bytes = this.ahead;
      this.ahead = '';
      this.take(bytes);
    }
  }

  private take(bytes: string): void {
    const waiting = this.waiting;
    if (waiting === undefined || waiting.kind === 'sleep') return;
    const prompting = waiting.kind === 'line';
    const silent = waiting.kind === 'input' && waiting.silent === true;
    const { event, echo, at } = this.editor.feed(bytes, 0, prompting ? 'readline' : 'canonical', !silent);
    if (event.kind === 'interrupt') {
      this.host.send(echo.slice(0, -2));
      this.host.interrupted();
      this.host.send(echo.slice(-2));
    } else if (echo !== '') this.host.send(echo);
    this.ahead = bytes.slice(at);
    const bracketed = prompting && this.brackets && this.shell.flavour === 'bash';
    switch (event.kind) {
      case 'more':
        return;
      case 'recall':
        this.recall(event.step);
        return;
      case 'line':
        this.recalled = 0;
        this.host.send(bracketed ? '\r\n\x1b[?2004l\r' : '\r\n');
        this.host.entered(event.text, silent);
        this.resume({ kind: 'text', text: event.text });
        return;
      case 'eof':
        if (bracketed) this.host.send('\x1b[?2004l\r\r\n');
        this.resume({ kind: 'eof' });
        return;
      case 'interrupt':
        this.host.send(bracketed ? '\x1b[?2004l\r\x1b[?2004h\x1b[?2004l\r\r\n' : '\r\n');
        this.resume({ kind: 'interrupt' });
        return;
    }
  }

  private recall(step: -1 | 1): void {
    const { history } = this.shell.common;
    const wanted = this.recalled - step;
    if (wanted < 0 || wanted > history.length) {
      this.host.send('\x07');
      return;
    }
    this.recalled = wanted;
    this.host.send(this.editor.replace(wanted === 0 ? '' : (history[history.length - wanted] ?? '')));
  }

  private resume(how: Resume): void {
    this.settle(this.run.next(how));
  }

  private settle(result: IteratorResult<Wait, number>): void {
    if (result.done === true) {
      this.over = true;
      this.host.ended();
      return;
    }
    this.waiting = result.value;
    if (result.value.kind === 'sleep') {
      this.timer = this.host.after(result.value.ms, () => {
        this.resume({ kind: 'done' });
        this.type();
      });
    } else if (result.value.kind === 'line') {
      const mark = this.brackets && this.shell.flavour === 'bash' ? '\x1b[?2004h' : '';
      this.host.send(mark + result.value.prompt);
    }
  }
}
