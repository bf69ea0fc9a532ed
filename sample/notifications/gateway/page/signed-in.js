import { Api, streamUrl } from './api.js';
import { Drafts } from './drafts.js';
import { Feed } from './feed.js';
import { Messages } from './messages.js';
import { Notifications } from './notifications.js';
import { openSharedStream } from './shared-stream.js';
import { Tasks } from './tasks.js';
import { Toasts } from './toasts.js';

/** @import { Store } from './store.js' */
/** @import { StreamEvent } from './types.js' */

/**
 * @typedef {object} Options
 * @property {Store} store
 * @property {string} userId
 * @property {() => void} onUnauthorized called when the session is no longer valid
 * @property {() => void} onOtherUser called when the cookie belongs to another user
 * @property {() => boolean} areToastsHeld
 */

/** The objects that exist while one user is signed in. */
export class SignedIn {
  #closing = new AbortController();
  #stream;

  /** @param {Options} options */
  constructor({ store, userId, onUnauthorized, onOtherUser, areToastsHeld }) {
    const { signal } = this.#closing;
    const api = new Api(signal, onUnauthorized);
    const tasks = new Tasks(store, signal);
    this.drafts = new Drafts(store);
    this.toasts = new Toasts(store, areToastsHeld);
    this.feed = new Feed({ store, api, tasks, drafts: this.drafts, signal });
    this.messages = new Messages({ api, tasks, drafts: this.drafts });
    this.notifications = new Notifications({
      store,
      api,
      tasks,
      toasts: this.toasts,
      signal,
      userId,
    });
    this.#stream = openSharedStream({
      url: streamUrl(userId),
      checkSession: async () => {
        const { user } = await api.session();
        if (user.id === userId) return;
        onOtherUser();
        throw new Error('Another user is signed in');
      },
      onStatus: (stream) => store.update({ stream }),
      onEvent: (event) => this.#receive(event),
    });
    // Not on `ready`: during an outage of Redis there is none, and the failed request shows the reason.
    this.#load();
  }

  /** Reconnects at once: the browser is online again, or the tab is visible again. */
  wake() {
    this.#stream.wake();
  }

  close() {
    this.#closing.abort();
    this.#stream.close();
  }

  #load() {
    void this.notifications.load();
    void this.feed.load();
  }

  /** @param {StreamEvent} event */
  #receive(event) {
    if (event.name === 'ready') this.#load();
    if (event.name === 'read') this.notifications.receiveRead(event.data.ids);
    if (event.name === 'notification') {
      this.notifications.receive(event.data);
      // Most notifications mean that a post has changed.
      if (event.data.userId !== null) void this.feed.load();
    }
  }
}
