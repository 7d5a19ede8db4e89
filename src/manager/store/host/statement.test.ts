import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EngineError } from './exception.ts';
import { quoteName, quoteText } from './quote.ts';
import { MAX_STATEMENT, parseStatement, type Statement } from './statement.ts';

function refused(sql: string, number = 62): void {
  assert.throws(
    () => parseStatement(sql),
    (error) => error instanceof EngineError && error.number === number,
    sql,
  );
}

function insert(sql: string): Extract<Statement, { kind: 'insert' }> {
  const statement = parseStatement(sql);
  assert.ok(statement.kind === 'insert', statement.kind);
  return statement;
}

describe('one statement', () => {
  test('what reads, what inspects and what changes is told by the first word', () => {
    for (const sql of [
      'SELECT 1',
      'with 1 AS x select x',
      'FROM t SELECT a',
      '(SELECT 1) UNION ALL (SELECT 2)',
      '-- c\n/* c */ select 1',
    ]) {
      assert.equal(parseStatement(sql).kind, 'select', sql);
    }
    for (const sql of ['SHOW TABLES', 'DESCRIBE TABLE t', 'EXPLAIN SELECT 1', 'EXISTS t']) {
      assert.equal(parseStatement(sql).kind, 'inspect', sql);
    }
    for (const sql of [
      'CREATE TABLE t (a UInt8) ENGINE = Memory',
      'DROP TABLE t',
      'INSERT INTO t SELECT 1',
      'OPTIMIZE TABLE t',
      'KILL QUERY WHERE 1',
    ]) {
      assert.equal(parseStatement(sql).kind, 'change', sql);
    }
  });

  test('a second statement is refused, wherever the semicolon stands', () => {
    refused('SELECT 1; DROP TABLE t');
    refused('SELECT 1;;');
    refused("SELECT 'a\\'; DROP TABLE t -- ';\n; DROP TABLE t");
    refused("SELECT ''''; DROP TABLE t");
    refused('SELECT "a""b"; DROP TABLE t');
    refused('SELECT `a\\`` ; DROP TABLE t');
    refused('SELECT 1 /* ; */ ; /* */ DROP TABLE t');
    refused('SELECT 1 -- x\n; DROP TABLE t');
    refused("SELECT x'5C\\'; DROP TABLE t --'");
    refused('DROP TABLE a; DROP TABLE b');
  });

  test('semicolons that separate nothing are fine', () => {
    for (const sql of [
      'SELECT 1;',
      'SELECT 1 ; -- end',
      "SELECT ';'",
      'SELECT 1 /* ; */',
      'SELECT `;`',
      'SELECT 1 # ; comment',
      'SELECT 1 -- ;',
    ]) {
      assert.equal(parseStatement(sql).kind, 'select', sql);
    }
    assert.equal((parseStatement('SELECT 1 ; -- end') as { sql: string }).sql, 'SELECT 1');
  });

  test('what could be read in two ways is refused', () => {
    refused("SELECT 'open");
    refused('SELECT /* open');
    refused('SELECT $a$ ; $a$');
    refused('SELECT ‘a’');
    refused('SELECT 1\0');
    refused('SELECT 1\\G');
    refused('SELECT (1');
    refused('SELECT 1)');
    refused('');
    refused(' -- nothing\n');
    refused(';');
    refused(`SELECT ${'('.repeat(2000)}${')'.repeat(2000)}`);
    refused(`SELECT '${'x'.repeat(MAX_STATEMENT)}'`);
  });

  test('what needs a session is refused', () => {
    for (const sql of [
      'SET max_threads = 1',
      'USE db',
      'CREATE TEMPORARY TABLE t (a UInt8)',
      'CREATE OR REPLACE TEMPORARY TABLE t (a UInt8)',
      'BEGIN TRANSACTION',
    ]) {
      refused(sql, 113);
    }
  });

  test('files of the machine cannot be written', () => {
    refused("SELECT 1 INTO OUTFILE '/tmp/x'", 36);
    refused("INSERT INTO FUNCTION file('/tmp/x') SELECT 1", 36);
    refused("INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", 36);
  });

  test('the format is the one of the closing clause', () => {
    const format = (sql: string): string | null => (parseStatement(sql) as { format: string | null }).format;
    assert.equal(format('SELECT 1 FORMAT JSONEachRow'), 'JSONEachRow');
    assert.equal(format('SELECT 1 \nformat CSV;'), 'CSV');
    assert.equal(format('SELECT 1 FORMAT CSV SETTINGS max_threads = 1'), 'CSV');
    assert.equal(format('SELECT 1'), null);
    assert.equal(format("SELECT 'FORMAT CSV'"), null);
    assert.equal(format('SELECT format FROM t'), null);
    assert.equal(format('SELECT * FROM (SELECT 1 FORMAT CSV)'), null);
  });

  test('parameters are found outside strings only', () => {
    const names = (sql: string): string[] => [
      ...(parseStatement(sql) as { placeholders: ReadonlySet<string> }).placeholders,
    ];
    assert.deepEqual(names('SELECT {a:String}, { b : Array(UInt8) }, {a:String}'), ['a', 'b']);
    assert.deepEqual(names("SELECT '{a:String}', {'k': 1}, map('x', 1)"), []);
  });
});

