/** Coming in by the one-time link, choosing a name and a password, going and coming back. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { type Dashboard, NO_BROWSER, startDashboard } from './dashboard.ts';

const NAME = 'mara';
const PASSWORD = 'correct horse battery';

let dashboard: Dashboard;
before(async () => {
  if (NO_BROWSER === false) dashboard = await startDashboard();
});
after(async () => {
  await dashboard?.stop();
});

const overview = async (page: Page): Promise<void> => {
  await page.getByRole('heading', { name: 'Overview', exact: true }).waitFor();
};
async function signIn(page: Page, name: string, password: string): Promise<void> {
  await page.getByLabel('User name', { exact: true }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

test('whoever is not signed in gets the sign-in page, and nothing from the API', { skip: NO_BROWSER }, async () => {
  const page = await dashboard.visitor();
  await page.goto('/sessions?country=CN');
  await page.getByRole('heading', { name: 'Sign in to Sundew' }).waitFor();
  assert.equal((await page.request.get('/api/v1/sessions')).status(), 401);
  await page.context().close();
});

test('the one-time link signs in once, leaves the address, and is refused the second time', {
  skip: NO_BROWSER,
}, async () => {
  const link = `/signin#token=${dashboard.stack.signInToken}`;
  const first = await dashboard.visitor();
  await first.goto(link);
  await first.getByRole('heading', { name: 'Choose a user name and password' }).waitFor();
  assert.doesNotMatch(first.url(), /token/);

  const second = await dashboard.visitor();
  await second.goto(link);
  await second.getByRole('alert').filter({ hasText: 'this link has been used' }).waitFor();
  assert.equal((await second.request.get('/api/v1/me')).status(), 401);
  await second.context().close();

  await first.getByLabel('User name', { exact: true }).fill(NAME);
  await first.getByLabel('Password', { exact: true }).fill('too short');
  await first.getByRole('button', { name: 'Save' }).click();
  await first.locator('input[type=password]:invalid').waitFor();
  await first.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await first.getByRole('button', { name: 'Save' }).click();
  await overview(first);
  await first.context().close();
});

test('the chosen name and password sign in, a wrong password does not, and signing out ends it', {
  skip: NO_BROWSER,
}, async () => {
  const page = await dashboard.visitor();
  await page.goto('/signin?next=%2Fsessions%3Fcountry%3DCN');
  await signIn(page, NAME, 'not the password');
  await page.getByRole('alert').filter({ hasText: 'user name or password is wrong' }).waitFor();
  await signIn(page, NAME, PASSWORD);
  await page.getByRole('heading', { name: 'Sessions', exact: true }).waitFor();
  assert.ok(page.url().endsWith('/sessions?country=CN'), 'it goes on where one wanted to go');

  const cookies = await page.context().cookies();
  assert.deepEqual(
    cookies.map(({ name, httpOnly, sameSite }) => ({ name, httpOnly, sameSite })),
    [{ name: 'sundew_session', httpOnly: true, sameSite: 'Strict' }],
  );
  await page.getByRole('button', { name: `Menu of ${NAME}` }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in to Sundew' }).waitFor();
  assert.equal((await page.request.get('/api/v1/me')).status(), 401);
  // The session itself has ended, and not only this browser's knowledge of it.
  await page.context().addCookies(cookies);
  assert.equal((await page.request.get('/api/v1/me')).status(), 401);
  await page.context().close();
});

test('a sign-in page that is asked to go elsewhere stays here', { skip: NO_BROWSER }, async () => {
  const page = await dashboard.visitor();
  await page.goto(`/signin?next=${encodeURIComponent('//evil.example/')}`);
  await signIn(page, NAME, PASSWORD);
  await overview(page);
  assert.equal(new URL(page.url()).origin, dashboard.stack.url);
  await page.context().close();
});

test('nothing went wrong in these pages but the refusals', { skip: NO_BROWSER }, () => {
  assert.deepEqual(
    dashboard.problems.filter((problem) => !/status of 401/.test(problem)),
    [],
  );
});
