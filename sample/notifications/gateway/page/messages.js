/** @import { Api } from './api.js' */
/** @import { Drafts } from './drafts.js' */
/** @import { Tasks } from './tasks.js' */

/** What the user says to another one, or an administrator to everybody. */
export class Messages {
  #api;
  #tasks;
  #drafts;

  /** @param {{ api: Api, tasks: Tasks, drafts: Drafts }} parts */
  constructor({ api, tasks, drafts }) {
    this.#api = api;
    this.#tasks = tasks;
    this.#drafts = drafts;
  }

  /** @param {string} userId */
  send(userId) {
    const key = `message:${userId}`;
    return this.#tasks.run(key, async () => {
      await this.#api.sendMessage(userId, this.#drafts.get(key));
      this.#drafts.clear(key);
      return 'Sent.';
    });
  }

  broadcast() {
    return this.#tasks.run('broadcast', async () => {
      await this.#api.broadcast({
        title: this.#drafts.get('broadcast:title'),
        message: this.#drafts.get('broadcast:message'),
        type: this.#drafts.get('broadcast:type') || 'info',
      });
      this.#drafts.clear('broadcast:title', 'broadcast:message', 'broadcast:type');
      return 'Sent to everybody.';
    });
  }
}
