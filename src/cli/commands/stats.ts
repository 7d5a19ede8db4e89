/** `sundew stats`: counts of sessions by any fields. */
import { Command, Option } from 'commander';
import { COUNT_FIELD_NAMES } from '../../manager/queries/fields.ts';
import { withManager } from '../connect.ts';
import { type Cell, csv, print, printJson, table } from '../output.ts';
import { UsageError } from '../usage.ts';
import {
  type ConnectFlags,
  type FilterFlags,
  filterQueryOf,
  positiveInteger,
  whereOf,
  withConnection,
  withFilter,
} from './common.ts';

interface StatsFlags extends ConnectFlags, FilterFlags {
  by: string[];
  unique?: string;
  minSessions?: number;
  limit?: number;
  format: 'table' | 'json' | 'csv';
  json?: boolean;
}

interface CountRow {
  values: Cell[];
  sessions: number;
  sources: number;
}

const MAX_FIELDS = 4;
const USUAL_ROWS = 20;

export function statsCommand(): Command {
  const command = new Command('stats')
    .addOption(
      new Option('--by <field>', `one of ${COUNT_FIELD_NAMES.join(', ')}`)
        .argParser((value: string, before: string[]) => [...before, ...value.split(',')])
        .default([] as string[], 'protocol'),
    )
    .addOption(new Option('--unique <field>', 'order by distinct values of this').choices(['src_ip']))
    .addOption(
      new Option('--min-sessions <n>', 'only sources with at least this many sessions').argParser(positiveInteger),
    )
    .addOption(
      new Option('--limit <n>', 'at most this many rows')
        .argParser(positiveInteger)
        .default(undefined, `${USUAL_ROWS} in a table, all otherwise`),
    )
    .addOption(new Option('--format <form>', 'how to print').choices(['table', 'json', 'csv']).default('table'))
    .option('--json', 'the same as --format json')
    .addHelpText(
      'after',
      '\nExamples:\n  sundew stats --by protocol --by country --since 7d\n  sundew stats --by hour_of_day --where protocol=mssql --format csv',
    );
  return withFilter(withConnection(command)).action(async (flags: StatsFlags) => {
    const by = flags.by.length === 0 ? ['protocol'] : flags.by;
    for (const field of by) {
      if (!(COUNT_FIELD_NAMES as readonly string[]).includes(field))
        throw new UsageError(`--by ${field}: there is no such field; there are ${COUNT_FIELD_NAMES.join(', ')}`);
    }
    if (by.length > MAX_FIELDS) throw new UsageError(`at most ${MAX_FIELDS} fields at once`);
    const format = flags.json === true ? 'json' : flags.format;
    const limit = flags.limit ?? (format === 'table' ? USUAL_ROWS : 0);
    const query = {
      ...filterQueryOf(flags),
      by,
      limit,
      order: flags.unique === undefined ? 'sessions' : 'sources',
      ...(flags.minSessions === undefined ? {} : { min_sessions: flags.minSessions }),
    };
    const { data } = await withManager(whereOf(flags), 'start-if-data', (client) =>
      client.get<{ data: CountRow[] }>('/stats/counts', query),
    );
    const head = [...by, 'sessions', 'sources'];
    const rows = data.map((row) => [...row.values, row.sessions, row.sources]);
    // Ports, networks and hours are names, not amounts: they are not grouped into thousands.
    const printable = rows.map((row) =>
      row.map((cell, column) => (column < by.length && typeof cell === 'number' ? String(cell) : cell)),
    );
    if (format === 'json')
      printJson(rows.map((row) => Object.fromEntries(head.map((name, column) => [name, row[column] ?? null]))));
    else print(format === 'csv' ? csv(head, rows) : table(head, printable));
  });
}
