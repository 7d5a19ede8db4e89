/** Built-in functions and global variables. */
import type { Persona } from '../../surfaces/persona.ts';
import type { SqlServer } from '../replies.ts';
import { databasesOf } from './catalogue.ts';
import { convert, intValue, MAX_TEXT, NULL, SqlError, textValue, toNumber, toText, type Value } from './values.ts';

/** What functions ask of the connection that they run in. */
export interface Surroundings {
  persona: Persona;
  server: SqlServer;
  /** `sa` or `DOMAIN\user`. */
  user: string;
  /** Host and program as the client named them. */
  client: string;
  app: string;
  peer: string;
  port: number;
  encrypted: boolean;
  spid: number;
  language: string;
  database: string;
  rowCount: number;
  lastError: number;
  transactions: number;
  now(): number;
  random(bytes: number): Buffer;
}

const LEVELS: Readonly<Record<string, string>> = { RTM: 'RTM' };
const bigint = (cell: number): Value => ({ type: 'bigint', cell });
const smallint = (cell: number): Value => ({ type: 'smallint', cell });

/** SERVERPROPERTY, as an installation with the defaults answers. */
function serverProperty(name: string, env: Surroundings): Value {
  const { server, persona } = env;
  const windows = persona.kind === 'windows-server';
  switch (name.toLowerCase()) {
    case 'productversion':
    case 'resourceversion':
      return textValue(server.version);
    case 'productlevel':
      return textValue(LEVELS[server.level] ?? server.level);
    case 'productupdatelevel':
      return textValue(server.update ?? null);
    case 'productmajorversion':
      return textValue(String(server.major));
    case 'productminorversion':
      return textValue('0');
    case 'productbuild':
      return textValue(server.version.split('.')[2] ?? null);
    case 'edition':
      return textValue(server.edition);
    case 'engineedition':
      return intValue(windows ? 2 : 3);
    case 'editionid':
      return bigint(windows ? -1_534_726_760 : -2_117_995_310);
    case 'servername':
    case 'machinename':
    case 'computernamephysicalnetbios':
      return textValue(server.hostName);
    case 'instancename':
      return textValue(null);
    case 'collation':
      return textValue('SQL_Latin1_General_CP1_CI_AS');
    case 'sqlcharsetname':
      return textValue('iso_1');
    case 'sqlsortordername':
      return textValue('nocase_iso');
    case 'isclustered':
    case 'ishadrenabled':
    case 'issingleuser':
    case 'islocaldb':
    case 'isadvancedanalyticsinstalled':
    case 'isintegratedsecurityonly':
    case 'isfulltextinstalled':
    case 'filestreamconfiguredlevel':
    case 'filestreameffectivelevel':
      return intValue(0);
    case 'lcid':
      return intValue(1033);
    case 'processid':
      return intValue(persona.number('mssql pid', 300, 1900) * 4);
    case 'instancedefaultdatapath':
    case 'instancedefaultlogpath':
      return textValue(
        windows
          ? `C:\\Program Files\\Microsoft SQL Server\\MSSQL${server.major}.MSSQLSERVER\\MSSQL\\DATA\\`
          : '/var/opt/mssql/data/',
      );
    case 'licensetype':
      return textValue('DISABLED');
    default:
      return NULL;
  }
}

export function globalVariable(name: string, env: Surroundings): Value | undefined {
  switch (name) {
    case '@@version':
      return textValue(env.server.banner);
    case '@@servername':
      return textValue(env.server.hostName);
    case '@@servicename':
      return textValue('MSSQLSERVER');
    case '@@spid':
      return smallint(env.spid);
    case '@@language':
      return textValue(env.language);
    case '@@langid':
    case '@@procid':
    case '@@cursor_rows':
    case '@@nestlevel':
      return intValue(0);
    case '@@rowcount':
      return intValue(env.rowCount);
    case '@@error':
      return intValue(env.lastError);
    case '@@trancount':
      return intValue(env.transactions);
    case '@@fetch_status':
      return intValue(-1);
    case '@@identity':
      return NULL;
    case '@@max_precision':
      return intValue(38);
    case '@@max_connections':
      return intValue(32_767);
    case '@@microsoftversion': {
      const [major = 0, minor = 0, build = 0] = env.server.version.split('.').map(Number);
      return intValue((major << 24) | (minor << 16) | build);
    }
    case '@@options':
      return intValue(5496);
    case '@@textsize':
      return intValue(2_147_483_647);
    case '@@datefirst':
      return intValue(7);
    case '@@lock_timeout':
      return intValue(-1);
    default:
      return undefined;
  }
}

