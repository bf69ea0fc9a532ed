import type { ConsoleMessage } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { Visitor } from '../e2e/sample/gateway.js';
import { soon } from './soon.js';
import { Tab, textsOf, unread } from './tab.js';
import { useBrowser } from './use-browser.js';
import { useEmptySample } from './use-empty-sample.js';

const POLICY =
  "default-src 'self';object-src 'none';base-uri 'none';form-action 'self';frame-ancestors 'none'";
const HTML = '<img src="/none" onerror="document.title = 1"><b>bold</b> &amp; <script>1</script>';
const TOO_LONG = 'x'.repeat(501);

const sample = useEmptySample();
const browser = useBrowser();

describe('a browser', () => {
  it('gets no data of another user, and none without a session', async () => {
    await sample.first.user('alice').message({ id: 'bob' }, 'For Bob only');
    const tab = await browser.open(sample.first);
    const paths = ['notifications', 'notifications/unread', 'stream'];
    for (const path of paths) expect(await statusOf(tab, `/api/users/bob/${path}`)).toBe(401);
    for (const path of ['session', 'activity/posts', 'activity/following']) {
      expect(await statusOf(tab, `/api/${path}`)).toBe(401);
    }

    await tab.signIn('Alice');
    for (const path of paths) expect(await statusOf(tab, `/api/users/bob/${path}`)).toBe(403);
    expect(await statusOf(tab, '/api/users/alice/notifications')).toBe(200);
    await tab.signOut();
    expect(await statusOf(tab, '/api/users/alice/notifications')).toBe(401);
  });

  it('hides the session from scripts and other sites', async () => {
    const tab = await browser.signIn(sample.first, 'Alice');
    expect(await tab.page.evaluate('document.cookie')).toBe('');
    const cookies = await tab.page.context().cookies();
    expect(cookies).toEqual([
      expect.objectContaining({ name: 'session-gateway-1', httpOnly: true, sameSite: 'Strict' }),
    ]);
    await tab.signOut();
    expect(await tab.page.context().cookies()).toEqual([]);
  });

  it('runs only the modules of the page, without a violation of the policy', async () => {
    const { page } = await browser.open({ url: 'about:blank' });
    const problems: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) problems.push(describeMessage(message));
    });
    const response = await page.goto(sample.first.url);
    expect(response?.headers()['content-security-policy']).toBe(POLICY);
    const dave = new Tab(page);
    await dave.isSignedOut();
    // The page cannot read the cookie, so that it asks for the session.
    await soon(() => problems).toEqual([expect.stringMatching(/ 401 .* \/api\/session$/)]);
    problems.length = 0;

    await useEverything(dave, sample.second.user('alice'));
    expect(problems).toEqual([]);
    await page.evaluate(`
      const script = document.createElement('script');
      script.textContent = 'document.title = "Inline"';
      document.body.append(script);
    `);
    await soon(() => problems).toEqual([expect.stringContaining('Content Security Policy')]);
    expect(await page.title()).toBe('Notification sample');
  });
});

