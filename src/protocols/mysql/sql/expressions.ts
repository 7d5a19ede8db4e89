/** Expressions: parsed once, evaluated for each row. Precedence as in the manual's "Operator Precedence", depth and work bounded. */
import { errors } from '../replies.ts';
import type { Column, Value } from '../results.ts';
import { AGGREGATES, callFunction, type FunctionHost, isFunction } from './functions.ts';
import { matchesLike } from './like.ts';
import { arithmetic, bits, compare, flag, isTrue, logic, numeric } from './operators.ts';
import type { Cursor } from './parser.ts';

/** Deeper nesting is answered as a syntax error. */
const MAX_DEPTH = 64;

/** What an expression can see while it is evaluated. */
export interface Scope extends FunctionHost {
  column(path: readonly string[]): Value | undefined;
  variable(name: string): Value | undefined;
  assign(name: string, value: Value): void;
  parameter(index: number): Value;
  /** One scope for each row of the group, where rows are aggregated. */
  group(): Iterable<Scope>;
  /** Counts work; false once a statement has had its share. */
  spend(amount: number): boolean;
}

export interface Expression {
  type: Column['type'];
  aggregate: boolean;
  evaluate(scope: Scope): Value;
  /** The path of a plain column. */
  column?: readonly string[];
}

/** Every node costs a step of the statement's share, so that no statement holds the sensor up. */
function node(type: Column['type'], parts: readonly Expression[], evaluate: (scope: Scope) => Value): Expression {
  return {
    type,
    aggregate: parts.some((part) => part.aggregate),
    evaluate: (scope) => (scope.spend(1) ? evaluate(scope) : null),
  };
}

const constant = (value: Value): Expression =>
  node(typeof value === 'number' ? (Number.isInteger(value) ? 'integer' : 'double') : 'text', [], () => value);

const PRECEDENCE: Readonly<Record<string, number>> = {
  OR: 1,
  '||': 1,
  XOR: 2,
  AND: 3,
  '&&': 3,
  '=': 5,
  '<=>': 5,
  '>=': 5,
  '>': 5,
  '<=': 5,
  '<': 5,
  '<>': 5,
  '!=': 5,
  IS: 5,
  LIKE: 5,
  REGEXP: 5,
  RLIKE: 5,
  IN: 5,
  BETWEEN: 5,
  NOT: 5,
  '|': 6,
  '&': 7,
  '<<': 8,
  '>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '%': 10,
  DIV: 10,
  MOD: 10,
  '^': 11,
  COLLATE: 12,
};

export class ExpressionParser {
  private readonly cursor: Cursor;
  private readonly parameters: { count: number };
  private depth = 0;
  /** Parses a query in brackets. */
  private readonly subquery: (cursor: Cursor) => Expression;

  constructor(cursor: Cursor, parameters: { count: number }, subquery: (cursor: Cursor) => Expression) {
    this.cursor = cursor;
    this.parameters = parameters;
    this.subquery = subquery;
  }

