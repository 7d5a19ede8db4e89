/** The login dialogue: name, password, answer, as often as the server allows; characters as they come, with the server's echo. */
import { LineEditor } from '../surfaces/shell/line-editor.ts';
import type { Face } from './replies.ts';

export interface LoginHandlers {
  /** Text for the peer. */
  say(text: string): void;
  /** A whole attempt; true lets it in. */
  attempt(username: string, password: string): boolean;
  /** ^C came: the terminal is flushed. */
  interrupted(): void;
  after(ms: number, callback: () => void): void;
  accepted(username: string, rest: string): void;
  /** The server hangs up. */
  over(): void;
}

/** Typed while a failed login waits. */
const MAX_TYPED_AHEAD = 4096;

export class Login {
  private readonly face: Face;
  private readonly handlers: LoginHandlers;
  private readonly failDelayMs: number;
  private readonly editor = new LineEditor();
  private stage: 'name' | 'password' | 'delay' | 'over' = 'name';
  private username = '';
  private tries = 0;
  private ahead = '';

  constructor(face: Face, failDelayMs: number, handlers: LoginHandlers) {
    this.face = face;
    this.failDelayMs = failDelayMs;
    this.handlers = handlers;
  }

  /** With a name from the client's environment, netkit's login asks for the password straight away, without a banner. */
  start(username: string | undefined): void {
    if (username === undefined) {
      this.handlers.say(this.face.banner + this.face.loginPrompt);
      return;
    }
    this.username = username;
    this.stage = 'password';
    this.handlers.say(this.face.passwordPrompt);
  }

  input(bytes: string): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.stage === 'over') return;
      if (this.stage === 'delay') {
        this.ahead += bytes.slice(at, at + MAX_TYPED_AHEAD - this.ahead.length);
        return;
      }
      const style = this.face.kind === 'linux' ? 'canonical' : 'readline';
      const fed = this.editor.feed(bytes, at, style, this.stage === 'name');
      at = fed.at;
      switch (fed.event.kind) {
        case 'line':
          this.line(fed.event.text, fed.echo, bytes.slice(at));
          break;
        case 'interrupt':
          this.handlers.say(fed.echo.slice(0, -2));
          this.handlers.interrupted();
          this.handlers.say(fed.echo.slice(-2));
          break;
        case 'eof':
          // login takes the end of input for a failed attempt.
          if (this.face.kind === 'linux') this.fail('\r\n');
          break;
        default:
          if (fed.echo !== '') this.handlers.say(fed.echo);
      }
    }
  }

  private line(text: string, echo: string, rest: string): void {
    const windows = this.face.kind === 'windows';
    if (this.stage === 'name') {
      this.username = text;
      this.stage = 'password';
      this.handlers.say(`${echo}${windows ? '' : '\r\n'}${this.face.passwordPrompt}`);
      return;
    }
    if (this.handlers.attempt(this.username, text)) {
      this.stage = 'over';
      this.handlers.say(windows ? '' : '\r\n');
      this.handlers.accepted(this.username, rest);
      return;
    }
    this.fail(windows ? '' : '\r\n');
  }

  private fail(lineEnd: string): void {
    this.tries += 1;
    if (this.failDelayMs === 0) {
      this.refuse(lineEnd);
      return;
    }
    this.stage = 'delay';
    if (lineEnd !== '') this.handlers.say(lineEnd);
    this.handlers.after(this.failDelayMs, () => {
      this.refuse('');
      const ahead = this.ahead;
      this.ahead = '';
      this.input(ahead);
    });
  }

  private refuse(lineEnd: string): void {
    if (this.tries >= this.face.tries) {
      this.stage = 'over';
      this.handlers.say(lineEnd + this.face.failed + this.face.tooMany);
      this.handlers.over();
      return;
    }
    this.stage = 'name';
    this.handlers.say(lineEnd + this.face.failed + this.face.loginPrompt);
  }
}
