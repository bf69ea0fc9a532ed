/** @import { State } from './types.js' */

/** One state, one render: whatever changes the state does it here, and is then drawn. */
export class Store {
  #state;
  #render;
  #isScheduled = false;

  /**
   * @param {State} state
   * @param {(state: State) => void} render
   */
  constructor(state, render) {
    this.#state = state;
    this.#render = render;
  }

  get state() {
    return this.#state;
  }

  /** @param {Partial<State>} changes */
  update(changes) {
    this.#state = { ...this.#state, ...changes };
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // Not an animation frame: a hidden tab has none, and its title shows the unread count.
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#render(this.#state);
    });
  }
}
