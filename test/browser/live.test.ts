/** From an attack to the screen: what is done to a decoy is in the open page a moment later, with every word and byte of it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { until } from '../support/until.ts';
import { type Dashboard, NO_BROWSER, overflow, PHONE, settled, startDashboard, textOf } from './dashboard.ts';
import { HOSTILE, INVISIBLE } from './mhn-file.ts';

/** The aim is a second; a machine that runs other tests beside gets some more. */
const SOON_MS = 3000;

let dashboard: Dashboard;
before(async () => {
  if (NO_BROWSER === false) dashboard = await startDashboard({ sensor: true });
});
after(async () => {
  await dashboard?.stop();
});

/** One request with HTTP basic credentials to the decoy; the connection is closed after it, which ends the session. */
async function attack(username: string, password: string, path = '/manager/html'): Promise<void> {
  const credentials = Buffer.from(`${username}:${password}`).toString('base64');
  const response = await fetch(`http://127.0.0.1:${dashboard.stack.port('http')}${path}`, {
    headers: { authorization: `Basic ${credentials}`, connection: 'close' },
  });
  await response.arrayBuffer();
}
const row = (page: Page, text: string) => page.locator('table.sessions tbody tr', { hasText: text });
async function isLive(page: Page): Promise<void> {
  await page.locator('.live[data-state=live]').waitFor();
}

test('an empty store says what to do', { skip: NO_BROWSER }, async () => {
  const page = await dashboard.member();
  await page.goto('/?range=all');
  await page.getByText('Nothing has touched your decoys yet').waitFor();
  await page.goto('/sessions');
  await page.getByText('Nothing has touched your decoys yet').waitFor();
  await page.context().close();
});

test('an attack is in the list of sessions at once, with its user name and password', {
  skip: NO_BROWSER,
}, async () => {
  const page = await dashboard.member();
  await page.goto('/sessions');
  await settled(page);
  await isLive(page);
  await page.evaluate('globalThis.loadedOnce = true');
  const began = Date.now();
  await attack('admin', 'hunter2');
  await row(page, 'hunter2').waitFor({ timeout: SOON_MS });
  const took = Date.now() - began;
  assert.match(await textOf(row(page, 'hunter2')), /127\.0\.0\.1[\s\S]*http[\s\S]*1 login[\s\S]*admin/);
  assert.equal(await page.evaluate('globalThis.loadedOnce'), true, 'without a reload');
  assert.ok(took < SOON_MS, `${took} ms`);
  await page.context().close();
});

test('the overview counts it, and its latest list has it, without a reload', { skip: NO_BROWSER }, async () => {
  const page = await dashboard.member();
  await page.goto('/?range=1h');
  await settled(page);
  await isLive(page);
  const attacks = page.locator('.total', { hasText: 'Attacks' }).locator('dd');
  const before = Number(await attacks.textContent());
  await attack('root', 'letmein');
  await page.getByRole('region', { name: 'Latest' }).getByText('letmein').waitFor({ timeout: SOON_MS });
  await until('the new total', async () => (Number(await attacks.textContent()) > before ? true : undefined));
  await page.context().close();
});

test('a filtered list takes in what matches and leaves out the rest', { skip: NO_BROWSER }, async () => {
  const page = await dashboard.member();
  await page.goto('/sessions?username=chosen');
  await settled(page);
  await isLive(page);
  await attack('another', 'not-for-here');
  await attack('chosen', 'for-here');
  await row(page, 'for-here').first().waitFor({ timeout: SOON_MS });
  assert.equal(await row(page, 'not-for-here').count(), 0);
  await page.context().close();
});

test('a paused list holds what comes in until it is asked for', { skip: NO_BROWSER }, async () => {
  const page = await dashboard.member();
  await page.goto('/sessions');
  await settled(page);
  await isLive(page);
  await page.getByRole('button', { name: 'Pause' }).click();
  await attack('held', 'held-back');
  await page.getByRole('button', { name: '1 new' }).waitFor({ timeout: SOON_MS });
  assert.equal(await row(page, 'held-back').count(), 0);
  await page.getByRole('button', { name: '1 new' }).click();
  await row(page, 'held-back').waitFor();
  await page.context().close();
});

