const CHECK_INTERVAL_MS = 3_000;

/**
 * @typedef {object} Options
 * @property {AbortSignal} signal
 * @property {() => Promise<unknown>} load loads again what the page shows; never rejects
 * @property {() => boolean} isWell whether the last load succeeded
 * @property {() => void} onRecovered removes the errors
 */

/**
 * Loads again at intervals after a request failed because a service was away, until a load succeeds. Then the
 * errors of that time are over.
 */
export class Recovery {
  #options;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#stop());
  }

  /** Begins to check, unless it does already. */
  begin() {
    if (this.#options.signal.aborted) return;
    this.#timer ??= setTimeout(() => void this.#check(), CHECK_INTERVAL_MS);
  }

  async #check() {
    const { load, isWell, onRecovered, signal } = this.#options;
    await load();
    this.#stop();
    if (signal.aborted) return;
    if (isWell()) onRecovered();
    else this.begin();
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
