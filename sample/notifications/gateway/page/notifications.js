import { coalesce } from './coalesce.js';
import {
  beginLoading,
  failLoading,
  finishLoading,
  hearNotification,
  hearRead,
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
 * @typedef {object} Parts
 * @property {Store} store
 * @property {Api} api
 * @property {Tasks} tasks
 * @property {Toasts} toasts
 * @property {AbortSignal} signal
 * @property {string} userId
 */

/** As many banners as leave room for the rest. */
const BROADCASTS_AT_ONCE = 3;

/** The notifications of the user: the inbox, toasts and banners. */
export class Notifications {
  #parts;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  load = coalesce(async () => {
    const { api, signal, userId } = this.#parts;
    this.#update(beginLoading(this.#inbox));
    try {
      const { notifications } = await api.inbox(userId);
      this.#update(finishLoading(this.#inbox, notifications));
    } catch (error) {
      if (!signal.aborted) this.#update(failLoading(this.#inbox, describeFailure(error)));
    }
  });

  /** @param {Notification} notification that came live */
  hear(notification) {
    if (notification.userId === null) {
      this.#showBroadcast(notification);
      return;
    }
    if (!isKnown(this.#inbox, notification.id)) this.#parts.toasts.show(notification);
    this.#update(hearNotification(this.#inbox, notification));
  }

  /** @param {readonly string[]} ids */
  hearRead(ids) {
    this.#update(hearRead(this.#inbox, ids));
  }

  /** @param {string} id */
  markRead(id) {
    const { api, tasks, userId } = this.#parts;
    return tasks.run(`read:${id}`, async () => {
      await api.markRead(userId, id);
      this.hearRead([id]);
    });
  }

  markAllRead() {
    const { api, tasks, userId } = this.#parts;
    return tasks.run('read', async () => {
      // Of what comes meanwhile the stream says whether it was read too.
      const ids = unreadIds(this.#inbox);
      await api.markAllRead(userId);
      this.hearRead(ids);
    });
  }

  /** @param {string} id */
  dismissBroadcast(id) {
    const { store } = this.#parts;
    store.update({ broadcasts: store.state.broadcasts.filter((other) => other.id !== id) });
  }

  /** @param {Notification} broadcast */
  #showBroadcast(broadcast) {
    const { store } = this.#parts;
    const others = store.state.broadcasts.filter(({ id }) => id !== broadcast.id);
    store.update({ broadcasts: [broadcast, ...others].slice(0, BROADCASTS_AT_ONCE) });
  }

  get #inbox() {
    return this.#parts.store.state.inbox;
  }

  /** @param {Inbox} inbox */
  #update(inbox) {
    this.#parts.store.update({ inbox });
  }
}
