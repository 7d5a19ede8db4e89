/** SQL Server as its clients see it: FreeTDS' tsql, the tedious package, and the brute-force tools, with and without encryption. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Connection, Request } from 'tedious';
import { needs, run } from '../support/programs.ts';
import type { Stack } from '../support/stack.ts';
import { bruteForceTests, LURE_OPTIONS, LURED } from './brute-force.ts';
import { startDecoys, stopDecoys } from './decoys.ts';
import { ofType, onlyLogin, recordInTime } from './record.ts';

let shut: Stack;
let luring: Stack;
let folder: string;
const ENCRYPTION = ['off', 'request', 'require'] as const;

before(async () => {
  [shut, luring] = await startDecoys(
    { services: ['mssql'], persona: 'windows-server' },
    { services: ['mssql'], persona: 'windows-server', options: { mssql: LURE_OPTIONS } },
  );
  folder = mkdtempSync(join(tmpdir(), 'sundew-tsql-'));
  const servers = Object.entries({ shut, luring }).flatMap(([name, stack]) =>
    ENCRYPTION.map(
      (encryption) =>
        `[${name}-${encryption}]\nhost = 127.0.0.1\nport = ${stack.port('mssql')}\ntds version = 7.4\nencryption = ${encryption}\n`,
    ),
  );
  writeFileSync(join(folder, 'freetds.conf'), servers.join('\n'));
});
after(async () => {
  await stopDecoys(shut, luring);
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

const { username, password } = LURED;
const tsql = (server: string, user: string, word: string, input: string) =>
  run('tsql', ['-S', server, '-U', user, '-P', word], { input, env: { FREETDSCONF: join(folder, 'freetds.conf') } });

for (const encryption of ENCRYPTION) {
  test(`tsql, encryption ${encryption}: a refused login is error 18456 and is recorded in clear`, {
    skip: needs('tsql'),
  }, async (context) => {
    const { result, events } = await recordInTime(context, shut, shut.port('mssql'), () =>
      tsql(`shut-${encryption}`, 'sa', 'S3cret!', 'exit\n'),
    );
    assert.notEqual(result.code, 0);
    assert.match(result.stderr, /Msg 18456 .*\n.*Login failed for user 'sa'/);
    assert.deepEqual(onlyLogin(events), ['sa', 'S3cret!', 'plain', false]);
    const ja4 = ofType(events, 'peer.fingerprint').filter((event) => event.fields.kind === 'ja4');
    assert.equal(ja4.length, encryption === 'off' ? 0 : 1);
  });

  test(`tsql, encryption ${encryption}: a login that the lure lets in gets answers, and its batch is recorded`, {
    skip: needs('tsql'),
  }, async (context) => {
    const { result, events } = await recordInTime(context, luring, luring.port('mssql'), () =>
      tsql(`luring-${encryption}`, username, password, 'select @@version\ngo\nexit\n'),
    );
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /Microsoft SQL Server 20/);
    assert.deepEqual(onlyLogin(events), [username, password, 'plain', true]);
    const queries = ofType(events, 'query').map((event) => String(event.fields.statement).trim());
    assert.ok(queries.includes('select @@version'), queries.join(' | '));
  });
}

/** Logs in and, where that works, asks one question; returns the answer or the number of the error. */
function ask(stack: Stack, user: string, word: string, encrypt: boolean, sql: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const connection = new Connection({
      server: '127.0.0.1',
      authentication: { type: 'default', options: { userName: user, password: word } },
      options: {
        port: stack.port('mssql'),
        encrypt,
        trustServerCertificate: true,
        connectTimeout: 20_000,
        serverName: 'decoy',
      },
    });
    let answer: unknown;
    let refusal: unknown;
    connection.on('errorMessage', (message: { number?: number }) => {
      refusal ??= message.number;
    });
    connection.on('connect', (error) => {
      if (error !== undefined && error !== null) {
        answer = refusal;
        connection.close();
        return;
      }
      const request = new Request(sql, (failure) => {
        if (failure !== undefined && failure !== null) reject(failure);
        connection.close();
      });
      request.on('row', (columns: { value: unknown }[]) => {
        answer = columns[0]?.value;
      });
      connection.execSql(request);
    });
    connection.on('end', () => resolve(answer));
    connection.on('error', () => undefined);
    connection.connect();
  });
}

for (const encrypt of [false, true]) {
  const how = encrypt ? 'encrypted' : 'with only the login encrypted';
  test(`tedious, ${how}: a refused login is recorded`, async (context) => {
    const { result, events } = await recordInTime(context, shut, shut.port('mssql'), () =>
      ask(shut, 'reporting', "O'Reilly ü", encrypt, 'SELECT 1'),
    );
    assert.equal(result, 18456);
    assert.deepEqual(onlyLogin(events), ['reporting', "O'Reilly ü", 'plain', false]);
  });

  test(`tedious, ${how}: a login that the lure lets in gets an answer`, async (context) => {
    const { result, events } = await recordInTime(context, luring, luring.port('mssql'), () =>
      ask(luring, username, password, encrypt, 'SELECT 6 * 7 AS answer'),
    );
    assert.equal(result, 42);
    assert.deepEqual(onlyLogin(events), [username, password, 'plain', true]);
    assert.match(JSON.stringify(ofType(events, 'query').map((event) => event.fields)), /SELECT 6 \* 7 AS answer/);
  });
}

bruteForceTests({
  shut: () => shut,
  luring: () => luring,
  target: (_, stack) => ({ port: stack.port('mssql'), module: 'mssql' }),
});
