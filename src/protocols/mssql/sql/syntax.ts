/** The parts of Transact-SQL that are understood, as trees. */

export type Expression =
  | { kind: 'text'; value: string }
  | { kind: 'number'; value: number; integer: boolean }
  | { kind: 'binary'; value: Buffer }
  | { kind: 'null' }
  | { kind: 'star' }
  | { kind: 'variable'; name: string }
  | { kind: 'column'; path: string[]; line: number }
  | { kind: 'call'; name: string; args: Expression[]; line: number }
  | { kind: 'cast'; type: string; size: number | undefined; value: Expression }
  | { kind: 'unary'; operator: '-' | '+' | 'not' | '~'; value: Expression }
  | { kind: 'binaryOp'; operator: string; left: Expression; right: Expression }
  | { kind: 'in'; value: Expression; list: Expression[]; select: Select | undefined; negated: boolean }
  | { kind: 'between'; value: Expression; low: Expression; high: Expression; negated: boolean }
  | { kind: 'isNull'; value: Expression; negated: boolean }
  | { kind: 'case'; subject: Expression | undefined; branches: [Expression, Expression][]; otherwise: Expression }
  | { kind: 'exists'; select: Select }
  | { kind: 'scalar'; select: Select };

export interface SelectItem {
  value: Expression;
  name: string;
  /** `select @x = …` */
  assign: string | undefined;
}

export interface Select {
  items: SelectItem[];
  top: Expression | undefined;
  /** First table of the FROM, its path without brackets; more tables only counted. */
  from: string[] | undefined;
  joined: boolean;
  into: string[] | undefined;
  where: Expression | undefined;
  union: Select | undefined;
  line: number;
}

export interface Argument {
  name: string | undefined;
  value: Expression;
  output: boolean;
}

export type InsertSource =
  | { kind: 'values'; rows: Expression[][] }
  | { kind: 'select'; select: Select }
  | { kind: 'exec'; statement: Statement };

export type Statement = { line: number } & (
  | { kind: 'select'; select: Select }
  | { kind: 'set'; name: string; value: Expression }
  | { kind: 'option' }
  | { kind: 'declare'; variables: { name: string; type: string; value: Expression | undefined }[] }
  | { kind: 'exec'; procedure: string[]; args: Argument[]; into: string | undefined }
  | { kind: 'execText'; text: Expression }
  | { kind: 'use'; database: string }
  | { kind: 'print'; value: Expression }
  | { kind: 'if'; condition: Expression; then: Statement[]; otherwise: Statement[] }
  | { kind: 'while'; condition: Expression; body: Statement[] }
  | { kind: 'block'; body: Statement[] }
  | { kind: 'createTable'; path: string[]; columns: string[] }
  | { kind: 'insert'; path: string[]; columns: string[]; source: InsertSource | undefined }
  /** Another change to an object: `update x`, `create procedure x`, `drop table x`. */
  | { kind: 'change'; verb: string; object: string; path: string[] }
  | { kind: 'reconfigure' }
  | { kind: 'return' }
  /** Understood as a statement, and answered with its end alone. */
  | { kind: 'other'; verb: string }
);

export interface Batch {
  statements: Statement[];
  error: { near: string; line: number } | undefined;
}
