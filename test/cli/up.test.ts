/** What runs: starting, ports that are taken, a second process on the same folder, people and tokens, and the end of it all. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { until } from '../support/until.ts';
import { isOneMessage, randomOffset, scratch, start, startUp, stop, sundew, takenPort, type Up } from './sundew.ts';

let up: Up;
const folder = scratch();
const data = folder.path('data');
before(async () => {
  up = await startUp(data, ['--services', 'http,ftp']);
});
after(async () => {
  if (up.child.exitCode === null && up.child.signalCode === null) await stop(up);
  folder.remove();
});

const run = (args: readonly string[], input?: string) => sundew([...args, '--data', data], input);
const SOON_MS = 60_000;

/** Processes that were started by one, by what the system says of parents now; those that were, by number. */
function childrenOf(pid: number | undefined): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid ? [Number(name)] : [];
    } catch {
      // Gone while we looked.
      return [];
    }
  });
}
const isGone = (pid: number): boolean => !existsSync(`/proc/${pid}`);

test('`up` prints the dashboard, a link that signs in, the services and a line to try', async () => {
  const { stdout, stderr } = up.output();
  assert.equal(stderr, '');
  assert.match(stdout, new RegExp(`Dashboard   ${up.url}\n`));
  assert.match(stdout, new RegExp(`Try {9}curl http://127\\.0\\.0\\.1:${80 + up.offset}/`));
  assert.match(stdout, new RegExp(`ftp {6}127\\.0\\.0\\.1:${21 + up.offset} `));
  const page = await fetch(`http://127.0.0.1:${80 + up.offset}/`);
  await page.text();
  assert.ok(page.status < 500);
});

test('`services` lists what listens, and nothing where no sensor runs', async () => {
  const { code, stdout } = await run(['services', '--json']);
  assert.equal(code, 0);
  const services = JSON.parse(stdout) as Record<string, unknown>[];
  for (const service of services)
    assert.deepEqual(Object.keys(service).sort(), ['host', 'persona', 'port', 'protocol', 'transport']);
  assert.ok(services.some((service) => service.protocol === 'ftp' && service.port === 21 + up.offset));
  const none = await sundew(['services', '--data', folder.path('none')]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no sensor runs on .*; start one with `sundew up`/);
});

test('a second process on the same folder is refused with one message, and the first is none the worse', async () => {
  const offset = String(randomOffset());
  for (const [command, flags, message] of [
    [
      'up',
      ['--port-offset', offset, '--listen', '127.0.0.1:0'],
      /a manager runs on the data folder .* already, at http/,
    ],
    ['manager', ['--listen', '127.0.0.1:0'], /a manager runs on the data folder .* already, at http/],
    ['sensor', ['--port-offset', offset], /a sensor runs on the data folder .* already: .*process \d+/],
  ] as const) {
    const { code, stdout, stderr } = await run([command, ...flags]);
    assert.equal(code, 1, command);
    assert.equal(stdout, '', command);
    assert.match(stderr, message);
    assert.ok(isOneMessage(stderr), stderr);
  }
  assert.equal((await run(['stats'])).code, 0);
});

test('a port in use is named, for the manager and for a decoy, and nothing is left running', async () => {
  const other = folder.path('other');
  const manager = await sundew([
    'up',
    '--data',
    other,
    '--listen',
    new URL(up.url).host,
    '--port-offset',
    String(randomOffset()),
  ]);
  assert.equal(manager.code, 1);
  assert.match(
    manager.stderr,
    new RegExp(`${new URL(up.url).host} is in use by another program; stop it, or choose another --listen`),
  );
  assert.ok(isOneMessage(manager.stderr), manager.stderr);
  const decoy = start(
    ['up', '--data', other, '--listen', '127.0.0.1:0', '--port-offset', String(up.offset), '--services', 'ftp'],
    { input: '' },
  );
  const children = await until('its parts', () => {
    const found = childrenOf(decoy.child.pid);
    return found.length >= 2 ? found : undefined;
  });
  const { code, stderr } = await decoy.ended;
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`127\\.0\\.0\\.1 port ${21 + up.offset} \\(ftp\\) is in use by another program`));
  assert.ok(isOneMessage(stderr), stderr);
  assert.ok(children.every(isGone));
});

