import { delayAfter } from './backoff.js';

/** @import { StreamEvent, StreamStatus } from './types.js' */

/** More than two heartbeat intervals: a stream without any event for so long counts as lost. */
const STREAM_TIMEOUT_MS = 25_000;

/** @type {readonly StreamEvent['name'][]} */
const EVENTS = [
  'ready',
  'resync',
  'interrupted',
  'notification',
  'read',
  'post',
  'traffic',
  'presence',
  'heartbeat',
];

/**
 * @typedef {object} StreamOptions
 * @property {string} url
 * @property {string} [lastEventId] the id of the last event that the page has: what followed it comes first
 * @property {() => Promise<unknown>} checkSession called before each reconnect, because an EventSource does
 *   not report why it failed. A rejection delays the reconnect
 * @property {(event: StreamEvent) => void} onEvent
 * @property {(status: Partial<StreamStatus>) => void} onStatus called with the changed fields
 */

/**
 * A stream that reconnects until it is closed. The EventSource reconnects by itself, and sends the id of its last
 * event. It stops after an HTTP error, and does not detect a half-open connection: then the page opens another one.
 */
export class StreamConnection {
  #options;
  /** @type {EventSource | undefined} */
  #source;
  #lastEventId;
  #failures = 0;
  #lastEventAt = 0;
  #isClosed = false;
  #isReconnecting = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} the timeout of the next event, or the delay of a reconnect */
  #timer;

  /** @param {StreamOptions} options */
  constructor(options) {
    this.#options = options;
    this.#lastEventId = options.lastEventId ?? '';
    options.onStatus({ connection: 'connecting' });
    this.#open();
  }

  /** Reconnects at once if a reconnect is pending, or if the last event is older than the timeout. */
  wake() {
    if (this.#isReconnecting) void this.#reopen();
    else if (this.#source && Date.now() - this.#lastEventAt > STREAM_TIMEOUT_MS)
      this.#scheduleReconnect();
  }

  close() {
    this.#isClosed = true;
    this.#closeSource();
  }

  #open() {
    const source = new EventSource(this.#url);
    this.#source = source;
    source.addEventListener('error', () => this.#lose(source));
    for (const name of EVENTS) {
      source.addEventListener(name, ({ data, lastEventId }) =>
        this.#receive({ name, data: JSON.parse(data), lastEventId }),
      );
    }
    this.#expectEvent();
  }

  /** A new EventSource sends no header: the id is in the query. */
  get #url() {
    const { url } = this.#options;
    const lastEventId = this.#lastEventId;
    return lastEventId ? `${url}?${new URLSearchParams({ lastEventId })}` : url;
  }

  /** @param {EventSource} source that reports a lost or refused connection */
  #lose(source) {
    if (source.readyState === EventSource.CLOSED) {
      this.#scheduleReconnect();
      return;
    }
    // The browser reconnects. Without an event for too long, the timer has the page do it.
    this.#isReconnecting = true;
    this.#options.onStatus({ connection: 'reconnecting', retryIn: undefined });
  }

  /** @param {StreamEvent} event */
  #receive(event) {
    this.#isReconnecting = false;
    this.#lastEventId = event.lastEventId;
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
    this.#lastEventAt = Date.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#scheduleReconnect(), STREAM_TIMEOUT_MS);
  }

  #scheduleReconnect() {
    this.#closeSource();
    const retryIn = delayAfter(this.#failures);
    this.#failures += 1;
    this.#isReconnecting = true;
    this.#timer = setTimeout(() => this.#reopen(), retryIn);
    this.#options.onStatus({ connection: 'reconnecting', retryIn });
  }

  async #reopen() {
    this.#closeSource();
    try {
      await this.#options.checkSession();
      if (!this.#isClosed) this.#open();
    } catch {
      if (!this.#isClosed) this.#scheduleReconnect();
    }
  }

  #closeSource() {
    clearTimeout(this.#timer);
    this.#isReconnecting = false;
    this.#source?.close();
    this.#source = undefined;
  }
}
