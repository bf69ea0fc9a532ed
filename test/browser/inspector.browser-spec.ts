import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { AxeResults } from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { RedisPubSubModule, RedisPubSubService, Subscribe } from 'nestjs-redis-pubsub';
import { PubSubInspectorModule } from 'nestjs-redis-pubsub/inspector';
import { startInspected, startApp } from '../e2e/inspector/inspected-app.js';
import { startContext } from '../e2e/module/apps.js';
import { useRedis } from '../support/redis.js';
import { soon } from './soon.js';
import { textsOf } from './tab.js';
import { useBrowser } from './use-browser.js';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const SCREENSHOTS = new URL('../../test-results/screenshots/', import.meta.url);
const MARKUP = '<img src=x onerror=alert(1)><b>bold</b><script>alert(2)</script>';
const CASES = [
  [1280, 'light'],
  [1280, 'dark'],
  [390, 'light'],
  [390, 'dark'],
] as const;

@Controller()
class OrderHandlers {
  @EventPattern<string>('order.*', { concurrency: 2 })
  onOrder(data: unknown) {
    if (data === 'fail') throw new Error('told to');
  }
}

class UserHandlers {
  @Subscribe('user.:id.notifications')
  onNotification() {}
}

const redis = useRedis();
const browser = useBrowser();

const handlers = { controllers: [OrderHandlers], providers: [UserHandlers] };

/** Opens a page of an address. */
async function open(url: string, options?: BrowserContextOptions): Promise<Page> {
  const { page } = await browser.open({ url }, options);
  return page;
}

const pubsub = (prefix: string) => ({ prefix, name: 'shop' });
const row = (page: Page, section: string, text: string) =>
  page.getByRole('region', { name: section }).getByRole('row').filter({ hasText: text });
const cell = (page: Page, section: string, text: string, label: string) =>
  row(page, section, text).locator(`[data-label="${label}"]`);
const check = (page: Page, text: string) => page.getByRole('listitem').filter({ hasText: text });

