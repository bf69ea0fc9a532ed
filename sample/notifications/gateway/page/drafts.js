/** @import { Store } from './store.js' */

/** What was typed and not sent yet. It outlives failures, and the end of a session. */
export class Drafts {
  #store;

  /** @param {Store} store */
  constructor(store) {
    this.#store = store;
  }

  /** @param {string} key */
  get(key) {
    return this.#store.state.drafts[key] ?? '';
  }

  /**
   * @param {string} key
   * @param {string} text
   */
  set(key, text) {
    this.#store.update({ drafts: { ...this.#store.state.drafts, [key]: text } });
  }

  /** @param {string[]} keys */
  clear(...keys) {
    const drafts = Object.entries(this.#store.state.drafts).filter(([key]) => !keys.includes(key));
    this.#store.update({ drafts: Object.fromEntries(drafts) });
  }
}
