import { ApiError } from './api.js';

/** @import { Store } from './store.js' */
/** @import { Task } from './types.js' */

/**
 * Runs the requests of the controls, one at a time per control key. The control shows the result.
 */
export class Tasks {
  #store;
  #signal;
  #onTemporaryFailure;

  /**
   * @param {Store} store
   * @param {() => void} onTemporaryFailure called when a request failed because a service is away
   * @param {AbortSignal} [signal] after its abort no result is shown
   */
  constructor(store, onTemporaryFailure, signal) {
    this.#store = store;
    this.#onTemporaryFailure = onTemporaryFailure;
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
      const isTemporary = error instanceof ApiError && error.isTemporary;
      this.#set(key, { isRunning: false, failure: describeFailure(error), isTemporary });
      if (isTemporary) this.#onTemporaryFailure();
    }
  }

  /** Removes the failures of a time in which a service was away. */
  clearTemporary() {
    const tasks = Object.entries(this.#store.state.tasks).filter(([, task]) => !task.isTemporary);
    this.#store.update({ tasks: Object.fromEntries(tasks) });
  }

  /**
   * Removes the result of a request that has ended.
   *
   * @param {string} key
   */
  clear(key) {
    const { [key]: task, ...tasks } = this.#store.state.tasks;
    if (task && !task.isRunning) this.#store.update({ tasks });
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
