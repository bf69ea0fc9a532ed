/** @import { Api } from './api.js' */
/** @import { Drafts } from './drafts.js' */
/** @import { Tasks } from './tasks.js' */

/** Sends messages to another user, and broadcasts of an administrator. */
export class Messages {
  #api;
  #tasks;
  #drafts;

  /** @param {{ api: Api, tasks: Tasks, drafts: Drafts }} dependencies */
  constructor({ api, tasks, drafts }) {
    this.#api = api;
    this.#tasks = tasks;
    this.#drafts = drafts;
  }

  /** @param {string} userId */
  send(userId) {
    const key = `message:${userId}`;
    return this.#tasks.run(key, async () => {
      const text = this.#drafts.get(key);
      await this.#api.sendMessage(userId, text);
      this.#drafts.clear({ [key]: text });
      return 'Sent.';
    });
  }

  /**
   * The first step of a new user, who needs no second user for it.
   *
   * @param {string} ownId
   */
  sendToSelf(ownId) {
    return this.#tasks.run('message-to-self', async () => {
      await this.#api.sendMessage(ownId, 'Hello from this page');
    });
  }

  broadcast() {
    return this.#tasks.run('broadcast', async () => {
      const title = this.#drafts.get('broadcast:title');
      const message = this.#drafts.get('broadcast:message');
      const type = this.#drafts.get('broadcast:type');
      await this.#api.broadcast({ title, message, type: type || 'info' });
      this.#drafts.clear({
        'broadcast:title': title,
        'broadcast:message': message,
        'broadcast:type': type,
      });
      return 'Sent to everybody.';
    });
  }
}