describe('rows of an insert', () => {
  test('everything behind the format is data, SQL or not', () => {
    const statement = insert('INSERT INTO t FORMAT JSONEachRow\n{"a":1}\n\nDROP TABLE t; \'open');
    assert.deepEqual(statement, {
      kind: 'insert',
      table: 't',
      columns: { kind: 'all' },
      settings: '',
      format: 'JSONEachRow',
      data: '{"a":1}\n\nDROP TABLE t; \'open',
    });
    assert.equal(insert("INSERT INTO t VALUES (1), ('a\n\nDROP')").data, " (1), ('a\n\nDROP')");
    assert.equal(insert('INSERT INTO t FORMAT CSV').data, '');
    assert.equal(insert('INSERT INTO t FORMAT CSV;\n').data, '');
  });

  test('table, columns and settings are taken as they are written', () => {
    const statement = insert(
      "insert into table `my db`.`t``x` (a, `b c`, n.x) settings max_threads = 1, s = 'FORMAT CSV' format CSV",
    );
    assert.equal(statement.table, '`my db`.`t``x`');
    assert.deepEqual(statement.columns, { kind: 'only', names: ['a', 'b c', 'n.x'] });
    assert.equal(statement.settings, "settings max_threads = 1, s = 'FORMAT CSV'");
    const quoted = insert('INSERT INTO t (`\\xc3\\xa9`, `a``b`, "c\\"d", `e\\\\f`) FORMAT CSV');
    assert.deepEqual(quoted.columns, { kind: 'only', names: ['é', 'a`b', 'c"d', 'e\\f'] });
    assert.deepEqual(insert('INSERT INTO t (* EXCEPT (a, b)) FORMAT CSV').columns, {
      kind: 'except',
      names: ['a', 'b'],
    });
  });

  test('an insert from a question is a statement like others', () => {
    for (const sql of [
      'INSERT INTO t (a) SELECT 1',
      'INSERT INTO t (SELECT 1)',
      'INSERT INTO t WITH 1 AS x SELECT x',
      'INSERT INTO t SETTINGS a = 1 SELECT 1',
    ]) {
      assert.equal(parseStatement(sql).kind, 'change', sql);
    }
    refused('INSERT INTO t SELECT 1; DROP TABLE t');
  });

  test('an insert that is not complete is refused', () => {
    for (const sql of [
      'INSERT',
      'INSERT INTO',
      'INSERT INTO t',
      'INSERT INTO t (a',
      'INSERT INTO t (a) FORMAT',
      "INSERT INTO 't', x",
      'INSERT INTO t SETTINGS a = 1; DROP TABLE t',
      'INSERT INTO t (a;b) FORMAT CSV',
      'INSERT t FORMAT CSV',
    ]) {
      refused(sql);
    }
  });
});

describe('whatever is quoted', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary' }).map(quoteText),
    fc.string({ unit: 'binary', minLength: 1 }).map(quoteName),
    fc.string().map((text) => `/* ${text.replaceAll('*/', '')} */`),
    fc.string().map((text) => `-- ${text.replaceAll('\n', '')}\n`),
    fc.constantFrom('1', 'a', 'lower(a)', ', ', '(1, 2)', '{p:String}', ' \n', "x'41'"),
  );

  test('a statement of quoted things is one statement, and with another behind it none', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const sql = `SELECT ${pieces.join(' ')} `;
        assert.equal(parseStatement(sql).kind, 'select');
        assert.equal(parseStatement(`${sql};`).kind, 'select');
        refused(`${sql}; DROP TABLE t`);
      }),
    );
  });

  test('no text makes it fail in another way than by refusing', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.constantFrom('', 'SELECT ', 'INSERT INTO t ', 'INSERT INTO t ('),
        (text, head) => {
          try {
            parseStatement(head + text);
          } catch (error) {
            assert.ok(error instanceof EngineError, String(error));
          }
        },
      ),
    );
  });
});
