import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { brotliCompressSync, deflateSync, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { isRetryable } from '../client.ts';
import { MAX_ROWS_BYTES } from './scratch.ts';
import { spawnHost, startTestHost, type TestHost } from './testing.ts';

interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  text: string;
}

describe('the store host over its socket', () => {
  let host: TestHost;
  before(async () => {
    host = await startTestHost();
  });
  after(() => host.close());

  async function ask(
    path: string,
    body?: Buffer | string,
    headers: OutgoingHttpHeaders = {},
    method?: string,
  ): Promise<Reply> {
    const auth = { 'X-ClickHouse-Key': host.token, ...headers };
    const sent = request({
      socketPath: host.socketPath,
      path,
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: auth,
    });
    sent.on('error', () => undefined);
    sent.end(body);
    const [response] = await once(sent, 'response');
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    return { status: response.statusCode, headers: response.headers, body: bytes, text: bytes.toString('utf8') };
  }
  const written = (reply: Reply): string => {
    assert.equal(reply.status, 200, reply.text);
    return JSON.parse(String(reply.headers['x-clickhouse-summary'])).written_rows;
  };
  const insertInto = (table: string, format: string): string =>
    `/?query=${encodeURIComponent(`INSERT INTO ${table} FORMAT ${format}`)}`;

  test('the socket is for its owner alone', () => {
    assert.equal(statSync(host.socketPath).mode & 0o777, 0o600);
    assert.equal(statSync(join(host.socketPath, '..')).mode & 0o777, 0o700);
  });

  test('without the token there is only a ping', async () => {
    assert.equal((await ask('/ping', undefined, { 'X-ClickHouse-Key': '' })).text, 'Ok.\n');
    for (const key of ['', 'wrong', `${host.token}x`]) {
      const reply = await ask('/?query=SELECT+1', undefined, { 'X-ClickHouse-Key': key });
      assert.equal(reply.status, 403);
      assert.equal(reply.headers['x-clickhouse-exception-code'], '516');
      assert.match(reply.text, /^Code: 516\. DB::Exception: .*\(AUTHENTICATION_FAILED\)\n$/);
    }
    const basic = `Basic ${Buffer.from(`default:${host.token}`).toString('base64')}`;
    assert.equal(
      (await ask('/?query=SELECT+1', undefined, { 'X-ClickHouse-Key': '', Authorization: basic })).text,
      '1\n',
    );
  });

  test('an answer names its query, its format and its type', async () => {
    const reply = await ask('/?query_id=my-id&default_format=CSV', 'SELECT 1, 2');
    assert.equal(reply.text, '1,2\n');
    assert.equal(reply.headers['x-clickhouse-query-id'], 'my-id');
    assert.equal(reply.headers['x-clickhouse-format'], 'CSV');
    assert.equal(reply.headers['content-type'], 'text/csv; charset=UTF-8');
    const other = await ask('/?query_id=no%0aid', 'SELECT 1 FORMAT JSONEachRow');
    assert.match(String(other.headers['x-clickhouse-query-id']), /^[0-9a-f-]{36}$/);
    assert.equal(other.text, '{"1":1}\n');
  });

  test('a statement may lie in the URL, in the body, in both, or in a form', async () => {
    const form =
      '--b\r\nContent-Disposition: form-data; name="query"\r\n\r\nSELECT {p:String}\r\n--b\r\nContent-Disposition: form-data; name="param_p"\r\n\r\nx\\ny\r\n--b--\r\n';
    assert.equal((await ask('/?query=SELECT+3')).text, '3\n');
    assert.equal((await ask('/', 'SELECT 4')).text, '4\n');
    assert.equal((await ask('/?query=SELECT+5', ' + 1')).text, '6\n');
    assert.equal((await ask('/', form, { 'Content-Type': 'multipart/form-data; boundary=b' })).text, 'x\\ny\n');
    assert.equal((await ask('/', '')).status, 400);
  });

  test('a parameter that is no UTF-8 comes back byte for byte', async () => {
    const reply = await ask(
      '/?param_p=%ff%00%27%22%60%80\\n&query=SELECT+hex({p:String}),+{p:String}+FORMAT+RawBLOB'.replace(
        'hex({p:String}),+',
        '',
      ),
    );
    assert.deepEqual(reply.body, Buffer.from([0xff, 0, 0x27, 0x22, 0x60, 0x80, 0x0a]));
  });

  test('a GET cannot change anything, and a statement that is no UTF-8 is refused', async () => {
    assert.equal((await ask('/?query=DROP+TABLE+x')).headers['x-clickhouse-exception-code'], '164');
    assert.equal((await ask('/?query=INSERT+INTO+x+VALUES+(1)')).headers['x-clickhouse-exception-code'], '164');
    assert.equal((await ask('/', Buffer.from([0x53, 0xff]))).headers['x-clickhouse-exception-code'], '62');
  });

  test('rows come in any format and any encoding, and are counted', async () => {
    await ask('/', 'CREATE TABLE t (id UInt64, s String) ENGINE = MergeTree ORDER BY id');
    const json = Buffer.from('{"id":1,"s":"a"}\n\n{"id":2,"s":"b"}\n{"id":3,"s":"c"}');
    const encodings = {
      gzip: gzipSync(json),
      deflate: deflateSync(json),
      zstd: zstdCompressSync(json),
      br: brotliCompressSync(json),
    };
    for (const [encoding, body] of Object.entries(encodings)) {
      assert.equal(
        written(await ask(insertInto('t', 'JSONEachRow'), body, { 'Content-Encoding': encoding })),
        '3',
        encoding,
      );
    }
    assert.equal(written(await ask(insertInto('t', 'JSONEachRow'), json)), '3');
    assert.equal(written(await ask(insertInto('t', 'CSV'), '4,"x\n\ny"\n5,z\n')), '2');
    assert.equal(written(await ask('/', "INSERT INTO t (id, s) VALUES (6, 'in\n\nline'), (7, '; DROP TABLE t')")), '2');
    const parquet = (await ask('/', 'SELECT id, s FROM t ORDER BY id FORMAT Parquet SETTINGS max_threads = 1')).body;
    assert.equal(written(await ask(insertInto('t', 'Parquet'), parquet)), '19');
    assert.equal(
      (await ask('/', "SELECT count(), countIf(s = 'x\n\ny'), countIf(s = 'in\n\nline') FROM t")).text,
      '38\t2\t2\n',
    );
  });

  test('formats with a beginning and an end have one of each, however long the result', async () => {
    const sql = 'SELECT number AS id, toString(number) AS s FROM numbers(300000)';
    const csv = (await ask('/', `${sql} FORMAT CSVWithNames`)).text;
    assert.equal(csv.split('"id","s"').length, 2);
    assert.equal(JSON.parse((await ask('/', `${sql} FORMAT JSON`)).text).data.length, 300_000);
    await ask('/', 'CREATE TABLE many (id UInt64, s String) ENGINE = MergeTree ORDER BY id');
    for (const format of ['Parquet', 'Arrow', 'ORC', 'Native', 'RowBinary', 'CSVWithNames', 'MsgPack']) {
      const body = (await ask('/', `${sql} FORMAT ${format}`)).body;
      assert.equal(written(await ask(insertInto('many', format), body)), '300000', format);
      assert.equal(
        (await ask('/', 'SELECT count(), sum(id), uniqExact(s) FROM many')).text,
        '300000\t44999850000\t300000\n',
        format,
      );
      await ask('/', 'TRUNCATE TABLE many');
    }
    assert.deepEqual(readdirSync(join(host.folder, 'store', 'scratch')), []);
  });

  test('a body that is broken or too large is refused, and nothing stays behind', async () => {
    const broken = await ask(insertInto('t', 'JSONEachRow'), Buffer.from('no gzip'), { 'Content-Encoding': 'gzip' });
    assert.equal(broken.headers['x-clickhouse-exception-code'], '271');
    assert.equal(
      (await ask('/', 'SELECT 1', { 'Content-Encoding': 'snappy' })).headers['x-clickhouse-exception-code'],
      '89',
    );
    const bomb = zstdCompressSync(Buffer.alloc(MAX_ROWS_BYTES + 1, 0x20));
    const reply = await ask(insertInto('t', 'JSONEachRow'), bomb, { 'Content-Encoding': 'zstd' });
    assert.equal(reply.headers['x-clickhouse-exception-code'], '307');
    const statement = await ask('/', zstdCompressSync(Buffer.alloc(40 * 1_048_576, 0x20)), {
      'Content-Encoding': 'zstd',
    });
    assert.equal(statement.headers['x-clickhouse-exception-code'], '307');
    assert.deepEqual(readdirSync(join(host.folder, 'store', 'scratch')), []);
  });

  test('results are compressed where the client asks for it', async () => {
    const sql = '/?enable_http_compression=1&query=SELECT+number+FROM+numbers(';
    const plain = (await ask('/?query=SELECT+number+FROM+numbers(200000)')).body;
    const gzip = await ask(`${sql}200000)`, undefined, { 'Accept-Encoding': 'gzip' });
    assert.equal(gzip.headers['content-encoding'], 'gzip');
    assert.deepEqual(gunzipSync(gzip.body), plain);
    const zstd = await ask(`${sql}1000)`, undefined, { 'Accept-Encoding': 'zstd' });
    assert.deepEqual(zstdDecompressSync(zstd.body), plain.subarray(0, zstdDecompressSync(zstd.body).length));
    assert.equal(
      (await ask(`${sql}1)`, undefined, { 'Accept-Encoding': 'gzip' })).headers['content-encoding'],
      undefined,
    );
  });

  test('an error before the first row has its status, and the connection goes on', async () => {
    const reply = await ask('/', 'SELECT * FROM nowhere');
    assert.equal(reply.status, 404);
    assert.equal(reply.headers['x-clickhouse-exception-code'], '60');
    assert.match(reply.text, /^Code: 60\. DB::Exception: .* \(UNKNOWN_TABLE\)\n$/);
    assert.equal((await ask('/', 'SELECT 1; SELECT 2')).status, 400);
    assert.equal((await ask('/', 'SELECT {p:String}')).headers['x-clickhouse-exception-code'], '456');
    assert.equal((await ask('/', 'SELECT 1')).text, '1\n');
  });

  test('a second host on the same folder is refused, and says which folder', async () => {
    const other = spawnHost(host.folder, join(host.folder, 'run', 'other.sock'), host.token);
    assert.equal(await other.ready, false);
    if (other.process.exitCode === null) await once(other.process, 'exit');
    assert.equal(other.process.exitCode, 3, other.log());
    assert.ok(
      other.log().includes(`the store folder ${join(host.folder, 'store')} is in use by another process`),
      other.log(),
    );
    assert.equal((await ask('/', 'SELECT 1')).text, '1\n');
  });
});

