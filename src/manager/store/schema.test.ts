import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { errorCode } from '../../events/index.ts';
import type { StoreClient } from './client.ts';
import { startTestHost, type TestHost } from './host/testing.ts';
import { TABLES } from './rows.ts';
import { MIGRATIONS, migrate } from './schema.ts';

let host: TestHost;
let store: StoreClient;
before(async () => {
  host = await startTestHost();
  store = host.connect();
});
after(async () => {
  await host.close();
});

test('an empty store is brought to the newest schema, once', async () => {
  assert.deepEqual(await migrate(store), { from: 0, to: MIGRATIONS.length });
  assert.deepEqual(await migrate(store), { from: MIGRATIONS.length, to: MIGRATIONS.length });
});

test('a migration that was stopped in the middle is done again', async () => {
  await store.command('TRUNCATE TABLE schema_versions');
  await store.command('DROP TABLE transcripts');
  assert.equal((await migrate(store)).from, 0);
  assert.deepEqual(await store.query('SELECT * FROM transcripts'), []);
});

test('every column that is written is there, and repeated and acknowledged inserts are what they say', async () => {
  for (const [table, columns] of Object.entries(TABLES)) {
    const rows = await store.query<{ name: string }>('SELECT name FROM system.columns WHERE table = {t:String}', {
      t: table,
    });
    const there = new Set(rows.map(({ name }) => name));
    for (const column of columns) assert.ok(there.has(column), `${table}.${column}`);
    const [made] = await store.query<{ sql: string }>(
      'SELECT create_table_query AS sql FROM system.tables WHERE name = {t:String}',
      { t: table },
    );
    assert.match(made?.sql ?? '', /fsync_after_insert = 1.*non_replicated_deduplication_window = 1000/s);
  }
});

test('a store of a newer version is refused', async () => {
  await store.insert(
    'schema_versions',
    ['version', 'name', 'applied_at'],
    `{"version":${MIGRATIONS.length + 1},"name":"later","applied_at":"2026-01-01 00:00:00"}\n`,
    { token: 'later' },
  );
  await assert.rejects(migrate(store), (error) => errorCode(error) === 'STORE_TOO_NEW');
});
