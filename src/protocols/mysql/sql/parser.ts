/** A cursor over the tokens of one statement. The first thing that does not fit is remembered; from then on there are no tokens left. */
import { errors, type MysqlError } from '../replies.ts';
import type { Token } from './tokens.ts';

const END: Token = { kind: 'operator', text: '', from: 0, to: 0 };

/** Reserved words that would otherwise pass for the name of a table or column. */
const RESERVED: ReadonlySet<string> = new Set(
  'AND BY FROM GROUP HAVING INTO JOIN LIKE LIMIT ON OR ORDER SELECT UNION VALUES WHERE'.split(' '),
);

export class Cursor {
  readonly tokens: readonly Token[];
  readonly source: string;
  at = 0;
  problem: MysqlError | undefined;

  constructor(tokens: readonly Token[], source: string) {
    this.tokens = tokens;
    this.source = source;
  }

  get peek(): Token {
    return this.tokens[this.at] ?? END;
  }

  get done(): boolean {
    return this.at >= this.tokens.length;
  }

  look(ahead: number): Token {
    return this.tokens[this.at + ahead] ?? END;
  }

  next(): Token {
    const token = this.peek;
    this.at += 1;
    return token;
  }

  /** The position of the next token in the statement's text. */
  get offset(): number {
    return this.tokens[this.at]?.from ?? this.source.length;
  }

  isWord(...words: readonly string[]): boolean {
    const { peek } = this;
    return peek.kind === 'word' && words.includes(peek.text.toUpperCase());
  }

  /** Takes the given words if they all come next. */
  accept(...words: readonly string[]): boolean {
    for (let i = 0; i < words.length; i += 1) {
      const token = this.look(i);
      if (token.kind !== 'word' || token.text.toUpperCase() !== words[i]) return false;
    }
    this.at += words.length;
    return true;
  }

  isOperator(...texts: readonly string[]): boolean {
    const { peek } = this;
    return peek.kind === 'operator' && peek.text !== '' && texts.includes(peek.text);
  }

  acceptOperator(...texts: readonly string[]): string | undefined {
    return this.isOperator(...texts) ? this.next().text : undefined;
  }

  expectOperator(text: string): void {
    if (this.acceptOperator(text) === undefined) this.syntaxError();
  }

  /** A name, quoted or not; a reserved word only in quotes. */
  name(): string {
    const { peek } = this;
    if (peek.kind === 'name' || (peek.kind === 'word' && !RESERVED.has(peek.text.toUpperCase())))
      return this.next().text;
    this.syntaxError();
    return '';
  }

  /** `table` or `schema.table`. */
  qualifiedName(): { schema: string | undefined; name: string } {
    const first = this.name();
    if (this.acceptOperator('.') === undefined) return { schema: undefined, name: first };
    return { schema: first, name: this.name() };
  }

  string(): string | undefined {
    return this.peek.kind === 'string' ? this.next().text : undefined;
  }

  syntaxError(): void {
    this.fail(syntaxErrorAt(this.source, this.offset));
  }

  fail(problem: MysqlError): void {
    this.problem ??= problem;
    this.at = this.tokens.length;
  }
}

export function syntaxErrorAt(source: string, offset: number): MysqlError {
  let line = 1;
  for (let at = source.indexOf('\n'); at >= 0 && at < offset; at = source.indexOf('\n', at + 1)) line += 1;
  return errors.syntax(source.slice(offset), line);
}
