/** Tables by name: those of the world, and the views that the server makes of itself. */
import { errors, type MysqlError } from '../replies.ts';
import type { Column, Value } from '../results.ts';
import type { SqlContext } from './context.ts';
import { statusVariables } from './variables.ts';
import type { Table, TableColumn } from './world.ts';

const text = (name: string): TableColumn => ({ name, declared: 'varchar(64)', type: 'text', key: '' });
const integer = (name: string): TableColumn => ({ name, declared: 'bigint unsigned', type: 'integer', key: '' });

export function made(name: string, columns: readonly (string | TableColumn)[], rows: Value[][]): Table {
  return { name, columns: columns.map((column) => (typeof column === 'string' ? text(column) : column)), rows };
}

export const dataLength = (table: Table): number => 16_384 * (1 + Math.floor(table.rows.length / 100));

export function status(context: SqlContext): Map<string, string> {
  return statusVariables(context.facts, context.client.threadId, context.questions);
}

export function processes(context: SqlContext, statement: string): Value[][] {
  const { client, session } = context;
  const rows: Value[][] = [];
  if (client.face.series === '8.0')
    rows.push([
      5,
      'event_scheduler',
      'localhost',
      null,
      'Daemon',
      Math.floor((session.now() - session.persona.bootedAt) / 1000),
      'Waiting on empty queue',
      null,
    ]);
  rows.push([
    client.threadId,
    client.user,
    `${client.host}:${session.peer.port}`,
    context.database ?? null,
    'Query',
    0,
    client.face.series === '8.0' ? 'init' : 'starting',
    statement,
  ]);
  return rows;
}

const pairs = (map: ReadonlyMap<string, string>): Value[][] => [...map].map(([name, value]) => [name, value]);
const upper = (map: ReadonlyMap<string, string>): Value[][] =>
  [...map].map(([name, value]) => [name.toUpperCase(), value]);

export const PROCESS_COLUMNS = [
  integer('Id'),
  'User',
  'Host',
  'db',
  'Command',
  integer('Time'),
  'State',
  'Info',
] as const;

export const ENGINES: Value[][] = [
  ['InnoDB', 'DEFAULT', 'Supports transactions, row-level locking, and foreign keys', 'YES', 'YES', 'YES'],
  ['MRG_MYISAM', 'YES', 'Collection of identical MyISAM tables', 'NO', 'NO', 'NO'],
  ['MEMORY', 'YES', 'Hash based, stored in memory, useful for temporary tables', 'NO', 'NO', 'NO'],
  ['BLACKHOLE', 'YES', '/dev/null storage engine (anything you write to it disappears)', 'NO', 'NO', 'NO'],
  ['MyISAM', 'YES', 'MyISAM storage engine', 'NO', 'NO', 'NO'],
  ['CSV', 'YES', 'CSV storage engine', 'NO', 'NO', 'NO'],
  ['ARCHIVE', 'YES', 'Archive storage engine', 'NO', 'NO', 'NO'],
  ['PERFORMANCE_SCHEMA', 'YES', 'Performance Schema', 'NO', 'NO', 'NO'],
  ['FEDERATED', 'NO', 'Federated MySQL storage engine', null, null, null],
];

export function plugins(context: SqlContext): Value[][] {
  const modern = context.client.face.series === '8.0';
  const authentication = modern
    ? ['mysql_native_password', 'sha256_password', 'caching_sha2_password']
    : ['mysql_native_password', 'sha256_password'];
  return [
    ['binlog', 'ACTIVE', 'STORAGE ENGINE', null, 'GPL'],
    ...authentication.map((name) => [name, 'ACTIVE', 'AUTHENTICATION', null, 'GPL']),
    ...['CSV', 'MEMORY', 'InnoDB', 'MyISAM', 'MRG_MYISAM', 'PERFORMANCE_SCHEMA', 'ARCHIVE', 'BLACKHOLE'].map((name) => [
      name,
      'ACTIVE',
      'STORAGE ENGINE',
      null,
      'GPL',
    ]),
    ...(context.session.persona.kind === 'ubuntu-server' && modern
      ? [['auth_socket', 'ACTIVE', 'AUTHENTICATION', 'auth_socket.so', 'GPL']]
      : []),
  ];
}