test('`doctor` of a folder that runs says so; of one that does not it finds the port that is taken', async () => {
  const running = await run(['doctor', '--json']);
  assert.equal(running.code, 0, running.stdout);
  const results = JSON.parse(running.stdout) as { name: string; level: string; text: string }[];
  const textOf = (name: string): string | undefined => results.find((result) => result.name === name)?.text;
  assert.equal(textOf('manager'), `runs at ${up.url}`);
  assert.equal(textOf('store'), 'answers');
  assert.match(textOf('sensor') ?? '', /runs on this data folder with \d+ services/);

  const taken = await takenPort();
  const other = scratch();
  writeFileSync(other.path('sundew.yaml'), `manager:\n  listen: 127.0.0.1:${taken.port}\n  minFreeDiskMb: 999999999\n`);
  const { code, stdout } = await sundew(['doctor', '--data', other.dir]);
  taken.server.close();
  other.remove();
  assert.equal(code, 1);
  assert.match(
    stdout,
    new RegExp(
      `^FAIL {2}manager port: 127\\.0\\.0\\.1 port ${taken.port} is in use\n +see which program has it: ss `,
      'm',
    ),
  );
  assert.match(stdout, /^FAIL {2}disk: .* free, and nothing is taken in below /m);
});

test('`tail` shows a login as it is stored, with the filter that it was given', async () => {
  const tail = start(['tail', '--data', data, '--only', 'events', '--where', 'protocol=ftp', '--json']);
  const shown = () =>
    tail
      .output()
      .stdout.split('\n')
      .flatMap((line) => {
        try {
          return [JSON.parse(line) as { type: string; protocol: string; fields: Record<string, unknown> }];
        } catch {
          // The last line, half of which came.
          return [];
        }
      });
  // What is stored before the stream is open is not shown: a visitor comes until one is.
  const login = await until('the login', async () => {
    await ftpLogin(21 + up.offset, 'tailed', 'secret');
    return shown().find((event) => event.type === 'auth.attempt');
  });
  assert.deepEqual([login.fields.username, login.fields.password], ['tailed', 'secret']);
  assert.ok(shown().every((event) => event.protocol === 'ftp'));
  assert.equal((await stop(tail)).code, 0);
  const nobody = await sundew(['tail', '--data', folder.path('none')]);
  assert.deepEqual([nobody.code, isOneMessage(nobody.stderr)], [1, true]);
});

async function ftpLogin(port: number, user: string, password: string): Promise<void> {
  await new Promise<void>((done) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const words = [`USER ${user}\r\n`, `PASS ${password}\r\n`, 'QUIT\r\n'];
    socket.on('data', () => {
      const word = words.shift();
      if (word !== undefined) socket.write(word);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => done());
  });
}

