import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makePersona } from '../../surfaces/personas.ts';
import { sqlServerOf } from '../replies.ts';
import { type Interpreter, openInterpreter } from './interpreter.ts';
import { lex } from './lexer.ts';
import type { Outcome } from './outcomes.ts';
import { parseBatch } from './parser.ts';
import { like } from './values.ts';

const persona = makePersona('windows-server', Buffer.alloc(32, 7), Date.UTC(2026, 10, 2));

interface Bench {
  sql: Interpreter;
  commands: string[];
  limits: string[];
}
function bench(): Bench {
  const commands: string[] = [];
  const limits: string[] = [];
  const sql = openInterpreter({
    persona,
    server: sqlServerOf(persona),
    user: 'sa',
    client: 'KALI',
    app: 'test',
    peer: '192.0.2.7',
    address: '198.51.100.1',
    port: 1433,
    encrypted: false,
    spid: 52,
    language: 'us_english',
    database: 'master',
    maxStatements: 100,
    now: () => 0,
    random: (bytes) => Buffer.alloc(bytes, 1),
    command: (command) => commands.push(command),
    limit: (name) => limits.push(name),
  });
  return { sql, commands, limits };
}

const rows = (outcomes: readonly Outcome[]): unknown[][] =>
  outcomes.flatMap((outcome) =>
    outcome.kind === 'rows'
      ? outcome.rows.map((row) => [...row])
      : outcome.kind === 'procedure'
        ? rows(outcome.outcomes)
        : [],
  );
const messages = (outcomes: readonly Outcome[]): [number, string][] =>
  outcomes.flatMap((outcome): [number, string][] =>
    outcome.kind === 'message'
      ? [[outcome.message.number, outcome.message.text]]
      : outcome.kind === 'procedure'
        ? messages(outcome.outcomes)
        : [],
  );

test('the version, the names and simple arithmetic are answered', () => {
  const { sql } = bench();
  assert.match(String(rows(sql.run('select @@version'))[0]?.[0]), /^Microsoft SQL Server 20\d\d .* \(X64\) \n\t/);
  assert.deepEqual(rows(sql.run("SELECT db_name(), suser_sname(), 1+2*3, 'a'+N'b', NULL, -4 / 3")), [
    ['master', 'sa', 7, 'ab', null, -1],
  ]);
  assert.deepEqual(rows(sql.run("select serverproperty('ProductVersion')")), [[sqlServerOf(persona).version]]);
});

test('variables, conditions, loops and dynamic text run', () => {
  const { sql } = bench();
  const loop =
    "declare @i int = 0, @s varchar(99) = '' while @i < 3 begin set @i += 1; set @s = @s + char(64+@i) end select @s";
  assert.deepEqual(rows(sql.run(loop)), [['ABC']]);
  assert.deepEqual(rows(sql.run("if 1=2 select 'a' else begin select 'b' end")), [['b']]);
  assert.deepEqual(rows(sql.run("declare @q varchar(99); set @q='sel'+'ect 5'; exec(@q)")), [[5]]);
  assert.deepEqual(rows(sql.run("exec sp_executesql N'select @a', N'@a int', @a = 9")), [[9]]);
  assert.deepEqual(rows(sql.run("select case when 'X' like '[w-z]%' then 'yes' else 'no' end")), [['yes']]);
});

test('the catalogue answers columns, conditions and counts', () => {
  const { sql } = bench();
  assert.deepEqual(rows(sql.run("select name from sys.databases where database_id <= 4 and name like 'm%'")), [
    ['master'],
    ['model'],
    ['msdb'],
  ]);
  assert.deepEqual(rows(sql.run('select count(*) from master..sysdatabases where dbid < 3')), [[2]]);
  assert.deepEqual(
    rows(sql.run('select top 1 name n from [master].[dbo].[sysdatabases] where dbid in (2,3) order by name')),
    [['tempdb']],
  );
});

test('errors are worded as the server words them', () => {
  const { sql } = bench();
  const cases: [string, number, string][] = [
    ['select * from nosuch', 208, "Invalid object name 'nosuch'."],
    ['exec nosuch 1', 2812, "Could not find stored procedure 'nosuch'."],
    ['nosuch', 2812, "Could not find stored procedure 'nosuch'."],
    ['select nope', 207, "Invalid column name 'nope'."],
    ['select @nope', 137, 'Must declare the scalar variable "@nope".'],
    ['select nope()', 195, "'nope' is not a recognized built-in function name."],
    ['select 1/0', 8134, 'Divide by zero error encountered.'],
    ['use nosuch', 911, "Database 'nosuch' does not exist. Make sure that the name is entered correctly."],
    ['select 1 +', 102, "Incorrect syntax near ''."],
  ];
  for (const [text, number, say] of cases) assert.deepEqual(messages(sql.run(text)), [[number, say]], text);
});

