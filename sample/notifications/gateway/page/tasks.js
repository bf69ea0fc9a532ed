import { ApiError } from './api.js';

/** @import { Store } from './store.js' */
/** @import { Task } from './types.js' */

/**
 * Runs the requests of the controls, one at a time per control key. The control shows the result.
 */
export class Tasks {
  #store;
  #signal;

  /**
   * @param {Store} store
   * @param {AbortSignal} [signal] after its abort no result is shown
   */
  constructor(store, signal) {
    this.#store = store;
    this.#signal = signal;
  }

  /**
   * @param {string} key
   * @param {() => Promise<string | void>} work resolves to the text that is shown on success, if any
   */
  async run(key, work) {
    if (this.#store.state.tasks[key]?.isRunning) return;
    this.#set(key, { isRunning: true });
    try {
      const note = await work();
      this.#set(key, { isRunning: false, note: note ?? undefined });
    } catch (error) {
      if (this.#signal?.aborted) return;
      this.#set(key, { isRunning: false, failure: describeFailure(error) });
    }
  }

  /**
   * @param {string} key
   * @param {Task} task
   */
  #set(key, task) {
    if (this.#signal?.aborted) return;
    this.#store.update({ tasks: { ...this.#store.state.tasks, [key]: task } });
  }
}

/**
 * The text that is shown for an error: the message of an ApiError, or else a general text.
 *
 * @param {unknown} error
 */
export function describeFailure(error) {
  if (error instanceof ApiError) return error.message;
  console.error(error);
  return 'Something went wrong on this page.';
}
