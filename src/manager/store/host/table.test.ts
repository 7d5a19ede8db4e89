import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from './exception.ts';
import { type Column, chooseColumns, fileStructure, parseDescription, TableCache } from './table.ts';

const column = (name: string, type: string, defaultKind = '', defaultExpression = ''): Column => ({
  name,
  type,
  defaultKind,
  defaultExpression,
});
const all = [
  column('id', 'UInt64'),
  column('kind', 'String', 'DEFAULT', "'none'"),
  column('b64', 'String', 'EPHEMERAL'),
  column('data', 'String', 'DEFAULT', 'base64Decode(b64)'),
  column('size', 'UInt64', 'MATERIALIZED', 'length(data)'),
];
const names = (columns: readonly Column[]): string[] => columns.map(({ name }) => name);

test('an insert without a list takes what can be inserted into', () => {
  assert.deepEqual(names(chooseColumns(all, { kind: 'all' })), ['id', 'kind', 'data']);
  assert.deepEqual(names(chooseColumns(all, { kind: 'except', names: ['kind'] })), ['id', 'data']);
  assert.deepEqual(names(chooseColumns(all, { kind: 'only', names: ['b64', 'id'] })), ['b64', 'id']);
});

test('a column that cannot be inserted into is refused', () => {
  for (const name of ['size', 'nowhere']) {
    assert.throws(
      () => chooseColumns(all, { kind: 'only', names: [name] }),
      (error) => error instanceof EngineError && error.number === 16,
    );
  }
});

test('a default is named where its columns are in the list', () => {
  const structure = (list: string[]): string => fileStructure(chooseColumns(all, { kind: 'only', names: list }), all);
  assert.equal(structure(['id', 'kind']), "`id` UInt64, `kind` String DEFAULT 'none'");
  assert.equal(structure(['id', 'data']), '`id` UInt64, `data` String');
  assert.equal(structure(['b64', 'data']), '`b64` String, `data` String DEFAULT base64Decode(b64)');
});

test('a description is asked for once, until a table may have changed', async () => {
  const cache = new TableCache();
  let asked = 0;
  const describe = async (): Promise<Buffer> => {
    asked += 1;
    return Buffer.from('["id","UInt64","","","","",""]\n');
  };
  assert.deepEqual(await cache.columns('d', 't', describe), [column('id', 'UInt64')]);
  await cache.columns('d', 't', describe);
  assert.equal(asked, 1);
  await cache.columns('other', 't', describe);
  cache.forget();
  await cache.columns('d', 't', describe);
  assert.equal(asked, 3);
});

test('a description that was under way when a table changed is not kept', async () => {
  const cache = new TableCache();
  let asked = 0;
  const describe = async (): Promise<Buffer> => {
    asked += 1;
    if (asked === 1) cache.forget();
    return Buffer.from('["id","UInt64","","","","",""]\n');
  };
  await cache.columns('d', 't', describe);
  await cache.columns('d', 't', describe);
  assert.equal(asked, 2);
});

test('a description is read line by line', () => {
  assert.deepEqual(
    parseDescription(Buffer.from('["a","UInt8","DEFAULT","1","","",""]\n["b","String","","","","",""]\n')),
    [column('a', 'UInt8', 'DEFAULT', '1'), column('b', 'String')],
  );
});
