/** System procedures: settings, the command shell, and what tools ask when they look around. */
import { shellOutput } from '../command-shell.ts';
import type { Cell, Column } from '../tokens.ts';
import { databasesOf, type Setting } from './catalogue.ts';
import type { Surroundings } from './functions.ts';
import { type Outcome, report, rowsOf } from './outcomes.ts';
import { NULL, toNumber, toText, type Value } from './values.ts';

export interface Call {
  name: string;
  args: readonly { name: string | undefined; value: Value }[];
  line: number;
}

export interface ProcedureParts {
  env: Surroundings;
  settings: Setting[];
  address: string;
  /** A command line was given to the system. */
  command(command: string): void;
}

type Procedure = (call: Call, parts: ProcedureParts) => { outcomes: Outcome[]; status: number };

const text = (name: string, size = 128): Column => ({ name, type: 'nvarchar', size });
const int = (name: string): Column => ({ name, type: 'int' });
/** xp_cmdshell cuts lines there. */
const OUTPUT_WIDTH = 255;

/** An argument by name or, failing that, by place. */
function argument(call: Call, name: string, at: number): Value {
  return (
    (call.args.find((one) => one.name === name) ?? call.args.filter((one) => one.name === undefined)[at])?.value ?? NULL
  );
}

const ok = (...outcomes: Outcome[]): ReturnType<Procedure> => ({ outcomes, status: 0 });
const failed = (...outcomes: Outcome[]): ReturnType<Procedure> => ({ outcomes, status: 1 });

function setting(settings: readonly Setting[], name: string): Setting | undefined {
  return settings.find((one) => one.name === name);
}

/** Procedures that a setting switches off, with the wording of error 15281. */
export function blocked(
  procedure: string,
  component: string,
  parts: ProcedureParts,
  line: number,
): Outcome | undefined {
  if (setting(parts.settings, component)?.running !== 0) return undefined;
  const say =
    `SQL Server blocked access to procedure 'sys.${procedure}' of component '${component}' because this component is turned off as part of ` +
    `the security configuration for this server. A system administrator can enable the use of '${component}' by using sp_configure. ` +
    `For more information about enabling '${component}', search for '${component}' in SQL Server Books Online.`;
  return report(15281, 16, 1, say, line, procedure);
}

function configure(call: Call, { settings }: ProcedureParts): ReturnType<Procedure> {
  const given = toText(argument(call, '@configname', 0));
  const value = argument(call, '@configvalue', 1);
  const columns = [text('name', 35), int('minimum'), int('maximum'), int('config_value'), int('run_value')];
  const row = (one: Setting): Cell[] => [one.name, one.min, one.max, one.configured, one.running];
  const advanced = setting(settings, 'show advanced options')?.running === 1;
  const visible = settings.filter((one) => advanced || !one.advanced);
  if (given === null || given === '') return ok(rowsOf(columns, visible.map(row)));
  const key = given.toLowerCase();
  const exact = visible.find((one) => one.name.toLowerCase() === key);
  const found = exact ?? visible.find((one) => one.name.toLowerCase().startsWith(key));
  if (found === undefined) {
    const say = `The configuration option '${given}' does not exist, or it may be an advanced option.`;
    return failed(report(15123, 16, 1, say, 62, 'sp_configure'));
  }
  if (value.cell === null) return ok(rowsOf(columns, [row(found)]));
  const wished = toNumber(value) ?? 0;
  if (wished < found.min || wished > found.max) {
    const say = `'${wished}' is not a valid value for configuration option '${found.name}'.`;
    return failed(report(15129, 16, 1, say, 118, 'sp_configure'));
  }
  const before = found.configured;
  found.configured = wished;
  const say = `Configuration option '${found.name}' changed from ${before} to ${wished}. Run the RECONFIGURE statement to install.`;
  return ok(report(15457, 0, 1, say, 185, 'sp_configure'));
}

