/** @import { Store } from './store.js' */

/** Time after which a user who sends no more hints does not type any more, in ms. */
const EXPIRY_MS = 4_000;
/** The least time between two hints of this user, in ms. */
const HINT_INTERVAL_MS = 2_000;

/** Who types in the open room. A hint may be lost, and expires. */
export class Typing {
  #store;
  #sendHint;
  #lastHint = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {Store} store
   * @param {() => void} sendHint
   */
  constructor(store, sendHint) {
    this.#store = store;
    this.#sendHint = sendHint;
  }

  /** This user has changed the text. */
  onInput() {
    const now = Date.now();
    if (now - this.#lastHint < HINT_INTERVAL_MS) return;
    this.#lastHint = now;
    this.#sendHint();
  }

  /** This user has sent the text: the next one begins with a hint. */
  reset() {
    this.#lastHint = 0;
  }

  /** @param {string} userId */
  receive(userId) {
    const { typing } = this.#store.state;
    this.#store.update({ typing: { ...typing, [userId]: Date.now() + EXPIRY_MS } });
    this.#expireLater();
  }

  /**
   * The user has said what they typed.
   *
   * @param {string} userId
   */
  remove(userId) {
    const { [userId]: _, ...typing } = this.#store.state.typing;
    this.#store.update({ typing });
  }

  clear() {
    clearTimeout(this.#timer);
    this.#store.update({ typing: {} });
  }

  #expireLater() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const now = Date.now();
      const left = Object.entries(this.#store.state.typing).filter(([, until]) => until > now);
      this.#store.update({ typing: Object.fromEntries(left) });
      if (left.length > 0) this.#expireLater();
    }, EXPIRY_MS / 4);
  }
}
