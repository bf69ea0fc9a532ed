/** @import { Store } from './store.js' */
/** @import { Notification } from './types.js' */

const MAX_TOASTS = 3;
const DURATION_MS = 6_000;
const HOLD_CHECK_MS = 2_000;

/**
 * Adds a toast on top and removes the oldest ones above the limit.
 *
 * @param {readonly Notification[]} toasts
 * @param {Notification} toast
 */
export function addToast(toasts, toast) {
  return [toast, ...toasts].slice(0, MAX_TOASTS);
}

/** Notifications that disappear after some seconds. */
export class Toasts {
  #store;
  #isHeld;

  /**
   * @param {Store} store
   * @param {() => boolean} isHeld whether the pointer or the focus is on the toasts, or the tab is hidden
   */
  constructor(store, isHeld) {
    this.#store = store;
    this.#isHeld = isHeld;
  }

  /** @param {Notification} notification */
  show(notification) {
    this.#store.update({ toasts: addToast(this.#store.state.toasts, notification) });
    setTimeout(() => this.#expire(notification.id), DURATION_MS);
  }

  /** @param {string} id */
  dismiss(id) {
    this.#store.update({ toasts: this.#store.state.toasts.filter((toast) => toast.id !== id) });
  }

  /** @param {string} id */
  #expire(id) {
    const isShown = this.#store.state.toasts.some((toast) => toast.id === id);
    if (!isShown) return;
    if (this.#isHeld()) setTimeout(() => this.#expire(id), HOLD_CHECK_MS);
    else this.dismiss(id);
  }
}
