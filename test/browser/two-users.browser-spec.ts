import { describe, expect, it } from 'vitest';
import { soon } from './soon.js';
import { textsOf, unread, type Tab } from './tab.js';
import { useBrowser } from './use-browser.js';
import { useEmptySample } from './use-empty-sample.js';

describe('users in separate browsers, on two gateways', () => {
  const sample = useEmptySample();
  const browser = useBrowser();

  it('an action of one user notifies the other at once', async () => {
    const alice = await browser.signIn(sample.first, 'Alice');
    const bob = await browser.signIn(sample.second, 'Bob');
    expect(await alice.unread()).toEqual(unread(0));

    await bob.like('Alice').click();
    await receives(alice, /^Bob liked your post “Eight kilometres/, 1);
    await bob.comment('Alice', 'In the rain!');
    await receives(alice, /^Bob commented on your post: In the rain!/, 2);
    await bob.button('Follow Alice').click();
    await receives(alice, /^Bob follows you/, 3);
    await bob.send('Alice', 'Lunch at noon?');
    await receives(alice, /^Bob sent you a message: Lunch at noon\?/, 4);

    await alice.openPanel();
    expect(await textsOf(alice.panel.getByRole('heading', { level: 3 }))).toEqual([
      'Bob sent you a message:',
      'Bob follows you',
      'Bob commented on your post:',
      'Bob liked your post',
    ]);
    expect(await alice.toasts.count()).toBeLessThanOrEqual(3);
    await soon(() => alice.likes('Alice')).toEqual(['1 like']);
    await soon(() => alice.comments('Alice')).toEqual(['Bob just now In the rain!']);
  });

  it('a user sees the result of an action, and receives no notification', async () => {
    const bob = await browser.signIn(sample.second, 'Bob');
    await bob.like('Alice').click();
    await bob.like('Alice', 'Unlike').waitFor();
    expect(await bob.likes('Alice')).toEqual(['1 like']);
    await bob.comment('Alice', 'In the rain!');
    await soon(() => bob.comments('Alice')).toEqual(['Bob just now In the rain!']);
    expect(await bob.field('Comment on the post by Alice').inputValue()).toBe('');
    await bob.button('Follow Alice').click();
    await bob.button('Unfollow Alice').waitFor();
    await bob.send('Alice', 'Lunch at noon?');
    await bob.person('alice').getByText('Sent.', { exact: true }).waitFor();
    expect(await bob.field('Message to Alice').inputValue()).toBe('');

    await bob.like('Alice', 'Unlike').click();
    await bob.like('Alice').waitFor();
    await bob.button('Unfollow Alice').click();
    await bob.button('Follow Alice').waitFor();
    await soon(() => bob.likes('Alice')).toEqual(['0 likes']);
    const inbox = () => sample.first.user('alice').inbox();
    await soon(async () => (await inbox()).notifications.length).toBe(4);
    expect(await bob.inbox()).toEqual([]);
  });

  it('each sees who is online, and which gateway serves the page', async () => {
    const alice = await browser.signIn(sample.first, 'Alice');
    const bob = await browser.signIn(sample.second, 'Bob');
    for (const tab of [alice, bob]) {
      await soon(() => tab.presence('alice')).toEqual(['online']);
      await soon(() => tab.presence('bob')).toEqual(['online']);
      await soon(() => tab.presence('carol')).toEqual(['offline']);
    }
    expect(await textsOf(alice.instance)).toEqual(['gateway-1']);
    expect(await textsOf(bob.instance)).toEqual(['gateway-2']);

    await bob.page.context().close();
    await soon(() => alice.presence('bob')).toEqual(['offline']);
    expect(await alice.presence('alice')).toEqual(['online']);
  });

  it('an administrator sends every user a banner that is in no inbox', async () => {
    const alice = await browser.signIn(sample.first, 'Alice');
    const bob = await browser.signIn(sample.second, 'Bob');
    const dave = await browser.signIn(sample.first, 'Dave');
    await dave.broadcast('Maintenance', 'At ten tonight.', 'warning');
    await dave.page.getByText('Sent to everybody.', { exact: true }).waitFor();

    for (const tab of [alice, bob, dave]) {
      await soon(() => textsOf(tab.broadcasts)).toEqual([
        'Dave warns everybody: Maintenance At ten tonight.',
      ]);
      expect(await tab.broadcasts.getAttribute('data-type')).toBe('warning');
      expect(await tab.inbox()).toEqual([]);
      expect(await tab.unread()).toEqual(unread(0));
      expect(await tab.toasts.count()).toBe(0);
    }
    for (const tab of [alice, bob]) expect(await tab.button('Broadcast').count()).toBe(0);
    for (const field of ['Title', 'Message']) expect(await dave.field(field).inputValue()).toBe('');
    await alice.broadcasts.getByRole('button', { name: 'Dismiss' }).click();
    await soon(() => alice.broadcasts.count()).toBe(0);
    expect(await bob.broadcasts.count()).toBe(1);
    await bob.page.reload();
    await bob.is('connected');
    expect(await bob.inbox()).toEqual([]);
  });

  it('a read notification is read in all tabs, and in another browser', async () => {
    const first = await browser.signIn(sample.first, 'Alice');
    const tabs = [
      first,
      await first.another(),
      await browser.signIn(sample.second, 'Alice'),
    ] as const;
    const [, second, otherBrowser] = tabs;
    const bob = sample.second.user('bob');
    for (const text of ['One', 'Two', 'Three']) {
      await bob.message({ id: 'alice' }, text);
      for (const tab of tabs) await soon(async () => (await tab.inbox())[0]).toContain(text);
    }
    for (const tab of tabs) await soon(() => tab.unread()).toEqual(unread(3));

    await first.openPanel();
    const two = first.notifications.filter({ hasText: 'Two' });
    await two.getByRole('button', { name: 'Mark as read' }).click();
    for (const tab of tabs) {
      await soon(() => tab.unread()).toEqual(unread(2));
      expect(await marks(tab)).toEqual(['false', 'true', 'false']);
    }
    await otherBrowser.openPanel();
    await otherBrowser.markAllRead.click();
    for (const tab of tabs) {
      await soon(() => tab.unread()).toEqual(unread(0));
      expect(await marks(tab)).toEqual(['true', 'true', 'true']);
    }
    expect(await otherBrowser.markAllRead.getAttribute('aria-disabled')).toBe('true');
    expect(await first.markAllRead.getAttribute('aria-disabled')).toBe('true');
    await second.page.reload();
    await soon(() => marks(second)).toEqual(['true', 'true', 'true']);
    expect(await second.unread()).toEqual(unread(0));
  });
});

/** Resolves when a toast and the list show the text, and `count` notifications are unread. */
async function receives(tab: Tab, what: RegExp, count: number): Promise<void> {
  await soon(() => textsOf(tab.toasts)).toContainEqual(expect.stringMatching(what));
  await soon(async () => (await tab.inbox())[0]).toMatch(what);
  await soon(() => tab.unread()).toEqual(unread(count));
}

/** Whether each notification of the list is read. */
function marks({ notifications }: Tab): Promise<(string | undefined)[]> {
  return notifications.evaluateAll((all: { readonly dataset: { readonly read?: string } }[]) =>
    all.map(({ dataset }) => dataset.read),
  );
}
