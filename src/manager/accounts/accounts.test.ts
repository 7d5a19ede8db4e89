import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { errorCode } from '../../events/index.ts';
import { type Control, openControl } from '../control/database.ts';
import { Accounts, OWNER } from './accounts.ts';
import { hashPassword, verifyPassword } from './secrets.ts';

const DAY_MS = 86_400_000;
const PASSWORD = 'correct horse battery';
const hasCode = (code: string) => (error: unknown) => errorCode(error) === code;

let control: Control;
let accounts: Accounts;
let now: number;
beforeEach(() => {
  control = openControl(':memory:');
  now = Date.parse('2026-11-22T10:00:00.000Z');
  accounts = new Accounts(control, () => now);
});
afterEach(() => control.close());

test('a one-time link signs the owner in once, and then never again', () => {
  const link = accounts.makeLink();
  const user = accounts.redeem(link);
  assert.deepEqual([user?.username, user?.role, user?.has_password], [OWNER, 'admin', false]);
  assert.equal(accounts.redeem(link), undefined);
  assert.equal(accounts.redeem('sdl_nothing'), undefined);
});

test('a one-time link is too old after an hour, and is used up by being tried', () => {
  const link = accounts.makeLink();
  now += 61 * 60_000;
  assert.equal(accounts.redeem(link), undefined);
  now -= 61 * 60_000;
  assert.equal(accounts.redeem(link), undefined);
});

test('a link is for the first administrator, whatever name that one has', async () => {
  const owner = accounts.redeem(accounts.makeLink());
  assert.ok(owner !== undefined);
  await accounts.claim(owner, 'ann', PASSWORD);
  assert.equal(accounts.redeem(accounts.makeLink())?.username, 'ann');
});

test('an account takes its name and password once', async () => {
  const owner = accounts.redeem(accounts.makeLink());
  assert.ok(owner !== undefined);
  const claims = await Promise.allSettled([
    accounts.claim(owner, 'ann', PASSWORD),
    accounts.claim(owner, 'eve', 'another long password'),
  ]);
  assert.equal(claims.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.equal(accounts.users().length, 1);
  await assert.rejects(accounts.claim(owner, 'late', PASSWORD), hasCode('USER_HAS_PASSWORD'));
});

test('a name that another has cannot be claimed, in any case of letters', async () => {
  await accounts.addUser('Ann', 'analyst', PASSWORD);
  const owner = accounts.redeem(accounts.makeLink());
  assert.ok(owner !== undefined);
  await assert.rejects(accounts.claim(owner, 'ANN', PASSWORD), hasCode('USER_EXISTS'));
});

test('name and password together sign in, and nothing else does', async () => {
  await accounts.addUser('ann', 'analyst', PASSWORD);
  assert.equal((await accounts.check('ann', PASSWORD))?.role, 'analyst');
  assert.equal((await accounts.check('ANN', PASSWORD))?.username, 'ann');
  assert.equal(await accounts.check('ann', `${PASSWORD}!`), undefined);
  assert.equal(await accounts.check('bob', PASSWORD), undefined);
  assert.equal(await accounts.check("ann' OR 1=1 --", PASSWORD), undefined);
  accounts.makeLink();
  assert.equal(await accounts.check(OWNER, ''), undefined, 'an account without a password has none');
});

test('an unknown name takes as long as a wrong password', async () => {
  await accounts.addUser('ann', 'analyst', PASSWORD);
  const time = async (username: string): Promise<number> => {
    const times: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      const begun = performance.now();
      await accounts.check(username, 'not the password');
      times.push(performance.now() - begun);
    }
    return times.sort((a, b) => a - b)[2] as number;
  };
  await accounts.check('warm', 'up');
  const [known, unknown] = [await time('ann'), await time('nobody')];
  assert.ok(known < unknown * 4 && unknown < known * 4, `${known} ms for a user, ${unknown} ms for none`);
});

test('passwords that are too short or too long and names that are none are refused', async () => {
  await assert.rejects(accounts.addUser('ann', 'analyst', 'short'), hasCode('PASSWORD_SHORT'));
  await assert.rejects(accounts.addUser('ann', 'analyst', 'x'.repeat(1025)), hasCode('PASSWORD_LONG'));
  for (const name of ['', 'a b', 'x'.repeat(65), 'ann\n', '<b>'])
    await assert.rejects(accounts.addUser(name, 'analyst', PASSWORD), hasCode('USER_NAME'), JSON.stringify(name));
  assert.deepEqual(accounts.users(), []);
});

test('of two who add the same user at once, one is told that it exists', async () => {
  const added = await Promise.allSettled([
    accounts.addUser('ann', 'admin', PASSWORD),
    accounts.addUser('Ann', 'analyst', PASSWORD),
  ]);
  assert.deepEqual(added.map((result) => (result.status === 'fulfilled' ? 'added' : errorCode(result.reason))).sort(), [
    'USER_EXISTS',
    'added',
  ]);
  assert.equal(accounts.users().length, 1);
});

