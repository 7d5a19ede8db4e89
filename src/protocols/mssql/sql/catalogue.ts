/** What this server has: its databases, logins, settings and system tables, made from the persona so that they agree with one another. */
import type { Persona } from '../../surfaces/persona.ts';
import type { SqlServer } from '../replies.ts';
import type { Cell, Column } from '../tokens.ts';

export interface Database {
  name: string;
  id: number;
  createdAt: number;
  system: boolean;
}

const SYSTEM = ['master', 'tempdb', 'model', 'msdb'] as const;
const DAY_MS = 86_400_000;
const known = new WeakMap<Persona, Database[]>();

/** The four system databases, and what a small company keeps beside them. */
export function databasesOf(persona: Persona): Database[] {
  const made = known.get(persona);
  if (made !== undefined) return made;
  const shipped = Date.UTC(2003, 3, 8, 9, 13, 36, 390);
  const databases: Database[] = SYSTEM.map((name, i) => ({
    name,
    id: i + 1,
    // master and model carry the date of the product's own files; tempdb is made at each start.
    createdAt: name === 'tempdb' ? persona.bootedAt : name === 'msdb' ? persona.installedAt : shipped,
    system: true,
  }));
  const organisation = persona.organisation.charAt(0).toUpperCase() + persona.organisation.slice(1);
  const names = new Set<string>([
    persona.pick('mssql database 1', [`${organisation}ERP`, `${organisation}DB`, 'ERP_PROD', 'Accounting']),
    persona.pick('mssql database 2', ['CRM', 'Inventory', 'WebShop', 'HRData', 'Reports']),
  ]);
  for (const name of names) {
    const id = databases.length + 1;
    const createdAt =
      persona.installedAt + persona.number(`mssql database ${id} days`, 1, 30) * DAY_MS + id * 3_723_417;
    databases.push({ name, id, createdAt, system: false });
  }
  known.set(persona, databases);
  return databases;
}

/** The database of this name in its own spelling; names ignore case under the server's collation. */
export function findDatabase(persona: Persona, name: string): string | undefined {
  const key = name.toLowerCase();
  return databasesOf(persona).find((database) => database.name.toLowerCase() === key)?.name;
}

export interface Setting {
  id: number;
  name: string;
  min: number;
  max: number;
  configured: number;
  running: number;
  advanced: boolean;
}

/** The settings that intruders look at and change, with their defaults: id, name, least, most, value, advanced. */
const SETTINGS: readonly (readonly [number, string, number, number, number, boolean])[] = [
  [1568, 'Ad Hoc Distributed Queries', 0, 1, 0, true],
  [16384, 'Agent XPs', 0, 1, 1, true],
  [102, 'allow updates', 0, 1, 0, false],
  [1579, 'backup compression default', 0, 1, 0, false],
  [1562, 'clr enabled', 0, 1, 0, false],
  [1587, 'clr strict security', 0, 1, 1, true],
  [16386, 'Database Mail XPs', 0, 1, 0, true],
  [1539, 'max degree of parallelism', 0, 32_767, 0, true],
  [1544, 'max server memory (MB)', 128, 2_147_483_647, 2_147_483_647, true],
  [115, 'nested triggers', 0, 1, 1, false],
  [16388, 'Ole Automation Procedures', 0, 1, 0, true],
  [117, 'remote access', 0, 1, 1, false],
  [1576, 'remote admin connections', 0, 1, 0, false],
  [1519, 'remote login timeout (s)', 0, 2_147_483_647, 10, false],
  [1520, 'remote query timeout (s)', 0, 2_147_483_647, 600, false],
  [16387, 'SMO and DMO XPs', 0, 1, 1, true],
  [518, 'show advanced options', 0, 1, 0, false],
  [16390, 'xp_cmdshell', 0, 1, 0, true],
];

