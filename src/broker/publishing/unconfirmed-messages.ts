import { ConnectionError, shorten } from '../../errors.js';
import type { OutgoingPayload } from '../../shared/payload.js';
import type { PublishLimitOptions } from '../broker-options.js';

const UNLIMITED: PublishLimitOptions = { maxMessages: Infinity, maxBytes: Infinity };

/**
 * Counts the messages that were sent over one connection and that Redis has not confirmed. A Redis that is
 * connected and silent must not fill the memory until the heartbeat finds it.
 */
export class UnconfirmedMessages {
  readonly #options: PublishLimitOptions;
  #count = 0;
  #bytes = 0;

  constructor(options = UNLIMITED) {
    this.#options = options;
  }

  /** Whether a message of this size would be one too many. A message that is alone never is. */
  isTooMany(bytes: number): boolean {
    const { maxMessages, maxBytes } = this.#options;
    return this.#count > 0 && (this.#count >= maxMessages || this.#bytes + bytes > maxBytes);
  }

  /** The error of a message that is one too many. */
  errorFor(channel: string): ConnectionError {
    return new ConnectionError(
      `Cannot publish to "${shorten(channel)}": Redis has not confirmed ${this.#count} messages of ${this.#bytes} bytes yet`,
    );
  }

  /** A message was sent. */
  add(bytes: number): void {
    this.#count++;
    this.#bytes += bytes;
  }

  /** Redis has answered, or the connection is lost. */
  remove(bytes: number): void {
    this.#count--;
    this.#bytes -= bytes;
  }
}

/** The size of a payload; of text the number of its characters, since to count its bytes would cost a walk over it. */
export function sizeOf(payload: OutgoingPayload): number {
  return payload.length;
}
