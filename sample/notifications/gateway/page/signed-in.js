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
 * @property {() => void} onUnauthorized the server knows the session no more
 * @property {() => void} onOtherUser the session is another user's now
 * @property {() => boolean} areToastsHeld
 */

/** All that lives as long as one user is signed in. */
export class SignedIn {
  #ending = new AbortController();
  #stream;

  /** @param {Options} options */
  constructor({ store, userId, onUnauthorized, onOtherUser, areToastsHeld }) {
    const { signal } = this.#ending;
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
      onEvent: (event) => this.#hear(event),
    });
    // Without waiting for the stream: while Redis is away there is no `ready`, and this says why.
    this.#load();
  }

  /** The network is back, or somebody looks at the page again. */
  wake() {
    this.#stream.wake();
  }

  end() {
    this.#ending.abort();
    this.#stream.close();
  }

  #load() {
    void this.notifications.load();
    void this.feed.load();
  }

  /** @param {StreamEvent} event */
  #hear(event) {
    if (event.name === 'ready') this.#load();
    if (event.name === 'read') this.notifications.hearRead(event.data.ids);
    if (event.name === 'notification') {
      this.notifications.hear(event.data);
      // Most notifications are about a post, and it has changed then.
      if (event.data.userId !== null) void this.feed.load();
    }
  }
}