test('a session has its facts, its events in order, and the bytes of both sides as text and in hex', {
  skip: NO_BROWSER,
}, async () => {
  const page = await dashboard.member();
  await attack('page', 'of-a-session', '/secret/page');
  await page.goto('/sessions?password=of-a-session');
  await row(page, 'of-a-session').locator('a').click();
  await page.getByRole('heading', { name: 'http session from 127.0.0.1' }).waitFor();
  await settled(page);

  const titles = await page.locator('.events h3').allTextContents();
  assert.equal(titles[0], 'Connected');
  assert.equal(titles.at(-1), 'Session ended');
  assert.ok(titles.includes('Login attempt') && titles.includes('Request'), titles.join());
  assert.match(await textOf(page.locator('.event', { hasText: 'Login attempt' })), /page[\s\S]*of-a-session/);
  assert.match(await textOf(page.locator('.event', { hasText: 'Request' }).last()), /GET[\s\S]*\/secret\/page/);
  assert.match(await textOf(page.getByRole('region', { name: 'Facts' })), /127\.0\.0\.1 port \d+/);

  const transcript = page.getByRole('region', { name: 'Transcript' });
  const said = await textOf(transcript.locator('[data-direction=in]').first());
  assert.match(said, /GET \/secret\/page HTTP\/1\.1/);
  assert.match(await textOf(transcript.locator('[data-direction=out]').first()), /HTTP\/1\.1 \d{3} /);
  await transcript.getByRole('button', { name: 'Hex' }).click();
  const hex = await textOf(transcript.locator('[data-direction=in] .hex > div').first());
  assert.match(hex.replace(/\s+/g, ' '), /^000000 47 45 54 20 2f 73 65 63 72 65 74 2f 70 61 67 65 GET \/secret\/page$/);

  await page.setViewportSize(PHONE);
  assert.ok((await overflow(page)) <= 0, 'the hex dump fits a phone or scrolls by itself');
  await page.context().close();
});

test('text that a peer sends is shown as text the moment it comes in', { skip: NO_BROWSER }, async () => {
  const page = await dashboard.member();
  await page.goto('/sessions');
  await settled(page);
  await isLive(page);
  await attack(HOSTILE.script, HOSTILE.image);
  await row(page, HOSTILE.script).waitFor({ timeout: SOON_MS });
  await attack(HOSTILE.bidi, HOSTILE.ansi);
  await row(page, 'U+202E').waitFor({ timeout: SOON_MS });
  await row(page, 'U+202E').locator('a').click();
  await page.locator('.events .peer-mark', { hasText: 'ESC' }).first().waitFor();
  await settled(page);
  const raw = await page.locator('main').innerHTML();
  for (const hidden of INVISIBLE) assert.ok(!raw.includes(hidden));
  assert.equal(await page.evaluate('typeof globalThis.pwned'), 'undefined');
  assert.equal(await page.locator('main img, main script').count(), 0);
  await page.context().close();
});

test('a manager that is restarted is found again by the open page', { skip: NO_BROWSER }, async () => {
  const page = await dashboard.member();
  await page.goto('/sessions');
  await settled(page);
  await isLive(page);
  const known = dashboard.problems.length;
  process.kill(dashboard.stack.manager.pid ?? 0, 'SIGKILL');
  await page.locator('.live[data-state=lost]').waitFor();
  await attack('while', 'it-was-away');
  await row(page, 'it-was-away').waitFor({ timeout: 30_000 });
  await isLive(page);
  // What was asked while nobody answered is no fault of the page.
  dashboard.problems.splice(
    known,
    dashboard.problems.length,
    ...dashboard.problems.slice(known).filter((problem) => !/ERR_|Failed to load/.test(problem)),
  );
  await page.context().close();
});

test('nothing went wrong in these pages', { skip: NO_BROWSER }, () => {
  assert.deepEqual(dashboard.problems, []);
});
