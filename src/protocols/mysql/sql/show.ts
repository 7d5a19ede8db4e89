/** SHOW, DESCRIBE and EXPLAIN: each is a table, filtered by LIKE or WHERE. */
import { errors, type MysqlError } from '../replies.ts';
import type { Outcome, Value } from '../results.ts';
import { type SqlContext, scopeOf } from './context.ts';
import { ExpressionParser } from './expressions.ts';
import { matchesLike } from './like.ts';
import { isTrue } from './operators.ts';
import type { Cursor } from './parser.ts';
import {
  charsets,
  collations,
  columnsOf,
  dataLength,
  ENGINES,
  findTable,
  made,
  PRIVILEGES,
  PROCESS_COLUMNS,
  plugins,
  processes,
  status,
  tableNames,
} from './tables.ts';
import type { Table } from './world.ts';

const integer = (name: string) => ({ name, declared: 'bigint', type: 'integer', key: '' }) as const;
const failed = (error: MysqlError): Outcome => ({ kind: 'error', error });
const rowsOf = (table: Table): Outcome => ({
  kind: 'rows',
  result: { columns: columnsOf(table).map(({ name, type }) => ({ name, type })), rows: table.rows },
});

/** A table to filter, or an answer as it is. */
type Shown = Table | MysqlError;

export function runShow(cursor: Cursor, context: SqlContext): Outcome {
  const shown = show(cursor, context);
  if (cursor.problem !== undefined) return failed(cursor.problem);
  return 'code' in shown ? failed(shown) : filtered(shown, cursor, context);
}

function filtered(table: Table, cursor: Cursor, context: SqlContext): Outcome {
  if (cursor.accept('LIKE')) {
    const pattern = cursor.string();
    if (pattern === undefined) cursor.syntaxError();
    else {
      const rows = table.rows.filter((row) => matchesLike(String(row[0] ?? ''), pattern));
      const columns = [...table.columns];
      const [first] = columns;
      // SHOW TABLES and SHOW DATABASES show the pattern in the heading.
      if (first !== undefined && /^(?:Tables_in_|Database$)/.test(first.name))
        columns[0] = { ...first, name: `${first.name} (${pattern.slice(0, 64)})` };
      return end({ ...table, columns, rows }, cursor);
    }
  }
  if (cursor.accept('WHERE')) {
    const condition = new ExpressionParser(cursor, { count: 0 }, () => ({
      type: 'text',
      aggregate: false,
      evaluate: () => null,
    })).parse();
    let problem: MysqlError | undefined;
    const rows = table.rows.filter((row) => {
      const scope = scopeOf(context, (path) => {
        const at = table.columns.findIndex((column) => column.name.toLowerCase() === path.at(-1)?.toLowerCase());
        return at < 0 ? undefined : (row[at] ?? null);
      });
      const value = condition.evaluate(scope);
      problem ??= scope.problem;
      return isTrue(value);
    });
    return problem === undefined ? end({ ...table, rows }, cursor) : failed(problem);
  }
  if (cursor.accept('LIMIT')) {
    const count = Number(cursor.next().text);
    return end({ ...table, rows: table.rows.slice(0, Number.isFinite(count) ? count : 0) }, cursor);
  }
  return end(table, cursor);
}

function end(table: Table, cursor: Cursor): Outcome {
  if (!cursor.done) cursor.syntaxError();
  return cursor.problem === undefined ? rowsOf(table) : failed(cursor.problem);
}

function show(cursor: Cursor, context: SqlContext): Shown {
  const full = cursor.accept('FULL');
  const wide = cursor.accept('EXTENDED');
  const global = cursor.accept('GLOBAL') || cursor.accept('SESSION') || cursor.accept('LOCAL');
  if (cursor.accept('VARIABLES'))
    return made('session_variables', ['Variable_name', 'Value'], [...context.systemVariables()]);
  if (cursor.accept('STATUS')) return made('session_status', ['Variable_name', 'Value'], [...status(context)]);
  if (global) cursor.syntaxError();
  if (cursor.accept('TABLES')) return tables(cursor, context, full);
  if (cursor.accept('COLUMNS') || cursor.accept('FIELDS')) return columns(cursor, context, full);
  if (cursor.accept('PROCESSLIST'))
    return made('PROCESSLIST', PROCESS_COLUMNS, processes(context, cursor.source.slice(0, full ? undefined : 100)));
  if (full || wide) cursor.syntaxError();
  return simple(cursor, context);
}

