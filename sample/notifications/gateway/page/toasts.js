/** @import { Store } from './store.js' */
/** @import { Notification } from './types.js' */

const AT_ONCE = 3;
const SHOWN_FOR = 6_000;
const HELD_FOR = 2_000;

/**
 * The newest go on top, and the oldest make room.
 *
 * @param {readonly Notification[]} toasts
 * @param {Notification} toast
 */
export function addToast(toasts, toast) {
  return [toast, ...toasts].slice(0, AT_ONCE);
}

/** Notifications that go by themselves after some seconds. */
export class Toasts {
  #store;
  #isHeld;

  /**
   * @param {Store} store
   * @param {() => boolean} isHeld whether somebody is looking at them
   */
  constructor(store, isHeld) {
    this.#store = store;
    this.#isHeld = isHeld;
  }

  /** @param {Notification} notification */
  show(notification) {
    this.#store.update({ toasts: addToast(this.#store.state.toasts, notification) });
    setTimeout(() => this.#expire(notification.id), SHOWN_FOR);
  }

  /** @param {string} id */
  dismiss(id) {
    this.#store.update({ toasts: this.#store.state.toasts.filter((toast) => toast.id !== id) });
  }

  /** @param {string} id */
  #expire(id) {
    const isShown = this.#store.state.toasts.some((toast) => toast.id === id);
    if (!isShown) return;
    if (this.#isHeld()) setTimeout(() => this.#expire(id), HELD_FOR);
    else this.dismiss(id);
  }
}
