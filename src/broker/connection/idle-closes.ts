import type { Socket } from 'node:net';
import type { BrokerLog } from '../broker.js';

/** So many connections in a row must be closed at a similar age: one may be chance. */
const MIN_CLOSES = 3;

/** A connection that is closed sooner was not idle. */
const MIN_AGE_MS = 100;

/** How much the ages may differ, as a part of them. */
const TOLERANCE = 0.2;

/** What an {@link IdleCloses} is about. */
export interface IdleClosesOptions {
  readonly role: 'publisher' | 'subscriber';
  /** In milliseconds. */
  readonly pingInterval: number;
  readonly log: BrokerLog;
}

/**
 * Notices that another end closes connections when they are idle, before the first PING, and says what to set. A
 * proxy may do that: the connection is replaced again and again, and each time messages are lost.
 */
export class IdleCloses {
  readonly #options: IdleClosesOptions;
  #since = 0;
  #age = 0;
  #closes = 0;
  #bytes: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isLogged = false;

  constructor(options: IdleClosesOptions) {
    this.#options = options;
  }

  /** A connection is ready. */
  opened(socket: Socket): void {
    this.stop();
    this.#since = performance.now();
    this.#bytes = undefined;
    if (this.#closes === 0 || this.#isLogged) return;
    // Without traffic in the second half of its life it is idle; the first half has the subscriptions.
    const look = (): void => {
      this.#bytes = bytesOf(socket);
    };
    this.#timer = setTimeout(look, this.#age / 2).unref();
  }

  /** The other end has closed the connection to `server`, or it was lost. */
  closed(socket: Socket, server: string): void {
    this.stop();
    const { role, pingInterval, log } = this.#options;
    const age = performance.now() - this.#since;
    const isEarly = age >= MIN_AGE_MS && age < pingInterval;
    const isSimilar = Math.abs(age - this.#age) <= TOLERANCE * age;
    const isIdle = this.#bytes === bytesOf(socket);
    if (!isEarly) this.#closes = 0;
    else this.#closes = isSimilar && isIdle ? this.#closes + 1 : 1;
    this.#age = age;
    if (this.#closes < MIN_CLOSES || this.#isLogged) return;
    this.#isLogged = true;
    const limit = Math.floor(age);
    log.warn(
      `The ${role} connection to ${server} was closed ${MIN_CLOSES} times after about ${limit} ms without traffic, before the first PING; if a proxy or the server closes idle connections, set "pingInterval" (${pingInterval} ms) below ${limit}`,
    );
  }

  /** Stops the timer. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}

function bytesOf({ bytesRead, bytesWritten }: Socket): number {
  return bytesRead + bytesWritten;
}
