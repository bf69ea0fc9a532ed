import type { Type } from '@nestjs/common';
import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeAfterTest } from '../support/app.js';
import { loadRecipe, sendJson, startPageApp } from '../support/page-app.js';
import { useRedis } from '../support/redis.js';
import { launchChromium } from './chromium.js';
import { soon } from './soon.js';

const [, HTML = ''] =
  /```html\n(.*?)```/s.exec(readFileSync('docs/recipes/sse-notifications.md', 'utf8')) ?? [];

describe('the page of recipes/sse-notifications', () => {
  const redis = useRedis();
  let AppModule: Type;
  let browser: Browser | undefined;
  beforeAll(async () => {
    const page = loadRecipe('sse-notifications', redis.url);
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  it('shows each notification once, also those of an outage', async () => {
    const { url } = await startPageApp(AppModule);
    const notify = (text: string) => sendJson(`${url}/users/ada/notifications`, 'POST', { text });
    await notify('Before');
    const page = await browser?.newPage();
    if (!page) throw new Error('The browser of this file is not started yet');
    closeAfterTest(() => page.close());
    await page.route(`${url}/`, (route) => route.fulfill({ contentType: 'text/html', body: HTML }));
    await page.goto(`${url}/`);
    const shown = () => page.locator('#notifications li').allTextContents();
    await soon(shown).toEqual(['Before']);
    await notify('Live');
    await soon(shown).toEqual(['Before', 'Live']);
    await redis.stop();
    await notify('During the outage');
    await redis.start();
    await soon(async () => (await shown()).length).toBe(3);
    expect(await shown()).toEqual(['Before', 'Live', 'During the outage']);
  });
});