function simple(cursor: Cursor, context: SqlContext): Shown {
  if (cursor.accept('DATABASES') || cursor.accept('SCHEMAS'))
    return made(
      'SCHEMATA',
      ['Database'],
      [...context.world.databases.keys()].sort().map((name) => [name]),
    );
  if (cursor.accept('TABLE', 'STATUS')) return tableStatus(cursor, context);
  if (cursor.accept('OPEN', 'TABLES'))
    return made('open', ['Database', 'Table', integer('In_use'), integer('Name_locked')], []);
  if (cursor.accept('GRANTS')) return grants(cursor, context);
  if (cursor.accept('ENGINES') || cursor.accept('STORAGE', 'ENGINES'))
    return made('ENGINES', ['Engine', 'Support', 'Comment', 'Transactions', 'XA', 'Savepoints'], ENGINES);
  if (cursor.accept('PLUGINS'))
    return made('PLUGINS', ['Name', 'Status', 'Type', 'Library', 'License'], plugins(context));
  if (cursor.accept('WARNINGS') || cursor.accept('ERRORS'))
    return made('warnings', ['Level', integer('Code'), 'Message'], []);
  if (cursor.accept('COUNT')) return counted(cursor);
  if (cursor.accept('CHARACTER', 'SET') || cursor.accept('CHARSET'))
    return made(
      'charsets',
      ['Charset', 'Description', 'Default collation', integer('Maxlen')],
      charsets(context).map(([name = '', collation = '', description = '', length = 1]) => [
        name,
        description,
        collation,
        length,
      ]),
    );
  if (cursor.accept('COLLATION'))
    return made(
      'collations',
      ['Collation', 'Charset', integer('Id'), 'Default', 'Compiled', integer('Sortlen')],
      collations(context),
    );
  if (cursor.accept('INDEX') || cursor.accept('INDEXES') || cursor.accept('KEYS')) return indexes(cursor, context);
  if (cursor.accept('CREATE')) return create(cursor, context);
  if (cursor.accept('TRIGGERS'))
    return fromDatabase(
      cursor,
      made('triggers', ['Trigger', 'Event', 'Table', 'Statement', 'Timing', 'Created', 'sql_mode', 'Definer'], []),
    );
  if (cursor.accept('EVENTS'))
    return fromDatabase(cursor, made('events', ['Db', 'Name', 'Definer', 'Time zone', 'Type', 'Status'], []));
  if (cursor.accept('FUNCTION', 'STATUS') || cursor.accept('PROCEDURE', 'STATUS'))
    return made('routines', ['Db', 'Name', 'Type', 'Definer', 'Modified', 'Created', 'Security_type', 'Comment'], []);
  if (cursor.accept('PRIVILEGES'))
    return made(
      'privileges',
      ['Privilege', 'Context', 'Comment'],
      PRIVILEGES.map((name) => [name, 'Server Admin', '']),
    );
  if (cursor.accept('MASTER', 'STATUS')) return masterStatus(context);
  if (cursor.accept('SLAVE', 'STATUS') || cursor.accept('REPLICA', 'STATUS'))
    return made('replica', ['Slave_IO_State', 'Master_Host', 'Master_User'], []);
  if (cursor.accept('SLAVE', 'HOSTS') || cursor.accept('REPLICAS'))
    return made('hosts', [integer('Server_id'), 'Host', integer('Port'), integer('Master_id')], []);
  if (cursor.accept('BINARY', 'LOGS') || cursor.accept('MASTER', 'LOGS')) return binaryLogs(context);
  cursor.syntaxError();
  return errors.emptyQuery;
}

function fromDatabase(cursor: Cursor, table: Table): Table {
  if (cursor.accept('FROM') || cursor.accept('IN')) cursor.name();
  return table;
}

function chosenDatabase(cursor: Cursor, context: SqlContext): string | undefined {
  return cursor.accept('FROM') || cursor.accept('IN') ? cursor.name() : context.database;
}