test('a browser session lasts until it ends, is closed, or its user is gone', async () => {
  const user = await accounts.addUser('ann', 'analyst', PASSWORD);
  const [first, second, third] = [1, 2, 3].map(() => accounts.openSession(user).token) as [string, string, string];
  assert.equal(accounts.bySession(first)?.name, 'ann');
  accounts.closeSession(first);
  assert.equal(accounts.bySession(first), undefined);
  now += 31 * DAY_MS;
  assert.equal(accounts.bySession(second), undefined);
  now -= 31 * DAY_MS;
  assert.ok(accounts.bySession(third));
  accounts.removeUser('ann');
  assert.equal(accounts.bySession(third), undefined);
});

test('a new password signs its user out everywhere', async () => {
  const user = await accounts.addUser('ann', 'analyst', PASSWORD);
  const { token } = accounts.openSession(user);
  await accounts.setPassword('Ann', 'another long password');
  assert.equal(accounts.bySession(token), undefined);
  assert.equal(await accounts.check('ann', PASSWORD), undefined);
  assert.ok(await accounts.check('ann', 'another long password'));
  await assert.rejects(accounts.setPassword('bob', PASSWORD), hasCode('USER_UNKNOWN'));
});

test('the last administrator cannot be removed, others can', async () => {
  await accounts.addUser('ann', 'admin', PASSWORD);
  await accounts.addUser('bob', 'analyst', PASSWORD);
  assert.throws(() => accounts.removeUser('ANN'), hasCode('USER_LAST_ADMIN'));
  await accounts.addUser('eve', 'admin', PASSWORD);
  accounts.removeUser('ann');
  assert.throws(() => accounts.removeUser('eve'), hasCode('USER_LAST_ADMIN'));
  accounts.removeUser('bob');
  assert.throws(() => accounts.removeUser('bob'), hasCode('USER_UNKNOWN'));
});

test('a token works until it expires or is removed, and notes when it was used', () => {
  const token = accounts.addToken('ci', 'analyst', 7);
  assert.equal(accounts.tokens()[0]?.last_used_at, null);
  assert.equal(accounts.byToken(token)?.role, 'analyst');
  assert.equal(accounts.tokens()[0]?.last_used_at, new Date(now).toISOString());
  assert.equal(accounts.byToken(`${token}x`), undefined);
  assert.throws(() => accounts.addToken('ci', 'admin', undefined), hasCode('TOKEN_EXISTS'));
  assert.throws(() => accounts.addToken('a/b', 'admin', undefined), hasCode('TOKEN_NAME'));
  now += 7 * DAY_MS + 1;
  assert.equal(accounts.byToken(token), undefined);
  const lasting = accounts.addToken('forever', 'admin', undefined);
  now += 3650 * DAY_MS;
  assert.equal(accounts.byToken(lasting)?.role, 'admin');
  accounts.removeToken('forever');
  assert.equal(accounts.byToken(lasting), undefined);
  assert.throws(() => accounts.removeToken('forever'), hasCode('TOKEN_UNKNOWN'));
});

test('nothing that signs anybody in is kept in clear', async () => {
  const user = await accounts.addUser('ann', 'admin', PASSWORD);
  const secrets = [PASSWORD, accounts.makeLink(), accounts.openSession(user).token, accounts.addToken('t', 'admin', 1)];
  for (const table of ['users', 'tokens', 'sign_in_links', 'web_sessions']) {
    for (const row of control.db.prepare(`SELECT * FROM ${table}`).all())
      for (const value of Object.values(row)) {
        const text = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value);
        for (const secret of secrets) assert.ok(!text.includes(secret), `${table} holds a secret`);
      }
  }
});

test('a password is hashed as Argon2id with its own salt, and read whatever its accents are made of', async () => {
  const [one, two] = [await hashPassword('café du monde 12'), await hashPassword('café du monde 12')];
  assert.match(one, /^\$argon2id\$v=19\$m=65536,t=3,p=4\$/);
  assert.notEqual(one, two);
  assert.ok(await verifyPassword('cafe\u0301 du monde 12', one));
  assert.equal(await verifyPassword('cafe du monde 12', one), false);
  assert.equal(await verifyPassword('anything', 'no hash'), false);
});

test('a flood of passwords is refused and does not wait without end', async () => {
  const phc = await hashPassword(PASSWORD);
  const tried = await Promise.allSettled(Array.from({ length: 30 }, () => verifyPassword('wrong', phc)));
  const refused = tried.filter((result) => result.status === 'rejected');
  assert.ok(refused.length > 0);
  for (const { reason } of refused) assert.equal(errorCode(reason), 'PASSWORDS_BUSY');
});
