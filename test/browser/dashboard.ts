/** The dashboard of a stack of its own in a real browser, and everything that went wrong in its pages. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core';
import { type Stack, startStack } from '../support/stack.ts';

const CHROMIUM = '/usr/bin/chromium';
const ROOT = resolve(import.meta.dirname, '../..');
/** Why these tests are skipped, where they are. */
export const NO_BROWSER = existsSync(CHROMIUM) ? false : `there is no ${CHROMIUM}`;

const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];
/** What a page waits for at most; a machine that is busy with other tests may need some of it. */
const PATIENCE_MS = 15_000;

export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

export interface Dashboard {
  stack: Stack;
  browser: Browser;
  /** Each error of a page: on its console, thrown, or a request that failed or went elsewhere than to the manager. */
  problems: string[];
  /** A browser of somebody who never was here. */
  visitor(options?: BrowserContextOptions): Promise<Page>;
  /** A page of someone who is signed in. */
  member(options?: BrowserContextOptions): Promise<Page>;
  stop(): Promise<void>;
}

export async function startDashboard(options: { sensor?: boolean } = {}): Promise<Dashboard> {
  const built = spawnSync(process.execPath, ['tools/ensure-web.ts'], { cwd: ROOT, encoding: 'utf8' });
  assert.equal(built.status, 0, `the dashboard does not build:\n${built.stderr}`);
  const stack = await startStack(options);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS }).catch(async (cause: unknown) => {
    await stack.stop();
    throw cause;
  });
  const problems: string[] = [];
  let state: Awaited<ReturnType<BrowserContext['storageState']>> | undefined;

  async function visitor(given: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ baseURL: stack.url, viewport: DESKTOP, timezoneId: 'UTC', ...given });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning')
        problems.push(`${message.type()} on ${page.url()}: ${message.text()} ${message.location().url}`);
    });
    page.on('pageerror', (error) => problems.push(`thrown on ${page.url()}: ${error.message}`));
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== stack.url) problems.push(`${page.url()} asked ${request.url()}`);
    });
    page.on('requestfailed', (request) => {
      // Leaving a page ends what it still asks for.
      const why = request.failure()?.errorText ?? '';
      if (why !== 'net::ERR_ABORTED') problems.push(`${request.url()}: ${why}`);
    });
    return page;
  }

  return {
    ...{ stack, browser, problems, visitor },
    async member(given = {}) {
      if (state === undefined) {
        const page = await visitor();
        await page.goto(`/signin#token=${stack.signInToken}`);
        await page.getByRole('link', { name: 'Later' }).click();
        await page.getByRole('heading', { name: 'Overview' }).waitFor();
        state = await page.context().storageState();
        await page.context().close();
      }
      return await visitor({ storageState: state, ...given });
    },
    async stop() {
      await browser.close();
      await stack.stop();
    },
  };
}

/** Waits until nothing on the page is still being loaded. */
export async function settled(page: Page): Promise<void> {
  await page.locator('main h1').first().waitFor({ state: 'attached' });
  await page.locator('.skeleton, .skeleton-line, .fetching').first().waitFor({ state: 'detached' });
}

export const textOf = async (locator: Locator): Promise<string> => (await locator.textContent()) ?? '';

/** Pixels that a page is wider than its window. */
export const overflow = async (page: Page): Promise<number> =>
  await page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');

/** The number that a text such as `4,140,381` says. */
export const numberOf = (text: string | null): number => Number((text ?? '').replaceAll(',', ''));