function tables(cursor: Cursor, context: SqlContext, full: boolean): Shown {
  const schema = chosenDatabase(cursor, context);
  if (schema === undefined) return errors.noDatabase;
  const names = tableNames(context, schema);
  if (names === undefined) return errors.unknownDatabase(schema);
  const kind = schema.toLowerCase() === 'information_schema' ? 'SYSTEM VIEW' : 'BASE TABLE';
  const heading = `Tables_in_${schema}`;
  return full
    ? made(
        'tables',
        [heading, 'Table_type'],
        names.map((name) => [name, kind]),
      )
    : made(
        'tables',
        [heading],
        names.map((name) => [name]),
      );
}

function namedTable(cursor: Cursor, context: SqlContext): Table | MysqlError {
  const { schema, name } = cursor.qualifiedName();
  const owner = cursor.accept('FROM') || cursor.accept('IN') ? cursor.name() : schema;
  const found = findTable(context, owner, name);
  return 'code' in found ? found : found.table;
}

function columns(cursor: Cursor, context: SqlContext, full: boolean): Shown {
  if (!cursor.accept('FROM') && !cursor.accept('IN')) cursor.syntaxError();
  return described(namedTable(cursor, context), full, context);
}

function described(table: Table | MysqlError, full: boolean, context: SqlContext): Shown {
  if ('code' in table) return table;
  const rows = table.columns.map((column): Value[] => {
    const nullable = column.key === 'PRI' ? 'NO' : 'YES';
    return full
      ? [
          column.name,
          column.declared,
          column.type === 'text' ? context.client.face.collation : null,
          nullable,
          column.key,
          null,
          '',
          'select,insert,update,references',
          '',
        ]
      : [column.name, column.declared, nullable, column.key, null, ''];
  });
  const headings = full
    ? ['Field', 'Type', 'Collation', 'Null', 'Key', 'Default', 'Extra', 'Privileges', 'Comment']
    : ['Field', 'Type', 'Null', 'Key', 'Default', 'Extra'];
  return made('columns', headings, rows);
}

