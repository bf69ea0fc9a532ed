import type { MessageId, IncomingMessage } from '../../codec/codec.js';
import { isId } from '../../codec/envelope-codec.js';
import type { HandlerQueue } from './handler-queue.js';
import type { RequestKey } from '../publish-options.js';
import { Responder } from './responder.js';
import { BurstLog } from '../../shared/rate-limited-log.js';
import type { Delivery } from '../../broker/broker.js';
import { shorten } from '../../errors.js';
import type { DispatcherOptions } from './dispatcher.js';

/** Makes what answers a request, where it has to be answered. */
export class ResponderFactory {
  readonly #options: Pick<DispatcherOptions, 'bus' | 'logger' | 'serializer'>;
  readonly #unanswerable = new BurstLog(
    (line) => this.#options.logger.warn(line),
    (count) => `${count} more requests name no inbox`,
  );
  readonly #unanswered = new BurstLog(
    (line) => this.#options.logger.error(line),
    (count) => `Cannot send ${count} more replies`,
  );

  constructor(options: Pick<DispatcherOptions, 'bus' | 'logger' | 'serializer'>) {
    this.#options = options;
  }

  /** `undefined` for what is no request, and for one that wants replies anywhere but in an inbox. */
  create({ id, replyTo: wanted }: IncomingMessage, delivery: Delivery): Responder | undefined {
    if (id === undefined) return undefined;
    const { bus, serializer } = this.#options;
    if (wanted !== undefined && !bus.reserved.isInbox(wanted)) {
      this.#unanswerable.add(
        () =>
          `A request on "${shorten(delivery.channel)}" names no inbox below "${bus.reserved.start}": it gets no reply`,
      );
      return undefined;
    }
    // Clients on `Transport.REDIS` name no channel, and wait for their replies on this one.
    const replyTo = wanted ?? `${delivery.channel}.reply`;
    const isSharded = delivery.kind === 'shard';
    return new Responder(bus, this.#unanswered, serializer, { id, replyTo, isSharded });
  }
}

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
