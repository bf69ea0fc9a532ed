import type { Logger } from '@nestjs/common';
import type { MessageHandler } from '@nestjs/microservices';
import type { Delivery, PubSubGap } from '../../broker/broker.js';
import { ChannelPattern } from '../../channel/channel-pattern.js';
import type { SubscriptionKey } from '../../channel/subscription-key.js';
import type { IncomingMessage, RequestKey } from '../../codec/codec.js';
import { InvalidOptionError, shorten } from '../../errors.js';
import type { HandlerOptions } from '../../options/options.js';
import {
  resolveHandlerOptions,
  type ResolvedHandlerOptions,
} from '../../options/resolve-options.js';
import { RateLimitedLog } from '../../shared/rate-limited-log.js';
import { telemetry } from '../../telemetry.js';
import type { BusHandler } from '../bus-record.js';
import { BusListener } from '../bus-listener.js';
import type { MessageBus } from '../message-bus.js';
import { normalizePattern } from '../nest-internals.js';
import { RedisPubSubContext } from '../redis-pubsub.context.js';
import { HandlerQueue, type QueueDropReason } from './handler-queue.js';

/** A gap, and whether the route handles what was published in it. */
export type RouteGap = PubSubGap & { readonly recovered?: boolean };

/** Runs the handlers of routes. */
export interface RouteTarget {
  readonly bus: MessageBus;

  /** Runs the handler to its end; never rejects. */
  run(
    route: HandlerRoute,
    message: IncomingMessage,
    context: RedisPubSubContext,
    delivery: Delivery,
  ): Promise<unknown>;

  /** A message waits for its turn, and its delivery is about to end. */
  onWaiting(delivery: Delivery): void;

  /** A message did not reach the handler. */
  onDrop(route: HandlerRoute, channel: string, reason: QueueDropReason | 'unmatched'): void;

  /** The route receives messages again after an outage. */
  onGap(route: HandlerRoute, gap: RouteGap): void;

  /** Requests will wait in this queue, and may be cancelled there. */
  onQueue(queue: HandlerQueue): void;

  /** A shutdown waits until the function that it returns is called. */
  hold(): () => void;
}

/** One decorated method with one pattern, and all about it that does not change with the message. */
export class HandlerRoute extends BusListener implements BusHandler {
  /** Class and method, when Nest has registered them. */
  method: string | undefined;
  /** The messages that arrived for it; those that its method was called for, and has ended for. */
  received = 0;
  started = 0;
  ended = 0;
  /** The messages that its method threw for. */
  failed = 0;
  dropped = 0;
  /** How often it may have missed messages, because of an outage. */
  gaps = 0;
  /** Created with the first message that its queue drops. */
  #overflows: RateLimitedLog | undefined;
  readonly isEventHandler: boolean;
  /** The name of the group that shares its messages. */
  readonly group: string | undefined;
  readonly #target: RouteTarget;
  readonly #queue: HandlerQueue | undefined;

  /** The `key` is that of the pattern, unless it is given. */
  constructor(
    pattern: ChannelPattern,
    readonly handler: MessageHandler,
    target: RouteTarget,
    key?: SubscriptionKey,
  ) {
    const extras = handler.extras as HandlerOptions | undefined;
    const options = resolveHandlerOptions(extras);
    const { prefix, sharded } = target.bus.options;
    super(pattern, key ?? pattern.subscriptionKey(prefix, options.sharded ?? sharded));
    this.isEventHandler = handler.isEventHandler === true;
    this.group = options.group?.name;
    this.#target = target;
    this.assertFree();
    if (!HandlerQueue.isNeeded(options)) {
      assertNoQueueOptions(extras);
    } else {
      this.#queue = new HandlerQueue(options, (channel, reason) =>
        target.onDrop(this, channel, reason),
      );
      if (!this.isEventHandler) {
        assertAnswers(options);
        target.onQueue(this.#queue);
      }
    }
  }

  override get replies(): boolean {
    return !this.isEventHandler;
  }

  /** Whether `concurrency` or `order` limits how many messages are handled at the same time. */
  get isBounded(): boolean {
    return this.#queue !== undefined;
  }