/** A copy for one connection: what an intruder changes is seen by that intruder. */
export function settingsOf(server: SqlServer): Setting[] {
  return SETTINGS.filter(([id]) => id !== 1587 || server.major >= 14).map(([id, name, min, max, value, advanced]) => ({
    id,
    name,
    min,
    max,
    configured: value,
    running: value,
    advanced,
  }));
}

export interface Table {
  columns: Column[];
  rows: Cell[][];
}

const text = (name: string, size = 128): Column => ({ name, type: 'nvarchar', size });
const int = (name: string): Column => ({ name, type: 'int' });
const bit = (name: string): Column => ({ name, type: 'bit' });
const date = (name: string): Column => ({ name, type: 'datetime' });
const bytes = (name: string, size: number): Column => ({ name, type: 'varbinary', size });
const SA = Buffer.from([1]);

export interface CatalogueFacts {
  persona: Persona;
  server: SqlServer;
  settings: readonly Setting[];
  database: string;
  user: string;
  client: string;
  spid: number;
}

function databases({ persona, server }: CatalogueFacts): Table {
  return {
    columns: [
      text('name'),
      int('database_id'),
      bytes('owner_sid', 85),
      date('create_date'),
      { name: 'compatibility_level', type: 'tinyint' },
      text('collation_name'),
      text('user_access_desc', 60),
      bit('is_read_only'),
      text('state_desc', 60),
      text('recovery_model_desc', 60),
      bit('is_trustworthy_on'),
    ],
    rows: databasesOf(persona).map((base) => [
      base.name,
      base.id,
      SA,
      base.createdAt,
      server.major * 10,
      'SQL_Latin1_General_CP1_CI_AS',
      'MULTI_USER',
      false,
      'ONLINE',
      base.system && base.name !== 'model' ? 'SIMPLE' : 'FULL',
      base.name === 'msdb',
    ]),
  };
}

function sysdatabases({ persona, server }: CatalogueFacts): Table {
  const folder = `C:\\Program Files\\Microsoft SQL Server\\MSSQL${server.major}.MSSQLSERVER\\MSSQL\\DATA\\`;
  return {
    columns: [
      text('name'),
      { name: 'dbid', type: 'smallint' },
      bytes('sid', 85),
      { name: 'mode', type: 'smallint' },
      int('status'),
      int('status2'),
      date('crdate'),
      date('reserved'),
      int('category'),
      { name: 'cmptlevel', type: 'tinyint' },
      text('filename', 260),
      { name: 'version', type: 'smallint' },
    ],
    rows: databasesOf(persona).map((base) => [
      base.name,
      base.id,
      SA,
      0,
      base.system ? 65_544 : 65_536,
      1_627_389_952,
      base.createdAt,
      Date.UTC(1900, 0, 1),
      0,
      server.major * 10,
      `${folder}${base.name === 'msdb' ? 'MSDBData' : base.name}.mdf`,
      782 + server.major,
    ]),
  };
}

function logins(facts: CatalogueFacts): Table {
  const { persona } = facts;
  const machine = persona.hostName.toUpperCase();
  const names: [string, string, string, number][] = [
    ['sa', 'S', 'SQL_LOGIN', persona.installedAt],
    [`${machine}\\Administrator`, 'U', 'WINDOWS_LOGIN', persona.installedAt],
    ['NT SERVICE\\SQLWriter', 'U', 'WINDOWS_LOGIN', persona.installedAt],
    ['NT SERVICE\\Winmgmt', 'U', 'WINDOWS_LOGIN', persona.installedAt],
    ['NT SERVICE\\MSSQLSERVER', 'U', 'WINDOWS_LOGIN', persona.installedAt],
    [persona.user, 'S', 'SQL_LOGIN', persona.installedAt + 11 * DAY_MS],
  ];
  return {
    columns: [
      text('name'),
      int('principal_id'),
      bytes('sid', 85),
      text('type', 1),
      text('type_desc', 60),
      bit('is_disabled'),
      date('create_date'),
      date('modify_date'),
      text('default_database_name'),
      text('default_language_name'),
      int('sysadmin'),
      text('loginname'),
    ],
    rows: names.map(([name, type, kind, at], i) => [
      name,
      i === 0 ? 1 : 258 + i,
      i === 0 ? SA : persona.secret(`mssql sid ${name}`, 16),
      type,
      kind,
      false,
      at,
      at,
      'master',
      'us_english',
      i < 2 ? 1 : 0,
      name,
    ]),
  };
}