function commandShell(call: Call, parts: ProcedureParts): ReturnType<Procedure> {
  const command = toText(argument(call, '@command_string', 0));
  if (command !== null) parts.command(command);
  const refused = blocked('xp_cmdshell', 'xp_cmdshell', parts, 1);
  if (refused !== undefined) return failed(refused);
  if (command === null || command.trim() === '')
    return failed(
      report(214, 16, 201, "Procedure expects parameter 'command_string' of type 'varchar'.", 1, 'xp_cmdshell'),
    );
  const { persona } = parts.env;
  const lines = shellOutput(command, { persona, address: parts.address, now: parts.env.now() });
  if ((toText(argument(call, '', 1)) ?? '').toLowerCase() === 'no_output') return ok();
  // The output ends with a row of NULL.
  const rows = [...lines.map((line) => [line === '' ? null : line.slice(0, OUTPUT_WIDTH)]), [null]];
  const status = lines.some((line) => line.startsWith("'") && line.includes('is not recognized')) ? 1 : 0;
  return { outcomes: [rowsOf([text('output', OUTPUT_WIDTH)], rows)], status };
}

function who(_call: Call, { env }: ProcedureParts): ReturnType<Procedure> {
  const columns = [
    { name: 'spid', type: 'smallint' } as const,
    { name: 'ecid', type: 'smallint' } as const,
    text('status', 30),
    text('loginame'),
    text('hostname'),
    text('blk', 5),
    text('dbname'),
    text('cmd', 26),
    int('request_id'),
  ];
  return ok(
    rowsOf(columns, [
      [1, 0, 'background', 'sa', '', '0', null, 'LOG WRITER', 0],
      [env.spid, 0, 'runnable', env.user, env.client, '0', env.database, 'SELECT', 0],
    ]),
  );
}

function msver(_call: Call, { env }: ProcedureParts): ReturnType<Procedure> {
  const memory = env.persona.pick('memory', [4096, 8192, 16_384, 32_768]);
  const rows: Cell[][] = [
    [1, 'ProductName', null, 'Microsoft SQL Server'],
    [2, 'ProductVersion', env.server.major << 16, env.server.version],
    [3, 'Language', 1033, 'English (United States)'],
    [4, 'Platform', null, 'NT x64'],
    [5, 'Comments', null, 'SQL'],
    [6, 'CompanyName', null, 'Microsoft Corporation'],
    [7, 'FileDescription', null, 'SQL Server Windows NT - 64 Bit'],
    [15, 'WindowsVersion', null, `10.0 (${env.persona.kernel.split('.')[2] ?? ''})`],
    [16, 'ProcessorCount', 4, '4'],
    [19, 'PhysicalMemory', memory - 1, `${memory - 1} (${(memory - 1) * 1_048_576})`],
  ];
  return ok(
    rowsOf(
      [{ name: 'Index', type: 'smallint' }, text('Name', 128), int('Internal_Value'), text('Character_Value', 512)],
      rows,
    ),
  );
}

function dirTree(call: Call, _parts: ProcedureParts): ReturnType<Procedure> {
  const path = toText(argument(call, '@path', 0)) ?? '';
  const root = /^c:\\?$/i.test(path.trim());
  const names = root ? ['inetpub', 'PerfLogs', 'Program Files', 'Program Files (x86)', 'Users', 'Windows'] : [];
  return ok(
    rowsOf(
      [text('subdirectory', 512), int('depth')],
      names.map((name) => [name, 1]),
    ),
  );
}

function databases(_call: Call, { env }: ProcedureParts): ReturnType<Procedure> {
  const columns = [text('DATABASE_NAME'), int('DATABASE_SIZE'), text('REMARKS', 254)];
  const size = (name: string): number => env.persona.number(`mssql size ${name}`, 16, 900) * 1024;
  return ok(
    rowsOf(
      columns,
      databasesOf(env.persona).map((base) => [base.name, size(base.name), null]),
    ),
  );
}

