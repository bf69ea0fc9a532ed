import { Api, streamUrl } from './api.js';
import { Drafts } from './drafts.js';
import { Feed } from './feed.js';
import { Messages } from './messages.js';
import { Notifications } from './notifications.js';
import { Recovery } from './recovery.js';
import { openSharedStream } from './shared-stream.js';
import { Tasks } from './tasks.js';
import { Toasts } from './toasts.js';
import { spread } from './spread.js';
import { addTraffic } from './traffic.js';

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
  #store;
  #stream;

  /** @param {Options} options */
  constructor({ store, userId, onUnauthorized, onOtherUser, areToastsHeld }) {
    const { signal } = this.#closing;
    const api = new Api(signal, onUnauthorized);
    this.#store = store;
    const recovery = new Recovery({
      signal,
      load: () => this.#loadAgain(),
      isWell: () => this.#isWell(),
      onRecovered: () => tasks.clearTemporary(),
    });
    const onFailure = () => recovery.begin();
    const tasks = new Tasks(store, onFailure, signal);
    const common = { store, api, tasks, signal, onFailure };
    this.tasks = tasks;
    this.drafts = new Drafts(store);
    this.toasts = new Toasts(store, areToastsHeld);
    this.feed = new Feed({ ...common, drafts: this.drafts });
    this.messages = new Messages({ api, tasks, drafts: this.drafts });
    this.notifications = new Notifications({ ...common, toasts: this.toasts, userId });
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
    // Not on `resync`: during an outage of Redis there is none, and the failed request shows the reason.
    void this.notifications.load();
    void this.feed.load();
  }

  /** Reconnects at once: the browser is online again, or the tab is visible again. */
  wake() {
    this.#stream.wake();
  }

  close() {
    this.#closing.abort();
    this.#stream.close();
  }

  /** Loads only what failed, and the posts, which need Redis and the activity service. */
  async #loadAgain() {
    const { inbox } = this.#store.state;
    await Promise.all([this.feed.load(), inbox.failure && this.notifications.load()]);
  }

  #isWell() {
    const { inbox, posts, stream } = this.#store.state;
    const hasLoaded = !posts.failure && !inbox.failure && !inbox.isLoading;
    return hasLoaded && stream.connection === 'connected';
  }

  /** @param {StreamEvent} event */
  #receive(event) {
    const { signal } = this.#closing;
    switch (event.name) {
      case 'ready': {
        this.tasks.clearTemporary();
        spread(event.data.spreadMs, signal, this.feed.load);
        break;
      }
      case 'resync': {
        spread(event.data.spreadMs, signal, this.notifications.load);
        break;
      }
      case 'read': {
        this.notifications.receiveRead(event.data.ids);
        break;
      }
      case 'notification': {
        this.notifications.receive(event.data);
        break;
      }
      case 'post': {
        spread(event.data.spreadMs, signal, this.feed.load);
        break;
      }
      case 'traffic': {
        const { traffic } = this.#store.state;
        this.#store.update({ traffic: addTraffic(traffic, event.data.messages) });
        break;
      }
      default:
    }
  }
}