  parse(minimum = 0): Expression {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) {
      this.cursor.syntaxError();
      this.depth -= 1;
      return constant(null);
    }
    let left = this.prefix();
    while (!this.cursor.done) {
      const operator = this.infix();
      const precedence = operator === undefined ? undefined : PRECEDENCE[operator];
      if (operator === undefined || precedence === undefined || precedence < minimum) break;
      this.cursor.next();
      left = this.combine(left, operator, precedence);
    }
    this.depth -= 1;
    return left;
  }

  private infix(): string | undefined {
    const { peek } = this.cursor;
    return peek.kind === 'operator' || peek.kind === 'word' ? peek.text.toUpperCase() : undefined;
  }

  private prefix(): Expression {
    const { cursor } = this;
    if (cursor.accept('NOT'))
      return this.unary('integer', 4, (value) => (value === null ? null : flag(!isTrue(value))));
    if (cursor.acceptOperator('!') !== undefined)
      return this.unary('integer', 12, (value) => (value === null ? null : flag(!isTrue(value))));
    if (cursor.acceptOperator('-') !== undefined)
      return this.unary('integer', 12, (value) => (value === null ? null : -numeric(value)));
    if (cursor.acceptOperator('+') !== undefined) return this.parse(12);
    if (cursor.acceptOperator('~') !== undefined)
      return this.unary('integer', 12, (value) =>
        value === null ? null : Number(BigInt.asUintN(64, ~bits(numeric(value)))),
      );
    if (cursor.accept('BINARY')) return this.parse(12);
    return this.primary();
  }

  private unary(type: Column['type'], precedence: number, apply: (value: Value) => Value): Expression {
    const operand = this.parse(precedence);
    return node(operand.type === 'double' ? 'double' : type, [operand], (scope) => apply(operand.evaluate(scope)));
  }

  private primary(): Expression {
    const { cursor } = this;
    const { peek } = cursor;
    switch (peek.kind) {
      case 'string': {
        let text = cursor.next().text;
        // Strings that stand together are one.
        while (cursor.peek.kind === 'string' && cursor.peek.from === (cursor.tokens[cursor.at - 1]?.to ?? 0) + 1)
          text += cursor.next().text;
        return constant(text);
      }
      case 'number':
        return constant(Number(cursor.next().text));
      case 'variable':
        return this.variable(cursor.next().text);
      case 'parameter': {
        cursor.next();
        const index = this.parameters.count;
        this.parameters.count += 1;
        return node('text', [], (scope) => scope.parameter(index));
      }
      case 'operator':
        return this.bracket();
      default:
        return this.named();
    }
  }

  private bracket(): Expression {
    const { cursor } = this;
    if (cursor.acceptOperator('(') === undefined) {
      cursor.syntaxError();
      return constant(null);
    }
    const inner = cursor.isWord('SELECT') ? this.subquery(cursor) : this.parse();
    while (cursor.acceptOperator(',') !== undefined) this.parse();
    cursor.expectOperator(')');
    return inner;
  }

  private variable(text: string): Expression {
    const { cursor } = this;
    if (!text.startsWith('@@') && cursor.acceptOperator(':=') !== undefined) {
      const value = this.parse(1);
      return node(value.type, [value], (scope) => {
        const given = value.evaluate(scope);
        scope.assign(text, given);
        return given;
      });
    }
    return node('text', [], (scope) => {
      const value = scope.variable(text);
      if (value === undefined)
        scope.problem ??= errors.unknownVariable(text.replace(/^@@(?:(?:global|session|local)\.)?/i, ''));
      return value ?? null;
    });
  }

  private named(): Expression {
    const { cursor } = this;
    if (cursor.accept('NULL')) return constant(null);
    if (cursor.accept('TRUE')) return constant(1);
    if (cursor.accept('FALSE')) return constant(0);
    if (cursor.accept('CASE')) return this.caseExpression();
    if (cursor.accept('EXISTS')) {
      const inner = this.bracket();
      return node('integer', [inner], (scope) => flag(inner.evaluate(scope) !== null));
    }
    if (cursor.peek.kind === 'word' && cursor.peek.text.startsWith('_') && cursor.look(1).kind === 'string') {
      cursor.next();
      return this.primary();
    }
    const path = [cursor.name()];
    while (cursor.acceptOperator('.') !== undefined)
      path.push(cursor.isOperator('*') ? cursor.next().text : cursor.name());
    if (cursor.isOperator('(')) return this.call(path.at(-1) ?? '');
    if (path.length === 1 && isFunction(path[0] ?? '', 'bare')) return this.invoke((path[0] ?? '').toLowerCase(), []);
    const evaluate = (scope: Scope): Value => {
      const value = scope.column(path);
      if (value === undefined) scope.problem ??= errors.unknownColumn(path.join('.'), 'field list');
      return value ?? null;
    };
    return { ...node('text', [], evaluate), column: path };
  }

  private caseExpression(): Expression {
    const { cursor } = this;
    const subject = cursor.isWord('WHEN') ? undefined : this.parse();
    const branches: [Expression, Expression][] = [];
    while (cursor.accept('WHEN')) {
      const when = this.parse();
      if (!cursor.accept('THEN')) cursor.syntaxError();
      branches.push([when, this.parse()]);
    }
    const otherwise = cursor.accept('ELSE') ? this.parse() : constant(null);
    if (!cursor.accept('END')) cursor.syntaxError();
    return node(branches[0]?.[1].type ?? 'text', [...branches.flat(), otherwise], (scope) => {
      const wanted = subject?.evaluate(scope);
      for (const [when, then] of branches) {
        const value = when.evaluate(scope);
        if (subject === undefined ? isTrue(value) : compare(wanted ?? null, value) === 0) return then.evaluate(scope);
      }
      return otherwise.evaluate(scope);
    });
  }

  private call(name: string): Expression {
    const { cursor } = this;
    cursor.expectOperator('(');
    const lower = name.toLowerCase();
    const args: Expression[] = [];
    cursor.accept('DISTINCT');
    if (lower === 'count' && cursor.acceptOperator('*') !== undefined) args.push(constant(1));
    while (!cursor.done && !cursor.isOperator(')')) {
      if (cursor.isWord('SELECT')) args.push(this.subquery(cursor));
      else args.push(this.parse());
      // What may stand inside brackets beside arguments: CAST(x AS t), SUBSTRING(x FROM 1 FOR 2), GROUP_CONCAT(… SEPARATOR ',').
      if (cursor.accept('AS')) this.skipType(args);
      else if (cursor.accept('USING')) cursor.name();
      else if (cursor.accept('ORDER', 'BY')) this.parse();
      if (cursor.accept('SEPARATOR')) args.push(constant(cursor.string() ?? ','));
      if (cursor.acceptOperator(',') === undefined && !cursor.accept('FROM') && !cursor.accept('FOR')) break;
    }
    cursor.expectOperator(')');
    return this.invoke(lower, args, name);
  }

  private skipType(args: Expression[]): void {
    const { cursor } = this;
    const type = cursor.name().toUpperCase();
    if (type === 'SIGNED' || type === 'UNSIGNED') cursor.accept('INTEGER');
    if (cursor.acceptOperator('(') !== undefined) {
      while (!cursor.done && !cursor.isOperator(')')) cursor.next();
      cursor.expectOperator(')');
    }
    args.push(constant(type));
  }

  private invoke(lower: string, args: readonly Expression[], written = lower): Expression {
    const aggregate = AGGREGATES.get(lower);
    if (aggregate !== undefined) {
      const argument = args[0] ?? constant(null);
      const evaluate = (scope: Scope): Value => {
        const values: Value[] = [];
        for (const row of scope.group()) {
          const value = argument.evaluate(row);
          if (value !== null) values.push(value);
        }
        const separator = args[1]?.evaluate(scope);
        return aggregate.apply(values, typeof separator === 'string' ? separator : ',');
      };
      return { ...node(aggregate.type, [], evaluate), aggregate: true };
    }
    const type = isFunction(lower, 'integer') ? 'integer' : 'text';
    return node(type, args, (scope) => {
      const values = args.map((arg) => arg.evaluate(scope));
      const value = callFunction(written, values, scope);
      return typeof value === 'string' && !scope.spend(1 + (value.length >> 4)) ? null : value;
    });
  }

  private combine(left: Expression, operator: string, precedence: number): Expression {
    const { cursor } = this;
    switch (operator) {
      case 'IS':
        return this.isTest(left);
      case 'COLLATE':
        cursor.name();
        return left;
      case 'NOT':
        return this.negated(left);
      case 'IN':
        return this.inList(left, false);
      case 'BETWEEN':
        return this.between(left, false);
      case 'LIKE':
        return this.like(left, false);
      default: {
        const right = this.parse(precedence + 1);
        const type = operator === '/' || left.type === 'double' || right.type === 'double' ? 'double' : 'integer';
        return node(type, [left, right], (scope) => binary(operator, left, right, scope));
      }
    }
  }

  private isTest(left: Expression): Expression {
    const { cursor } = this;
    const negated = cursor.accept('NOT');
    if (cursor.accept('NULL'))
      return node('integer', [left], (scope) => flag((left.evaluate(scope) === null) !== negated));
    const wanted = cursor.accept('TRUE');
    if (!wanted && !cursor.accept('FALSE')) cursor.syntaxError();
    return node('integer', [left], (scope) => flag((isTrue(left.evaluate(scope)) === wanted) !== negated));
  }

  private negated(left: Expression): Expression {
    const { cursor } = this;
    if (cursor.accept('IN')) return this.inList(left, true);
    if (cursor.accept('BETWEEN')) return this.between(left, true);
    if (cursor.accept('LIKE') || cursor.accept('REGEXP') || cursor.accept('RLIKE')) return this.like(left, true);
    cursor.syntaxError();
    return left;
  }

  private inList(left: Expression, negated: boolean): Expression {
    const { cursor } = this;
    cursor.expectOperator('(');
    const list: Expression[] = [];
    if (cursor.isWord('SELECT')) list.push(this.subquery(cursor));
    else
      do list.push(this.parse());
      while (cursor.acceptOperator(',') !== undefined);
    cursor.expectOperator(')');
    return node('integer', [left, ...list], (scope) => {
      const value = left.evaluate(scope);
      if (value === null) return null;
      return flag(list.some((item) => compare(value, item.evaluate(scope)) === 0) !== negated);
    });
  }

  private between(left: Expression, negated: boolean): Expression {
    const low = this.parse(6);
    if (!this.cursor.accept('AND')) this.cursor.syntaxError();
    const high = this.parse(6);
    return node('integer', [left, low, high], (scope) => {
      const value = left.evaluate(scope);
      const [above, below] = [compare(value, low.evaluate(scope)), compare(value, high.evaluate(scope))];
      return above === null || below === null ? null : flag((above >= 0 && below <= 0) !== negated);
    });
  }

  private like(left: Expression, negated: boolean): Expression {
    const pattern = this.parse(6);
    if (this.cursor.accept('ESCAPE')) this.parse(6);
    return node('integer', [left, pattern], (scope) => {
      const [value, wanted] = [left.evaluate(scope), pattern.evaluate(scope)];
      if (value === null || wanted === null) return null;
      const [text, shape] = [String(value), String(wanted)];
      // Matching can cost text times pattern.
      return scope.spend((text.length * shape.length) >> 6) ? flag(matchesLike(text, shape) !== negated) : null;
    });
  }
}

function binary(operator: string, left: Expression, right: Expression, scope: Scope): Value {
  const a = left.evaluate(scope);
  switch (operator) {
    case 'AND':
    case '&&':
      return a !== null && !isTrue(a) ? 0 : logic(a, right.evaluate(scope), (x, y) => x && y);
    case 'OR':
    case '||':
      return isTrue(a) ? 1 : logic(a, right.evaluate(scope), (x, y) => x || y);
    case 'XOR':
      return logic(a, right.evaluate(scope), (x, y) => x !== y);
    default:
      return arithmetic(operator, a, right.evaluate(scope));
  }
}
