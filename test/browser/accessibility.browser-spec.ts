import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Locator } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { soon } from './soon.js';
import { textsOf, unread, type Tab } from './tab.js';
import { useBrowser } from './use-browser.js';
import { useEmptySample } from './use-empty-sample.js';

/** More than the page has elements that take the focus. */
const STOPS = 60;
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const SCREENSHOTS = new URL('../../test-results/screenshots/', import.meta.url);
const WIDTHS = { phone: 360, wide: 1280 } as const;
const CASES = [
  ['wide', 'light'],
  ['wide', 'dark'],
  ['phone', 'light'],
  ['phone', 'dark'],
] as const;

const sample = useEmptySample();
const browser = useBrowser();

describe('a user with a keyboard alone', () => {
  it('signs in, reads notifications, likes a post and sends a message', async () => {
    const bob = sample.second.user('bob');
    for (const text of ['One', 'Two']) await bob.message({ id: 'alice' }, text);
    const alice = await browser.open(sample.first);
    const { keyboard } = alice.page;
    await goTo(alice, alice.button('Sign in as Alice'));
    await keyboard.press('Enter');
    await alice.is('connected');
    await soon(() => alice.unread()).toEqual(unread(2));

    await goTo(alice, alice.bell, 'Shift+Tab');
    await keyboard.press('Enter');
    const marks = alice.panel.getByRole('button', { name: 'Mark as read' });
    await goTo(alice, marks.first());
    await keyboard.press('Enter');
    await soon(() => alice.unread()).toEqual(unread(1));
    await soon(() => isFocused(alice, marks.first())).toBe(true);
    await keyboard.press('Space');
    await soon(() => alice.unread()).toEqual(unread(0));
    await soon(() => isFocused(alice, alice.panel.getByRole('heading', { level: 2 }))).toBe(true);
    await keyboard.press('Escape');
    await soon(() => alice.panel.isVisible()).toBe(false);
    expect(await isFocused(alice, alice.bell)).toBe(true);

    await goTo(alice, alice.like('Bob'));
    await keyboard.press('Space');
    await alice.like('Bob', 'Unlike').waitFor();
    expect(await isFocused(alice, alice.like('Bob', 'Unlike'))).toBe(true);
    await goTo(alice, alice.field('Message to Bob'));
    await keyboard.type('No mouse here');
    await keyboard.press('Enter');
    await alice.person('bob').getByText('Sent.', { exact: true }).waitFor();
    expect(await isFocused(alice, alice.field('Message to Bob'))).toBe(true);
    const titles = async () => (await bob.inbox()).notifications.map(({ title }) => title);
    await soon(titles).toEqual(['Alice sent you a message', 'Alice liked your post']);

    await goTo(alice, alice.button('Sign out'), 'Shift+Tab');
    await keyboard.press('Enter');
    await alice.isSignedOut();
    await soon(() => isFocused(alice, alice.page.getByRole('main'))).toBe(true);
  });

  it('dismisses a toast or a banner, and the focus stays near it', async () => {
    const alice = await browser.signIn(sample.first, 'Alice');
    const dave = sample.second.administrator();
    await dave.broadcast({ title: 'Maintenance', message: 'At ten tonight.' });
    for (const text of ['One', 'Two']) await dave.message({ id: 'alice' }, text);
    await soon(() => alice.toasts.count()).toBe(2);
    await soon(() => alice.broadcasts.count()).toBe(1);

    await goTo(alice, alice.toasts.first().getByRole('button', { name: 'Dismiss' }), 'Shift+Tab');
    await alice.page.keyboard.press('Enter');
    await soon(() => alice.toasts.count()).toBe(1);
    expect(await isFocused(alice, alice.toasts.getByRole('button', { name: 'Dismiss' }))).toBe(
      true,
    );
    await alice.page.keyboard.press('Enter');
    await soon(() => textsOf(alice.toasts)).toEqual([]);
    expect(await isFocused(alice, alice.bell)).toBe(true);
    await goTo(alice, alice.broadcasts.getByRole('button', { name: 'Dismiss' }));
    await alice.page.keyboard.press('Enter');
    await soon(() => alice.broadcasts.count()).toBe(0);
    expect(await isFocused(alice, alice.page.getByRole('main'))).toBe(true);
    expect(await alice.unread()).toEqual(unread(2));
  });
});

describe('the page fits the screen, and is accessible', () => {
  it.each(CASES)('%s and %s', async (device, colorScheme) => {
    const shoot = (what: string) =>
      page.screenshot({ path: screenshot(device, colorScheme, what) });
    const tab = await browser.open(sample.first, {
      colorScheme,
      viewport: { width: WIDTHS[device], height: 800 },
      // An element that fades in does not have its full contrast yet.
      reducedMotion: 'reduce',
    });
    const { page } = tab;
    await page.evaluate(await readFile(AXE, 'utf8'));
    await tab.isSignedOut();
    await shoot('signed-out');
    expect(await flawsOf(tab)).toEqual([]);

    const [bob, carol] = [sample.second.user('bob'), sample.second.user('carol')];
    await bob.openStream();
    await bob.message({ id: 'alice' }, 'Lunch at noon, at the place around the corner?');
    await carol.comment('p1', 'In the rain? Respect.');
    await carol.follow({ id: 'alice' });
    await soon(async () => (await sample.first.user('alice').inbox()).unread).toBe(3);
    await tab.signIn('Alice');
    await soon(() => tab.unread()).toEqual(unread(3));
    await soon(() => tab.comments('Alice')).toHaveLength(1);
    await carol.like('p1');
    await sample.second.administrator().broadcast({
      title: 'Maintenance',
      message: 'Everything is read-only from ten to eleven tonight.',
      type: 'warning',
    });
    await soon(() => tab.toasts.count()).toBe(1);
    await soon(() => tab.broadcasts.count()).toBe(1);
    await soon(() => tab.likes('Alice')).toEqual(['1 like']);
    await soon(() => tab.presence('bob')).toEqual(['online']);
    await shoot('signed-in');
    expect(await flawsOf(tab)).toEqual([]);

    await tab.openPanel();
    await tab.panel.getByRole('button', { name: 'Mark as read' }).last().click();
    await soon(() => tab.unread()).toEqual(unread(3));
    await shoot('panel');
    expect(await flawsOf(tab)).toEqual([]);
    expect(await overflowOf(tab.panel)).toBe(0);
  });
});

function isFocused({ page }: Tab, control: Locator): Promise<boolean> {
  return control.and(page.locator(':focus')).isVisible();
}

/** Presses a key until the control has the focus. */
async function goTo(tab: Tab, control: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  await control.waitFor();
  for (let stop = 0; stop < STOPS; stop++) {
    if (await isFocused(tab, control)) return;
    await tab.page.keyboard.press(key);
  }
  throw new Error(`${key} does not lead to ${String(control)}`);
}

function screenshot(...words: string[]): string {
  return fileURLToPath(new URL(`${words.join('-')}.png`, SCREENSHOTS));
}

/** The width of an element beyond its visible part, in pixels. */
function overflowOf(element: Locator): Promise<number> {
  return element.evaluate((it: { readonly scrollWidth: number; readonly clientWidth: number }) => {
    return it.scrollWidth - it.clientWidth;
  });
}

/** The faults of a page: an excess width, and the findings of axe. */
async function flawsOf({ page }: Tab): Promise<string[]> {
  const overflow = await overflowOf(page.locator('html'));
  const { violations } = (await page.evaluate('axe.run()')) as AxeResults;
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((it) => it.html).join(' ')}`);
  return overflow === 0 ? found : [`${overflow} px too wide`, ...found];
}
