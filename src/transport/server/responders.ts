import type { MessageId } from '../../codec/codec.js';
import { isId } from '../../codec/envelope-codec.js';
import type { HandlerQueue } from './handler-queue.js';
import type { RequestKey } from '../publish-options.js';
import type { Responder } from './responder.js';

/** The requests that are being answered, or wait for it, and can be cancelled. */
export class Responders {
  readonly #running: Responder[] = [];
  readonly #queues: HandlerQueue[] = [];
  /** The ids of those that were cancelled in this tick, by where their replies go. */
  #cancelled = new Map<string, Set<MessageId>>();

  add(responder: Responder): void {
    responder.place = this.#running.push(responder) - 1;
  }

  /** Takes away one that was added, once; the last one takes its place. */
  delete({ place }: Responder): void {
    const last = this.#running.pop();
    if (!last || last.place === place) return;
    last.place = place;
    this.#running[place] = last;
  }

  /** Requests wait there until they are being answered. */
  addQueue(queue: HandlerQueue): void {
    this.#queues.push(queue);
  }

  /**
   * Cancels the request that a packet from outside names, at the end of this tick: when a service is
   * slow its callers give up thousands of requests at once, and each that runs or waits is looked at once.
   */
  cancel({ id, replyTo }: Partial<Record<keyof RequestKey, unknown>>): void {
    if (!isId(id) || typeof replyTo !== 'string') return;
    if (this.#cancelled.size === 0) process.nextTick(() => this.#cancelAll());
    const ids = this.#cancelled.get(replyTo) ?? new Set();
    this.#cancelled.set(replyTo, ids.add(id));
  }

  #cancelAll(): void {
    const cancelled = this.#cancelled;
    this.#cancelled = new Map();
    const isCancelled = ({ id, replyTo }: RequestKey): boolean =>
      cancelled.get(replyTo)?.has(id) === true;
    for (const responder of this.#running) {
      if (isCancelled(responder.request)) responder.cancel();
    }
    for (const queue of this.#queues) queue.cancel(isCancelled);
  }
}
