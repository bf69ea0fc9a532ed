import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** Listens to a channel of `node:diagnostics_channel`. */
type Listener = (message: unknown) => void;

/** Listeners that many use, and that listen once in the process, while there is one user. */
export class SharedListeners {
  readonly #listeners: Readonly<Record<string, Listener>>;
  #users = 0;

  /** The listeners, by the names of their channels. */
  constructor(listeners: Readonly<Record<string, Listener>>) {
    this.#listeners = listeners;
  }

  /** Adds a user. Returns a function that removes it; idempotent. */
  use(): () => void {
    if (this.#users === 0) this.#forEach(subscribe);
    this.#users++;
    let isUsed = true;
    return () => {
      if (!isUsed) return;
      isUsed = false;
      this.#users--;
      if (this.#users === 0) this.#forEach(unsubscribe);
    };
  }

  #forEach(call: (name: string, listener: Listener) => unknown): void {
    for (const [name, listener] of Object.entries(this.#listeners)) call(name, listener);
  }
}