describe('the text of a user', () => {
  it('is shown as text, although it looks like markup', async () => {
    const alice = await browser.signIn(sample.first, 'Alice');
    const bob = await browser.signIn(sample.second, 'Bob');
    await bob.comment('Alice', HTML);
    await soon(() => bob.comments('Alice')).toEqual([`Bob just now ${HTML}`]);
    await soon(() => alice.comments('Alice')).toEqual([`Bob just now ${HTML}`]);
    await bob.send('Alice', HTML);
    await soon(() => textsOf(alice.toasts)).toEqual([
      expect.stringContaining(`Bob sent you a message: ${HTML}`),
      expect.stringContaining(`Bob commented on your post: ${HTML}`),
    ]);
    await sample.first.administrator().broadcast({ title: HTML, message: HTML });
    await soon(() => textsOf(alice.broadcasts)).toEqual([
      `An administrator tells everybody: ${HTML} ${HTML}`,
    ]);
    await alice.openPanel();
    expect(await alice.inbox()).toEqual([
      expect.stringContaining(HTML),
      expect.stringContaining(HTML),
    ]);
    for (const tab of [alice, bob]) expect(await foreignElements(tab)).toBe(0);
    expect(await alice.unread()).toEqual(unread(2));
  });

  it('stays in its field with the reason when the server refuses it', async () => {
    const bob = await browser.signIn(sample.second, 'Bob');
    await bob.removeLimits();
    const reason = ['text must be shorter than or equal to 500 characters'];
    await bob.comment('Alice', TOO_LONG);
    await soon(() => textsOf(bob.post('Alice').getByRole('alert'))).toEqual(reason);
    expect(await bob.field('Comment on the post by Alice').inputValue()).toBe(TOO_LONG);
    expect(await bob.comments('Alice')).toEqual([]);
    await bob.send('Alice', TOO_LONG);
    const alert = bob.person('alice').getByRole('alert');
    await soon(() => textsOf(alert)).toEqual(reason);
    expect(await bob.field('Message to Alice').inputValue()).toBe(TOO_LONG);

    await bob.send('Alice', TOO_LONG.slice(1));
    await bob.person('alice').getByText('Sent.', { exact: true }).waitFor();
    expect(await alert.count()).toBe(0);
    expect(await bob.field('Comment on the post by Alice').inputValue()).toBe(TOO_LONG);
    await bob.comment('Alice', TOO_LONG.slice(1));
    await soon(() => bob.comments('Alice')).toEqual([`Bob just now ${TOO_LONG.slice(1)}`]);
    const inbox = () => sample.first.user('alice').inbox();
    await soon(async () => (await inbox()).unread).toBe(2);
  });

  it('stays with the reason in the form of an administrator, too', async () => {
    const dave = await browser.signIn(sample.first, 'Dave');
    await dave.removeLimits();
    await dave.broadcast('t'.repeat(101), TOO_LONG, 'success');
    const form = dave.page.getByRole('region', { name: 'Tell everybody' });
    await soon(() => textsOf(form.getByRole('alert'))).toEqual([
      'title must be shorter than or equal to 100 characters. ' +
        'message must be shorter than or equal to 500 characters',
    ]);
    expect(await dave.field('Title').inputValue()).toHaveLength(101);
    expect(await dave.field('Message').inputValue()).toBe(TOO_LONG);
    expect(await form.getByRole('combobox').inputValue()).toBe('success');
    expect(await dave.broadcasts.count()).toBe(0);
  });
});

function describeMessage(message: ConsoleMessage): string {
  const { url } = message.location();
  return `${message.text()} ${URL.canParse(url) ? new URL(url).pathname : url}`;
}

/** The answer that a script of the page gets. */
function statusOf({ page }: Tab, path: string): Promise<number> {
  return page.evaluate((url) => fetch(url).then(({ status }) => status), path);
}

/** Every action of an administrator on the page, during actions of another user. */
async function useEverything(dave: Tab, alice: Visitor): Promise<void> {
  await dave.signIn('Dave');
  await alice.message({ id: 'dave' }, 'Hello');
  await alice.follow({ id: 'dave' });
  await soon(() => dave.unread()).toEqual(unread(2));
  await dave.like('Alice').click();
  await dave.like('Alice', 'Unlike').click();
  await dave.like('Alice').waitFor();
  await dave.comment('Alice', 'Well done');
  await soon(() => dave.comments('Alice')).toHaveLength(1);
  await dave.button('Follow Alice').click();
  await dave.button('Unfollow Alice').waitFor();
  await dave.send('Alice', 'Hello to you');
  await dave.person('alice').getByText('Sent.', { exact: true }).waitFor();
  await dave.broadcast('All of you', 'Hello', 'error');
  await soon(() => textsOf(dave.broadcasts)).toEqual([
    'Dave reports a problem to everybody: All of you Hello',
  ]);
  await dave.broadcasts.getByRole('button', { name: 'Dismiss' }).click();
  await dave.openPanel();
  await dave.panel.getByRole('button', { name: 'Mark as read' }).first().click();
  await soon(() => dave.unread()).toEqual(unread(1));
  await dave.markAllRead.click();
  await soon(() => dave.unread()).toEqual(unread(0));
  await dave.panel.getByRole('button', { name: 'Close' }).click();
  await dave.page.reload();
  await dave.is('connected');
  await dave.signOut();
}

/** The number of elements that only markup of a user would create. */
function foreignElements({ page }: Tab): Promise<number> {
  return page.locator('#page :is(img, b, script)').count();
}
