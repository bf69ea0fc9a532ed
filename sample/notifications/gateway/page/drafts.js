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

  /**
   * Clears what has been sent; what was typed meanwhile stays.
   *
   * @param {Readonly<Record<string, string>>} sent
   */
  clear(sent) {
    const drafts = Object.entries(this.#store.state.drafts).filter(
      ([key, text]) => text !== sent[key],
    );
    this.#store.update({ drafts: Object.fromEntries(drafts) });
  }
}
