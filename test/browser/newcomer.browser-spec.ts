import { describe, expect, it } from 'vitest';
import { soon } from './soon.js';
import { textsOf, unread, type Tab } from './tab.js';
import { useBrowser } from './use-browser.js';
import { useEmptySample } from './use-empty-sample.js';

const PHONE = { viewport: { width: 360, height: 740 } };
const SEND = 'Send yourself a message';

const sample = useEmptySample();
const browser = useBrowser();

describe('a new user', () => {
  it('has one step that stands out, before and after signing in', async () => {
    const tab = await browser.open(sample.first);
    await tab.isSignedOut();
    expect(await textsOf(primary(tab))).toEqual(['Sign in as Alice']);
    await tab.signIn('Alice');
    expect(await textsOf(primary(tab))).toEqual([SEND]);
  });

  it('sends themselves a message, and sees the channels that carry it', async () => {
    const alice = await browser.signIn(sample.first, 'Alice');
    await alice.page.getByText('No message has passed yet.', { exact: false }).waitFor();
    await alice.button(SEND).click();
    await soon(() => textsOf(alice.toasts)).toEqual([
      'You sent yourself a message: Hello from this page',
    ]);
    await soon(() => textsOf(alice.traffic)).toEqual([
      'gateway-1 sent → sample:user.messaged to 1 subscription',
      'notifications received ← sample:user.messaged by pattern sample:user.*',
      'notifications sent → sample:notifications.user.alice to 1 subscription',
      'gateway-1 received ← sample:notifications.user.alice by its exact name',
    ]);
    expect(await alice.unread()).toEqual(unread(1));
  });
});

describe('a user who only watches', () => {
  it('sees the likes and comments of others at once, and no notification', async () => {
    const carol = await browser.signIn(sample.first, 'Carol');
    const other = await carol.another();
    const bob = sample.second.user('bob');
    await bob.like('p1');
    for (const tab of [carol, other]) await soon(() => tab.likes('Alice')).toEqual(['1 like']);
    await bob.comment('p1', 'In the rain!');
    for (const tab of [carol, other]) {
      await soon(() => tab.comments('Alice')).toEqual(['Bob just now In the rain!']);
    }
    await bob.unlike('p1');
    for (const tab of [carol, other]) await soon(() => tab.likes('Alice')).toEqual(['0 likes']);
    expect(await carol.unread()).toEqual(unread(0));
  });
});

describe.each([
  ['a wide screen', {}],
  ['a phone', PHONE],
])('the link of a notification on %s', (_device, options) => {
  it('leads from the panel to the post, and marks it as read', async () => {
    const alice = await browser.signIn(sample.first, 'Alice', options);
    await sample.second.user('bob').comment('p1', 'In the rain!');
    await soon(() => alice.unread()).toEqual(unread(1));
    await alice.openPanel();
    await alice.panel.getByRole('link', { name: 'Bob commented on your post:' }).click();
    await soon(() => isFocused(alice, '#post-p1')).toBe(true);
    await soon(() => isOnScreen(alice, '#post-p1 .comments')).toBe(true);
    expect(await alice.panel.isVisible()).toBe(false);
    await soon(() => alice.unread()).toEqual(unread(0));
    expect(await alice.toasts.count()).toBe(0);
  });

  it('leads from the toast to the person and the message', async () => {
    const alice = await browser.signIn(sample.first, 'Alice', options);
    await sample.second.user('bob').message({ id: 'alice' }, 'Lunch at noon?');
    await alice.toasts.getByRole('link', { name: 'Bob sent you a message:' }).click();
    await soon(() => isFocused(alice, '#person-bob')).toBe(true);
    await soon(() => isOnScreen(alice, '#person-bob form')).toBe(true);
    expect(await textsOf(alice.page.getByTestId('last-message'))).toEqual([
      'Message from Bob, just now Lunch at noon?',
    ]);
    await soon(() => alice.unread()).toEqual(unread(0));
    expect(await alice.toasts.count()).toBe(0);
  });
});

describe('on a phone', () => {
  it('a user reaches the people with one tap, and writes to one of them', async () => {
    const alice = await browser.signIn(sample.first, 'Alice', PHONE);
    for (const place of ['People', 'Posts', 'People']) {
      await alice.page.getByRole('link', { name: place, exact: true }).click();
    }
    await soon(() => isOnScreen(alice, '#person-bob form')).toBe(true);
    await alice.send('Bob', 'Lunch at noon?');
    await alice.person('bob').getByText('Sent.', { exact: true }).waitFor();
    const titles = async () =>
      (await sample.second.user('bob').inbox()).notifications.map(({ title }) => title);
    await soon(titles).toEqual(['Alice sent you a message']);
    expect(await alice.field('Message to Bob').inputValue()).toBe('');
  });
});

describe('a field', () => {
  it('takes no more text than the server', async () => {
    const dave = await browser.signIn(sample.first, 'Dave');
    for (const [name, limit] of [
      ['Title', '100'],
      ['Message', '500'],
      ['Message to Bob', '500'],
      ['Comment on the post by Bob', '500'],
    ] as const) {
      expect(await dave.field(name).getAttribute('maxlength')).toBe(limit);
    }
    expect(await dave.page.getByRole('textbox').count()).toBe(
      await dave.page.locator('[maxlength]').count(),
    );
    await dave.field('Message to Bob').focus();
    await dave.page.keyboard.insertText('x'.repeat(501));
    expect(await dave.field('Message to Bob').inputValue()).toHaveLength(500);
  });

  it('loses its error when its text is changed', async () => {
    const dave = await browser.signIn(sample.first, 'Dave');
    await dave.removeLimits();
    await dave.send('Alice', 'x'.repeat(501));
    const alert = dave.page.getByRole('alert');
    await soon(() => alert.count()).toBe(1);
    await dave.field('Message to Alice').fill('Shorter');
    await soon(() => alert.count()).toBe(0);
    await dave.broadcast('t'.repeat(101), 'Hello');
    await soon(() => alert.count()).toBe(1);
    await dave.field('Message').fill('Hello again');
    await soon(() => alert.count()).toBe(0);
    expect(await dave.field('Title').inputValue()).toHaveLength(101);
  });
});

/** The buttons that stand out. */
function primary({ page }: Tab) {
  return page.locator('button.primary');
}

function isFocused({ page }: Tab, selector: string): Promise<boolean> {
  return page.locator(selector).and(page.locator(':focus')).isVisible();
}

/** Whether an element is on the screen, and below the header. */
function isOnScreen({ page }: Tab, selector: string): Promise<boolean> {
  return page.evaluate(`(() => {
    const { top, bottom } = document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect();
    const header = document.querySelector('header').getBoundingClientRect().bottom;
    return top >= header && bottom <= innerHeight;
  })()`);
}
