import { chromium, type BrowserContext } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { choosePort } from '../../sample/support/server-port.js';
import { closeAfterTest } from '../support/app.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { launchChromium } from './chromium.js';
import { soon } from './soon.js';
import { unread, type Tab } from './tab.js';
import { openTab, useBrowser } from './use-browser.js';
import { useEmptySample } from './use-empty-sample.js';

describe('a page without a connection to its gateway', () => {
  const sample = useEmptySample();
  const browser = useBrowser();

  /** A proxy between the browsers of a test and the first gateway. */
  function network(): Promise<TcpProxy> {
    return startProxy(Number(new URL(sample.first.url).port));
  }

  /** Stores a notification for Alice that no page of a test receives over its stream. */
  async function notifyAlice(text: string): Promise<void> {
    const stream = await sample.second.user('alice').openStream();
    await sample.second.user('bob').message({ id: 'alice' }, text);
    await stream.has('notification');
  }

  it('reconnects at once when the browser is online again', async () => {
    const proxy = await network();
    // Without any, the stream has no place to go on from: the page loads its inbox, and its timers are stopped.
    await notifyAlice('Before');
    const alice = await browser.signIn(through(proxy), 'Alice');
    await stopTime(alice);
    await alice.page.context().setOffline(true);
    await proxy.stop();
    await alice.is('reconnecting');
    await notifyAlice('While offline');
    await proxy.start();
    expect(await alice.state()).toBe('reconnecting');
    expect(await alice.unread()).toEqual(unread(1));

    await alice.page.context().setOffline(false);
    await alice.is('connected');
    await soon(() => alice.unread()).toEqual(unread(2));
  });

  it('reconnects at once when a tab is visible again, leading or not', async () => {
    const proxy = await network();
    const context = await startPlainChromium();
    const leader = await openTab(context, through(proxy).url);
    await leader.signIn('Alice');
    const follower = await leader.another();
    for (const tab of [leader, follower]) await stopTime(tab);

    for (const [shown, hidden] of [
      [leader, follower],
      [follower, leader],
    ] as const) {
      await hidden.page.bringToFront();
      await soon(() => shown.page.evaluate('document.visibilityState')).toBe('hidden');
      // After an error response the page itself has to reconnect, and its timers are stopped.
      const refused = new Promise<void>((resolve) => {
        void context.route('**/stream*', async (route) => {
          await route.fulfill({ status: 503 });
          resolve();
        });
      });
      proxy.cut();
      await refused;
      for (const tab of [leader, follower]) await tab.is('reconnecting');
      await context.unroute('**/stream*');
      expect(await leader.state()).toBe('reconnecting');
      await shown.page.bringToFront();
      for (const tab of [leader, follower]) await tab.is('connected');
    }
  });

  it('keeps reconnecting by itself', async () => {
    const proxy = await network();
    const alice = await browser.signIn(through(proxy), 'Alice');
    await proxy.stop();
    await alice.is('reconnecting');
    await notifyAlice('While reconnecting');
    await proxy.start();
    await alice.is('connected');
    await soon(() => alice.unread()).toEqual(unread(1));
    expect(await alice.inbox()).toHaveLength(1);
  });

  it('closes a stream that has become silent, and reconnects', async () => {
    const proxy = await network();
    const alice = await browser.open(through(proxy));
    await alice.page.clock.install();
    await alice.signIn('Alice');
    proxy.swallow();
    await notifyAlice('Into the void');
    expect(await alice.state()).toBe('connected');
    await alice.page.clock.fastForward('00:30');
    await alice.is('reconnecting');
    proxy.forward();
    proxy.cut();
    await alice.page.clock.fastForward('00:30');
    await alice.is('connected');
    await soon(() => alice.unread()).toEqual(unread(1));
  });

  it('asks to sign in again when the session has ended', async () => {
    const proxy = await network();
    const alice = await browser.signIn(through(proxy), 'Alice');
    const other = await alice.another();
    await proxy.stop();
    await alice.is('reconnecting');
    await alice.page.context().clearCookies();
    await proxy.start();
    for (const tab of [alice, other]) await tab.isSignedOut();
    const notice = alice.page.getByRole('alert');
    await soon(() => notice.allTextContents()).toEqual([
      'Your session is over. Please sign in again.',
    ]);
    expect(await other.page.title()).toBe('Notification sample');
  });
});

/** The gateway behind a proxy, as browsers reach it. */
function through({ port }: TcpProxy): { readonly url: string } {
  return { url: `http://127.0.0.1:${port}` };
}

/** Stops the timers of the page, so that it reacts to events alone. */
async function stopTime({ page }: Tab): Promise<void> {
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 1_000);
}

/**
 * A browser in which a tab behind another one is hidden. Playwright keeps the tabs of its own
 * browsers visible. It does not do so in a browser that it connects to over CDP.
 */
async function startPlainChromium(): Promise<BrowserContext> {
  const port = choosePort();
  const browser = await launchChromium([
    `--remote-debugging-port=${port}`,
    // A hidden tab that has worked much waits for a minute otherwise, before it reconnects.
    '--disable-background-timer-throttling',
  ]);
  closeAfterTest(() => browser.close());
  const joined = await chromium.connectOverCDP(`http://127.0.0.1:${port}`, { noDefaults: true });
  closeAfterTest(() => joined.close());
  const [context] = joined.contexts();
  if (!context) throw new Error('The browser has no context');
  return context;
}
