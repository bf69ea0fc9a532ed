/** Sends in the order of the calls, also where the data of some is still being validated. */
export class CallOrder {
  #last: Promise<unknown> | undefined;

  /** Whether a call must wait for the ones before it. */
  get isBusy(): boolean {
    return this.#last !== undefined;
  }

  /** Calls `send` when the data is `checked`, and after the calls before this one. Rejects as both do. */
  async send<T, R>(checked: T | Promise<T>, send: (checked: T) => R | Promise<R>): Promise<R> {
    const turn = Promise.allSettled([checked, this.#last]);
    this.#last = turn;
    const [outcome] = await turn;
    if (this.#last === turn) this.#last = undefined;
    // Nothing is awaited from here on: a call that need not wait would be sent before this one.
    if (outcome.status === 'rejected') throw outcome.reason;
    return send(outcome.value);
  }
}
