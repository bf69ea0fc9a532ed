import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { closeAfterTest } from '../support/app.js';
import { launchChromium } from './chromium.js';
import { Tab } from './tab.js';

/** The timeout of an action of the page, in milliseconds. Only a broken page reaches it. */
const TIMEOUT = 15_000;

interface Place {
  readonly url: string;
}

/** The Chromium of a file, in which each user has a browser. */
export interface TestBrowser {
  /** A tab in a browser of its own: other browsers have other cookies, locks and channels. */
  open(place: Place, options?: BrowserContextOptions): Promise<Tab>;
  /** The same, signed in and connected. */
  signIn(place: Place, name: string, options?: BrowserContextOptions): Promise<Tab>;
}

/** Starts a Chromium before the tests of a file, and ends it after them. */
export function useBrowser(): TestBrowser {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
  const open: TestBrowser['open'] = async ({ url }, options) => {
    if (!browser) throw new Error('The browser of this file is not started yet');
    const context = await browser.newContext(options);
    return openTab(context, url);
  };
  return {
    open,
    signIn: async (place, name, options) => (await open(place, options)).signIn(name),
  };
}

/** The first tab of a browser; the browser is closed after the test, which an uncaught error fails. */
export async function openTab(context: BrowserContext, url: string): Promise<Tab> {
  const uncaught: unknown[] = [];
  context.on('weberror', (error) => uncaught.push(error.error()));
  closeAfterTest(async () => {
    await context.close();
    if (uncaught.length > 0) throw new AggregateError(uncaught, 'Uncaught on the page');
  });
  context.setDefaultTimeout(TIMEOUT);
  const page = await context.newPage();
  await page.goto(url);
  return new Tab(page);
}