describe('the page of the inspector', () => {
  it('shows the fleet, and what happens to it, without a reload', async () => {
    const { app, url } = await startInspected(redis, { pubsub: pubsub('live:'), ...handlers });
    const page = await open(`${url}/pubsub`);
    await soon(() => page.locator('#live').getAttribute('data-state')).toBe('live');
    await soon(() => textsOf(cell(page, 'Instances', 'shop', 'Status'))).toEqual([
      expect.stringMatching(/^connected/),
    ]);
    await soon(() => textsOf(row(page, 'Handlers', 'order.*'))).toHaveLength(1);
    expect(await check(page, 'All instances are connected').count()).toBe(1);

    const service = app.get(RedisPubSubService);
    for (const text of ['paid', 'fail', 'fail']) await service.publish('order.paid', text);
    await soon(() => textsOf(cell(page, 'Handlers', 'order.*', 'Received'))).toEqual(['3']);
    await soon(() => textsOf(cell(page, 'Handlers', 'order.*', 'Failed'))).toEqual(['2']);
    await soon(() => textsOf(cell(page, 'Handlers', 'order.*', 'Received / s'))).toEqual(['0']);

    const other = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url, ...pubsub('live:') })],
    });
    await soon(() => textsOf(page.locator('#instances-count'))).toEqual(['2']);
    await soon(() => check(page, '1 difference between instances').count()).toBe(1);
    await soon(() => textsOf(page.getByRole('heading', { level: 3 }))).toEqual(['shop: handlers']);
    await other.app.close();
    await soon(() => textsOf(page.locator('#instances-count'))).toEqual(['1']);
    await soon(() => check(page, '1 instance answered before, and not now').count()).toBe(1);

    await service.subscribe('news.today', () => {});
    await soon(() => textsOf(cell(page, 'Channels', 'news.today', 'Subscribers'))).toEqual(['1']);
    await service.publish('nobody.listens', 1);
    await soon(() => textsOf(row(page, 'Checks', 'nobody.listens'))).toHaveLength(1);
  });

  it('finds one of many channels, and keeps the filter in its address', async () => {
    const { app, url } = await startInspected(redis, { pubsub: pubsub('find:') });
    const service = app.get(RedisPubSubService);
    await Promise.all(
      Array.from({ length: 10_000 }, (_, i) => service.subscribe(`user.${i}.inbox`, () => {})),
    );
    const page = await open(`${url}/pubsub`);
    await soon(() => textsOf(page.locator('#channels-count'))).toEqual(['10,000']);
    await page.getByText('The first 100 of 10,000. A filter shows others.').waitFor();
    const filter = page.getByRole('searchbox', { name: 'Filter' });
    await filter.fill('USER.4711.');
    const only = ['user.4711.inbox'];
    await soon(() => textsOf(page.locator('#channels .name'))).toEqual(only);
    expect(await page.locator('#instances tbody tr').count()).toBe(0);
    await page.reload();
    await soon(() => textsOf(page.locator('#channels .name'))).toEqual(only);
    expect(await filter.inputValue()).toBe('USER.4711.');
    await filter.fill('no such name');
    await page.getByText('No channel matches the filter.').waitFor();
  });

  it('shows messages of a chosen channel, which is observed until the reader leaves', async () => {
    const { app, url } = await startInspected(redis, {
      page: { messages: true },
      pubsub: pubsub('watch:'),
    });
    const service = app.get(RedisPubSubService);
    await service.subscribe('news', () => {});
    const page = await open(`${url}/pubsub`);
    await row(page, 'Channels', 'news').getByRole('button', { name: 'Show' }).click();
    await soon(() => textsOf(page.locator('#messages-title'))).toEqual(['Messages of news']);
    await redis.subscribers('watch:news', 1);
    await page.getByText('0 messages since').waitFor();
    await service.publish('news', { hello: 'world' });
    const messages = page.locator('#messages li');
    await soon(() => textsOf(messages)).toEqual([expect.stringContaining('{"hello":"world"}')]);

    await page.getByRole('textbox', { name: 'Channel' }).fill('other');
    await page.keyboard.press('Enter');
    await redis.subscribers('watch:other', 1);
    expect(await textsOf(messages)).toEqual([]);
    await page.reload();
    await soon(() => textsOf(page.locator('#messages-title'))).toEqual(['Messages of other']);
    await page.close();
    await redis.subscribers('watch:other', 0);
  });

  it('has no messages unless they are turned on', async () => {
    const { app, url } = await startInspected(redis, { pubsub: pubsub('off:') });
    await app.get(RedisPubSubService).subscribe('news', () => {});
    const page = await open(`${url}/pubsub#channel=news`);
    await soon(() => textsOf(cell(page, 'Channels', 'news', 'Subscribers'))).toEqual(['1']);
    expect(await page.locator('#messages-card').isVisible()).toBe(false);
    expect(await page.getByRole('button', { name: 'Show' }).count()).toBe(0);
    await redis.subscribers('off:news', 1);
  });

  it('can be paused, and shows each module', async () => {
    const { app, url } = await startApp({
      imports: [
        RedisPubSubModule.forRoot({ connection: redis.url, prefix: 'one:', name: 'shop' }),
        RedisPubSubModule.forRoot({
          connection: redis.url,
          prefix: 'two:',
          name: 'audit',
          transportId: Symbol('AUDIT'),
        }),
        PubSubInspectorModule.forRoot({ guard: false, refreshInterval: 500 }),
      ],
    });
    const page = await open(`${url}/pubsub`);
    await soon(() => textsOf(page.locator('#prefix'))).toEqual(['prefix one:']);
    await page.getByRole('combobox', { name: 'Module' }).selectOption('audit');
    await soon(() => textsOf(page.locator('#prefix'))).toEqual(['prefix two:']);
    await soon(() => textsOf(row(page, 'Instances', 'audit'))).toHaveLength(1);

    const pause = page.getByRole('button', { name: 'Pause' });
    await pause.click();
    expect(await pause.getAttribute('aria-pressed')).toBe('true');
    await page.getByText(/^Paused · /).waitFor();
    await pause.click();
    await app.get(RedisPubSubService, { strict: false }).subscribe('news', () => {});
    await page.getByText(/^Live · /).waitFor();
  });
});