/** Members of sysadmin are in every server role; roles that do not exist answer null. */
const ROLES: ReadonlySet<string> = new Set(
  'sysadmin serveradmin securityadmin setupadmin processadmin diskadmin dbcreator bulkadmin public db_owner'.split(' '),
);

type Implementation = (args: readonly Value[], env: Surroundings) => Value;

const argument = (args: readonly Value[], at: number): Value => args[at] ?? NULL;
const text = (args: readonly Value[], at: number): string | null => toText(argument(args, at));
const number = (args: readonly Value[], at: number): number => toNumber(argument(args, at)) ?? 0;
/** A function of one text that is null of null. */
const ofText =
  (make: (text: string, args: readonly Value[]) => Value): Implementation =>
  (args) => {
    const value = text(args, 0);
    return value === null ? textValue(null) : make(value, args);
  };
const user: Implementation = (_args, env) => textValue(env.user);
const clock: Implementation = (_args, env) => ({
  type: 'datetime',
  cell: env.now() + env.persona.zoneMinutes * 60_000,
});

/** Systems procedures that exist; other names have no object id. */
const OBJECTS: Readonly<Record<string, number>> = {
  xp_cmdshell: -1_052_117_231,
  sp_configure: -586_120_843,
  sp_oacreate: -340_117_905,
};

