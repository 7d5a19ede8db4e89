/** What the engine says of a table's columns, and how rows of a file are to be read so that they fit it. */
import { EngineError } from './exception.ts';
import { quoteName } from './quote.ts';
import type { Columns } from './statement.ts';
import { tokens } from './tokens.ts';

export interface Column {
  name: string;
  type: string;
  /** '', DEFAULT, EPHEMERAL, MATERIALIZED or ALIAS. */
  defaultKind: string;
  defaultExpression: string;
}

/** Reads the answer of `DESCRIBE TABLE … FORMAT JSONCompactEachRow`. */
export function parseDescription(answer: Buffer): Column[] {
  return answer
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name, type, defaultKind, defaultExpression] = JSON.parse(line) as [string, string, string, string];
      return { name, type, defaultKind, defaultExpression };
    });
}

/** The columns that an INSERT names, in its order. Without a list: all that can be inserted into, which EPHEMERAL ones are only by name. */
export function chooseColumns(all: readonly Column[], wanted: Columns): Column[] {
  const insertable = all.filter(({ defaultKind }) => defaultKind !== 'MATERIALIZED' && defaultKind !== 'ALIAS');
  const usual = insertable.filter(({ defaultKind }) => defaultKind !== 'EPHEMERAL');
  const find = (name: string): Column => {
    const column = insertable.find((one) => one.name === name);
    if (column === undefined)
      throw new EngineError(16, 'NO_SUCH_COLUMN_IN_TABLE', `No such column ${name} to insert into`);
    return column;
  };
  switch (wanted.kind) {
    case 'all':
      return usual;
    case 'only':
      return wanted.names.map(find);
    case 'except': {
      const without = new Set(wanted.names.map((name) => find(name).name));
      return usual.filter(({ name }) => !without.has(name));
    }
  }
}

/**
 * The structure for `file()`. A field that a row leaves out takes the column's DEFAULT, as in an insert of a server; `file()` knows only
 * what this says. A DEFAULT made of columns that are not in the list is left to the table and cannot be named here.
 */
export function fileStructure(chosen: readonly Column[], all: readonly Column[]): string {
  const present = new Set(chosen.map(({ name }) => name));
  const absent = new Set(all.map(({ name }) => name).filter((name) => !present.has(name)));
  return chosen
    .map(({ name, type, defaultKind, defaultExpression }) => {
      const withDefault = defaultKind === 'DEFAULT' && !mentions(defaultExpression, absent);
      return `${quoteName(name)} ${type}${withDefault ? ` DEFAULT ${defaultExpression}` : ''}`;
    })
    .join(', ');
}

function mentions(expression: string, names: ReadonlySet<string>): boolean {
  for (const token of tokens(expression)) {
    if (names.has(token.kind === 'quoted' ? token.text.slice(1, -1) : token.text)) return true;
  }
  return false;
}

/** Most tables whose columns are remembered. */
const MAX_TABLES = 256;

/** Columns by database and table, forgotten whenever a statement may have changed a table. */
export class TableCache {
  readonly #tables = new Map<string, readonly Column[]>();
  #generation = 0;

  async columns(database: string, table: string, describe: () => Promise<Buffer>): Promise<readonly Column[]> {
    const key = `${database}\0${table}`;
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    const generation = this.#generation;
    const columns = parseDescription(await describe());
    if (generation === this.#generation) {
      if (this.#tables.size >= MAX_TABLES) this.#tables.clear();
      this.#tables.set(key, columns);
    }
    return columns;
  }

  forget(): void {
    this.#generation += 1;
    this.#tables.clear();
  }
}
