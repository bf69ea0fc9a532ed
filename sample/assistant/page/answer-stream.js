/** @import { AnswerEvents } from './types.js' */

/** An EventSource reconnects by itself, unless the server has refused it. */
const RETRY_DELAY_MS = 1_000;

/** The stream of one answer. It goes on at the last piece until the answer has ended, or `close`. */
export class AnswerStream {
  #url;
  #events;
  #lastId = '';
  #isClosed = false;
  /** @type {EventSource | undefined} */
  #source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {string} url
   * @param {AnswerEvents} events
   */
  constructor(url, events) {
    this.#url = url;
    this.#events = events;
    this.#open();
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#source?.close();
  }

  #open() {
    const after = this.#lastId === '' ? '' : `?after=${encodeURIComponent(this.#lastId)}`;
    const source = new EventSource(this.#url + after);
    this.#source = source;
    source.addEventListener('open', () => this.#events.onOpen());
    source.addEventListener('message', (event) => {
      this.#lastId = event.lastEventId;
      this.#events.onPiece(JSON.parse(event.data));
    });
    source.addEventListener('restart', () => {
      this.#lastId = '';
      this.#events.onRestart();
    });
    source.addEventListener('end', (event) => {
      this.close();
      this.#events.onEnd(JSON.parse(event.data).outcome);
    });
    source.addEventListener('failure', (event) => {
      this.close();
      this.#events.onFailure(JSON.parse(event.data).reason);
    });
    source.addEventListener('error', () => this.#onError(source));
  }

  /** @param {EventSource} source */
  #onError(source) {
    if (this.#isClosed) return;
    this.#events.onInterrupted();
    if (source.readyState !== EventSource.CLOSED) return;
    this.#timer = setTimeout(() => this.#open(), RETRY_DELAY_MS);
  }
}