test('xp_cmdshell is blocked until it is switched on, and every command is reported', () => {
  const { sql, commands } = bench();
  assert.equal(messages(sql.run("exec xp_cmdshell 'whoami'"))[0]?.[0], 15281);
  assert.equal(messages(sql.run("exec sp_configure 'xp_cmdshell', 1"))[0]?.[0], 15123);
  assert.deepEqual(messages(sql.run("EXEC sp_configure 'show advanced options', 1; RECONFIGURE WITH OVERRIDE")), [
    [
      15457,
      "Configuration option 'show advanced options' changed from 0 to 1. Run the RECONFIGURE statement to install.",
    ],
  ]);
  sql.run('sp_configure xp_cmdshell, 1\nreconfigure');
  assert.deepEqual(rows(sql.run("exec master..xp_cmdshell 'whoami'")), [['nt service\\mssqlserver'], [null]]);
  assert.deepEqual(commands, ['whoami', 'whoami']);
});

test('output of a procedure can be inserted into a table and read back', () => {
  const { sql } = bench();
  const text =
    "exec sp_configure 'show advanced options',1 reconfigure exec sp_configure 'xp_cmdshell',1 reconfigure " +
    "create table #t (id int identity, line varchar(8000)) insert into #t (line) exec xp_cmdshell 'echo hi' " +
    'select line from #t where line is not null drop table #t';
  assert.deepEqual(rows(sql.run(text)), [['hi']]);
});

test('what runs without end is stopped and reported', () => {
  for (const text of [
    'while 1=1 select 1',
    "declare @s varchar(8000) = 'x' while 1=1 set @s = @s + @s",
    'while 1=1 begin end',
  ]) {
    const { sql, limits } = bench();
    sql.run(text);
    assert.equal(limits.length, 1, text);
  }
  const { sql } = bench();
  const self = "declare @q nvarchar(4000) = N'exec(@q)'; exec sp_executesql @q, N'@q nvarchar(4000)', @q = @q";
  assert.ok(sql.run(self).length < 200);
});

test('LIKE matches as Transact-SQL does', () => {
  assert.ok(like('master', 'M%'));
  assert.ok(like('abc', '_b[a-c]'));
  assert.ok(!like('abd', '_b[^d]'));
  assert.ok(!like('x', ''));
  assert.ok(like('a'.repeat(3000), '%a%a%a%a%a'));
});

test('comments, quotes and line numbers are read', () => {
  const { tokens } = lex("select /* a /* b */ c */ 'it''s' -- d\n[x]]y] 0x41 1.5e3 @@v <>");
  assert.deepEqual(
    tokens.map(({ kind, text }) => [kind, text]),
    [
      ['word', 'select'],
      ['string', "it's"],
      ['quoted', 'x]y'],
      ['binary', '0x41'],
      ['number', '1.5e3'],
      ['variable', '@@v'],
      ['symbol', '<>'],
      ['end', ''],
    ],
  );
  assert.equal(parseBatch('select 1\nselect (').error?.line, 2);
});

test('no text makes the interpreter throw', () => {
  const words = fc.constantFrom(
    ..."select from where ( ) , ; exec xp_cmdshell sp_configure @a @@version 1 0x 1.5 null case when then end if else begin while insert into values #t create table drop union all top set declare = + - * like in exists cast as varchar between is not and or 'x' [y] . sys.databases name".split(
      ' ',
    ),
  );
  fc.assert(
    fc.property(fc.array(words, { maxLength: 30 }), (list) => {
      bench().sql.run(list.join(' '));
    }),
    { numRuns: 1500 },
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 200, unit: 'binary' }), (text) => {
      bench().sql.run(text);
      bench().sql.run(`select ${text}`);
    }),
    { numRuns: 300 },
  );
  bench().sql.run('select '.padEnd(200_000, '('));
  bench().sql.run(`select 1${'+1'.repeat(9000)}`);
  bench().sql.run('begin '.repeat(5000));
  bench().sql.run('if 1=1 '.repeat(5000));
});