describe('a reader whom the guard refuses', () => {
  it('sees nothing', async () => {
    const guard = { canActivate: () => false };
    const { url } = await startInspected(redis, { page: { guard } });
    const page = await open(`${url}/pubsub`);
    expect(await page.locator('body').textContent()).toContain('Forbidden');
    expect(await page.locator('main').count()).toBe(0);
  });

  it('is told so, when the permission ends while the page is open', async () => {
    let isOpen = true;
    const guard = { canActivate: () => isOpen };
    const { url } = await startInspected(redis, { page: { guard } });
    const page = await open(`${url}/pubsub`);
    await page.getByText(/^Live · /).waitFor();
    isOpen = false;
    await page.getByText(/^The application refuses this page \(status 403\)\./).waitFor();
    expect(await page.locator('#live').textContent()).toBe('Refused');
  });
});

it('a page whose application is gone says so, and goes on when it is back', async () => {
  const { url } = await startInspected(redis, { pubsub: pubsub('gone:') });
  const page = await open(`${url}/pubsub`);
  await page.getByText(/^Live · /).waitFor();
  await page.route('**/data?*', (route) => route.abort());
  await page.getByText(/^The application does not answer \(.+\)\. The figures are of /).waitFor();
  await soon(() => page.locator('body').getAttribute('class')).toBe('stale');
  await page.unroute('**/data?*');
  await page.getByText(/^Live · /).waitFor();
  expect(await page.locator('#notices').textContent()).toBe('');
});

it('an outage of Redis is shown, and its end', async () => {
  const { url } = await startInspected(redis, { pubsub: pubsub('outage:') });
  const page = await open(`${url}/pubsub`);
  await page.getByText(/^Live · /).waitFor();
  await redis.stop();
  await page.getByText('The application that serves this page is reconnecting.').waitFor();
  await page
    .getByText(/^Not known: /)
    .first()
    .waitFor();
  await redis.start();
  await soon(() => page.locator('#notices').textContent()).toBe('');
  await soon(() => check(page, 'All instances are connected').count()).toBe(1);
  await soon(() => page.getByText(/^Not known: /).count()).toBe(0);
  expect(await page.getByText(/^Live · /).count()).toBe(1);
});

it('names and payloads that look like markup are text', async () => {
  class MarkupHandlers {
    @Subscribe(`${MARKUP}.*`)
    handle() {}
  }
  Object.defineProperty(MarkupHandlers, 'name', { value: MARKUP });
  const name = `${MARKUP}\u202e`;
  const { app, url } = await startInspected(redis, {
    page: { messages: true },
    pubsub: { name: MARKUP, prefix: `${MARKUP}:` },
    providers: [MarkupHandlers],
  });
  const service = app.get(RedisPubSubService);
  await service.subscribe(name, () => {});
  await service.publish(`unheard ${MARKUP}`, 1);
  const violations: string[] = [];
  const page = await open('about:blank');
  page.on('console', (message) => violations.push(message.text()));
  page.on('dialog', (dialog) => {
    violations.push(dialog.message());
    void dialog.dismiss();
  });
  await page.goto(`${url}/pubsub#${String(new URLSearchParams({ channel: name, filter: '<' }))}`);
  const shown = `${MARKUP}\\u202e`;
  await soon(() => textsOf(page.locator('#messages-title'))).toEqual([`Messages of ${shown}`]);
  await page.getByText('0 messages since').waitFor();
  await service.publish(name, MARKUP);
  await soon(() => textsOf(page.locator('#messages .code.lines'))).toEqual([MARKUP]);
  await soon(() => textsOf(page.locator('#channels .name'))).toEqual([shown]);
  await soon(() => textsOf(page.locator('#handlers .name'))).toEqual([`${MARKUP}.*`]);
  await soon(() => textsOf(page.locator('#unheard .name'))).toEqual([`unheard ${MARKUP}`]);
  await soon(() => textsOf(page.locator('#instances .name'))).toEqual([MARKUP]);
  await soon(() => textsOf(page.locator('#patterns .name'))).toEqual([`${MARKUP}.*`]);
  expect(await page.locator('main :is(img, b, script)').count()).toBe(0);
  expect(violations).toEqual([]);
});

