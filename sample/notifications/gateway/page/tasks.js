import { ApiError } from './api.js';

/** @import { Store } from './store.js' */
/** @import { Task } from './types.js' */

/**
 * The requests of the controls, each under the key of its control: one at a time, and what came of
 * it is shown there.
 */
export class Tasks {
  #store;
  #signal;

  /**
   * @param {Store} store
   * @param {AbortSignal} [signal] after it nothing is shown any more
   */
  constructor(store, signal) {
    this.#store = store;
    this.#signal = signal;
  }

  /**
   * @param {string} key
   * @param {() => Promise<string | void>} work resolves to what to say of its success, if anything
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
 * What to show of a failure: the words of the server, if they are its.
 *
 * @param {unknown} error
 */
export function describeFailure(error) {
  if (error instanceof ApiError) return error.message;
  console.error(error);
  return 'Something went wrong on this page.';
}