const FUNCTIONS: Readonly<Record<string, Implementation>> = {
  serverproperty: (args, env) => serverProperty(text(args, 0) ?? '', env),
  db_name: (args, env) => {
    if (args.length === 0) return textValue(env.database);
    const id = number(args, 0);
    return textValue(databasesOf(env.persona).find((base) => base.id === id)?.name ?? null);
  },
  db_id: (args, env) => {
    const name = (args.length === 0 ? env.database : (text(args, 0) ?? '')).toLowerCase();
    const found = databasesOf(env.persona).find((base) => base.name.toLowerCase() === name);
    return found === undefined ? NULL : smallint(found.id);
  },
  suser_sname: user,
  suser_name: user,
  system_user: user,
  original_login: user,
  user_name: () => textValue('dbo'),
  user: () => textValue('dbo'),
  current_user: () => textValue('dbo'),
  session_user: () => textValue('dbo'),
  schema_name: () => textValue('dbo'),
  suser_sid: () => ({ type: 'varbinary', cell: Buffer.from([1]) }),
  host_name: (_args, env) => textValue(env.client),
  app_name: (_args, env) => textValue(env.app),
  getdate: clock,
  sysdatetime: clock,
  current_timestamp: clock,
  getutcdate: (_args, env) => ({ type: 'datetime', cell: env.now() }),
  newid: (_args, env) => ({ type: 'guid', cell: env.random(16) }),
  is_srvrolemember: (args) => (ROLES.has((text(args, 0) ?? '').toLowerCase()) ? intValue(1) : NULL),
  is_member: (args) => (ROLES.has((text(args, 0) ?? '').toLowerCase()) ? intValue(1) : NULL),
  is_rolemember: (args) => (ROLES.has((text(args, 0) ?? '').toLowerCase()) ? intValue(1) : NULL),
  has_dbaccess: () => intValue(1),
  has_perms_by_name: () => intValue(1),
  object_id: (args) => intValue(OBJECTS[(text(args, 0) ?? '').toLowerCase().split('.').at(-1) ?? ''] ?? null),
  connectionproperty: (args, env) => {
    switch ((text(args, 0) ?? '').toLowerCase()) {
      case 'net_transport':
        return textValue('TCP');
      case 'protocol_type':
        return textValue('TSQL');
      case 'auth_scheme':
        return textValue(env.user.includes('\\') ? 'NTLM' : 'SQL');
      case 'client_net_address':
        return textValue(env.peer);
      case 'local_tcp_port':
        return intValue(env.port);
      default:
        return NULL;
    }
  },
  isnull: (args) => (argument(args, 0).cell === null ? argument(args, 1) : argument(args, 0)),
  coalesce: (args) => args.find((value) => value.cell !== null) ?? NULL,
  nullif: (args) => (text(args, 0) === text(args, 1) ? { ...argument(args, 0), cell: null } : argument(args, 0)),
  iif: (args) => (number(args, 0) === 0 ? argument(args, 2) : argument(args, 1)),
  len: (args) => intValue(text(args, 0)?.trimEnd().length ?? null),
  datalength: (args) => {
    const { cell } = argument(args, 0);
    if (cell === null) return NULL;
    return intValue(Buffer.isBuffer(cell) ? cell.length : typeof cell === 'string' ? cell.length * 2 : 4);
  },
  upper: ofText((value) => textValue(value.toUpperCase())),
  lower: ofText((value) => textValue(value.toLowerCase())),
  ltrim: ofText((value) => textValue(value.trimStart())),
  rtrim: ofText((value) => textValue(value.trimEnd())),
  trim: ofText((value) => textValue(value.trim())),
  reverse: ofText((value) => textValue([...value].reverse().join(''))),
  left: ofText((value, args) => textValue(value.slice(0, Math.max(0, number(args, 1))))),
  right: ofText((value, args) => textValue(number(args, 1) <= 0 ? '' : value.slice(-number(args, 1)))),
  substring: ofText((value, args) => {
    const start = number(args, 1) - 1;
    return textValue(value.slice(Math.max(0, start), Math.max(0, start + number(args, 2))));
  }),
  replace: ofText((value, args) => {
    const from = text(args, 1) ?? '';
    const to = text(args, 2) ?? '';
    if (from === '' || value.length + Math.floor(value.length / from.length) * to.length > MAX_TEXT)
      return textValue(value);
    return textValue(value.replaceAll(from, () => to));
  }),
  replicate: ofText((value, args) => {
    const times = Math.max(0, Math.trunc(number(args, 1)));
    return textValue(value === '' ? '' : value.repeat(Math.min(times, Math.floor(8000 / value.length))));
  }),
  charindex: (args) => intValue((text(args, 1) ?? '').toLowerCase().indexOf((text(args, 0) ?? '').toLowerCase()) + 1),
  concat: (args) =>
    textValue(
      args
        .map((value) => toText(value) ?? '')
        .join('')
        .slice(0, MAX_TEXT),
    ),
  quotename: ofText((value) => textValue(`[${value.replaceAll(']', ']]')}]`)),
  char: (args) => textValue(String.fromCharCode(number(args, 0) & 0xff)),
  nchar: (args) => textValue(String.fromCharCode(number(args, 0) & 0xffff)),
  ascii: ofText((value) => intValue(value === '' ? null : value.charCodeAt(0) & 0xff)),
  unicode: ofText((value) => intValue(value === '' ? null : value.charCodeAt(0))),
  str: (args) => textValue(String(Math.round(number(args, 0))).padStart(10)),
  abs: (args) => ({ ...argument(args, 0), cell: Math.abs(number(args, 0)) }),
  rand: (_args, env) => ({ type: 'float', cell: env.random(4).readUInt32BE(0) / 0x1_0000_0000 }),
  count: () => intValue(1),
  'sys.fn_varbintohexstr': (args) => hexText(argument(args, 0)),
  'master.dbo.fn_varbintohexstr': (args) => hexText(argument(args, 0)),
  hashbytes: () => ({ type: 'varbinary', cell: null }),
};

function hexText(value: Value): Value {
  const bytes = convert(value, 'varbinary').cell;
  return textValue(Buffer.isBuffer(bytes) ? `0x${bytes.toString('hex')}` : null);
}

/** Functions that are written without parentheses. */
const BARE: ReadonlySet<string> = new Set(['system_user', 'current_user', 'session_user', 'user', 'current_timestamp']);

export function bareFunction(name: string, env: Surroundings): Value | undefined {
  return BARE.has(name) ? FUNCTIONS[name]?.([], env) : undefined;
}

export function callFunction(name: string, args: readonly Value[], env: Surroundings): Value {
  const implementation = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (implementation !== undefined) return implementation(args, env);
  if (!name.includes('.')) throw new SqlError(195, 15, 10, `'${name}' is not a recognized built-in function name.`);
  const [schema = ''] = name.split('.');
  const problem = `Cannot find either column "${schema}" or the user-defined function or aggregate "${name}", or the name is ambiguous.`;
  throw new SqlError(4121, 16, 1, problem);
}