  /** Its method has ended for a message. */
  onEnded(hasFailed: boolean): void {
    this.ended++;
    if (hasFailed) this.failed++;
  }

  /** How many messages wait for it. */
  get waiting(): number {
    return this.#queue?.length ?? 0;
  }

  /** Tells telemetry of the handler. */
  declare(): void {
    if (!telemetry.declare.hasSubscribers) return;
    const { source: pattern } = this.pattern;
    const { name: transport } = this.bus.options;
    const queue = this.#queue;
    telemetry.declare.publish({ transport, pattern, ...this.key, ...(queue && { queue }) });
  }

  /** Whether the codec of the bus decodes its messages. */
  get isDecoded(): boolean {
    return true;
  }

  /** Logs that its queue is full, once a second. */
  logOverflow(logger: Pick<Logger, 'warn'>): void {
    const pattern = (): string => shorten(this.pattern.source);
    this.#overflows ??= new RateLimitedLog(
      (line) => logger.warn(line),
      (count) => `The full queue of the handler of "${pattern()}" dropped ${count} more messages`,
      1,
    );
    this.#overflows.add(
      () =>
        `The handler of "${pattern()}" is slower than its messages: its queue is full, and messages are dropped. Raise its concurrency, maxQueue or maxQueueBytes`,
    );
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
    this.handle(message, new RedisPubSubContext(channel, message, this.pattern, params), delivery);
  }

  /** Handles a message that matches, now or when it is its turn. */
  protected handle(
    message: IncomingMessage,
    context: RedisPubSubContext,
    delivery: Delivery,
  ): void {
    this.received++;
    if (this.#queue) this.#enqueue(this.#queue, message, context, delivery);
    else void this.#target.run(this, message, context, delivery);
  }

  override onResubscribed(gap: PubSubGap): void {
    this.countGap();
    this.#target.onGap(this, gap);
  }

  /** An outage has ended. */
  protected countGap(): void {
    this.gaps++;
    this.bus.record.gaps++;
  }

  #enqueue(
    queue: HandlerQueue,
    message: IncomingMessage,
    context: RedisPubSubContext,
    delivery: Delivery,
  ): void {
    const run = (): Promise<unknown> => this.#target.run(this, message, context, delivery);
    const key = this.isEventHandler ? undefined : keyOf(message);
    const channel = this.orderedBy(message, context);
    const isWaiting = queue.add(channel, run, key, delivery.payload.length + channel.length);
    if (isWaiting) this.#target.onWaiting(delivery);
  }

  /** With `order` the messages of one such name are handled one after the other. */
  protected orderedBy(_: IncomingMessage, context: RedisPubSubContext): string {
    return context.getChannel();
  }

  /** Drops the messages that wait for the handler. */
  dropWaiting(): void {
    this.#queue?.clear();
  }
}

/** The key of a request that can be cancelled: without an id or an inbox it cannot. */
function keyOf({ id, replyTo }: IncomingMessage): RequestKey | undefined {
  return id === undefined || replyTo === undefined ? undefined : { id, replyTo };
}

/** Without `concurrency` or `order` no message waits, and a limit for waiting messages would do nothing. */
function assertNoQueueOptions(extras: HandlerOptions = {}): void {
  for (const name of ['maxQueue', 'maxQueueBytes', 'overflow'] as const) {
    if (extras[name] === undefined) continue;
    throw new InvalidOptionError(name, 'together with "concurrency" or "order"', 'neither');
  }
}

/** A request that is replaced by a later one would leave its caller without an answer. */
function assertAnswers({ overflow }: ResolvedHandlerOptions): void {
  if (overflow !== 'latest') return;
  throw new InvalidOptionError('overflow', '"drop-oldest" or "drop-newest" for requests', overflow);
}

/** Reads the argument of a decorator: text is a pattern, any other value a literal. Throws `InvalidChannelError`. */
export function readPattern(pattern: unknown): ChannelPattern {
  return typeof pattern === 'string'
    ? ChannelPattern.parse(pattern)
    : ChannelPattern.literal(normalizePattern(pattern));
}