/** DESCRIBE and EXPLAIN of a table; a plan for anything else. */
export function runDescribe(cursor: Cursor, context: SqlContext): Outcome {
  if (cursor.isWord('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'FORMAT', 'EXTENDED')) {
    const headings = [
      integer('id'),
      'select_type',
      'table',
      'partitions',
      'type',
      'possible_keys',
      'key',
      'key_len',
      'ref',
      integer('rows'),
      'filtered',
      'Extra',
    ];
    return rowsOf(
      made('plan', headings, [[1, 'SIMPLE', null, null, null, null, null, null, null, null, null, 'No tables used']]),
    );
  }
  const shown = described(namedTable(cursor, context), false, context);
  if (cursor.problem !== undefined) return failed(cursor.problem);
  return 'code' in shown ? failed(shown) : rowsOf(shown);
}

function tableStatus(cursor: Cursor, context: SqlContext): Shown {
  const schema = chosenDatabase(cursor, context);
  if (schema === undefined) return errors.noDatabase;
  const found = context.world.find(schema);
  if (found === undefined) return errors.unknownDatabase(schema);
  const rows = [...found[1].values()].map((table): Value[] => [
    table.name,
    'InnoDB',
    10,
    'Dynamic',
    table.rows.length,
    dataLength(table),
    context.client.face.collation,
    '',
  ]);
  return made(
    'status',
    [
      'Name',
      'Engine',
      integer('Version'),
      'Row_format',
      integer('Rows'),
      integer('Data_length'),
      'Collation',
      'Comment',
    ],
    rows,
  );
}

function grants(cursor: Cursor, context: SqlContext): Shown {
  let user = context.client.user;
  let host = '%';
  if (cursor.accept('FOR') && !cursor.accept('CURRENT_USER')) {
    user = cursor.string() ?? cursor.name();
    if (cursor.peek.kind === 'variable')
      host =
        cursor
          .next()
          .text.slice(1)
          .replace(/^['"`]|['"`]$/g, '') || '%';
  }
  if (cursor.acceptOperator('(') !== undefined) cursor.expectOperator(')');
  const quote = context.client.face.series === '8.0' ? '`' : "'";
  const account = `${quote}${user}${quote}@${quote}${host}${quote}`;
  const rights = context.client.face.series === '8.0' ? PRIVILEGES.join(', ') : 'ALL PRIVILEGES';
  return made('grants', [`Grants for ${user}@${host}`], [[`GRANT ${rights} ON *.* TO ${account} WITH GRANT OPTION`]]);
}

function counted(cursor: Cursor): Table {
  cursor.expectOperator('(');
  cursor.expectOperator('*');
  cursor.expectOperator(')');
  const what = cursor.accept('ERRORS') ? 'error' : 'warning';
  if (what === 'warning' && !cursor.accept('WARNINGS')) cursor.syntaxError();
  return made('count', [integer(`@@session.${what}_count`)], [[0]]);
}

function indexes(cursor: Cursor, context: SqlContext): Shown {
  if (!cursor.accept('FROM') && !cursor.accept('IN')) cursor.syntaxError();
  const table = namedTable(cursor, context);
  if ('code' in table) return table;
  const keyed = table.columns.filter((column) => column.key !== '');
  const rows = keyed.map((column): Value[] => [
    table.name,
    0,
    column.key === 'PRI' ? 'PRIMARY' : column.name,
    1,
    column.name,
    'A',
    table.rows.length,
    'BTREE',
  ]);
  return made(
    'statistics',
    [
      'Table',
      integer('Non_unique'),
      'Key_name',
      integer('Seq_in_index'),
      'Column_name',
      'Collation',
      integer('Cardinality'),
      'Index_type',
    ],
    rows,
  );
}

function create(cursor: Cursor, context: SqlContext): Shown {
  const charset = context.client.face.collation.split('_')[0] ?? '';
  if (cursor.accept('DATABASE') || cursor.accept('SCHEMA')) {
    const name = cursor.name();
    const found = context.world.find(name);
    if (found === undefined) return errors.unknownDatabase(name);
    const note =
      context.client.face.series === '8.0'
        ? ` COLLATE ${context.client.face.collation} */ /*!80016 DEFAULT ENCRYPTION='N'`
        : '';
    return made(
      'create',
      ['Database', 'Create Database'],
      [[found[0], `CREATE DATABASE \`${found[0]}\` /*!40100 DEFAULT CHARACTER SET ${charset}${note} */`]],
    );
  }
  if (!cursor.accept('TABLE')) cursor.syntaxError();
  const table = namedTable(cursor, context);
  if ('code' in table) return table;
  const lines = table.columns.map(
    (column) => `  \`${column.name}\` ${column.declared}${column.key === 'PRI' ? ' NOT NULL' : ' DEFAULT NULL'}`,
  );
  const primary = table.columns.filter((column) => column.key === 'PRI').map((column) => `\`${column.name}\``);
  if (primary.length > 0) lines.push(`  PRIMARY KEY (${primary.join(',')})`);
  return made(
    'create',
    ['Table', 'Create Table'],
    [
      [
        table.name,
        `CREATE TABLE \`${table.name}\` (\n${lines.join(',\n')}\n) ENGINE=InnoDB DEFAULT CHARSET=${charset}`,
      ],
    ],
  );
}

const logs = (context: SqlContext): { file: string; position: number } => {
  const { persona } = context.session;
  return {
    file: `binlog.${String(persona.number('mysql binlog', 3, 480)).padStart(6, '0')}`,
    position: persona.number('mysql binlog position', 157, 900_000),
  };
};

function masterStatus(context: SqlContext): Table {
  const { file, position } = logs(context);
  const rows: Value[][] = context.client.face.series === '8.0' ? [[file, position, '', '', '']] : [];
  return made('master', ['File', integer('Position'), 'Binlog_Do_DB', 'Binlog_Ignore_DB', 'Executed_Gtid_Set'], rows);
}

function binaryLogs(context: SqlContext): Shown {
  const { file, position } = logs(context);
  if (context.client.face.series === '5.7')
    return { code: 1381, state: 'HY000', message: 'You are not using binary logging' };
  return made('logs', ['Log_name', integer('File_size'), 'Encrypted'], [[file, position, 'No']]);
}
