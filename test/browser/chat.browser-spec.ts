import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { BrowserContextOptions } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { useChat } from '../e2e/sample/use-chat.js';
import { ChatUser } from '../e2e/sample/chat-user.js';
import { ChatTab } from './chat-tab.js';
import { soon } from './soon.js';
import { textsOf } from './tab.js';
import { useBrowser } from './use-browser.js';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const SCREENSHOTS = new URL('../../test-results/screenshots/', import.meta.url);
const MARKUP = '<img src="/none" onerror="document.title = 1"><b>bold</b> &amp; <script>1</script>';
const DAY_MS = 24 * 60 * 60_000;
const CASES = [
  [1280, 'light'],
  [1280, 'dark'],
  [390, 'light'],
  [390, 'dark'],
] as const;

const chat = useChat();
const browser = useBrowser();

/** A tab at the first or the second node, which is not signed in. */
async function open(node: 0 | 1, options?: BrowserContextOptions): Promise<ChatTab> {
  const { page } = await browser.open({ url: chat.urls[node] ?? '' }, options);
  return new ChatTab(page);
}

const signIn = async (name: string, node: 0 | 1, options?: BrowserContextOptions) =>
  (await open(node, options)).signIn(name);

/** A user without a browser. */
const user = (id: string, room?: string) => ChatUser.start(id, chat.urls, { node: 1, room });
const stored = async (room = 'lobby') => (await chat.stored(room)).map(({ text }) => text);

/** Stores messages as they are, so that they can be of another day. */
async function store(room: string, ats: readonly number[]): Promise<void> {
  const batch = chat.redis.pipeline().set(`chat:room:{${room}}:last`, ats.length);
  for (const [i, at] of ats.entries()) {
    const id = i + 1;
    const message = { id, at, authorId: 'bob', text: `Message ${id}`, key: String(id) };
    batch.xadd(`chat:room:{${room}}:messages`, `${id}-0`, 'json', JSON.stringify(message));
  }
  await batch.exec();
}