function configurations({ settings }: CatalogueFacts): Table {
  return {
    columns: [
      int('configuration_id'),
      text('name', 35),
      int('value'),
      int('minimum'),
      int('maximum'),
      int('value_in_use'),
      text('description', 255),
      bit('is_dynamic'),
      bit('is_advanced'),
    ],
    rows: settings.map((one) => [
      one.id,
      one.name,
      one.configured,
      one.min,
      one.max,
      one.running,
      one.name,
      true,
      one.advanced,
    ]),
  };
}

function sessions({ persona, user, client, spid, database }: CatalogueFacts): Table {
  return {
    columns: [
      { name: 'spid', type: 'smallint' },
      int('session_id'),
      text('loginame'),
      text('login_name'),
      text('hostname'),
      text('host_name'),
      text('program_name'),
      text('status', 30),
      text('cmd', 32),
      text('dbname'),
      date('login_time'),
    ],
    rows: [
      [1, 1, 'sa', 'sa', '', null, '', 'background', 'LOG WRITER', 'master', persona.bootedAt],
      [spid, spid, user, user, client, client, '', 'runnable', 'SELECT', database, persona.bootedAt],
    ],
  };
}

function tables({ persona }: CatalogueFacts): Table {
  return {
    columns: [
      text('name'),
      int('object_id'),
      int('id'),
      text('type', 2),
      text('xtype', 2),
      text('TABLE_CATALOG'),
      text('TABLE_SCHEMA'),
      text('TABLE_NAME'),
      text('TABLE_TYPE', 10),
      date('create_date'),
      date('crdate'),
    ],
    rows: ['spt_fallback_db', 'spt_fallback_dev', 'spt_fallback_usg', 'spt_monitor', 'MSreplication_options'].map(
      (name, i) => [
        name,
        117_575_457 + i * 16_000_057,
        117_575_457 + i * 16_000_057,
        'U',
        'U',
        'master',
        'dbo',
        name,
        'BASE TABLE',
        persona.installedAt,
        persona.installedAt,
      ],
    ),
  };
}

/** Only the server itself. */
function servers({ server }: CatalogueFacts): Table {
  return {
    columns: [
      { name: 'srvid', type: 'smallint' },
      text('srvname'),
      text('srvproduct'),
      text('providername'),
      text('datasource', 4000),
    ],
    rows: [[0, server.hostName, 'SQL Server', 'SQLOLEDB', server.hostName]],
  };
}

const TABLES: Readonly<Record<string, (facts: CatalogueFacts) => Table>> = {
  sysservers: servers,
  'sys.sysservers': servers,
  'sys.databases': databases,
  sysdatabases,
  'sys.sysdatabases': sysdatabases,
  'sys.server_principals': logins,
  'sys.sql_logins': logins,
  syslogins: logins,
  'sys.syslogins': logins,
  'sys.configurations': configurations,
  sysprocesses: sessions,
  'sys.sysprocesses': sessions,
  'sys.dm_exec_sessions': sessions,
  'sys.tables': tables,
  'sys.objects': tables,
  'sys.all_objects': tables,
  sysobjects: tables,
  'sys.sysobjects': tables,
  'information_schema.tables': tables,
};

/** A table by its path (`master..sysdatabases`, `sys.databases`, `[master].[dbo].[sysdatabases]`). */
export function findTable(path: readonly string[], facts: CatalogueFacts): Table | undefined {
  const name = (path.at(-1) ?? '').toLowerCase();
  const schema = (path.at(-2) ?? '').toLowerCase();
  const key = schema === '' || schema === 'dbo' ? name : `${schema}.${name}`;
  return TABLES[key]?.(facts);
}
