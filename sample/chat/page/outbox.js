import { RequestError } from './request-error.js';

/** @import { Connection } from './connection.js' */
/** @import { Store } from './store.js' */
/** @import { Message, Outgoing } from './types.js' */

/** Delay before the next attempt while the chat cannot store a message, in ms. */
const RETRY_DELAY_MS = 1_000;

/**
 * The messages that were typed and are not stored yet. They are sent one after the other, and again until a node
 * answers. Each has a key, by which Redis knows a message that it has already.
 */
export class Outbox {
  #store;
  #connection;
  #onStored;
  #isSending = false;
  #isClosed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {Store} store
   * @param {Connection} connection
   * @param {(room: string, id: number) => void} onStored
   */
  constructor(store, connection, onStored) {
    this.#store = store;
    this.#connection = connection;
    this.#onStored = onStored;
  }

  /**
   * @param {string} room
   * @param {string} text
   */
  add(room, text) {
    /** @type {Outgoing} */
    const outgoing = { key: crypto.randomUUID(), room, text };
    this.#update((outbox) => [...outbox, outgoing]);
    void this.send();
  }

  /** @param {string} key */
  discard(key) {
    this.#update((outbox) => outbox.filter((outgoing) => outgoing.key !== key));
  }

  /**
   * Removes the messages of a room that its transcript has, or has had. One may arrive before its answer does.
   *
   * @param {string} room
   * @param {readonly Message[]} messages of the transcript
   */
  settle(room, messages) {
    const last = messages.at(-1)?.id ?? 0;
    /** @param {Outgoing} outgoing */
    const isShown = ({ id, key }) =>
      (id !== undefined && id <= last) || messages.some((message) => message.key === key);
    if (!this.#store.state.outbox.some((it) => it.room === room && isShown(it))) return;
    this.#update((outbox) => outbox.filter((it) => it.room !== room || !isShown(it)));
  }

  /** Sends what waits. Call it with each new connection. */
  async send() {
    clearTimeout(this.#timer);
    if (this.#isSending) return;
    this.#isSending = true;
    try {
      while (await this.#sendFirst());
    } finally {
      this.#isSending = false;
    }
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Resolves to whether the next message can be sent now. */
  async #sendFirst() {
    const first = this.#store.state.outbox.find(({ id, failure }) => !id && !failure);
    if (!first || !this.#connection.isConnected || this.#isClosed) return false;
    const { key, room, text } = first;
    try {
      const { id } = await this.#connection.request('say', { key, room, text });
      this.#change(key, { id, note: undefined });
      this.#onStored(room, id);
      return true;
    } catch (error) {
      return this.#onError(first, error);
    }
  }

  /**
   * @param {Outgoing} outgoing
   * @param {unknown} error
   */
  #onError({ key }, error) {
    if (!(error instanceof RequestError)) throw error;
    if (!error.isTemporary) {
      this.#change(key, { failure: error.message });
      return true;
    }
    this.#change(key, { note: error.isTooFast ? error.message : undefined });
    if (!this.#isClosed) {
      this.#timer = setTimeout(() => void this.send(), error.retryInMs ?? RETRY_DELAY_MS);
    }
    return false;
  }

  /**
   * @param {string} key
   * @param {Partial<Outgoing>} changes
   */
  #change(key, changes) {
    this.#update((outbox) => outbox.map((it) => (it.key === key ? { ...it, ...changes } : it)));
  }

  /** @param {(outbox: readonly Outgoing[]) => readonly Outgoing[]} change */
  #update(change) {
    this.#store.update({ outbox: change(this.#store.state.outbox) });
  }
}
