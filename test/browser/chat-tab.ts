import type { Locator, Page } from 'playwright-core';
import { textsOf } from './tab.js';

/** A tab with the page of the chat, and the elements that a user sees. */
export class ChatTab {
  readonly connection: Locator;
  readonly log: Locator;
  readonly messages: Locator;
  readonly outgoing: Locator;
  readonly typing: Locator;
  readonly field: Locator;

  constructor(readonly page: Page) {
    this.connection = page.getByTestId('connection');
    this.log = page.getByRole('region', { name: 'Messages' });
    this.messages = page.getByTestId('message');
    this.outgoing = page.getByTestId('outgoing');
    this.typing = page.getByTestId('typing');
    this.field = page.getByRole('textbox');
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name });
  }

  async signIn(name: string): Promise<this> {
    await this.button(`Sign in as ${name}`).click();
    await this.isLive();
    return this;
  }

  /** Resolves when messages arrive at once. */
  async isLive(): Promise<void> {
    await this.connection.and(this.page.locator('[data-state=live]')).waitFor();
  }

  /** Resolves when the connection has this state. */
  async is(state: string): Promise<void> {
    await this.connection.and(this.page.locator(`[data-state=${state}]`)).waitFor();
  }

  /** The current state of the connection. */
  state(): Promise<string | null> {
    return this.connection.getAttribute('data-state');
  }

  async open(room: string): Promise<void> {
    await this.page.getByTestId(`room-${room}`).click();
    await this.page.locator(`#log[data-room=${room}]`).waitFor();
  }

  async say(text: string): Promise<void> {
    await this.field.fill(text);
    await this.field.press('Enter');
  }

  /** The texts of the transcript, oldest first. */
  texts(): Promise<string[]> {
    return this.page.getByTestId('text').allTextContents();
  }

  /** The ids of the messages of the transcript. */
  async ids(): Promise<number[]> {
    const ids = await this.messages.evaluateAll((them: { dataset: { id: string } }[]) =>
      them.map(({ dataset }) => dataset.id),
    );
    return ids.map(Number);
  }

  /** Who is in the room. */
  present(): Promise<string[]> {
    return textsOf(this.page.getByTestId('present'));
  }

  /** The unread count of a room, if there is one. */
  unread(room: string): Promise<string[]> {
    return textsOf(this.page.getByTestId(`room-${room}`).getByTestId('unread'));
  }
}
