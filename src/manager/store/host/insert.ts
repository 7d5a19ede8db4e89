/** Inserts rows that lie in a file. */
import type { Engine } from './engine.ts';
import { engineError } from './exception.ts';
import { quoteName, quoteText } from './quote.ts';
import type { RowsFile } from './scratch.ts';
import type { SessionState } from './session.ts';
import type { Statement } from './statement.ts';
import { chooseColumns, fileStructure, type TableCache } from './table.ts';

/** Formats in which every line that is not blank is one row. */
const LINE_FORMATS = new Set(['JSONEachRow', 'JSONLines', 'NDJSON', 'JSONCompactEachRow']);

/**
 * What an insert through `file()` needs to be the same each time it is repeated: one thread and one block, so that the same rows form the
 * same part, and the engine's word that a SELECT behind an INSERT may be deduplicated by the token of the insert.
 */
const WITH_TOKEN: readonly (readonly [string, string])[] = [
  ['deduplicate_insert_select', 'force_enable'],
  ['deduplicate_blocks_in_dependent_materialized_views', '1'],
  ['max_insert_threads', '1'],
  ['min_insert_block_size_rows', '100000000'],
  ['min_insert_block_size_bytes', String(1024 * 1_048_576)],
];

export type InsertStatement = Extract<Statement, { kind: 'insert' }>;

/** Stores the rows and returns how many they were. */
export async function insertRows(
  engine: Engine,
  tables: TableCache,
  statement: InsertStatement,
  state: SessionState,
  file: RowsFile,
  signal: AbortSignal,
): Promise<number> {
  const token = state.settings.get('insert_deduplication_token') ?? '';
  const settings = new Map([...(token === '' ? [] : WITH_TOKEN), ...state.settings]);
  return await engine.use('change', { ...state, settings }, signal, async (run) => {
    const all = await tables.columns(state.database, statement.table, () =>
      run(`DESCRIBE TABLE ${statement.table}`, 'JSONCompactEachRow'),
    );
    const columns = chooseColumns(all, statement.columns);
    const names = columns.map(({ name }) => quoteName(name)).join(', ');
    const structure = quoteText(fileStructure(columns, all));
    const source = `file(${quoteText(file.path)}, ${quoteText(statement.format)}, ${structure})`;
    try {
      await run(`INSERT INTO ${statement.table} (${names}) ${statement.settings} SELECT ${names} FROM ${source}`);
    } catch (thrown) {
      // Somebody may have changed the table in a way that went unnoticed (a server's own TTL, a restored backup): ask again next time.
      tables.forget();
      throw engineError(thrown);
    }
    if (LINE_FORMATS.has(statement.format)) return file.lines;
    return Number((await run(`SELECT count() FROM ${source}`)).toString('latin1'));
  });
}
