import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { eventually, useRedis } from '../support/redis.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { Gateway } from '../e2e/sample/gateway.js';
import { startService, type ServiceProcess } from '../e2e/sample/sample-process.js';
import { SESSION_SECRET } from '../e2e/sample/session-tokens.js';
import { soon } from './soon.js';
import { useBrowser } from './use-browser.js';

const COUNT = 60;
const TEXTS = Array.from({ length: COUNT }, (_, i) => `Message ${i}`);
const STREAM = '/api/users/alice/stream';

/** What a page without any library has received over its stream. */
interface Seen {
  readonly messages: readonly string[];
  readonly resyncs: number;
}

const browser = useBrowser();
const redis = useRedis();

/** The services of the sample, with two gateways behind one address, which leads to the first. */
class Fleet {
  sent = 0;

  private constructor(
    readonly proxy: TcpProxy,
    readonly first: ServiceProcess,
    readonly second: Gateway,
  ) {}

  static async start(): Promise<Fleet> {
    await redis.client.flushall();
    const env = { REDIS_URL: redis.url, SESSION_SECRET };
    const [activity] = await Promise.all([
      startService('activity', env),
      startService('notifications', env),
    ]);
    const own = { ...env, ACTIVITY_URL: await activity.url() };
    const [first, second] = await Promise.all([
      startService('gateway', { ...own, INSTANCE: 'gateway-a' }),
      startService('gateway', { ...own, INSTANCE: 'gateway-b' }),
    ]);
    const proxy = await startProxy(portOf(await first.url()));
    return new Fleet(proxy, first, new Gateway(await second.url()));
  }

  get url(): string {
    return `http://127.0.0.1:${this.proxy.port}`;
  }

  /** Sends messages to Alice, one after the other. */
  async send(texts: readonly string[]): Promise<void> {
    const bob = this.second.user('bob');
    for (const text of texts) {
      await bob.message({ id: 'alice' }, text);
      this.sent++;
    }
  }

  /** Kills the first gateway while messages are sent; after some of them the address leads to the second. */
  async failOver(): Promise<void> {
    this.first.signal('SIGKILL');
    await this.proxy.stop();
    const { sent } = this;
    await eventually(() => this.sent >= sent + 10);
    this.proxy.retarget(portOf(this.second.url));
    await this.proxy.start();
  }
}

describe('notifications are sent while the gateway of a browser is killed:', () => {
  it('the page shows each once, in order, and does not load the inbox', async () => {
    const fleet = await Fleet.start();
    const alice = await browser.signIn(fleet, 'Alice');
    const { loads } = alice;
    const sending = fleet.send(TEXTS);
    await soon(() => alice.notifications.count()).toBeGreaterThan(10);
    await fleet.failOver();
    await sending;
    await alice.is('connected');
    await soon(() => alice.notifications.count()).toBe(COUNT);
    for (const [i, text] of (await alice.inbox()).entries()) {
      expect(text).toContain(TEXTS[COUNT - 1 - i]);
    }
    expect(await alice.instance.textContent()).toBe('gateway-b');
    expect(alice.loads).toBe(loads);
  });

  it('an EventSource receives each once, in order, and one resync, at its start', async () => {
    const fleet = await Fleet.start();
    const page = await watch(fleet, { keepsId: true });
    const sending = fleet.send(TEXTS);
    await soon(async () => (await seenBy(page)).messages.length).toBeGreaterThan(10);
    await fleet.failOver();
    await sending;
    await soon(async () => (await seenBy(page)).messages.length).toBe(COUNT);
    expect(await seenBy(page)).toEqual({ messages: TEXTS, resyncs: 1 });
  });

  it('counter-proof: without the id, it misses those of the outage, and has a resync', async () => {
    const fleet = await Fleet.start();
    const page = await watch(fleet, { keepsId: false });
    const sending = fleet.send(TEXTS);
    await soon(async () => (await seenBy(page)).messages.length).toBeGreaterThan(10);
    await fleet.failOver();
    await sending;
    await soon(async () => (await seenBy(page)).resyncs).toBe(2);
    await fleet.send(['The last']);
    await soon(async () => (await seenBy(page)).messages.at(-1)).toBe('The last');
    expect((await seenBy(page)).messages.length).toBeLessThanOrEqual(COUNT + 1 - 10);
  });
});

describe('a gateway answers an error to the stream:', () => {
  it('the page opens another one with the id in the query, and misses nothing', async () => {
    const fleet = await Fleet.start();
    const alice = await browser.signIn(fleet, 'Alice');
    const { loads, page } = alice;
    const queries: (string | null)[] = [];
    let isRefused = true;
    let refusals = 0;
    await page.route(`**${STREAM}*`, async (route) => {
      if (isRefused) {
        refusals++;
        await route.fulfill({ status: 503 });
        return;
      }
      queries.push(new URL(route.request().url()).searchParams.get('lastEventId'));
      await route.continue();
    });
    await fleet.send(['Before']);
    await soon(() => alice.inbox()).toHaveLength(1);
    fleet.proxy.cut();
    await soon(() => refusals).toBeGreaterThan(0);
    await fleet.send(['During', 'the outage']);
    expect(await alice.state()).toBe('reconnecting');
    isRefused = false;
    await alice.is('connected');
    await soon(() => alice.inbox()).toEqual([
      expect.stringContaining('the outage'),
      expect.stringContaining('During'),
      expect.stringContaining('Before'),
    ]);
    expect(queries).toEqual([expect.stringMatching(/./)]);
    expect(alice.loads).toBe(loads);
  });
});

function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** A page of the same origin, signed in as Alice, with nothing but an EventSource. */
async function watch(fleet: Fleet, { keepsId }: { readonly keepsId: boolean }): Promise<Page> {
  const { page } = await browser.signIn(fleet, 'Alice');
  await page.goto(`${fleet.url}/limits.js`);
  await page.evaluate(`
    seen = { messages: [], resyncs: 0 };
    const open = () => {
      const source = new EventSource('${STREAM}');
      source.addEventListener('notification', ({ data }) => {
        seen.messages.push(JSON.parse(data).message);
      });
      source.addEventListener('resync', () => seen.resyncs++);
      source.addEventListener('error', () => {
        if (${keepsId}) return;
        source.close();
        setTimeout(open, 500);
      });
    };
    open();
  `);
  await soon(async () => (await seenBy(page)).resyncs).toBe(1);
  return page;
}

function seenBy(page: Page): Promise<Seen> {
  return page.evaluate('seen');
}
