import type { MessageHandler } from '@nestjs/microservices';
import type { Delivery, PubSubGap } from '../../broker/broker.js';
import { ChannelPattern } from '../../channel/channel-pattern.js';
import type { IncomingMessage } from '../../codec/codec.js';
import { InvalidOptionError } from '../../errors.js';
import { resolveHandlerOptions, type HandlerOptions } from '../../options/options.js';
import { normalizePattern } from '../create-codec.js';
import { HandlerQueue, type QueueDropReason } from './handler-queue.js';
import { BusListener } from '../bus-listener.js';
import type { MessageBus } from '../message-bus.js';
import type { RequestKey } from '../publish-options.js';
import { RedisPubSubContext } from '../redis-pubsub.context.js';

/** What runs the handler of a route. */
export interface RouteTarget {
  readonly bus: MessageBus;

  /** Runs the handler to its end; never rejects. */
  run(
    route: HandlerRoute,
    message: IncomingMessage,
    context: RedisPubSubContext,
    delivery: Delivery,
  ): Promise<void>;

  /** A message was not handed to the handler. */
  onDrop(route: HandlerRoute, channel: string, reason: QueueDropReason | 'unmatched'): void;

  /** The route hears again after an outage. */
  onGap(route: HandlerRoute, gap: PubSubGap): void;

  /** Requests will wait there, and may be cancelled meanwhile. */
  onQueue(queue: HandlerQueue): void;
}

/** One decorated method with one pattern: all about it that does not change with the message. */
export class HandlerRoute extends BusListener {
  /** How many messages were given up because too many waited. */
  overflows = 0;
  readonly #target: RouteTarget;
  readonly #queue: HandlerQueue | undefined;

  constructor(
    pattern: ChannelPattern,
    readonly handler: MessageHandler,
    readonly isEventHandler: boolean,
    target: RouteTarget,
  ) {
    const extras = handler.extras as HandlerOptions | undefined;
    const options = resolveHandlerOptions(extras);
    super(pattern, options.sharded ?? target.bus.options.sharded);
    this.#target = target;
    // At the start, and not when Redis is told.
    pattern.subscriptionKind(this.isSharded);
    if (!HandlerQueue.isNeeded(options)) {
      assertNoQueueOptions(extras);
    } else {
      this.#queue = new HandlerQueue(options, (channel, reason) =>
        target.onDrop(this, channel, reason),
      );
      if (!isEventHandler) target.onQueue(this.#queue);
    }
  }

  /** Whether so many messages may be handled at the same time, or in their order, and no more. */
  get isBounded(): boolean {
    return this.#queue !== undefined;
  }

  protected override get bus(): MessageBus {
    return this.#target.bus;
  }

  protected override onMessage(
    message: IncomingMessage,
    channel: string,
    delivery: Delivery,
  ): void {
    const params = this.pattern.match(channel);
    if (!params) {
      this.#target.onDrop(this, channel, 'unmatched');
      return;
    }
    const context = new RedisPubSubContext(channel, message.metadata, this.pattern, params);
    if (this.#queue) {
      const run = (): Promise<void> => this.#target.run(this, message, context, delivery);
      this.#queue.add(channel, run, this.isEventHandler ? undefined : keyOf(message));
    } else {
      void this.#target.run(this, message, context, delivery);
    }
  }

  override onResubscribed(gap: PubSubGap): void {
    this.#target.onGap(this, gap);
  }

  /** Gives up the messages that wait for the handler. */
  dropWaiting(): void {
    this.#queue?.clear();
  }
}

/** Of a request that could be cancelled: others say nothing of themselves. */
function keyOf({ id, replyTo }: IncomingMessage): RequestKey | undefined {
  return id === undefined || replyTo === undefined ? undefined : { id, replyTo };
}

/** Without a bound or an order nothing waits: a limit of what may wait would do nothing. */
function assertNoQueueOptions(extras: HandlerOptions = {}): void {
  for (const name of ['maxQueue', 'overflow'] as const) {
    if (extras[name] === undefined) continue;
    throw new InvalidOptionError(name, 'together with "concurrency" or "order"', 'neither');
  }
}

/** What a decorator was given: text may be a pattern, and any other value is a literal. Throws `InvalidChannelError`. */
export function readPattern(pattern: unknown): ChannelPattern {
  return typeof pattern === 'string'
    ? ChannelPattern.parse(pattern)
    : ChannelPattern.literal(normalizePattern(pattern));
}
