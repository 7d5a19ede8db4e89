/** What an import brought, on the screen: totals and rows are the API's, filters are in the address, nothing that a peer wrote runs. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { importFile } from '../../src/cli/import-file.ts';
import {
  type Dashboard,
  DESKTOP,
  NO_BROWSER,
  numberOf,
  overflow,
  PHONE,
  settled,
  startDashboard,
  textOf,
} from './dashboard.ts';
import { HOSTILE, INVISIBLE, writeMhnFile } from './mhn-file.ts';

type TopRow = { value: string | number | null; sessions: number; sources: number };
type SessionRow = { id: string; logins: number; username: string | null };

let dashboard: Dashboard;
let rows = 0;
before(async () => {
  if (NO_BROWSER !== false) return;
  dashboard = await startDashboard();
  const path = join(dashboard.stack.dataDir, 'export.json');
  rows = writeMhnFile(path);
  const report = await importFile(dashboard.stack.client, path, { format: 'auto' });
  assert.equal(report.imported, rows);
});
after(async () => {
  await dashboard?.stop();
});

const top = async (by: string, more: Record<string, string> = {}): Promise<TopRow[]> =>
  (await dashboard.stack.client.get<{ data: TopRow[] }>('/stats/top', { by, ...more })).data;
const card = (page: Page, title: string) => page.getByRole('region', { name: title, exact: true });
/** The numbers of a column of a card, from the top. */
async function numbers(page: Page, title: string, fromRight: number): Promise<number[]> {
  const cells = card(page, title).locator(`tbody tr td:nth-last-child(${fromRight})`);
  return (await cells.allTextContents()).map(numberOf);
}

test('the totals are those of the API', { skip: NO_BROWSER }, async () => {
  const page = await dashboard.member();
  await page.goto('/?range=all');
  await settled(page);
  const summary = await dashboard.stack.client.get<Record<string, number>>('/stats/summary');
  assert.equal(summary.sessions, rows);
  const totals = Object.fromEntries(
    await Promise.all(
      (await page.locator('.total').all()).map(async (tile) => [
        await tile.locator('dt').textContent(),
        numberOf(await tile.locator('dd').textContent()),
      ]),
    ),
  );
  assert.deepEqual(totals, {
    Attacks: summary.sessions,
    Attackers: summary.sources,
    'Logins tried': summary.logins,
    Commands: summary.commands,
    Files: summary.files,
    Countries: summary.countries,
    Sensors: summary.sensors,
  });
  await page.context().close();
});

test('each card has the rows of the API, by attacks and by attackers', { skip: NO_BROWSER }, async () => {
  const page = await dashboard.member();
  await page.goto('/?range=all');
  await settled(page);
  for (const [title, by] of [
    ['Countries', 'country'],
    ['Protocols', 'protocol'],
    ['Ports', 'dst_port'],
    ['Networks', 'asn'],
    ['Credentials', 'credential'],
  ] as const) {
    const expected = await top(by, { limit: '8' });
    const message = `${title}: ${JSON.stringify(expected)}`;
    assert.ok(expected.length > 1, message);
    assert.deepEqual(
      await numbers(page, title, 1),
      expected.map((row) => row.sessions),
      message,
    );
    assert.deepEqual(
      await numbers(page, title, 2),
      expected.map((row) => row.sources),
      message,
    );
  }
  assert.deepEqual(
    await card(page, 'Protocols').locator('tbody th').allTextContents(),
    (await top('protocol', { limit: '8' })).map((row) => row.value ?? 'unknown'),
  );
  const sources = await top('src_ip', { limit: '10' });
  assert.deepEqual(
    await numbers(page, 'Sources', 1),
    sources.map((row) => row.sessions),
  );
  assert.deepEqual(
    await card(page, 'Sources').locator('.source-ip').allTextContents(),
    sources.map((row) => row.value ?? 'unknown'),
  );

  await card(page, 'Ports').getByRole('button', { name: 'Attackers' }).click();
  const byAttackers = (await top('dst_port', { limit: '8', unique: 'src_ip' })).map((row) => row.sources);
  await card(page, 'Ports').locator('th[aria-sort=descending]', { hasText: 'Attackers' }).waitFor();
  await settled(page);
  assert.deepEqual(await numbers(page, 'Ports', 2), byAttackers);
  await page.context().close();
});

test('the table beside the chart has every session', { skip: NO_BROWSER }, async () => {
  const page = await dashboard.member();
  await page.goto('/?from=2019-05-06T00:00:00Z&to=2019-05-08T00:00:00Z');
  await settled(page);
  await page.getByRole('img', { name: /^Sessions over time by protocol/ }).waitFor();
  await page.getByRole('button', { name: 'Show as table' }).click();
  const all = await page.locator('.timeline table tbody tr td:last-child').allTextContents();
  const { sessions } = await dashboard.stack.client.get<{ sessions: number }>('/stats/summary', {
    ...{ from: '2019-05-06T00:00:00Z', to: '2019-05-08T00:00:00Z' },
  });
  assert.ok(sessions > 100);
  assert.equal(
    all.map(numberOf).reduce((sum, count) => sum + count, 0),
    sessions,
  );
  await page.context().close();
});

