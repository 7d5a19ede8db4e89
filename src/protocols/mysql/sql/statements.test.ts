import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { COM } from '../commands.ts';
import { command, loggedIn, shown } from '../testing.ts';

const asking = () => {
  const conversation = loggedIn();
  return (text: string): string[] => shown(command(conversation, COM.query, text));
};

test('what a ransom bot drops, makes and leaves behind is there when it looks again', () => {
  const ask = asking();
  const victim =
    ask('show databases').find(
      (name) => !['information_schema', 'mysql', 'performance_schema', 'sys'].includes(name),
    ) ?? '';
  assert.notEqual(victim, '');
  assert.deepEqual(ask(`drop database \`${victim}\``), ['OK 3']);
  assert.deepEqual(ask('create database PLEASE_READ'), ['OK 1']);
  assert.deepEqual(ask('create table PLEASE_READ.note (id int primary key, text varchar(255)) engine=innodb'), [
    'OK 0',
  ]);
  assert.deepEqual(ask("insert into PLEASE_READ.note values (1, 'send 0.1 BTC'), (2, 'or else')"), ['OK 2']);
  assert.deepEqual(ask("insert into PLEASE_READ.note set id = 3, text = 'soon'"), ['OK 1']);
  assert.deepEqual(ask('select text from PLEASE_READ.note where id > 1'), ['or else', 'soon']);
  assert.deepEqual(ask('show databases'), ['PLEASE_READ', 'information_schema', 'mysql', 'performance_schema', 'sys']);
  assert.deepEqual(asking()('show databases').includes(victim), true);
});

test('questions that scanners ask have answers', () => {
  const ask = asking();
  assert.deepEqual(ask('SELECT @@version_comment LIMIT 1'), ['MySQL Community Server (GPL)']);
  assert.deepEqual(ask("show variables like 'version'"), ['version\t5.7.44']);
  assert.deepEqual(ask("show variables where variable_name = 'port'"), ['port\t3306']);
  assert.deepEqual(ask('show grants'), ["GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION"]);
  assert.deepEqual(ask('select schema_name from information_schema.schemata where schema_name like "m%"'), ['mysql']);
  assert.deepEqual(ask('select count(*) from mysql.user where user = "root"'), ['1']);
  assert.deepEqual(ask('select 1 union all select 2'), ['1', '2']);
  assert.deepEqual(ask('/*!40101 SET NAMES utf8 */'), ['OK 0']);
  assert.deepEqual(ask("select 'a' -- rest\n, 0x41, hex('AB'), 7 div 2, if(1>2,'x','y'), 10/4"), [
    'a\tA\t4142\t3\ty\t2.5000',
  ]);
});

test('errors have the words of the server', () => {
  const ask = asking();
  assert.deepEqual(ask('select * from t'), ['1046 3D000No database selected']);
  assert.deepEqual(ask('select * from mysql.t'), ["1146 42S02Table 'mysql.t' doesn't exist"]);
  assert.deepEqual(ask('select nope from mysql.user'), ["1054 42S22Unknown column 'nope' in 'field list'"]);
  assert.deepEqual(ask('select @@nope'), ["1193 HY000Unknown system variable 'nope'"]);
  assert.deepEqual(ask(''), ['1065 42000Query was empty']);
  assert.match(
    ask('select 1\nfrom where')[0] ?? '',
    /^1064 42000You have an error in your SQL syntax; .* near 'where' at line 2$/,
  );
  assert.match(ask("select 'open")[0] ?? '', /^1064 .*near ''open' at line 1$/);
});

test('a statement that costs too much ends within its share of work', () => {
  const ask = asking();
  ask('create database big');
  ask('use big');
  ask('create table t (a int)');
  const rows = Array.from({ length: 2000 }, (_, i) => `(${i})`).join(',');
  assert.deepEqual(ask(`insert into t values ${rows}`).length, 1);
  const started = process.cpuUsage();
  ask('select count(*) from t a, t b, t c, t d where a.a + b.a + c.a + d.a = -1');
  ask(`select ${Array.from({ length: 500 }, () => "repeat('x', 1000000)").join(',')}`);
  assert.ok(process.cpuUsage(started).user < 5_000_000);
});

test('hostile text is answered, never thrown', () => {
  const words = [
    'select',
    'from',
    'where',
    '(',
    ')',
    ',',
    '*',
    "'",
    '"',
    '`',
    'union',
    'into',
    'dumpfile',
    'show',
    'tables',
    'like',
    '%',
    '@@',
    '@a',
    ':=',
    '0x',
    '?',
    ';',
    'case',
    'when',
    'end',
    'in',
    'not',
    'between',
    'create',
    'table',
    'insert',
    'values',
    'set',
    '=',
    '1',
    'null',
    '/*',
    '*/',
    '--',
    '.',
    'order by',
    'group by',
    'limit',
    'mysql.user',
  ];
  const ask = asking();
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...words), { maxLength: 24 }), (parts) => {
      ask(parts.join(' '));
    }),
    { numRuns: 1500 },
  );
  ask(`select ${'('.repeat(10_000)}`);
  ask(`select ${'not '.repeat(10_000)} 1`);
  ask(`select ${'- '.repeat(10_000)} 1`);
  ask(`select ${"concat('a',".repeat(2000)}`);
  ask(`select * from ${'(select * from '.repeat(2000)}`);
});