const signIn = (body: unknown): Promise<Response> =>
  fetch(new URL('/api/v1/signin', up.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

test('the link that `up` printed signs in once; `user link` makes another', async () => {
  const tokenOf = (link: string): string => /#token=(\S+)/.exec(link)?.[1] ?? '';
  for (const link of [up.link, (await run(['user', 'link'])).stdout.trim()]) {
    assert.ok(link.startsWith(`${up.url}/signin#token=`), link);
    assert.equal((await signIn({ token: tokenOf(link) })).status, 200);
    assert.equal((await signIn({ token: tokenOf(link) })).status, 401);
  }
});

test('a user is added, signs in, gets a new password and is removed, with passwords from standard input', async () => {
  const added = await run(['user', 'add', 'maria', '--role', 'admin'], 'correct horse battery\nnot read\n');
  assert.deepEqual([added.code, added.stderr], [0, '']);
  assert.equal((await signIn({ username: 'maria', password: 'correct horse battery' })).status, 200);
  const again = await run(['user', 'add', 'maria'], 'correct horse battery\n');
  assert.deepEqual([again.code, again.stderr], [1, 'sundew: there is a user maria already\n']);
  assert.equal((await run(['user', 'password', 'maria'], 'another long password\n')).code, 0);
  assert.equal((await signIn({ username: 'maria', password: 'correct horse battery' })).status, 401);
  assert.equal((await signIn({ username: 'maria', password: 'another long password' })).status, 200);
  const listed = JSON.parse((await run(['user', 'list', '--json'])).stdout) as { username: string; role: string }[];
  assert.ok(listed.some(({ username, role }) => username === 'maria' && role === 'admin'));
  assert.equal((await run(['user', 'remove', 'maria'])).code, 0);
  assert.equal((await signIn({ username: 'maria', password: 'another long password' })).status, 401);
  const gone = await run(['user', 'remove', 'maria']);
  assert.deepEqual([gone.code, gone.stderr], [1, 'sundew: there is no user maria\n']);
});

test('a password that is too short, none at all, and a name that is none are wrong use', async () => {
  for (const [args, input, message] of [
    [['user', 'add', 'short'], 'short\n', /at least 12 characters/],
    [['user', 'add', 'empty'], '', /no password came on standard input/],
    [['user', 'add', 'a b'], 'correct horse battery\n', /a user name has/],
    [['token', 'add', 'a/b'], '', /a token name has/],
  ] as const) {
    const { code, stderr } = await run(args, input);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
    assert.ok(isOneMessage(stderr), stderr);
  }
});

test('a token works until it is removed, and lets do what its role allows', async () => {
  const made = await run(['token', 'add', 'siem', '--days', '30']);
  const token = made.stdout.trim();
  assert.match(token, /^sdt_[\w-]{43}$/);
  const remote = ['--url', up.url, '--token', token];
  assert.equal((await sundew(['stats', ...remote])).code, 0);
  const refused = await sundew(['user', 'list', ...remote]);
  assert.deepEqual([refused.code, refused.stderr], [1, 'sundew: this needs the role admin\n']);
  assert.match((await run(['token', 'list'])).stdout, /^siem +analyst +\S+ +\S+ +\d{4}-/m);
  assert.equal((await run(['token', 'add', 'siem'])).code, 1);
  assert.equal((await run(['token', 'remove', 'siem'])).code, 0);
  assert.equal((await sundew(['stats', ...remote])).code, 1);
});

test('a control database of a newer version is left alone, with one message', async () => {
  const other = folder.path('newer');
  assert.equal((await sundew(['token', 'add', 'first', '--data', other])).code, 0);
  const path = join(other, 'control.sqlite');
  const db = new DatabaseSync(path);
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  db.exec('PRAGMA user_version = 9999');
  db.close();
  const { code, stderr } = await sundew(['manager', '--data', other, '--listen', '127.0.0.1:0']);
  assert.equal(code, 1);
  assert.match(stderr, /control\.sqlite was written by a newer version of this program \(schema 9999/);
  assert.ok(isOneMessage(stderr), stderr);
  const back = new DatabaseSync(path);
  back.exec(`PRAGMA user_version = ${version}`);
  back.close();
  assert.match((await sundew(['token', 'list', '--data', other])).stdout, /^first /m);
});

test('SIGTERM ends everything within seconds, with 0 and without orphans', async () => {
  const children = childrenOf(up.child.pid);
  assert.ok(children.length >= 3, `${children.length} children`);
  const { code, signal } = await stop(up);
  assert.deepEqual([code, signal], [0, null]);
  assert.ok(children.every(isGone));
  assert.equal((await run(['services'])).code, 1);
  assert.match((await run(['stats', '--by', 'username'])).stdout, /^tailed/m);
});

test('SIGKILL of `up` leaves no orphans, and the next start goes through', async () => {
  up = await startUp(data, ['--services', 'ftp']);
  const children = childrenOf(up.child.pid);
  assert.ok(children.length >= 3, `${children.length} children`);
  up.child.kill('SIGKILL');
  const listen = new URL(up.url).host;
  const ports = ['--listen', listen, '--port-offset', String(up.offset), '--services', 'ftp'];
  const next = start(['up', '--data', data, ...ports]);
  await until('all its processes to be gone', () => (children.every(isGone) ? true : undefined), SOON_MS);
  await until('the next to be ready', () => (/Stop {8}Ctrl-C/.test(next.output().stdout) ? true : undefined), SOON_MS);
  assert.equal((await stop(next)).code, 0);
});

const OLD_NODE = '/usr/bin/node';
test('started by a system Node that is too old, the right one takes over and ends with it', {
  skip: existsSync(OLD_NODE) ? false : 'there is no other Node',
}, async () => {
  const other = folder.path('old');
  const bin = resolve(import.meta.dirname, '../../bin/sundew.mjs');
  const flags = ['--listen', '127.0.0.1:0', '--data', other];
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const outer = spawn(OLD_NODE, [bin, 'manager', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    outer.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    await until('it to be ready', () => (/Ctrl-C/.test(output) ? true : undefined), SOON_MS);
    const parts = childrenOf(outer.pid).flatMap((pid) => [pid, ...childrenOf(pid)]);
    assert.ok(parts.length >= 2);
    const ended = new Promise((done) => outer.once('exit', (code) => done(code)));
    outer.kill(signal);
    assert.equal(await ended, signal === 'SIGTERM' ? 0 : null);
    await until('all its processes to be gone', () => (parts.every(isGone) ? true : undefined), SOON_MS);
  }
  rmSync(other, { recursive: true });
});