describe('the end of the store host', () => {
  test('SIGTERM lets an insert end and ends a question, and what was stored is there again', async () => {
    const host = await startTestHost();
    const client = host.connect();
    await client.command('CREATE TABLE t (id UInt64) ENGINE = MergeTree ORDER BY id');
    const insert = client.command('INSERT INTO t SELECT number + sleepEachRow(0.01) FROM numbers(60)');
    const question = client.query('SELECT max(sipHash64(number)) FROM numbers(100000000000)');
    const asked = assert.rejects(question, (error) => isRetryable(error));
    for (;;) {
      const [row] = await client.query<{ c: string }>('SELECT count() AS c FROM system.processes');
      if (row?.c === '3') break;
    }
    host.process.kill('SIGTERM');
    await Promise.all([insert, asked]);
    if (host.process.exitCode === null) await once(host.process, 'exit');
    assert.equal(host.process.exitCode, 0);
    assert.equal(existsSync(host.socketPath), false);
    await assert.rejects(client.ping(), (error) => isRetryable(error));
    await host.start();
    assert.deepEqual(await client.query('SELECT count() AS c FROM t'), [{ c: '60' }]);
    assert.equal(await host.close(), 0);
  });

  test('a killed host leaves a socket that the next one replaces', async () => {
    const host = await startTestHost();
    await host.kill();
    assert.equal(existsSync(host.socketPath), true);
    await host.start();
    await host.connect().ping();
    assert.equal(await host.close(), 0);
  });
});