export const PRIVILEGES = [
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'CREATE',
  'DROP',
  'RELOAD',
  'SHUTDOWN',
  'PROCESS',
  'FILE',
  'REFERENCES',
  'INDEX',
  'ALTER',
  'SHOW DATABASES',
  'SUPER',
  'CREATE TEMPORARY TABLES',
  'LOCK TABLES',
  'EXECUTE',
  'REPLICATION SLAVE',
  'REPLICATION CLIENT',
  'CREATE VIEW',
  'SHOW VIEW',
  'CREATE ROUTINE',
  'ALTER ROUTINE',
  'CREATE USER',
  'EVENT',
  'TRIGGER',
  'CREATE TABLESPACE',
] as const;

function informationTables(context: SqlContext): Value[][] {
  const rows: Value[][] = [];
  for (const [schema, tables] of context.world.databases)
    for (const table of tables.values())
      rows.push([
        'def',
        schema,
        table.name,
        'BASE TABLE',
        'InnoDB',
        10,
        'Dynamic',
        table.rows.length,
        dataLength(table),
        context.client.face.collation,
        '',
      ]);
  for (const name of Object.keys(VIEWS))
    rows.push(['def', 'information_schema', name, 'SYSTEM VIEW', null, 10, null, 0, 0, null, '']);
  return rows;
}

