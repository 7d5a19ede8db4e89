/** SELECT to a plan: what it asks of which tables. Running it is `select.ts`. */
import type { MysqlError } from '../replies.ts';
import type { ResultSet } from '../results.ts';
import type { SqlContext } from './context.ts';
import { type Expression, ExpressionParser } from './expressions.ts';
import type { Cursor } from './parser.ts';

/** Rows of one answer. */
export const MAX_RESULT_ROWS = 5000;
const MAX_SOURCES = 8;
/** Queries inside queries. */
const MAX_NESTING = 8;

export interface Source {
  alias: string;
  schema: string | undefined;
  name: string;
  query: Query | undefined;
  condition: Expression | undefined;
  outer: boolean;
}

interface Item {
  expression: Expression | undefined;
  /** For `*` and `t.*`. */
  all: string | undefined;
  name: string;
}

export interface Query {
  items: Item[];
  distinct: boolean;
  sources: Source[];
  where: Expression | undefined;
  groupBy: Expression[];
  having: Expression | undefined;
  orderBy: { key: Expression; descending: boolean }[];
  limit: { offset: number; count: number } | undefined;
  into: { kind: 'outfile' | 'dumpfile'; path: string } | { kind: 'variables'; names: string[] } | undefined;
  union: Query | undefined;
}

/** Words that end a list of items or tables, and so are no alias. */
const KEYWORDS: ReadonlySet<string> = new Set(
  'FROM WHERE GROUP HAVING ORDER LIMIT UNION INTO ON JOIN INNER LEFT RIGHT CROSS NATURAL STRAIGHT_JOIN USING FOR LOCK PROCEDURE AS SET VALUES SELECT OFFSET LINES FIELDS'.split(
    ' ',
  ),
);

/** Runs a query that stands inside another. */
export type RunQuery = (query: Query, context: SqlContext) => ResultSet | MysqlError;

export class QueryParser {
  private readonly cursor: Cursor;
  private readonly context: SqlContext;
  private readonly run: RunQuery;
  private readonly parameters = { count: 0 };
  readonly expressions: ExpressionParser;
  private nesting = 0;

  constructor(cursor: Cursor, context: SqlContext, run: RunQuery) {
    this.cursor = cursor;
    this.context = context;
    this.run = run;
    this.expressions = new ExpressionParser(cursor, this.parameters, () => this.subquery());
  }

  /** A query in the place of a value: its first row's first value. */
  private subquery(): Expression {
    const query = this.query();
    return {
      type: 'text',
      aggregate: false,
      evaluate: (scope) => {
        const outcome = this.run(query, this.context);
        if ('code' in outcome) {
          scope.problem ??= outcome;
          return null;
        }
        return outcome.rows[0]?.[0] ?? null;
      },
    };
  }

  query(): Query {
    const { cursor } = this;
    this.nesting += 1;
    if (this.nesting > MAX_NESTING) cursor.syntaxError();
    if (cursor.acceptOperator('(') !== undefined) {
      const inner = this.query();
      cursor.expectOperator(')');
      this.nesting -= 1;
      return inner;
    }
    if (!cursor.accept('SELECT')) cursor.syntaxError();
    const query: Query = {
      items: [],
      distinct: this.modifiers(),
      sources: [],
      where: undefined,
      groupBy: [],
      having: undefined,
      orderBy: [],
      limit: undefined,
      into: undefined,
      union: undefined,
    };
    do query.items.push(this.item());
    while (cursor.acceptOperator(',') !== undefined);
    this.into(query);
    if (cursor.accept('FROM')) this.from(query);
    if (cursor.accept('WHERE')) query.where = this.expressions.parse();
    if (cursor.accept('GROUP', 'BY')) query.groupBy = this.list();
    if (cursor.accept('HAVING')) query.having = this.expressions.parse();
    this.tail(query);
    this.nesting -= 1;
    return query;
  }

  private modifiers(): boolean {
    let distinct = false;
    while (
      this.cursor.isWord(
        'DISTINCT',
        'DISTINCTROW',
        'ALL',
        'HIGH_PRIORITY',
        'STRAIGHT_JOIN',
        'SQL_NO_CACHE',
        'SQL_CACHE',
        'SQL_CALC_FOUND_ROWS',
        'SQL_SMALL_RESULT',
        'SQL_BIG_RESULT',
        'SQL_BUFFER_RESULT',
      )
    )
      distinct = this.cursor.next().text.toUpperCase().startsWith('DISTINCT') || distinct;
    return distinct;
  }

  private list(): Expression[] {
    const list: Expression[] = [];
    do list.push(this.expressions.parse());
    while (this.cursor.acceptOperator(',') !== undefined);
    return list;
  }

