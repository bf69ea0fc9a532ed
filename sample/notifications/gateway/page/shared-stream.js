import { StreamConnection } from './stream-connection.js';

/** @import { StreamOptions } from './stream-connection.js' */
/** @import { StreamEvent, StreamStatus } from './types.js' */

/**
 * The messages between tabs.
 *
 * @typedef {{ type: 'join' } | { type: 'wake' }
 *   | { type: 'status', status: StreamStatus } | { type: 'event', event: StreamEvent }} Message
 */

/**
 * @typedef {Omit<StreamOptions, 'onStatus'> & { onStatus: (status: StreamStatus) => void }} Options
 */

/** Time after a due reconnect of the leader until the other tabs ask it to reconnect. */
const LEADER_GRACE_MS = 1_000;

/**
 * One stream for all tabs of a browser, because a browser allows six HTTP/1.1 connections per origin. The
 * tab that holds a Web Lock is the leader: it opens the stream and forwards its events to the other tabs.
 * When the leader closes, the browser gives the lock to the next tab. Without Web Locks, which need HTTPS
 * or localhost, each tab opens its own stream.
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
  #closing = new AbortController();
  /** @type {StreamStatus} */
  #status = { connection: 'connecting', online: [] };
  /** @type {StreamConnection | undefined} set in the leader only */
  #connection;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #leaderTimer;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    const name = `stream:${options.url}`;
    this.#channel = new BroadcastChannel(name);
    this.#channel.addEventListener('message', ({ data }) => this.#receive(data));
    this.#send({ type: 'join' });
    void this.#waitForLock(name);
  }

  wake() {
    if (this.#connection) this.#connection.wake();
    else this.#send({ type: 'wake' });
  }

  close() {
    clearTimeout(this.#leaderTimer);
    this.#closing.abort();
    this.#channel.close();
  }

  /** @param {string} name */
  async #waitForLock(name) {
    const { signal } = this.#closing;
    try {
      await navigator.locks.request(name, { signal }, () => this.#runAsLeader());
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** This tab holds the lock until the promise settles. */
  async #runAsLeader() {
    const { signal } = this.#closing;
    if (signal.aborted) return;
    clearTimeout(this.#leaderTimer);
    const connection = new StreamConnection({
      ...this.#options,
      onStatus: (changes) => {
        this.#setStatus({ ...this.#status, ...changes });
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
      this.#setStatus(message.status);
      this.#watchLeader(message.status);
    }
  }

  /** @param {StreamStatus} status */
  #setStatus(status) {
    this.#status = status;
    this.#options.onStatus(status);
  }

  /**
   * Asks the leader to reconnect if it is late. The leader can be a hidden tab, whose timers browsers
   * throttle to one per minute.
   *
   * @param {StreamStatus} status
   */
  #watchLeader({ connection, retryIn = 0 }) {
    clearTimeout(this.#leaderTimer);
    if (connection !== 'reconnecting') return;
    this.#leaderTimer = setTimeout(() => this.wake(), retryIn + LEADER_GRACE_MS);
  }

  /** @param {Message} message */
  #send(message) {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
    this.#channel.postMessage(message);
  }
}
