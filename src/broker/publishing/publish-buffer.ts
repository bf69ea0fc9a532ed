import { ConnectionError, shorten } from '../../errors.js';

/** How much may wait for a connection that is away. */
export interface PublishBufferOptions {
  readonly maxMessages: number;
  /** In milliseconds. */
  readonly maxAge: number;
}

/** A message on its way out. */
export interface Outgoing {
  readonly channel: string;
  readonly payload: string | Uint8Array;
  readonly isSharded: boolean;
  /** Of a shard channel in a Cluster. */
  readonly slot?: number;
}

interface Waiting {
  readonly message: Outgoing;
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
  #waiting: Waiting[] = [];
  /** How many wait for each slot. */
  readonly #slots = new Map<number, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PublishBufferOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Whether a message of a slot waits. */
  holds(slot: number): boolean {
    return this.#slots.has(slot);
  }

  /**
   * Settles as the message does that {@link flush} sends later. One that was published earlier than
   * others that wait, and was sent in vain, goes before them.
   */
  add(message: Outgoing, since = performance.now()): Promise<number> {
    const { maxMessages } = this.#options;
    if (this.#waiting.length >= maxMessages) {
      return Promise.reject(notPublished(message, `${maxMessages} messages wait for it already`));
    }
    return new Promise<number>((resolve, reject) => {
      const place = this.#waiting.findLastIndex((it) => it.since <= since) + 1;
      this.#waiting.splice(place, 0, { message, since, resolve, reject });
      this.#count(message, 1);
      this.#schedule();
    });
  }

  /** Sends everything, in the order in which it came, except for what still has to wait. */
  flush(
    send: (message: Outgoing, since: number) => Promise<number>,
    mustWait: (message: Outgoing) => boolean = () => false,
  ): void {
    this.#stop();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const it of waiting) {
      if (mustWait(it.message)) {
        this.#waiting.push(it);
        continue;
      }
      this.#count(it.message, -1);
      it.resolve(send(it.message, it.since));
    }
    this.#schedule();
  }

  /** Fails everything. */
  fail(error: unknown): void {
    this.#stop();
    this.#slots.clear();
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #count({ slot }: Outgoing, change: 1 | -1): void {
    if (slot === undefined) return;
    const count = (this.#slots.get(slot) ?? 0) + change;
    if (count === 0) this.#slots.delete(slot);
    else this.#slots.set(slot, count);
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
    for (const { message, reject } of expired) {
      this.#count(message, -1);
      reject(notPublished(message, `waited for ${maxAge} ms`));
    }
    this.#schedule();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function notPublished({ channel }: Outgoing, why: string): ConnectionError {
  return new ConnectionError(
    `Cannot publish to "${shorten(channel)}": not connected to Redis (${why})`,
  );
}
