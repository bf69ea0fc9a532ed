import { delayAfter } from './backoff.js';

/** @import { StreamEvent, StreamStatus } from './types.js' */

/** Twice the heartbeat, and some. */
const LONGEST_SILENCE = 25_000;

/** @type {readonly StreamEvent['name'][]} */
const EVENTS = ['ready', 'interrupted', 'notification', 'read', 'presence', 'heartbeat'];

/**
 * @typedef {object} StreamOptions
 * @property {string} url
 * @property {() => Promise<unknown>} checkSession before a stream is opened anew: an EventSource does
 *   not tell why it failed. Rejects if that makes no sense now
 * @property {(event: StreamEvent) => void} onEvent
 * @property {(status: Partial<StreamStatus>) => void} onStatus what changed
 */

/**
 * One stream that is opened anew for ever. An EventSource by itself gives up after an error of HTTP,
 * and does not notice a dead connection.
 */
export class StreamConnection {
  #options;
  /** @type {EventSource | undefined} */
  #source;
  #failures = 0;
  #lastHeard = 0;
  #isClosed = false;
  #isWaiting = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} of the silence, or until the next attempt */
  #timer;

  /** @param {StreamOptions} options */
  constructor(options) {
    this.#options = options;
    options.onStatus({ connection: 'connecting' });
    this.#open();
  }

  /** There is reason to believe that an attempt would succeed now, or that the stream is dead. */
  wake() {
    if (this.#isWaiting) void this.#reopen();
    else if (this.#source && Date.now() - this.#lastHeard > LONGEST_SILENCE) this.#lose();
  }

  close() {
    this.#isClosed = true;
    this.#drop();
  }

  #open() {
    const source = new EventSource(this.#options.url);
    this.#source = source;
    source.addEventListener('error', () => this.#lose());
    for (const name of EVENTS) {
      source.addEventListener(name, ({ data }) => this.#hear({ name, data: JSON.parse(data) }));
    }
    this.#expectEvent();
  }

  /** @param {StreamEvent} event */
  #hear(event) {
    this.#expectEvent();
    const { onEvent, onStatus } = this.#options;
    if (event.name === 'ready') {
      this.#failures = 0;
      onStatus({ connection: 'connected', instance: event.data.instance });
    }
    if (event.name === 'interrupted') {
      onStatus({ connection: 'interrupted', instance: event.data.instance });
    }
    if (event.name === 'presence') onStatus({ online: event.data.online });
    onEvent(event);
  }

  #expectEvent() {
    this.#lastHeard = Date.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lose(), LONGEST_SILENCE);
  }

  #lose() {
    this.#drop();
    const retryIn = delayAfter(this.#failures);
    this.#failures += 1;
    this.#isWaiting = true;
    this.#timer = setTimeout(() => this.#reopen(), retryIn);
    this.#options.onStatus({ connection: 'reconnecting', retryIn });
  }

  async #reopen() {
    this.#drop();
    try {
      await this.#options.checkSession();
      if (!this.#isClosed) this.#open();
    } catch {
      if (!this.#isClosed) this.#lose();
    }
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#isWaiting = false;
    this.#source?.close();
    this.#source = undefined;
  }
}
