/** @import { State } from './types.js' */

/** Holds the state of the page and renders it after each update. */
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
    // Not an animation frame: a hidden tab gets none, and its title must show the unread count.
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#render(this.#state);
    });
  }
}
