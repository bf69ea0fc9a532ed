import type { Payload } from '../shared/payload.js';
import { LastNumbers } from './kept-id.js';
import type { KeptMessage } from './read-messages.js';

/** Where a live message stands to the messages that were read. */
type Place = 'before' | 'behind' | 'unknown';

/**
 * What was read of a history over one connection. Its live copies may still be on their way then, and those of messages
 * that the history has removed before.
 */
export class ReadCopies {
  readonly #numbers = new LastNumbers();
  /** The last message that was read, until it or a later one has arrived. */
  #last: KeptMessage | undefined;
  #readAt = new Date();

  /** `isOrdered`: whether live messages arrive in the order of the history. */
  constructor(readonly isOrdered: boolean) {}

  /** When the history was read for the last time. */
  get readAt(): Date {
    return this.#readAt;
  }

  /** Whether the last message that was read may have not arrived. */
  get areOnTheirWay(): boolean {
    return this.#last !== undefined;
  }

  /** Takes what was read by now. */
  add(read: readonly KeptMessage[]): void {
    this.#numbers.add(read);
    this.#last = read.at(-1);
    this.#readAt = new Date();
  }

  /** From now on a live message of a publisher that is not among those that were read is a new one. */
  end(): void {
    this.#last = undefined;
  }

  /** Whether a live message is the copy of the last one that was read. */
  isLast(id: string | undefined, payload: Pick<Payload, 'checksum'>): boolean {
    return this.#last?.id === id && this.#last?.checksum === payload.checksum();
  }

  /** Must be called for each live message, in their order. */
  placeOf(id: string, payload: Pick<Payload, 'checksum'>): Place {
    const isLast = this.isLast(id, payload);
    const place = isLast ? 'before' : this.#numbers.placeOf(id);
    if (this.isOrdered && (isLast || place === 'behind')) this.end();
    return place === 'unknown' && !this.#last ? 'behind' : place;
  }
}