test('a row of a card leads to its sessions, and the filters are in the address', { skip: NO_BROWSER }, async () => {
  const page = await dashboard.member();
  await page.goto('/?range=all');
  await settled(page);
  await card(page, 'Protocols').getByRole('link', { name: 'mssqld' }).click();
  await page.waitForURL('**/sessions?protocol=mssqld');
  const count = async (query: Record<string, string>): Promise<number> =>
    (await dashboard.stack.client.get<{ sessions: number }>('/stats/summary', query)).sessions;
  const says = async (expected: number): Promise<void> =>
    await page.getByText(`${expected} sessions, and that is all`, { exact: true }).waitFor();
  await says(await count({ protocol: 'mssqld' }));

  const search = page.getByRole('searchbox');
  await search.fill('!ip:1.1.1.1');
  await search.press('Enter');
  await page.waitForURL('**/sessions?protocol=mssqld&src_ip%21=1.1.1.1');
  await says(await count({ protocol: 'mssqld', 'src_ip!': '1.1.1.1' }));

  await page.getByRole('button', { name: 'Remove the filter Protocol' }).click();
  await page.waitForURL('**/sessions?src_ip%21=1.1.1.1');
  await page.goBack();
  await says(await count({ protocol: 'mssqld', 'src_ip!': '1.1.1.1' }));
  await page.reload();
  await says(await count({ protocol: 'mssqld', 'src_ip!': '1.1.1.1' }));
  assert.equal(
    await page.getByRole('list', { name: 'Filters' }).getByRole('listitem').count(),
    3,
    'two, and to clear all',
  );

  await page.goto('/sessions?country=unknown&protocol=mssqld');
  await settled(page);
  await says(await count({ country: 'unknown', protocol: 'mssqld' }));
  await page.context().close();
});

test('scrolling brings all sessions, each once, and only those in view are in the page', {
  skip: NO_BROWSER,
}, async () => {
  const page = await dashboard.member();
  await page.goto('/sessions');
  await settled(page);
  const seen = new Map<string, string>();
  const end = page.getByText(`${rows} sessions, and that is all`, { exact: true });
  for (let steps = 0; seen.size < rows && steps < 200; steps += 1) {
    const links = await page.evaluate<[string, string][]>(
      "[...document.querySelectorAll('.row-link')].map((link) => [link.dataset.row, link.getAttribute('href')])",
    );
    for (const [row, href] of links) {
      assert.equal(seen.get(row) ?? href, href, `row ${row} stays what it was`);
      seen.set(row, href);
    }
    assert.ok(links.length < 80, `${links.length} rows in the page`);
    await page.evaluate('window.scrollBy(0, 500)');
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  }
  await end.waitFor();
  assert.equal(new Set(seen.values()).size, rows);
  await page.context().close();
});

test('text that a peer wrote is shown as text and runs nothing', { skip: NO_BROWSER }, async () => {
  const page = await dashboard.member();
  const { data } = await dashboard.stack.client.get<{ data: SessionRow[] }>('/sessions', {
    ...{ protocol: 'ssh', limit: '500' },
  });
  const idOf = (username: string): string | undefined => data.find((row) => row.username === username)?.id;
  const paths = [
    '/?range=all',
    '/sessions?protocol=ssh',
    `/sessions?${new URLSearchParams({ username: HOSTILE.script })}`,
  ];
  for (const username of [HOSTILE.script, HOSTILE.bidi]) {
    const id = idOf(username);
    assert.ok(id !== undefined);
    paths.push(`/sessions/${id}`);
  }
  for (const path of paths) {
    await page.goto(path);
    await settled(page);
    await page.locator('.peer').first().waitFor();
    const text = await textOf(page.locator('main'));
    const raw = await page.locator('main').innerHTML();
    assert.ok(text.includes(HOSTILE.script) || text.includes('U+202E'), `${path} shows it`);
    for (const hidden of INVISIBLE)
      assert.ok(!(raw + (await page.title())).includes(hidden), `${path} has nothing invisible`);
    assert.equal(await page.locator('main script, main img, main iframe, main a[href*="evil"]').count(), 0);
    assert.equal(await page.evaluate('typeof globalThis.pwned'), 'undefined', `nothing ran on ${path}`);
  }
  await page.goto(`/sessions/${idOf(HOSTILE.bidi)}`);
  await page.locator('.events .peer-mark', { hasText: 'U+202E' }).waitFor();
  await page.locator('.events .peer-mark', { hasText: 'ESC' }).first().waitFor();
  await page.context().close();
});

test('every page fits a window and a phone, light and dark, without an error', { skip: NO_BROWSER }, async () => {
  const { data } = await dashboard.stack.client.get<{ data: SessionRow[] }>('/sessions', { limit: '500' });
  const without = data.find((row) => row.logins === 0)?.id;
  const withLogin = data.find((row) => row.username === HOSTILE.script)?.id;
  const paths = [
    ...[
      '/?range=all',
      '/',
      '/sessions',
      '/sessions?protocol=ssh&country!=US&q=nothing+has+this',
      '/account',
      '/nowhere',
    ],
    ...[`/sessions/${without}`, `/sessions/${withLogin}`, '/sessions/00000000-0000-4000-8000-000000000000'],
  ];
  for (const [viewport, colorScheme] of [
    [DESKTOP, 'light'],
    [PHONE, 'dark'],
  ] as const) {
    const page = await dashboard.member({ viewport, colorScheme });
    for (const path of paths) {
      await page.goto(path);
      await settled(page);
      assert.ok((await overflow(page)) <= 0, `${path} is ${await overflow(page)} px wider than ${viewport.width}`);
      assert.ok((await textOf(page.locator('main'))).length > 20, `${path} is not empty`);
    }
    await page.context().close();
  }
});

test('the policy allows files of the manager and nothing inline', { skip: NO_BROWSER }, async () => {
  const page = await dashboard.member();
  const policy = (await page.goto('/'))?.headers()['content-security-policy'] ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|data:|\*/);
  await page.context().close();
});

test('nothing went wrong in these pages but the session that is not there', { skip: NO_BROWSER }, () => {
  assert.deepEqual(
    dashboard.problems.filter((problem) => !/00000000-0000-4000-8000-000000000000: .*status of 404/.test(problem)),
    [],
  );
});
