import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { useRedis } from '../support/redis.js';
import { startProxy } from '../support/tcp-proxy.js';
import { startDashboard } from '../e2e/sample/dashboard-process.js';
import { soon } from './soon.js';
import { textsOf } from './tab.js';
import { useBrowser } from './use-browser.js';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const SCREENSHOTS = new URL('../../test-results/screenshots/', import.meta.url);
const CASES = [
  [1280, 'light'],
  [1280, 'dark'],
  [390, 'light'],
  [390, 'dark'],
] as const;

const redis = useRedis();
const browser = useBrowser();

/** A figure of the page, such as `1,234`. */
const figure = async (page: Page, id: string): Promise<number> =>
  Number((await page.locator(`#${id}`).textContent())?.replaceAll(',', ''));

const state = (page: Page) => page.locator('#state').getAttribute('data-state');

describe('the page of the dashboard', () => {
  it.each(CASES)(
    'shows 500 tickers at %i px, %s, and is accessible',
    async (width, colorScheme) => {
      const dashboard = await startDashboard({ REDIS_URL: redis.url, RATE: '8' });
      const { page } = await browser.open(dashboard, {
        colorScheme,
        viewport: { width, height: 800 },
      });
      await soon(() => state(page)).toBe('live');
      await soon(() => textsOf(page.locator('#count'))).toEqual(['500']);
      expect(await page.locator('#ticker option').count()).toBe(500);
      await soon(
        async () => (await figure(page, 'received')) > 1.5 * (await figure(page, 'sent')),
      ).toBe(true);
      await soon(() => figure(page, 'replaced')).toBeGreaterThan(0);
      await soon(() => page.locator('#movers tr').count()).toBe(8);
      // The prices of one ticker, as the chart shows them.
      await page.locator('#ticker').selectOption('AAC');
      await soon(() => textsOf(page.locator('#price'))).toEqual([
        expect.stringMatching(/^\d+\.\d\d$/),
      ]);
      await soon(() => isDrawn(page, '#line')).toBe(true);
      await soon(() => isDrawn(page, '#map')).toBe(true);
      await page.screenshot({
        path: fileURLToPath(new URL(`dashboard-${width}-${colorScheme}.png`, SCREENSHOTS)),
        fullPage: true,
      });
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
      await page.evaluate(await readFile(AXE, 'utf8'));
      const { violations } = (await page.evaluate('axe.run()')) as AxeResults;
      expect(
        violations.map(({ id, nodes }) => `${id}: ${nodes.map((it) => it.html).join(' ')}`),
      ).toEqual([]);
    },
  );

  it('chooses the ticker that is clicked', async () => {
    const dashboard = await startDashboard({ REDIS_URL: redis.url, TICKERS: '5', RATE: '5' });
    const { page } = await browser.open(dashboard, { viewport: { width: 390, height: 800 } });
    await soon(() => page.locator('#ticker option').count()).toBe(5);
    await page.locator('#map').click({ position: { x: 5, y: 5 } });
    expect(await page.locator('#ticker').inputValue()).toBe('AAA');
    await page.locator('#map').click({ position: { x: 75, y: 5 } });
    expect(await page.locator('#ticker').inputValue()).toBe('AAC');
  });

  it('draws no more often than the screen, and neither draws nor receives while it is hidden', async () => {
    const dashboard = await startDashboard({ REDIS_URL: redis.url, RATE: '0' });
    const { page } = await browser.open(dashboard);
    await soon(() => state(page)).toBe('live');
    await page.evaluate(`
      frames = 0;
      const native = requestAnimationFrame;
      requestAnimationFrame = (draw) => native((time) => { frames++; draw(time); });
    `);
    // The prices of five moments are five events, and each is one drawing at most.
    for (let i = 1; i <= 5; i++) {
      const pipeline = redis.client.pipeline();
      for (let price = 1; price <= 200; price++) {
        pipeline.publish(
          `market:ticker:A${'ABCDE'[price % 5]}A`,
          JSON.stringify({ price: i * price }),
        );
      }
      await pipeline.exec();
      await soon(() => priceOf(page, 'AAA')).toBe(`${i * 200}.00`);
    }
    const frames = await page.evaluate('frames');
    expect(frames).toBeGreaterThanOrEqual(5);
    expect(frames).toBeLessThan(200);

    await setHidden(page, true);
    await soon(() => state(page)).toBe('paused');
    await redis.client.publish('market:ticker:AAA', '{"price":7}');
    await redis.client.publish('market:ticker:NEW', '{"price":8}');
    const other = dashboard.stream();
    await other.until(() =>
      other.of<Record<string, number>>('prices').some((prices) => prices.NEW === 8),
    );
    expect(await priceOf(page, 'AAA')).toBe('1000.00');
    await setHidden(page, false);
    await soon(() => state(page)).toBe('live');
    await soon(() => priceOf(page, 'AAA')).toBe('7.00');
    await soon(() => priceOf(page, 'NEW')).toBe('8.00');
  });

  it('reconnects by itself, and then shows the prices of that time', async () => {
    const dashboard = await startDashboard({ REDIS_URL: redis.url, RATE: '0' });
    const proxy = await startProxy(Number(new URL(dashboard.url).port));
    const { page } = await browser.open({ url: `http://127.0.0.1:${proxy.port}` });
    await soon(() => state(page)).toBe('live');
    await proxy.stop();
    await soon(() => state(page)).toBe('reconnecting');
    await redis.client.publish('market:ticker:AAA', '{"price":9}');
    await proxy.start();
    await soon(() => state(page)).toBe('live');
    await soon(() => priceOf(page, 'AAA')).toBe('9.00');
    expect(await page.locator('#ticker option').count()).toBe(1);
  });
});

/** The price of a ticker in the page. */
async function priceOf(page: Page, symbol: string): Promise<string | null> {
  const ticker = page.locator('#ticker');
  if ((await ticker.locator(`option[value=${symbol}]`).count()) === 0) return null;
  await ticker.selectOption(symbol);
  await page.evaluate('new Promise((resolve) => requestAnimationFrame(resolve))');
  return page.locator('#price').textContent();
}

/** Whether a canvas has pixels of more than one colour. */
function isDrawn(page: Page, canvas: string): Promise<boolean> {
  return page.evaluate(`(() => {
    const { width, height } = document.querySelector('${canvas}');
    const { data } = document.querySelector('${canvas}').getContext('2d').getImageData(0, 0, width, height);
    return new Set(new Uint32Array(data.buffer)).size > 1;
  })()`);
}

/** Playwright keeps its tabs visible: the page is told that it is not. */
function setHidden(page: Page, isHidden: boolean): Promise<unknown> {
  return page.evaluate(`
    Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  `);
}
