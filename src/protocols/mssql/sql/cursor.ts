/** A place in a list of tokens, and the error that parsing stops with. */
import type { Token } from './lexer.ts';

const END: Token = { kind: 'end', text: '', key: '', line: 1 };
/** Deeper nesting is a syntax error here; SQL Server stops at its own depth with error 191. */
const MAX_DEPTH = 48;

/** Thrown and caught inside the parser alone: the way out of a batch that does not parse. */
export class SyntaxProblem extends Error {
  readonly token: Token;
  constructor(token: Token) {
    super(`Incorrect syntax near '${token.text}'.`);
    this.token = token;
  }
}

export class Cursor {
  private readonly tokens: readonly Token[];
  private at = 0;
  private depth = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }
  get token(): Token {
    return this.tokens[this.at] ?? END;
  }
  peek(ahead: number): Token {
    return this.tokens[this.at + ahead] ?? END;
  }
  next(): Token {
    const token = this.token;
    if (token.kind !== 'end') this.at += 1;
    return token;
  }
  get over(): boolean {
    return this.token.kind === 'end';
  }
  is(key: string): boolean {
    return this.token.key === key;
  }
  take(key: string): boolean {
    if (this.token.key !== key) return false;
    this.at += 1;
    return true;
  }
  expect(key: string): void {
    if (!this.take(key)) this.fail();
  }
  fail(): never {
    throw new SyntaxProblem(this.token);
  }
  nested<T>(parse: () => T): T {
    if (this.depth >= MAX_DEPTH) this.fail();
    this.depth += 1;
    const result = parse();
    this.depth -= 1;
    return result;
  }
  /** A name of up to four parts: `master..sysdatabases`, `[dbo].[t]`. Missing parts are empty. */
  path(): string[] {
    const parts: string[] = [];
    for (;;) {
      const token = this.token;
      if (token.kind === 'word' || token.kind === 'quoted') {
        parts.push(token.text);
        this.at += 1;
      } else if (this.is('.') && parts.length > 0) {
        parts.push('');
      } else this.fail();
      if (parts.length > 4 || !this.take('.')) return parts;
    }
  }
  /** Skips to the end of a parenthesised group whose opening was taken. */
  skipGroup(): void {
    let open = 1;
    while (open > 0 && !this.over) {
      const token = this.next();
      if (token.key === '(') open += 1;
      else if (token.key === ')') open -= 1;
    }
  }
}
