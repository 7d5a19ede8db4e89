/** Tokens to a tree of commands: lists, pipelines, compound commands and functions (POSIX.1-2017, Shell Command Language, 2.9 and 2.10). */
import { type Heredoc, Incomplete, SyntaxFault, type Token, tokenize, type Word } from './tokens.ts';

export interface Redirect {
  op: string;
  fd: number;
  target: Word;
  heredoc: Heredoc | undefined;
}
export interface Assignment {
  name: string;
  value: Word;
}

export type Node =
  | { kind: 'simple'; assignments: readonly Assignment[]; words: readonly Word[]; redirects: readonly Redirect[] }
  | { kind: 'pipeline'; negated: boolean; stages: readonly Node[] }
  | { kind: 'and' | 'or'; left: Node; right: Node }
  | { kind: 'list'; items: readonly { node: Node; background: boolean }[] }
  | { kind: 'group'; body: Node; subshell: boolean; redirects: readonly Redirect[] }
  | { kind: 'loop'; until: boolean; condition: Node; body: Node; redirects: readonly Redirect[] }
  | { kind: 'for'; name: string; words: readonly Word[] | undefined; body: Node; redirects: readonly Redirect[] }
  | { kind: 'if'; branches: readonly Branch[]; otherwise: Node | undefined; redirects: readonly Redirect[] }
  | { kind: 'case'; subject: Word; arms: readonly Arm[]; redirects: readonly Redirect[] }
  | { kind: 'function'; name: string; body: Node };
export interface Branch {
  condition: Node;
  body: Node;
}
export interface Arm {
  patterns: readonly Word[];
  body: Node;
}

export type Parsed = { kind: 'script'; node: Node } | { kind: 'more' } | { kind: 'fault'; near: string };

/** Deeper nesting of compound commands is a syntax error. */
const MAX_NESTING = 48;
const RESERVED = new Set(['then', 'else', 'elif', 'fi', 'do', 'done', 'esac', '}', '{', 'if', 'while', 'until', 'for']);
const CLOSERS = new Set(['then', 'else', 'elif', 'fi', 'do', 'done', 'esac', '}']);
const ASSIGNMENT = /^([A-Za-z_][A-Za-z0-9_]*)=/;

class Parser {
  private readonly tokens: readonly Token[];
  private at = 0;
  private depth = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  script(): Node {
    const node = this.list(() => this.peek().kind === 'end');
    if (this.peek().kind !== 'end') throw this.unexpected();
    return node;
  }

  private peek(ahead = 0): Token {
    return this.tokens[this.at + ahead] ?? { kind: 'end' };
  }
  private isOp(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === 'op' && token.text === text;
  }
  /** The unquoted text of the word to come, which is where a reserved word can stand. */
  private bare(): string {
    const token = this.peek();
    if (token.kind !== 'word' || token.word.length !== 1) return '';
    const part = token.word[0];
    return part?.kind === 'text' && !part.quoted ? part.text : '';
  }
  private unexpected(): Error {
    const token = this.peek();
    if (token.kind === 'end') return new Incomplete();
    if (token.kind === 'word') return new SyntaxFault(token.raw);
    const text = token.kind === 'op' ? token.text : token.op;
    return new SyntaxFault(text === '\n' ? 'newline' : text);
  }
  private expectWord(text: string): void {
    if (this.bare() !== text) throw this.unexpected();
    this.at += 1;
  }
  private expectOp(text: string): void {
    if (!this.isOp(text)) throw this.unexpected();
    this.at += 1;
  }
  private skipNewlines(): void {
    while (this.isOp('\n')) this.at += 1;
  }

  private list(ended: () => boolean): Node {
    const items: { node: Node; background: boolean }[] = [];
    this.skipNewlines();
    while (!ended() && !CLOSERS.has(this.bare())) {
      const node = this.andOr();
      const background = this.isOp('&');
      items.push({ node, background });
      if (!(background || this.isOp(';') || this.isOp('\n'))) break;
      this.at += 1;
      this.skipNewlines();
    }
    return { kind: 'list', items };
  }

  /** A list that must hold a command and end with the reserved word. */
  private block(...closers: string[]): Node {
    this.depth += 1;
    if (this.depth > MAX_NESTING) throw this.unexpected();
    const node = this.list(() => this.peek().kind === 'end' || this.isOp(')') || this.isOp(';;'));
    this.depth -= 1;
    if (node.kind === 'list' && node.items.length === 0) throw this.unexpected();
    if (closers.length > 0 && !closers.includes(this.bare())) throw this.unexpected();
    return node;
  }

  private andOr(): Node {
    let left = this.pipeline();
    while (this.isOp('&&') || this.isOp('||')) {
      const kind = this.isOp('&&') ? 'and' : 'or';
      this.at += 1;
      this.skipNewlines();
      left = { kind, left, right: this.pipeline() };
    }
    return left;
  }

  private pipeline(): Node {
    let negated = false;
    while (this.bare() === '!') {
      negated = !negated;
      this.at += 1;
    }
    const stages = [this.command()];
    while (this.isOp('|') || this.isOp('|&')) {
      this.at += 1;
      this.skipNewlines();
      stages.push(this.command());
    }
    const [only] = stages;
    return stages.length === 1 && only !== undefined && !negated ? only : { kind: 'pipeline', negated, stages };
  }