function helpDatabases(_call: Call, { env }: ProcedureParts): ReturnType<Procedure> {
  const columns = [
    text('name'),
    text('db_size', 13),
    text('owner'),
    { name: 'dbid', type: 'smallint' } as const,
    text('created', 11),
    text('status', 600),
    { name: 'compatibility_level', type: 'tinyint' } as const,
  ];
  const rows = databasesOf(env.persona).map((base) => {
    const size = `${env.persona.number(`mssql size ${base.name}`, 16, 900).toFixed(2)} MB`;
    const created = (toText({ type: 'datetime', cell: base.createdAt }) ?? '').slice(0, 11);
    const status = 'Status=ONLINE, Updateability=READ_WRITE, UserAccess=MULTI_USER, Recovery=SIMPLE';
    return [base.name, size.padStart(13), 'sa', base.id, created, status, env.server.major * 10];
  });
  return ok(rowsOf(columns, rows));
}

function fixedDrives(_call: Call, { env }: ProcedureParts): ReturnType<Procedure> {
  return ok(
    rowsOf(
      [text('drive', 1), int('MB free')],
      [['C', Math.round(env.persona.number('disk free', 12_000_000_000, 180_000_000_000) / 1_048_576)]],
    ),
  );
}

function fileExists(_call: Call): ReturnType<Procedure> {
  const columns = ['File Exists', 'File is a Directory', 'Parent Directory Exists'].map(
    (name) => ({ name, type: 'tinyint' }) as const,
  );
  return ok(rowsOf(columns, [[0, 0, 1]]));
}

function registryRead(): ReturnType<Procedure> {
  return failed(
    report(
      22001,
      1,
      1,
      "RegOpenKeyEx() returned error 2, 'The system cannot find the file specified.'",
      0,
      'xp_regread',
    ),
  );
}

function loginConfig(): ReturnType<Procedure> {
  return ok(
    rowsOf(
      [text('name'), text('config_value')],
      [
        ['login mode', 'Mixed'],
        ['default login', 'guest'],
        ['audit level', 'failure'],
      ],
    ),
  );
}

/** OLE Automation is off by default; deeper answers are given where it was switched on. */
const ole =
  (name: string): Procedure =>
  (call, parts) => {
    const refused = blocked(name, 'Ole Automation Procedures', parts, call.line);
    return refused === undefined ? ok() : failed(refused);
  };

const silent: Procedure = () => ok();

const PROCEDURES: Readonly<Record<string, Procedure>> = {
  sp_configure: configure,
  xp_cmdshell: commandShell,
  sp_who: who,
  sp_who2: who,
  xp_msver: msver,
  xp_dirtree: dirTree,
  xp_subdirs: (call, parts) => dirTree(call, parts),
  sp_databases: databases,
  sp_helpdb: helpDatabases,
  xp_fixeddrives: fixedDrives,
  xp_fileexist: fileExists,
  xp_regread: registryRead,
  xp_instance_regread: registryRead,
  xp_loginconfig: loginConfig,
  sp_oacreate: ole('sp_OACreate'),
  sp_oamethod: ole('sp_OAMethod'),
  sp_oasetproperty: ole('sp_OASetProperty'),
  sp_oagetproperty: ole('sp_OAGetProperty'),
  sp_oadestroy: ole('sp_OADestroy'),
  sp_addlogin: silent,
  sp_addsrvrolemember: silent,
  sp_password: silent,
  sp_droplogin: silent,
  sp_adduser: silent,
  sp_addrolemember: silent,
  sp_addextendedproc: silent,
  sp_dropextendedproc: silent,
  sp_defaultdb: silent,
  sp_reset_connection: silent,
  sp_unprepare: silent,
  xp_regwrite: silent,
  xp_regdeletekey: silent,
  sp_dboption: silent,
};

/** Undefined where there is no such procedure. */
export function callProcedure(call: Call, parts: ProcedureParts): ReturnType<Procedure> | undefined {
  const key = call.name.toLowerCase();
  return Object.hasOwn(PROCEDURES, key) ? PROCEDURES[key]?.(call, parts) : undefined;
}
