/** @import { Store } from './store.js' */

/** Text that was typed and not sent yet. It is kept after a failed request and after the session expires. */
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
   * Removes the drafts that were sent. Text that was changed during the request stays.
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
