import { coalesce } from './coalesce.js';
import {
  beginLoading,
  failLoading,
  finishLoading,
  receiveNotification,
  receiveRead,
  isKnown,
  unreadIds,
} from './inbox.js';
import { describeFailure } from './tasks.js';

/** @import { Api } from './api.js' */
/** @import { Store } from './store.js' */
/** @import { Tasks } from './tasks.js' */
/** @import { Toasts } from './toasts.js' */
/** @import { Inbox, Notification } from './types.js' */

/**
 * @typedef {object} Dependencies
 * @property {Store} store
 * @property {Api} api
 * @property {Tasks} tasks
 * @property {Toasts} toasts
 * @property {AbortSignal} signal
 * @property {() => void} onFailure called when a load failed
 * @property {string} userId
 */

/** The number of banners that the page shows at the same time. */
const MAX_BROADCASTS = 3;

/** The notifications of the user: the inbox, toasts and banners. */
export class Notifications {
  #dependencies;

  /** @param {Dependencies} dependencies */
  constructor(dependencies) {
    this.#dependencies = dependencies;
  }

  load = coalesce(async () => {
    const { api, signal, userId, onFailure } = this.#dependencies;
    this.#update(beginLoading(this.#inbox));
    try {
      const { notifications } = await api.inbox(userId);
      this.#update(finishLoading(this.#inbox, notifications));
    } catch (error) {
      if (signal.aborted) return;
      this.#update(failLoading(this.#inbox, describeFailure(error)));
      onFailure();
    }
  });

  /** @param {Notification} notification from the stream */
  receive(notification) {
    if (notification.userId === null) {
      this.#showBroadcast(notification);
      return;
    }
    if (!isKnown(this.#inbox, notification.id)) this.#dependencies.toasts.show(notification);
    this.#update(receiveNotification(this.#inbox, notification));
  }

  /** @param {readonly string[]} ids */
  receiveRead(ids) {
    this.#update(receiveRead(this.#inbox, ids));
  }

  /**
   * The user follows the link of a notification, which is then read.
   *
   * @param {Notification} notification
   */
  follow({ id }) {
    this.#dependencies.toasts.dismiss(id);
    const isUnread = unreadIds(this.#inbox).includes(id);
    if (isUnread) void this.markRead(id);
  }

  /** @param {string} id */
  markRead(id) {
    const { api, tasks, userId } = this.#dependencies;
    return tasks.run(`read:${id}`, async () => {
      await api.markRead(userId, id);
      this.receiveRead([id]);
    });
  }

  markAllRead() {
    const { api, tasks, userId } = this.#dependencies;
    return tasks.run('read', async () => {
      // Only the ids that are known now: the stream reports others that the request marks as read.
      const ids = unreadIds(this.#inbox);
      await api.markAllRead(userId);
      this.receiveRead(ids);
    });
  }

  /** @param {string} id */
  dismissBroadcast(id) {
    const { store } = this.#dependencies;
    store.update({ broadcasts: store.state.broadcasts.filter((other) => other.id !== id) });
  }

  /** @param {Notification} broadcast */
  #showBroadcast(broadcast) {
    const { store } = this.#dependencies;
    const others = store.state.broadcasts.filter(({ id }) => id !== broadcast.id);
    store.update({ broadcasts: [broadcast, ...others].slice(0, MAX_BROADCASTS) });
  }

  get #inbox() {
    return this.#dependencies.store.state.inbox;
  }

  /** @param {Inbox} inbox */
  #update(inbox) {
    this.#dependencies.store.update({ inbox });
  }
}
