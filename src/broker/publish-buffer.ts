import { ConnectionError, shorten } from '../errors.js';

/** How much may wait for a connection that is away. */
export interface PublishBufferOptions {
  readonly maxMessages: number;
  /** In milliseconds. */
  readonly maxAge: number;
}

type Send = (channel: string, payload: string | Uint8Array) => Promise<number>;

interface Waiting {
  readonly channel: string;
  readonly payload: string | Uint8Array;
  readonly since: number;
  readonly resolve: (receivers: Promise<number>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Messages that were published while the connection was away, in their order. None is lost without
 * a word: what is too old, or too much, fails its promise.
 */
export class PublishBuffer {
  readonly #options: PublishBufferOptions;
  readonly #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PublishBufferOptions) {
    this.#options = options;
  }

  /** Settles as the message does that {@link flush} sends later. */
  add(channel: string, payload: string | Uint8Array): Promise<number> {
    const { maxMessages } = this.#options;
    if (this.#waiting.length >= maxMessages) {
      return Promise.reject(notPublished(channel, `${maxMessages} messages wait for it already`));
    }
    return new Promise<number>((resolve, reject) => {
      this.#waiting.push({ channel, payload, since: performance.now(), resolve, reject });
      this.#schedule();
    });
  }

  /** Sends everything, in the order in which it came. */
  flush(send: Send): void {
    this.#stop();
    for (const { channel, payload, resolve } of this.#waiting.splice(0)) {
      resolve(send(channel, payload));
    }
  }

  /** Fails everything. */
  fail(error: unknown): void {
    this.#stop();
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #schedule(): void {
    const [oldest] = this.#waiting;
    if (this.#timer || !oldest) return;
    const age = performance.now() - oldest.since;
    this.#timer = setTimeout(() => this.#expire(), this.#options.maxAge - age);
  }

  #expire(): void {
    this.#timer = undefined;
    const { maxAge } = this.#options;
    const oldestAllowed = performance.now() - maxAge;
    // A timer may be early by a fraction of a millisecond.
    const fresh = this.#waiting.findIndex(({ since }) => since > oldestAllowed + 1);
    const expired = this.#waiting.splice(0, fresh === -1 ? this.#waiting.length : fresh);
    for (const { channel, reject } of expired) {
      reject(notPublished(channel, `waited for ${maxAge} ms`));
    }
    this.#schedule();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function notPublished(channel: string, why: string): ConnectionError {
  return new ConnectionError(
    `Cannot publish to "${shorten(channel)}": not connected to Redis (${why})`,
  );
}