  private command(): Node {
    if (this.isOp('(')) {
      this.at += 1;
      const body = this.block();
      this.expectOp(')');
      return { kind: 'group', body, subshell: true, redirects: this.redirects() };
    }
    switch (this.bare()) {
      case '{': {
        this.at += 1;
        const body = this.block('}');
        this.at += 1;
        return { kind: 'group', body, subshell: false, redirects: this.redirects() };
      }
      case 'if':
        return this.conditional();
      case 'while':
      case 'until': {
        const until = this.bare() === 'until';
        this.at += 1;
        const condition = this.block('do');
        const body = this.doGroup();
        return { kind: 'loop', until, condition, body, redirects: this.redirects() };
      }
      case 'for':
        return this.forLoop();
      case 'case':
        return this.caseCommand();
      default:
        return this.simple();
    }
  }

  private doGroup(): Node {
    this.expectWord('do');
    const body = this.block('done');
    this.at += 1;
    return body;
  }

  private conditional(): Node {
    const branches: Branch[] = [];
    let otherwise: Node | undefined;
    do {
      this.at += 1;
      const condition = this.block('then');
      this.at += 1;
      branches.push({ condition, body: this.block('elif', 'else', 'fi') });
    } while (this.bare() === 'elif');
    if (this.bare() === 'else') {
      this.at += 1;
      otherwise = this.block('fi');
    }
    this.expectWord('fi');
    return { kind: 'if', branches, otherwise, redirects: this.redirects() };
  }

  private forLoop(): Node {
    this.at += 1;
    const name = this.bare();
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw this.unexpected();
    this.at += 1;
    this.skipNewlines();
    let words: Word[] | undefined;
    if (this.bare() === 'in') {
      this.at += 1;
      words = [];
      for (let token = this.peek(); token.kind === 'word'; token = this.peek()) {
        words.push(token.word);
        this.at += 1;
      }
    }
    if (this.isOp(';')) this.at += 1;
    this.skipNewlines();
    const body = this.doGroup();
    return { kind: 'for', name, words, body, redirects: this.redirects() };
  }

  private caseCommand(): Node {
    this.at += 1;
    const subject = this.word();
    this.skipNewlines();
    this.expectWord('in');
    this.skipNewlines();
    const arms: Arm[] = [];
    while (this.bare() !== 'esac') {
      if (this.isOp('(')) this.at += 1;
      const patterns = [this.word()];
      while (this.isOp('|')) {
        this.at += 1;
        patterns.push(this.word());
      }
      this.expectOp(')');
      const body = this.list(() => this.peek().kind === 'end' || this.isOp(';;'));
      arms.push({ patterns, body });
      if (this.isOp(';;')) this.at += 1;
      else if (this.bare() !== 'esac') throw this.unexpected();
      this.skipNewlines();
    }
    this.at += 1;
    return { kind: 'case', subject, arms, redirects: this.redirects() };
  }

  private word(): Word {
    const token = this.peek();
    if (token.kind !== 'word') throw this.unexpected();
    this.at += 1;
    return token.word;
  }

  private redirects(): Redirect[] {
    const redirects: Redirect[] = [];
    for (let token = this.peek(); token.kind === 'redirect'; token = this.peek()) {
      this.at += 1;
      const target = token.heredoc === undefined ? this.word() : [];
      const fd = token.fd ?? (token.op.startsWith('<') ? 0 : 1);
      redirects.push({ op: token.op, fd, target, heredoc: token.heredoc });
    }
    return redirects;
  }

  private simple(): Node {
    const assignments: Assignment[] = [];
    const words: Word[] = [];
    const redirects = this.redirects();
    if (redirects.length === 0 && RESERVED.has(this.bare())) throw this.unexpected();
    for (let token = this.peek(); token.kind === 'word'; token = this.peek()) {
      this.at += 1;
      const first = token.word[0];
      const name =
        words.length === 0 && first?.kind === 'text' && !first.quoted ? ASSIGNMENT.exec(first.text)?.[1] : undefined;
      if (name !== undefined && first?.kind === 'text') {
        assignments.push({
          name,
          value: [{ ...first, text: first.text.slice(name.length + 1) }, ...token.word.slice(1)],
        });
      } else if (words.length === 0 && this.isOp('(') && this.isOp(')', 1)) {
        this.at += 2;
        this.skipNewlines();
        this.depth += 1;
        if (this.depth > MAX_NESTING) throw this.unexpected();
        const body = this.command();
        this.depth -= 1;
        return { kind: 'function', name: token.raw, body };
      } else {
        words.push(token.word);
      }
      redirects.push(...this.redirects());
    }
    if (words.length === 0 && assignments.length === 0 && redirects.length === 0) throw this.unexpected();
    return { kind: 'simple', assignments, words, redirects };
  }
}

/** Reads a whole input: one or more lines, as far as they are there. */
export function parse(source: string): Parsed {
  try {
    return { kind: 'script', node: new Parser(tokenize(source)).script() };
  } catch (error) {
    if (error instanceof Incomplete) return { kind: 'more' };
    if (error instanceof SyntaxFault) return { kind: 'fault', near: error.near };
    throw error;
  }
}
