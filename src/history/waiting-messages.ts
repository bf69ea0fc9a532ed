import type { Delivery } from '../broker/broker.js';
import type { IncomingMessage } from '../codec/codec.js';
import { isKeptId } from './kept-id.js';
import type { ReadCopies } from './read-copies.js';

/** How many live messages wait for a read. */
const MAX_WAITING = 10_000;
/** The size of their payloads. */
const MAX_BYTES = 16 * 1024 * 1024;

/** A live message. */
export interface Live {
  readonly message: IncomingMessage;
  readonly delivery: Delivery;
}

/** The live messages that arrive while a history is read, in their order. */
export class WaitingMessages {
  #messages: Live[] = [];
  #bytes = 0;
  #arrivedBefore = 0;

  get size(): number {
    return this.#messages.length;
  }

  /** Whether more wait than a read is worth. */
  get areTooMany(): boolean {
    return this.#messages.length > MAX_WAITING || this.#bytes > MAX_BYTES;
  }

  [Symbol.iterator](): IterableIterator<Live> {
    return this.#messages.values();
  }

  add(live: Live): void {
    const { payload } = live.delivery;
    payload.keep();
    this.#messages.push(live);
    this.#bytes += payload.length;
  }

  /** A read begins: the history has none that is older than the messages that wait by now. */
  onRead(): void {
    this.#arrivedBefore = this.#messages.length;
  }

  /** Removes those that a history keeps. */
  removeKept(): void {
    this.#removeFirst(this.#messages.length);
  }

  /** Removes those that are known to be older than the last message that was read, and its copy. */
  removeOlder(copies: ReadCopies): void {
    if (!this.removeUntilCopy(copies) && copies.areOnTheirWay) {
      this.#removeFirst(this.#arrivedBefore);
    }
  }

  /** Removes those before the copy of the last message that was read, and it. Returns whether it is among them. */
  removeUntilCopy(copies: ReadCopies): boolean {
    const at = this.#messages.findLastIndex(({ message, delivery }) =>
      copies.isLast(message.messageId, delivery.payload),
    );
    if (at === -1 || !copies.isOrdered) return false;
    copies.end();
    this.#removeFirst(at + 1);
    return true;
  }

  /** Removes those of the first ones that a history keeps: others are in no order with what was read. */
  #removeFirst(count: number): void {
    this.#messages = this.#messages.filter(
      ({ message }, i) => i >= count || !isKeptId(message.messageId),
    );
    this.#bytes = this.#messages.reduce((sum, it) => sum + it.delivery.payload.length, 0);
  }
}