it('the policy lets nothing else run, and no request leaves', async () => {
  const { url } = await startInspected(redis);
  const page = await open('about:blank');
  const violations: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => violations.push(message.text()));
  page.on('request', (request) => requests.push(new URL(request.url()).pathname));
  await page.goto(`${url}/pubsub`);
  await page.getByText(/^Live · /).waitFor();
  expect(violations).toEqual([]);
  expect(new Set(requests.filter((path) => !path.startsWith('image/')))).toEqual(
    new Set(['/pubsub', '/pubsub/data']),
  );
  const inject = [
    `document.body.insertAdjacentHTML('beforeend', '<b>markup</b>')`,
    `document.body.append(Object.assign(document.createElement('script'), { text: 'alert(1)' }))`,
    `document.head.append(Object.assign(document.createElement('style'), { textContent: '*{}' }))`,
  ];
  for (const code of inject) await page.evaluate(`try { ${code} } catch {}`);
  await soon(() => violations.length).toBeGreaterThanOrEqual(inject.length);
  expect(await page.locator('main b').count()).toBe(0);
  expect(await page.title()).toBe('Redis Pub/Sub');
});

describe('the page fits the screen, and is accessible', () => {
  it.each(CASES)('%d px and %s', async (width, colorScheme) => {
    const { app, url } = await startInspected(redis, {
      page: { messages: true },
      pubsub: { name: 'shop', prefix: `axe:${width}:${colorScheme}:` },
      ...handlers,
    });
    const service = app.get(RedisPubSubService);
    for (let i = 0; i < 12; i++) await service.subscribe(`user.${1000 + i}.inbox`, () => {});
    for (const text of ['a', 'fail', 'b']) await service.publish('order.paid', text);
    await service.publish('order:refunded', 1);
    await startContext({
      imports: [
        RedisPubSubModule.forRoot({
          connection: redis.url,
          name: 'shop',
          prefix: `axe:${width}:${colorScheme}:`,
        }),
      ],
    });
    const page = await open(`${url}/pubsub#channel=user.1000.inbox`, {
      colorScheme,
      viewport: { width, height: 900 },
      reducedMotion: 'reduce',
    });
    await page.getByText('0 messages since').waitFor();
    await service.publish('user.1000.inbox', { text: `Lunch at noon? ${'long'.repeat(100)}` });
    await soon(() => textsOf(page.locator('#messages li'))).toHaveLength(1);
    await soon(() => page.getByRole('heading', { level: 3 }).count()).toBe(1);
    await page.evaluate(await readFile(AXE, 'utf8'));
    expect(await flawsOf(page)).toEqual([]);
    await page.screenshot({
      path: fileURLToPath(new URL(`inspector-${width}-${colorScheme}.png`, SCREENSHOTS)),
      fullPage: true,
    });
    await redis.stop();
    await page
      .getByText(/^Not known: /)
      .first()
      .waitFor();
    await redis.start();
    expect(await flawsOf(page)).toEqual([]);
  });

  it('and can be used with a keyboard alone', async () => {
    const { app, url } = await startInspected(redis, {
      page: { messages: true },
      pubsub: pubsub('keys:'),
    });
    await app.get(RedisPubSubService).subscribe('news', () => {});
    const page = await open(`${url}/pubsub`);
    await soon(() => page.locator('#channels tbody tr').count()).toBe(1);
    const focused = () =>
      page.evaluate('document.activeElement?.id || document.activeElement?.ariaLabel');
    const stops: unknown[] = [];
    for (let i = 0; i < 5; i++) {
      await page.keyboard.press('Tab');
      stops.push(await focused());
    }
    expect(stops).toEqual([
      'pause',
      'filter',
      'channels',
      'Show the messages of news',
      'messages-channel',
    ]);
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    await soon(() => textsOf(page.locator('#messages-title'))).toEqual(['Messages of news']);
    await soon(focused).toBe('messages-title');
    await redis.subscribers('keys:news', 1);
  });
});

/** The faults of a page: an excess width, and the findings of axe. */
async function flawsOf(page: Page): Promise<string[]> {
  const overflow = await page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
  const { violations } = (await page.evaluate('axe.run()')) as AxeResults;
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((it) => it.html).join(' ')}`);
  return overflow === 0 ? found : [`${String(overflow)} px too wide`, ...found];
}
