import type { Logger } from '@nestjs/common';
import type { Serializer } from '@nestjs/microservices';
import type { Delivery } from '../../broker/broker.js';
import { channelKindOf } from '../../channel/subscription-key.js';
import type { IncomingMessage, MessageId, RequestKey } from '../../codec/codec.js';
import { isId } from '../../codec/envelope-codec.js';
import { shorten } from '../../errors.js';
import { RateLimitedLog } from '../../shared/rate-limited-log.js';
import { TickBatch } from '../../shared/tick-batch.js';
import type { MessageBus } from '../message-bus.js';
import type { HandlerQueue } from './handler-queue.js';
import { Responder } from './responder.js';

/** How {@link PendingReplies} works. */
export interface PendingRepliesOptions {
  readonly bus: MessageBus;
  readonly logger: Pick<Logger, 'error' | 'warn'>;
  readonly serializer: Serializer | undefined;
}

/** Where a request arrived: its replies are published to a channel of the same kind. */
export type RequestOrigin = Pick<Delivery, 'kind' | 'channel'>;

/** The requests whose handlers run, or wait in a queue, and that clients can cancel. */
export class PendingReplies {
  readonly #options: PendingRepliesOptions;
  readonly #running: Responder[] = [];
  readonly #queues: HandlerQueue[] = [];
  /** The ids that were cancelled in this tick, by their inboxes. */
  #cancelled = new Map<string, Set<MessageId>>();
  readonly #tick = new TickBatch(() => this.#cancelAll());
  readonly #withoutInbox = new RateLimitedLog(
    (line) => this.#options.logger.warn(line),
    (count) => `${count} more requests name no reply inbox, and get no reply`,
  );
  readonly #failures = new RateLimitedLog(
    (line) => this.#options.logger.error(line),
    (count) => `Cannot send ${count} more replies`,
  );

  constructor(options: PendingRepliesOptions) {
    this.#options = options;
  }

  /** Creates and adds a responder. Returns none for an event, and for a request whose replies would not go to an inbox. */
  open({ id, replyTo }: IncomingMessage, origin: RequestOrigin): Responder | undefined {
    if (id === undefined) return undefined;
    const { bus, serializer } = this.#options;
    if (replyTo !== undefined && !bus.reserved.isInbox(replyTo)) {
      this.#withoutInbox.add(
        () =>
          `A request on "${shorten(origin.channel)}" names no reply inbox below "${bus.reserved.start}", and gets no reply`,
      );
      return undefined;
    }
    const responder = new Responder(bus, this.#failures, serializer, {
      id,
      // Clients on `Transport.REDIS` name no inbox, and wait for their replies on this channel.
      replyTo: replyTo ?? `${origin.channel}.reply`,
      kind: channelKindOf(origin.kind),
    });
    this.add(responder);
    return responder;
  }

  /** Adds the responder of a request. */
  add(responder: Responder): void {
    responder.index = this.#running.push(responder) - 1;
  }

  /** Removes a responder that was added; the last one takes its place in the array. */
  remove({ index }: Responder): void {
    const last = this.#running.pop();
    if (!last || last.index === index) return;
    last.index = index;
    this.#running[index] = last;
  }

  /** Adds a queue in which requests wait for their handler. */
  addQueue(queue: HandlerQueue): void {
    this.#queues.push(queue);
  }

  /**
   * Cancels the request that a packet of a client names, at the end of the tick. The clients of a slow
   * service cancel thousands of requests at once, and so one search finds them all.
   */
  cancel({ id, replyTo }: Partial<Record<keyof RequestKey, unknown>>): void {
    if (!isId(id) || typeof replyTo !== 'string') return;
    this.#tick.add();
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
