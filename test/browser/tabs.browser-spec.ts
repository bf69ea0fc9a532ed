import type { BrowserContext, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { soon } from './soon.js';
import { textsOf, unread, type Tab } from './tab.js';
import { useBrowser } from './use-browser.js';
import { useEmptySample } from './use-empty-sample.js';

/** More than the connections that a browser opens to one origin with HTTP/1.1. */
const MANY = 8;

describe('the tabs of one browser', () => {
  const sample = useEmptySample();
  const browser = useBrowser();

  it('share one stream, and the next tab takes over when the leading one is closed', async () => {
    const bob = sample.second.user('bob');
    const alice = await browser.open(sample.first);
    const streams = streamsOf(alice.page.context());
    await alice.signIn('Alice');
    const tabs = await openMany(alice);
    expect(streams).toEqual([alice.page]);
    await bob.message({ id: 'alice' }, 'To all tabs');
    await hear(tabs, 'To all tabs');
    for (const tab of tabs) await soon(() => tab.presence('alice')).toEqual(['online']);

    const left = tabs.slice(1);
    const loads = left.map((tab) => tab.loads);
    await alice.page.close();
    await soon(() => streams.length).toBe(2);
    expect(left.map(({ page }) => page)).toContain(streams[1]);
    await bob.message({ id: 'alice' }, 'To those that are left');
    await hear(left, 'To those that are left');
    for (const tab of left) await soon(() => tab.unread()).toEqual(unread(2));
    expect(streams).toHaveLength(2);
    // The tab that takes over goes on at the last event of the leader.
    expect(left.map((tab) => tab.loads)).toEqual(loads);
  });

  it('miss no notification while another tab takes over', async () => {
    const alice = await browser.signIn(sample.first, 'Alice');
    const other = await alice.another();
    const bob = sample.second.user('bob');
    const texts = Array.from({ length: 20 }, (_, i) => `Message ${i}`);
    const sending = (async () => {
      for (const text of texts) await bob.message({ id: 'alice' }, text);
    })();
    await soon(() => other.notifications.count()).toBeGreaterThan(0);
    await alice.page.close();
    await sending;

    await soon(() => other.unread()).toEqual(unread(texts.length));
    const seen = await other.inbox();
    for (const [i, text] of texts.toReversed().entries()) expect(seen[i]).toContain(text);
  });

  it('sign out together, and change the user together', async () => {
    const first = await browser.signIn(sample.first, 'Alice');
    const second = await first.another();
    await sample.second.user('bob').message({ id: 'alice' }, 'For Alice only');
    for (const tab of [first, second]) await soon(() => tab.unread()).toEqual(unread(1));

    await first.signOut();
    await second.isSignedOut();
    for (const tab of [first, second]) {
      expect(await tab.page.title()).toBe('Notification sample');
      expect(await tab.inbox()).toEqual([]);
    }
    await second.signIn('Bob');
    await soon(() => first.user()).toEqual(['Bob']);
    await first.is('connected');
    expect(await first.inbox()).toEqual([]);
    await sample.second.user('alice').message({ id: 'bob' }, 'For Bob');
    for (const tab of [first, second]) {
      await soon(() => tab.inbox()).toEqual([expect.stringContaining('For Bob')]);
    }
  });
});

/** The tabs that opened a stream, in the order of opening. */
function streamsOf(context: BrowserContext): Page[] {
  const pages: Page[] = [];
  context.on('request', (request) => {
    if (request.resourceType() === 'eventsource') pages.push(request.frame().page());
  });
  return pages;
}

async function openMany(first: Tab): Promise<Tab[]> {
  const others = await Promise.all(Array.from({ length: MANY - 1 }, () => first.another()));
  return [first, ...others];
}

/** Resolves when each tab has a toast with this text. */
async function hear(tabs: readonly Tab[], text: string): Promise<void> {
  for (const tab of tabs) {
    await soon(() => textsOf(tab.toasts)).toContainEqual(expect.stringContaining(text));
  }
}
