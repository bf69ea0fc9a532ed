import { StreamConnection } from './stream-connection.js';

/** @import { StreamOptions } from './stream-connection.js' */
/** @import { StreamEvent, StreamStatus } from './types.js' */

/**
 * What the tabs say to each other.
 *
 * @typedef {{ type: 'join' } | { type: 'wake' }
 *   | { type: 'status', status: StreamStatus } | { type: 'event', event: StreamEvent }} Message
 */

/**
 * @typedef {Omit<StreamOptions, 'onStatus'> & { onStatus: (status: StreamStatus) => void }} Options
 */

/** How late the timer of a leader may be before the others doubt it. */
const GRACE = 1_000;

/**
 * One stream for all tabs of a browser, which allows six connections per origin in HTTP/1.1. The tab
 * that holds the lock is the leader: it has the stream, and hands on what it hears. When it goes,
 * the browser gives the lock to the next. A page that may not use locks, as it is not on HTTPS, has
 * a stream of its own.
 *
 * @param {Options} options
 */
export function openSharedStream(options) {
  return navigator.locks ? new SharedStream(options) : openOwnStream(options);
}

/** @param {Options} options */
function openOwnStream(options) {
  /** @type {StreamStatus} */
  let status = { connection: 'connecting', online: [] };
  return new StreamConnection({
    ...options,
    onStatus: (changes) => {
      status = { ...status, ...changes };
      options.onStatus(status);
    },
  });
}

class SharedStream {
  #options;
  #channel;
  #ending = new AbortController();
  /** @type {StreamStatus} */
  #status = { connection: 'connecting', online: [] };
  /** @type {StreamConnection | undefined} of the leader */
  #connection;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #doubt;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    const name = `stream:${options.url}`;
    this.#channel = new BroadcastChannel(name);
    this.#channel.addEventListener('message', ({ data }) => this.#receive(data));
    this.#send({ type: 'join' });
    void this.#waitForLead(name);
  }

  wake() {
    if (this.#connection) this.#connection.wake();
    else this.#send({ type: 'wake' });
  }

  close() {
    clearTimeout(this.#doubt);
    this.#ending.abort();
    this.#channel.close();
  }

  /** @param {string} name */
  async #waitForLead(name) {
    const { signal } = this.#ending;
    try {
      await navigator.locks.request(name, { signal }, () => this.#lead());
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** The lock is ours until the promise is settled. */
  async #lead() {
    const { signal } = this.#ending;
    if (signal.aborted) return;
    clearTimeout(this.#doubt);
    const connection = new StreamConnection({
      ...this.#options,
      onStatus: (changes) => {
        this.#follow({ ...this.#status, ...changes });
        this.#send({ type: 'status', status: this.#status });
      },
      onEvent: (event) => {
        this.#options.onEvent(event);
        this.#send({ type: 'event', event });
      },
    });
    this.#connection = connection;
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    connection.close();
  }

  /** @param {Message} message */
  #receive(message) {
    if (message.type === 'join' && this.#connection) {
      this.#send({ type: 'status', status: this.#status });
    }
    if (message.type === 'wake') this.#connection?.wake();
    if (message.type === 'event') this.#options.onEvent(message.event);
    if (message.type === 'status') {
      this.#follow(message.status);
      this.#doubtLeader(message.status);
    }
  }

  /** @param {StreamStatus} status */
  #follow(status) {
    this.#status = status;
    this.#options.onStatus(status);
  }

  /**
   * Browsers slow the timers of a hidden tab down to one a minute, and the leader may be one.
   *
   * @param {StreamStatus} status
   */
  #doubtLeader({ connection, retryIn = 0 }) {
    clearTimeout(this.#doubt);
    if (connection !== 'reconnecting') return;
    this.#doubt = setTimeout(() => this.wake(), retryIn + GRACE);
  }

  /** @param {Message} message */
  #send(message) {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
    this.#channel.postMessage(message);
  }
}
