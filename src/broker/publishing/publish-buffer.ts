import type { ChannelKind } from '../../channel/subscription-key.js';
import { ConnectionError, shorten } from '../../errors.js';
import { runOutside } from '../../shared/async-context.js';
import type { OutgoingPayload } from '../../shared/payload.js';
import type { PublishBufferOptions } from '../broker-options.js';
import type { MessageList } from '../broker.js';
import { TimeLimit } from '../connection/time-limit.js';
import { sizeOf } from './unconfirmed-messages.js';

/** A message to publish. */
export interface Outgoing {
  readonly channel: string;
  readonly payload: OutgoingPayload;
  readonly kind: ChannelKind;
  /** The slot of a channel in a Cluster, where its owner decides about the message. */
  readonly slot?: number;
  /** The list that keeps the message. */
  readonly list?: MessageList;
}

/** Far below the resolution of the clock, and above that of a number for centuries. */
const SMALLEST_STEP_MS = 1e-6;

interface Waiting {
  readonly message: Outgoing;
  readonly since: number;
  readonly resolve: (receivers: Promise<number>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Messages that were published while the connection was lost, in their order. A message that waits too
 * long, or is one too many, fails its promise.
 */
export class PublishBuffer {
  readonly #options: PublishBufferOptions;
  #waiting: Waiting[] = [];
  /** How many messages wait for each slot. */
  readonly #slots = new Map<number, number>();
  #bytes = 0;
  #limit: TimeLimit | undefined;
  #lastTime = 0;

  constructor(options: PublishBufferOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Whether a message of a slot waits. */
  hasSlot(slot: number): boolean {
    return this.#slots.has(slot);
  }

  /**
   * Settles as the message does when {@link flush} sends it. A message that was sent before without
   * success, and so is older than others, goes before them.
   */
  add(message: Outgoing, since = this.nextTime()): Promise<number> {
    const { maxMessages, maxBytes = Infinity } = this.#options;
    if (this.#waiting.length >= maxMessages) {
      return Promise.reject(notPublished(message, `${maxMessages} messages wait for it already`));
    }
    const bytes = sizeOf(message.payload);
    if (this.#bytes + bytes > maxBytes) {
      const why = `its ${bytes} bytes are too many beside ${this.#bytes} that wait already`;
      return Promise.reject(notPublished(message, why));
    }
    return new Promise<number>((resolve, reject) => {
      const place = this.#waiting.findLastIndex((it) => it.since <= since) + 1;
      this.#waiting.splice(place, 0, { message, since, resolve, reject });
      this.#count(message, 1);
      this.#schedule();
    });
  }

  /** The current time, in milliseconds. Each call returns a later one, so that it orders the messages. */
  nextTime(): number {
    this.#lastTime = Math.max(performance.now(), this.#lastTime + SMALLEST_STEP_MS);
    return this.#lastTime;
  }

  /** Sends every message in its order, except those that must go on waiting. */
  flush(
    send: (message: Outgoing, since: number) => Promise<number>,
    mustWait: (message: Outgoing) => boolean = () => false,
  ): void {
    this.#stopLimit();
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

  /** Fails every message. */
  fail(error: unknown): void {
    this.#stopLimit();
    this.#slots.clear();
    this.#bytes = 0;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #count({ slot, payload }: Outgoing, change: 1 | -1): void {
    this.#bytes += change * sizeOf(payload);
    if (slot === undefined) return;
    const count = (this.#slots.get(slot) ?? 0) + change;
    if (count === 0) this.#slots.delete(slot);
    else this.#slots.set(slot, count);
  }

  #schedule(): void {
    const [oldest] = this.#waiting;
    if (this.#limit || !oldest) return;
    const age = performance.now() - oldest.since;
    this.#limit = runOutside(
      () => new TimeLimit(this.#options.maxAge - age, noSocket, () => this.#expire()),
    );
  }

  #expire(): void {
    this.#limit = undefined;
    const { maxAge } = this.#options;
    const oldestAllowed = performance.now() - maxAge;
    // A timer may fire a fraction of a millisecond early.
    const firstKept = this.#waiting.findIndex(({ since }) => since > oldestAllowed + 1);
    const expired = this.#waiting.splice(0, firstKept === -1 ? this.#waiting.length : firstKept);
    for (const { message, reject } of expired) {
      this.#count(message, -1);
      reject(notPublished(message, `waited for ${maxAge} ms`));
    }
    this.#schedule();
  }

  #stopLimit(): void {
    this.#limit?.cancel();
    this.#limit = undefined;
  }
}

/** The connection that the messages wait for has none yet. */
const noSocket = (): undefined => undefined;

function notPublished({ channel }: Outgoing, why: string): ConnectionError {
  return new ConnectionError(
    `Cannot publish to "${shorten(channel)}": not connected to Redis (${why})`,
  );
}
