import { StreamConnection } from './stream-connection.js';

/** @import { StreamOptions } from './stream-connection.js' */
/** @import { StreamEvent, StreamStatus } from './types.js' */

/**
 * The messages between tabs.
 *
 * @typedef {{ type: 'join' } | { type: 'wake' }
 *   | { type: 'status', status: StreamStatus, lastEventId: string }
 *   | { type: 'event', event: StreamEvent }} Message
 */

/**
 * @typedef {Omit<StreamOptions, 'onStatus'> & { onStatus: (status: StreamStatus) => void }} Options
 */

/** Time after a due reconnect of the leader until the other tabs ask it to reconnect. */
const LEADER_GRACE_MS = 1_000;

/**
 * One stream for all tabs of a browser, because a browser allows six HTTP/1.1 connections per origin. The
 * tab that holds a Web Lock is the leader: it opens the stream and forwards its events to the other tabs.
 * When the leader closes, the browser gives the lock to the next tab, which goes on at the last event. Without Web Locks, which need HTTPS
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
  #lastEventId = '';
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
      lastEventId: this.#lastEventId,
      onStatus: (changes) => {
        this.#setStatus({ ...this.#status, ...changes });
        this.#sendStatus();
      },
      onEvent: (event) => {
        this.#pass(event);
        this.#send({ type: 'event', event });
      },
    });
    this.#connection = connection;
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    connection.close();
  }

  /** @param {Message} message */
  #receive(message) {
    if (message.type === 'join' && this.#connection) this.#sendStatus();
    if (message.type === 'wake') this.#connection?.wake();
    if (message.type === 'event') this.#pass(message.event);
    if (message.type === 'status') {
      this.#lastEventId = message.lastEventId;
      this.#setStatus(message.status);
      this.#watchLeader(message.status);
    }
  }

  /** @param {StreamEvent} event */
  #pass(event) {
    this.#lastEventId = event.lastEventId;
    this.#options.onEvent(event);
  }

  #sendStatus() {
    this.#send({ type: 'status', status: this.#status, lastEventId: this.#lastEventId });
  }

  /** @param {StreamStatus} status */
  #setStatus(status) {
    this.#status = status;
    this.#options.onStatus(status);
  }

  /**
   * Asks the leader to reconnect if it is late. The leader can be a hidden tab, whose timers browsers
   * throttle to one per minute. They do not throttle an EventSource that reconnects by itself.
   *
   * @param {StreamStatus} status
   */
  #watchLeader({ connection, retryIn }) {
    clearTimeout(this.#leaderTimer);
    if (connection !== 'reconnecting' || retryIn === undefined) return;
    this.#leaderTimer = setTimeout(() => this.wake(), retryIn + LEADER_GRACE_MS);
  }

  /** @param {Message} message */
  #send(message) {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
    this.#channel.postMessage(message);
  }
}