  private item(): Item {
    const { cursor } = this;
    if (cursor.acceptOperator('*') !== undefined) return { expression: undefined, all: '', name: '*' };
    const from = cursor.offset;
    const expression = this.expressions.parse();
    const path = expression.column;
    if (path?.at(-1) === '*') return { expression: undefined, all: path.at(-2) ?? '', name: '*' };
    const to = cursor.tokens[cursor.at - 1]?.to ?? from;
    const token = cursor.tokens[cursor.at - 1];
    const alias = this.alias();
    const plain = path?.at(-1) ?? (token?.kind === 'string' && token.from === from ? token.text : undefined);
    return { expression, all: undefined, name: (alias ?? plain ?? cursor.source.slice(from, to)).slice(0, 256) };
  }

  private alias(): string | undefined {
    const { cursor } = this;
    if (cursor.accept('AS')) return cursor.string() ?? cursor.name();
    const { peek } = cursor;
    if (peek.kind === 'name' || peek.kind === 'string') return cursor.next().text;
    return peek.kind === 'word' && !KEYWORDS.has(peek.text.toUpperCase()) ? cursor.next().text : undefined;
  }

  private from(query: Query): void {
    const { cursor } = this;
    query.sources.push(this.source());
    while (!cursor.done && query.sources.length < MAX_SOURCES) {
      if (cursor.acceptOperator(',') !== undefined) {
        query.sources.push(this.source());
        continue;
      }
      const outer = cursor.accept('LEFT') || cursor.accept('RIGHT');
      const joined =
        cursor.accept('OUTER') || cursor.accept('INNER') || cursor.accept('CROSS') || cursor.accept('NATURAL');
      if (!cursor.accept('JOIN') && !cursor.accept('STRAIGHT_JOIN')) {
        if (outer || joined) cursor.syntaxError();
        return;
      }
      const source = this.source();
      source.outer = outer;
      if (cursor.accept('ON')) source.condition = this.expressions.parse();
      query.sources.push(source);
    }
  }

  private source(): Source {
    const { cursor } = this;
    const plain = { condition: undefined, outer: false };
    if (cursor.isOperator('(')) {
      const query = this.query();
      const alias = this.alias() ?? '';
      return { ...plain, alias, schema: undefined, name: alias, query };
    }
    const { schema, name } = cursor.qualifiedName();
    return { ...plain, alias: this.alias() ?? name, schema, name, query: undefined };
  }

  private tail(query: Query): void {
    const { cursor } = this;
    if (cursor.accept('UNION')) {
      const all = cursor.accept('ALL');
      if (!all) cursor.accept('DISTINCT');
      query.union = this.query();
      return;
    }
    if (cursor.accept('ORDER', 'BY'))
      do query.orderBy.push({ key: this.expressions.parse(), descending: this.direction() });
      while (cursor.acceptOperator(',') !== undefined);
    if (cursor.accept('LIMIT')) query.limit = this.limit();
    this.into(query);
    while (
      cursor.accept('FOR', 'UPDATE') ||
      cursor.accept('LOCK', 'IN', 'SHARE', 'MODE') ||
      cursor.accept('FOR', 'SHARE')
    );
  }

  private direction(): boolean {
    const descending = this.cursor.accept('DESC');
    if (!descending) this.cursor.accept('ASC');
    return descending;
  }

  limit(): Query['limit'] {
    const first = this.count();
    if (this.cursor.acceptOperator(',') !== undefined) return { offset: first, count: this.count() };
    return { offset: this.cursor.accept('OFFSET') ? this.count() : 0, count: first };
  }

  private count(): number {
    const { cursor } = this;
    if (cursor.peek.kind === 'parameter') {
      cursor.next();
      const value = Number(this.context.parameters[this.parameters.count] ?? MAX_RESULT_ROWS);
      this.parameters.count += 1;
      return Number.isFinite(value) ? value : 0;
    }
    if (cursor.peek.kind === 'number') return Number(cursor.next().text);
    cursor.syntaxError();
    return 0;
  }

  private into(query: Query): void {
    const { cursor } = this;
    if (!cursor.accept('INTO')) return;
    const kind = cursor.accept('OUTFILE') ? 'outfile' : cursor.accept('DUMPFILE') ? 'dumpfile' : undefined;
    if (kind === undefined) {
      const names: string[] = [];
      do names.push(cursor.next().text);
      while (cursor.acceptOperator(',') !== undefined);
      query.into = { kind: 'variables', names };
      return;
    }
    const path = cursor.string();
    if (path === undefined) cursor.syntaxError();
    query.into = { kind, path: path ?? '' };
    // CHARACTER SET, FIELDS and LINES clauses say how the text is cut; the content is what counts here.
    while (
      cursor.isWord(
        'CHARACTER',
        'FIELDS',
        'COLUMNS',
        'LINES',
        'TERMINATED',
        'ENCLOSED',
        'OPTIONALLY',
        'ESCAPED',
        'STARTING',
        'BY',
        'SET',
      ) ||
      cursor.peek.kind === 'string'
    ) {
      // CHARACTER SET is followed by a name.
      const named = cursor.accept('SET');
      if (!named || !cursor.done) cursor.next();
    }
  }
}