function informationColumns(context: SqlContext): Value[][] {
  const rows: Value[][] = [];
  for (const [schema, tables] of context.world.databases)
    for (const table of tables.values())
      table.columns.forEach((column, i) => {
        const base = column.declared.replace(/\(.*/, '').split(' ')[0] ?? '';
        rows.push([
          'def',
          schema,
          table.name,
          column.name,
          i + 1,
          null,
          column.key === 'PRI' ? 'NO' : 'YES',
          base,
          column.declared,
          column.key,
          '',
        ]);
      });
  return rows;
}

/** What the server shows of itself in information_schema, by upper-case name. */
const VIEWS: Readonly<Record<string, (context: SqlContext) => Table>> = {
  CHARACTER_SETS: (context) =>
    made(
      'CHARACTER_SETS',
      ['CHARACTER_SET_NAME', 'DEFAULT_COLLATE_NAME', 'DESCRIPTION', integer('MAXLEN')],
      charsets(context),
    ),
  COLLATIONS: (context) =>
    made(
      'COLLATIONS',
      ['COLLATION_NAME', 'CHARACTER_SET_NAME', integer('ID'), 'IS_DEFAULT', 'IS_COMPILED', integer('SORTLEN')],
      collations(context),
    ),
  COLUMNS: (context) =>
    made(
      'COLUMNS',
      [
        'TABLE_CATALOG',
        'TABLE_SCHEMA',
        'TABLE_NAME',
        'COLUMN_NAME',
        integer('ORDINAL_POSITION'),
        'COLUMN_DEFAULT',
        'IS_NULLABLE',
        'DATA_TYPE',
        'COLUMN_TYPE',
        'COLUMN_KEY',
        'EXTRA',
      ],
      informationColumns(context),
    ),
  ENGINES: () => made('ENGINES', ['ENGINE', 'SUPPORT', 'COMMENT', 'TRANSACTIONS', 'XA', 'SAVEPOINTS'], ENGINES),
  EVENTS: () =>
    made('EVENTS', ['EVENT_CATALOG', 'EVENT_SCHEMA', 'EVENT_NAME', 'DEFINER', 'EVENT_DEFINITION', 'STATUS'], []),
  FILES: () =>
    made(
      'FILES',
      ['FILE_NAME', 'FILE_TYPE', 'TABLESPACE_NAME', 'TABLE_SCHEMA', 'TABLE_NAME', 'LOGFILE_GROUP_NAME', 'ENGINE'],
      [],
    ),
  KEY_COLUMN_USAGE: () =>
    made('KEY_COLUMN_USAGE', ['CONSTRAINT_SCHEMA', 'CONSTRAINT_NAME', 'TABLE_SCHEMA', 'TABLE_NAME', 'COLUMN_NAME'], []),
  PLUGINS: (context) =>
    made(
      'PLUGINS',
      ['PLUGIN_NAME', 'PLUGIN_STATUS', 'PLUGIN_TYPE', 'PLUGIN_LIBRARY', 'PLUGIN_LICENSE'],
      plugins(context),
    ),
  PROCESSLIST: (context) =>
    made(
      'PROCESSLIST',
      [integer('ID'), 'USER', 'HOST', 'DB', 'COMMAND', integer('TIME'), 'STATE', 'INFO'],
      processes(context, ''),
    ),
  ROUTINES: () =>
    made(
      'ROUTINES',
      ['SPECIFIC_NAME', 'ROUTINE_CATALOG', 'ROUTINE_SCHEMA', 'ROUTINE_NAME', 'ROUTINE_TYPE', 'ROUTINE_DEFINITION'],
      [],
    ),
  SCHEMATA: (context) =>
    made(
      'SCHEMATA',
      ['CATALOG_NAME', 'SCHEMA_NAME', 'DEFAULT_CHARACTER_SET_NAME', 'DEFAULT_COLLATION_NAME', 'SQL_PATH'],
      [...context.world.databases.keys()].map((name) => [
        'def',
        name,
        context.client.face.collation.split('_')[0] ?? '',
        context.client.face.collation,
        null,
      ]),
    ),
  STATISTICS: () =>
    made(
      'STATISTICS',
      ['TABLE_CATALOG', 'TABLE_SCHEMA', 'TABLE_NAME', integer('NON_UNIQUE'), 'INDEX_SCHEMA', 'INDEX_NAME'],
      [],
    ),
  TABLES: (context) =>
    made(
      'TABLES',
      [
        'TABLE_CATALOG',
        'TABLE_SCHEMA',
        'TABLE_NAME',
        'TABLE_TYPE',
        'ENGINE',
        integer('VERSION'),
        'ROW_FORMAT',
        integer('TABLE_ROWS'),
        integer('DATA_LENGTH'),
        'TABLE_COLLATION',
        'TABLE_COMMENT',
      ],
      informationTables(context),
    ),
  TRIGGERS: () =>
    made(
      'TRIGGERS',
      ['TRIGGER_CATALOG', 'TRIGGER_SCHEMA', 'TRIGGER_NAME', 'EVENT_MANIPULATION', 'ACTION_STATEMENT'],
      [],
    ),
  USER_PRIVILEGES: (context) =>
    made(
      'USER_PRIVILEGES',
      ['GRANTEE', 'TABLE_CATALOG', 'PRIVILEGE_TYPE', 'IS_GRANTABLE'],
      PRIVILEGES.map((name) => [`'${context.client.user}'@'%'`, 'def', name, 'YES']),
    ),
  VIEWS: () => made('VIEWS', ['TABLE_CATALOG', 'TABLE_SCHEMA', 'TABLE_NAME', 'VIEW_DEFINITION'], []),
};

/** performance_schema's tables of variables; 5.7 still has the ones of information_schema too, empty of use by default. */
const PERFORMANCE: Readonly<Record<string, (context: SqlContext) => Table>> = {
  global_status: (context) => made('global_status', ['VARIABLE_NAME', 'VARIABLE_VALUE'], pairs(status(context))),
  global_variables: (context) =>
    made('global_variables', ['VARIABLE_NAME', 'VARIABLE_VALUE'], pairs(context.systemVariables())),
  session_status: (context) => made('session_status', ['VARIABLE_NAME', 'VARIABLE_VALUE'], pairs(status(context))),
  session_variables: (context) =>
    made('session_variables', ['VARIABLE_NAME', 'VARIABLE_VALUE'], pairs(context.systemVariables())),
};

export function charsets(context: SqlContext): Value[][] {
  const modern = context.client.face.series === '8.0';
  return [
    ['big5', 'big5_chinese_ci', 'Big5 Traditional Chinese', 2],
    ['latin1', 'latin1_swedish_ci', 'cp1252 West European', 1],
    ['ascii', 'ascii_general_ci', 'US ASCII', 1],
    ['gbk', 'gbk_chinese_ci', 'GBK Simplified Chinese', 2],
    [modern ? 'utf8mb3' : 'utf8', modern ? 'utf8mb3_general_ci' : 'utf8_general_ci', 'UTF-8 Unicode', 3],
    ['utf8mb4', modern ? 'utf8mb4_0900_ai_ci' : 'utf8mb4_general_ci', 'UTF-8 Unicode', 4],
    ['binary', 'binary', 'Binary pseudo charset', 1],
  ];
}

export function collations(context: SqlContext): Value[][] {
  return charsets(context).map(([charset = '', collation = ''], i) => [
    collation,
    charset,
    [1, 8, 11, 28, 33, 255, 63][i] ?? 33,
    'Yes',
    'Yes',
    1,
  ]);
}

export interface FoundTable {
  table: Table;
  schema: string;
}

export function findTable(context: SqlContext, schema: string | undefined, name: string): FoundTable | MysqlError {
  const wanted = schema ?? context.database;
  if (wanted === undefined) return errors.noDatabase;
  const lower = wanted.toLowerCase();
  const view =
    lower === 'information_schema'
      ? VIEWS[name.toUpperCase()]
      : lower === 'performance_schema'
        ? PERFORMANCE[name.toLowerCase()]
        : undefined;
  if (view !== undefined) return { table: view(context), schema: lower };
  if (
    lower === 'information_schema' &&
    /^(?:GLOBAL|SESSION)_(?:VARIABLES|STATUS)$/i.test(name) &&
    context.client.face.series === '5.7'
  ) {
    const map = /VARIABLES$/i.test(name) ? context.systemVariables() : status(context);
    return { table: made(name.toUpperCase(), ['VARIABLE_NAME', 'VARIABLE_VALUE'], upper(map)), schema: lower };
  }
  if (context.world.find(wanted) === undefined) return errors.unknownDatabase(wanted);
  const table = context.world.table(wanted, name);
  if (lower === 'information_schema')
    return {
      code: 1109,
      state: '42S02',
      message: `Unknown table '${name.slice(0, 64).toUpperCase()}' in information_schema`,
    };
  if (table === undefined) return errors.noSuchTable(wanted, name);
  return { table: lower === 'mysql' && table.name === 'func' ? functionTable(context, table) : table, schema: wanted };
}

function functionTable(context: SqlContext, table: Table): Table {
  const rows = context
    .externalFunctions()
    .map((added): Value[] => [added.name, added.returns === 'STRING' ? 0 : 2, added.library, 'function']);
  return { ...table, rows };
}

/** Names of a database's tables as SHOW TABLES lists them. */
export function tableNames(context: SqlContext, schema: string): string[] | undefined {
  const lower = schema.toLowerCase();
  if (lower === 'information_schema') return Object.keys(VIEWS);
  if (lower === 'performance_schema') return Object.keys(PERFORMANCE);
  const found = context.world.find(schema);
  return found === undefined ? undefined : [...found[1].keys()].sort();
}

export const columnsOf = (table: Table): Column[] =>
  table.columns.map((column) => ({ name: column.name, type: column.type, table: table.name }));