/** Says numbered texts until it is stopped; resolves to their number. */
function talk(tab: ChatTab, name: string): { stop(): Promise<number> } {
  const stopping = new AbortController();
  const run = async (): Promise<number> => {
    let count = 0;
    for (; !stopping.signal.aborted; count++) await tab.say(`${name} ${count}`);
    return count;
  };
  const running = run();
  return {
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}

/** Resolves when the tabs show what Redis stores: nothing is missing, and nothing is there twice. */
async function showAll(tabs: readonly ChatTab[], count: number): Promise<void> {
  await soon(async () => (await stored()).length).toBe(count);
  const expected = await stored();
  for (const tab of tabs) {
    await soon(async () => (await tab.ids()).length).toBe(count);
    expect(await tab.texts()).toEqual(expected);
    await soon(() => tab.outgoing.count()).toBe(0);
  }
}

describe('two users at two nodes', () => {
  it('see messages, typing and presence of each other', async () => {
    const alice = await signIn('Alice', 0);
    const bob = await signIn('Bob', 1);
    await soon(() => alice.present()).toEqual(['Alice (you)', 'Bob']);
    await soon(() => bob.present()).toEqual(['Bob (you)', 'Alice']);
    await alice.say('Hello Bob');
    await soon(() => bob.texts()).toEqual(['Hello Bob']);
    await bob.field.pressSequentially('Hel');
    await soon(() => textsOf(alice.typing)).toEqual(['Bob is typing…']);
    // Nothing more is typed, and the line ends by itself.
    await soon(() => textsOf(alice.typing)).toEqual(['']);
    await bob.field.press('Enter');
    await soon(() => alice.texts()).toEqual(['Hello Bob', 'Hel']);
    await bob.page.close();
    await soon(() => alice.present()).toEqual(['Alice (you)']);
    expect(await alice.ids()).toEqual([1, 2]);
  });

  it('have an unread count of each room, which ends in all tabs of the user', async () => {
    const alice = await signIn('Alice', 0);
    const second = await signIn('Alice', 1);
    await alice.open('ideas');
    await second.open('ideas');
    await soon(() => alice.present()).toEqual(['Alice (you)']);
    const bob = await user('bob');
    for (const text of ['One', 'Two']) await bob.say(text);
    for (const tab of [alice, second]) {
      await soon(() => tab.unread('lobby')).toEqual(['2 unread']);
      await soon(() => tab.page.title()).toBe('(2) Chat');
    }
    await alice.open('lobby');
    await soon(() => alice.texts()).toEqual(['One', 'Two']);
    for (const tab of [alice, second]) await soon(() => tab.unread('lobby')).toEqual([]);
    await second.page.reload();
    await second.isLive();
    expect(await second.unread('lobby')).toEqual([]);
  });

  it('scroll back to the first message, and the place of the reader stays', async () => {
    const now = Date.now();
    const ats = Array.from({ length: 120 }, (_, i) => now - (i < 60 ? DAY_MS : 0) - (120 - i));
    await store('lobby', ats);
    const alice = await signIn('Alice', 0);
    await soon(async () => (await alice.ids()).length).toBe(50);
    expect((await alice.ids()).at(-1)).toBe(120);
    const first = alice.page.getByText('Message 71', { exact: true });
    await alice.log.evaluate((log: { scrollTop: number }) => (log.scrollTop = 0));
    await soon(async () => (await alice.ids()).length).toBe(100);
    expect(await first.isVisible()).toBe(true);
    const bob = await user('bob');
    await bob.say('New');
    const toEnd = alice.button('1 new message');
    await toEnd.waitFor();
    expect(await alice.unread('lobby')).toEqual(['1 unread']);
    await alice.log.evaluate((log: { scrollTop: number }) => (log.scrollTop = 0));
    await alice.page.getByText('This is the start of the room.').waitFor();
    expect(await alice.ids()).toEqual(Array.from({ length: 121 }, (_, i) => i + 1));
    expect(await textsOf(alice.page.getByRole('heading', { level: 3 }))).toEqual([
      'Yesterday',
      'Today',
    ]);
    await toEnd.click();
    await soon(() => alice.unread('lobby')).toEqual([]);
    expect(await toEnd.count()).toBe(0);
  });
});

describe('a page whose node is killed', () => {
  it('goes on at the other node: nothing is missing, and nothing is there twice', async () => {
    const alice = await signIn('Alice', 0);
    const bob = await signIn('Bob', 1);
    const [aliceTalks, bobTalks] = [talk(alice, 'Alice'), talk(bob, 'Bob')];
    await soon(async () => (await stored()).length).toBeGreaterThan(10);
    await chat.killNode('node-1');
    await alice.is('reconnecting');
    await alice.page.getByText('at node-2').waitFor();
    await soon(() => alice.present()).toEqual(['Alice (you)', 'Bob']);
    const counts = await Promise.all([aliceTalks.stop(), bobTalks.stop()]);
    await showAll([alice, bob], counts[0] + counts[1]);
    expect(await alice.state()).toBe('live');
    await soon(() => chat.process.lines).toContain('[start] node-1 is running again');
  });
});

describe('a page whose Redis is killed', () => {
  it('sends what was written then, and shows all that is stored', async () => {
    const alice = await signIn('Alice', 0);
    const bob = await signIn('Bob', 1);
    await alice.say('Before');
    await soon(() => bob.texts()).toEqual(['Before']);
    await chat.killRedis();
    for (const tab of [alice, bob]) await tab.is('interrupted');
    await alice.say('During');
    expect(await textsOf(alice.outgoing)).toEqual([expect.stringContaining('Sending… During')]);
    for (const tab of [alice, bob]) await tab.isLive();
    await showAll([alice, bob], 2);
    await soon(() => alice.present()).toEqual(['Alice (you)', 'Bob']);
  });
});

describe('the page', () => {
  it('shows text as text, and asks no other site', async () => {
    const alice = await open(0);
    const problems: string[] = [];
    const origins = new Set<string>();
    alice.page.on('console', (it) => {
      if (['error', 'warning'].includes(it.type())) problems.push(it.text());
    });
    alice.page.on('request', (request) => origins.add(new URL(request.url()).host));
    await alice.page.reload();
    await alice.signIn('Alice');
    await alice.say(MARKUP);
    const bob = await user('bob');
    await bob.say(MARKUP);
    await soon(() => alice.texts()).toEqual([MARKUP, MARKUP]);
    expect(await alice.page.locator('#page :is(img, b, script)').count()).toBe(0);
    expect(await alice.page.title()).toBe('Chat');
    expect([...origins]).toEqual([new URL(chat.urls[0] ?? '').host]);
    expect(problems).toEqual([]);
  });

  it('keeps a message that is refused, with the reason', async () => {
    const alice = await signIn('Alice', 0);
    await alice.field.evaluate((field: { removeAttribute(name: string): void }) =>
      field.removeAttribute('maxlength'),
    );
    await alice.say('x'.repeat(2_001));
    const reason = 'Not sent: text must be shorter than or equal to 2000 characters. Discard';
    await soon(() => textsOf(alice.page.getByRole('alert'))).toEqual([reason]);
    await alice.say('Next');
    await soon(() => alice.texts()).toEqual(['Next']);
    await alice.button('Discard').click();
    await soon(() => alice.outgoing.count()).toBe(0);
    expect(await stored()).toEqual(['Next']);
  });

  it('shows only the rooms of the user, and stays signed in after a reload', async () => {
    const carol = await signIn('Carol', 0);
    const rooms = carol.page.getByRole('navigation', { name: 'Rooms' }).getByRole('button');
    await soon(() => textsOf(rooms)).toEqual(['Lobby', 'Ideas']);
    await carol.page.reload();
    await carol.isLive();
    await carol.button('Sign out').click();
    await carol.button('Sign in as Alice').waitFor();
    await carol.page.evaluate(
      `sessionStorage.setItem('chat-session', '{"user":{"id":"alice","name":"Alice"},"token":"x.y.z"}')`,
    );
    await carol.page.reload();
    await soon(() => textsOf(carol.page.getByRole('alert'))).toEqual([
      'Your session is over. Sign in again.',
    ]);
    expect(await carol.field.count()).toBe(0);
  });

  it.each(CASES)(
    'fits %i pixels, and is accessible in the %s colours',
    async (width, colorScheme) => {
      const tab = await open(0, {
        colorScheme,
        viewport: { width, height: 800 },
        reducedMotion: 'reduce',
      });
      await tab.button('Sign in as Alice').waitFor();
      expect(await faultsOf(tab, width, colorScheme, 'signed-out')).toEqual([]);
      await tab.signIn('Alice');
      const [bob, carol] = [await user('bob'), await user('carol')];
      await tab.say('Is the deploy done?');
      await bob.say('Yes, ten minutes ago.\nAll checks are green.');
      await carol.say(`https://example.com/${'a-long-address-'.repeat(12)}`);
      await (await user('dave', 'ideas')).say('Dark mode!');
      await soon(() => tab.texts()).toHaveLength(3);
      await soon(() => tab.unread('ideas')).toEqual(['1 unread']);
      await soon(() => tab.present()).toHaveLength(3);
      bob.emit('typing', { room: 'lobby' });
      await soon(() => textsOf(tab.typing)).toEqual(['Bob is typing…']);
      expect(await faultsOf(tab, width, colorScheme, 'open')).toEqual([]);
    },
  );
});

/** Takes a screenshot, and finds faults: what axe finds, and a page that is larger than its window. */
async function faultsOf({ page }: ChatTab, ...words: (string | number)[]): Promise<string[]> {
  const path = fileURLToPath(new URL(`chat-${words.join('-')}.png`, SCREENSHOTS));
  await page.screenshot({ path });
  await page.evaluate(await readFile(AXE, 'utf8'));
  const { violations } = (await page.evaluate('axe.run()')) as AxeResults;
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((it) => it.html).join(' ')}`);
  const excess: number[] = await page.evaluate(`(({ documentElement: it }) =>
    [it.scrollWidth - it.clientWidth, it.scrollHeight - it.clientHeight])(document)`);
  return excess.some((pixels) => pixels > 0) ? [...found, `${excess.join()} px too large`] : found;
}
