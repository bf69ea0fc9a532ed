import type { Locator, Page } from 'playwright-core';
import { eventually } from '../support/redis.js';

export type Connection = 'connecting' | 'connected' | 'interrupted' | 'reconnecting';

/** The unread count in each place of a tab. */
export interface Unread {
  readonly badge: string | undefined;
  readonly title: string;
  readonly bell: string | null;
}

/** The texts of a tab with `count` unread notifications. */
export function unread(count: number): Unread {
  return {
    badge: count === 0 ? undefined : String(count),
    title: count === 0 ? 'Notification sample' : `(${count}) Notification sample`,
    bell: `Notifications, ${count} unread`,
  };
}

/** A tab with the page of the sample, and the elements that a user sees. */
export class Tab {
  readonly bell: Locator;
  readonly panel: Locator;
  readonly notifications: Locator;
  readonly connection: Locator;
  readonly instance: Locator;
  readonly toasts: Locator;
  readonly broadcasts: Locator;
  /** The messages that passed through Redis, oldest first. */
  readonly traffic: Locator;
  readonly markAllRead: Locator;
  #loads = 0;

  constructor(readonly page: Page) {
    page.on('requestfinished', (request) => {
      if (new URL(request.url()).pathname.endsWith('/notifications')) this.#loads++;
    });
    this.bell = page.getByRole('button', { name: /^Notifications, \d+ unread$/ });
    this.panel = page.getByRole('region', { name: 'Notifications', exact: true });
    this.notifications = page.getByTestId('notification');
    this.connection = page.getByTestId('connection');
    this.instance = page.getByTestId('instance');
    this.toasts = page.getByTestId('toast');
    this.broadcasts = page.getByTestId('broadcast');
    this.traffic = page.getByTestId('traffic');
    this.markAllRead = this.panel.getByRole('button', { name: 'Mark all as read' });
  }

  /** How often the page has loaded the inbox. A notification after a load is shown in a toast. */
  get loads(): number {
    return this.#loads;
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  field(name: string): Locator {
    return this.page.getByRole('textbox', { name, exact: true });
  }

  post(author: string): Locator {
    return this.page.getByRole('article', { name: `Post by ${author}` });
  }

  /** The button that likes or unlikes the post of an author. */
  like(author: string, name: 'Like' | 'Unlike' = 'Like'): Locator {
    return this.post(author).getByRole('button', { name, exact: true });
  }

  likes(author: string): Promise<string[]> {
    return textsOf(this.post(author).getByTestId('likes'));
  }

  comments(author: string): Promise<string[]> {
    return textsOf(this.post(author).getByRole('list', { name: 'Comments' }).getByRole('listitem'));
  }

  /** Removes the limits of the fields, so that the server has to refuse text that is too long. */
  async removeLimits(): Promise<void> {
    await this.page
      .locator('[maxlength]')
      .evaluateAll((fields: { removeAttribute(name: string): void }[]) => {
        for (const field of fields) field.removeAttribute('maxlength');
      });
  }

  /** The list item of one person. */
  person(id: string): Locator {
    return this.page.getByRole('listitem').filter({ has: this.page.getByTestId(`online-${id}`) });
  }

  presence(id: string): Promise<string[]> {
    return textsOf(this.page.getByTestId(`online-${id}`));
  }

  /** The name of the signed-in user, if there is one. */
  user(): Promise<string[]> {
    return textsOf(this.page.getByRole('banner').getByRole('strong').first());
  }

  /** Resolves when the connection has this state. */
  async is(state: Connection): Promise<void> {
    await this.connection.and(this.page.locator(`[data-state=${state}]`)).waitFor();
  }

  /** The current state of the connection. */
  state(): Promise<string | null> {
    return this.connection.getAttribute('data-state');
  }

  async unread(): Promise<Unread> {
    const badge = this.page.getByTestId('badge');
    const isShown = await badge.isVisible();
    return {
      badge: isShown ? ((await badge.textContent()) ?? '') : undefined,
      title: await this.page.title(),
      bell: await this.bell.getAttribute('aria-label'),
    };
  }

  /** The text of each notification in the list, the newest first, whether the panel is open or not. */
  inbox(): Promise<string[]> {
    return textsOf(this.notifications);
  }

  /** Signs in as the first tab, which loads the inbox at once and when its stream is ready. */
  async signIn(name: string): Promise<this> {
    const before = this.loads;
    await this.button(`Sign in as ${name}`).click();
    await this.is('connected');
    await eventually(() => this.loads >= before + 2);
    return this;
  }

  async signOut(): Promise<void> {
    await this.button('Sign out').click();
    await this.isSignedOut();
  }

  /** Resolves when the page asks to sign in. */
  async isSignedOut(): Promise<void> {
    await this.button('Sign in as Alice').waitFor();
  }

  async openPanel(): Promise<void> {
    await this.bell.click();
    await this.panel.waitFor();
  }

  async comment(author: string, text: string): Promise<void> {
    await this.field(`Comment on the post by ${author}`).fill(text);
    await this.post(author).getByRole('button', { name: 'Comment' }).click();
  }

  async send(name: string, text: string): Promise<void> {
    await this.field(`Message to ${name}`).fill(text);
    await this.person(name.toLowerCase()).getByRole('button', { name: 'Send' }).click();
  }

  async broadcast(title: string, message: string, type = 'info'): Promise<void> {
    await this.field('Title').fill(title);
    await this.field('Message').fill(message);
    await this.page.getByRole('combobox', { name: 'Type' }).selectOption(type);
    await this.button('Broadcast').click();
  }

  /** Another tab of this browser, which is signed in, with the same page. */
  async another(): Promise<Tab> {
    const tab = new Tab(await this.page.context().newPage());
    await tab.page.goto(this.page.url());
    await tab.is('connected');
    await eventually(() => tab.loads > 0);
    return tab;
  }
}

/** The text of each element, in one line. */
export async function textsOf(elements: Locator): Promise<string[]> {
  const texts = await elements.allTextContents();
  return texts.map((text) => text.replaceAll(/\s+/g, ' ').trim());
}
