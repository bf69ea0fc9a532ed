import { isObservable } from 'rxjs';
import type { Delivery, DeliveryListener, PubSubGap } from '../../broker/broker.js';
import type { IncomingMessage } from '../../codec/codec.js';
import { isRecord } from '../../codec/envelope-codec.js';
import { messageOf, shorten } from '../../errors.js';
import { telemetry } from '../../telemetry.js';
import { deserialize, type Handled } from './deserialize.js';
import type { HandlerQueue, QueueDropReason } from './handler-queue.js';
import type { HandlerRoute, RouteTarget } from './handler-route.js';
import { FailureLog, isHiddenByNest } from './failure-log.js';
import { InFlight } from '../in-flight.js';
import { RedisPubSubContext } from '../redis-pubsub.context.js';
import type { MessageBus } from '../message-bus.js';
import { INTERNAL_ERROR, type Responder } from './responder.js';
import { ResponderFactory } from './responders.js';
import { Responders } from './responders.js';
import { StreamCut } from './running-streams.js';
import type { Logger } from '@nestjs/common';
import type { ConsumerDeserializer, Serializer } from '@nestjs/microservices';

/** Nest's processing hooks, where somebody has set them. An asynchronous function fits their types too. */
export interface ProcessingHooks {
  onStart?: (context: RedisPubSubContext, done: () => Promise<void>) => unknown;
  onEnd?: (context: RedisPubSubContext) => unknown;
}

export interface DispatcherOptions {
  readonly bus: MessageBus;
  readonly logger: Pick<Logger, 'error' | 'warn'>;
  readonly hooks: ProcessingHooks;
  /** A handler hears again after an outage. */
  readonly onGap: (route: HandlerRoute, gap: PubSubGap) => void;
  readonly serializer: Serializer | undefined;
  readonly deserializer: ConsumerDeserializer | undefined;
}

/** How long streams that a shutdown cuts have to say so to their callers, in milliseconds. */
const LAST_WORDS = 100;

/** What the callers and the log learn of a stream that a shutdown cuts. */
const INTERRUPTED = { status: 'error', message: 'The service was closed' } as const;

/** Runs handlers: events to their end, requests to their last reply. Knows what is running. */
export class Dispatcher implements RouteTarget, DeliveryListener {
  readonly #options: DispatcherOptions;
  readonly #inFlight = new InFlight();
  readonly #failures: FailureLog;
  readonly #factory: ResponderFactory;
  readonly #responders = new Responders();
  #streams = new StreamCut();
  #isClosed = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#failures = new FailureLog(options.logger);
    this.#factory = new ResponderFactory(options);
  }

  get bus(): MessageBus {
    return this.#options.bus;
  }

  /** Lets what is running end within `timeout` milliseconds, then cuts the streams that go on. */
  async drain(timeout: number): Promise<void> {
    await this.#inFlight.idle(timeout);
    this.#isClosed = true;
    if (this.#inFlight.count === 0) return;
    this.#streams.now(INTERRUPTED, (thrown) =>
      this.#options.logger.error(`A stream could not be ended: ${messageOf(thrown)}`),
    );
    await this.#inFlight.idle(LAST_WORDS);
    if (this.#inFlight.count === 0) return;
    this.#options.logger.warn(
      `Closed although handlers were still running after ${timeout} ms: ${this.#inFlight.count}`,
    );
  }

  /** Handles messages again after a {@link drain}. */
  reopen(): void {
    this.#isClosed = false;
    this.#streams = new StreamCut();
  }

  /** Cancellations: somebody no longer waits for the replies to requests. */
  onDelivery(delivery: Delivery): void {
    for (const request of this.#options.bus.readJoined(delivery)) {
      if (isRecord(request)) this.#responders.cancel(request);
    }
  }

  run(
    route: HandlerRoute,
    message: IncomingMessage,
    context: RedisPubSubContext,
    delivery: Delivery,
  ): Promise<void> {
    const { hooks, deserializer } = this.#options;
    if (deserializer || hooks.onStart) return this.#prepare(route, message, context, delivery);
    return this.#process(route, message, context, delivery);
  }

  onDrop(route: HandlerRoute, channel: string, reason: QueueDropReason | 'unmatched'): void {
    const { bus, logger } = this.#options;
    bus.dropped(bus.options.prefix + channel, reason);
    if (reason === 'overflow' && route.overflows++ === 0) {
      logger.warn(
        `The handler of "${shorten(route.pattern.source)}" cannot keep up: its queue is full, and messages are dropped`,
      );
    }
  }

  onGap(route: HandlerRoute, gap: PubSubGap): void {
    this.#options.onGap(route, gap);
  }

  onQueue(queue: HandlerQueue): void {
    this.#responders.addQueue(queue);
  }

  #process(
    route: HandlerRoute,
    message: IncomingMessage,
    context: RedisPubSubContext,
    delivery: Delivery,
  ): Promise<void> {
    if (this.#isClosed) {
      this.onDrop(route, context.getChannel(), 'closing');
      return Promise.resolve();
    }
    this.#inFlight.begin();
    const responder = route.isEventHandler ? undefined : this.#factory.create(message, delivery);
    if (responder) this.#responders.add(responder);
    return this.#handle(route, message.data, context, responder);
  }

  /** Is given no delivery: an asynchronous function keeps what it is given, the bytes, too, to its end. */
  async #handle(
    route: HandlerRoute,
    data: unknown,
    context: RedisPubSubContext,
    responder: Responder | undefined,
  ): Promise<void> {
    const start = telemetry.handle.hasSubscribers ? performance.now() : 0;
    let failure: unknown;
    try {
      const rest = this.#passOn(route, await route.handler(data, context), responder);
      if (rest) {
        failure = await rest;
        // What a handler means to tell its caller is not for the log.
        if (isHiddenByNest(failure)) this.#failures.report(context, failure);
      }
    } catch (error) {
      failure = error ?? new Error('The handler failed without an error');
      await responder?.end({ err: INTERNAL_ERROR });
      this.#failures.report(context, failure);
    } finally {
      if (responder) this.#responders.delete(responder);
      this.#inFlight.end();
      if (this.#options.hooks.onEnd) void this.#runEndHook(context);
    }
    if (start > 0) this.#tell(route, context, performance.now() - start, failure);
  }

  /** What goes before a handler may take its time, and a shutdown waits for that, too. */
  async #prepare(
    route: HandlerRoute,
    message: IncomingMessage,
    context: RedisPubSubContext,
    delivery: Delivery,
  ): Promise<void> {
    const release = this.#inFlight.hold();
    try {
      const read = await this.#read(route, { message, context }, delivery);
      if (!read) return;
      await this.#runBetweenHooks(read.context, () => {
        const processed = this.#process(route, read.message, read.context, delivery);
        // It is counted there now.
        release();
        return processed;
      });
    } finally {
      release();
    }
  }

  async #read(
    { pattern }: HandlerRoute,
    decoded: Handled,
    { channel, payload }: Delivery,
  ): Promise<Handled | undefined> {
    const { bus, deserializer } = this.#options;
    if (!deserializer) return decoded;
    const { context } = decoded;
    try {
      return await deserialize(deserializer, bus.codec, payload, { pattern, context });
    } catch (error) {
      this.#failures.report(context, error);
      bus.dropped(channel, 'decode', error);
      return undefined;
    }
  }

  async #runBetweenHooks(context: RedisPubSubContext, process: () => Promise<void>): Promise<void> {
    const { onStart } = this.#options.hooks;
    if (!onStart) return process();
    let processed: Promise<void> | undefined;
    const done = (): Promise<void> => (processed ??= process());
    try {
      await onStart(context, done);
    } catch (error) {
      this.#failures.report(context, error);
    }
    // A hook may leave a message out: the next one need not wait for it.
    await processed;
  }

  /** What is left to do with what a handler returned; resolves to what Nest has logged of it, if it failed. */
  #passOn(
    { isBounded }: HandlerRoute,
    result: unknown,
    responder: Responder | undefined,
  ): Promise<unknown> | undefined {
    if (isObservable(result)) {
      return responder
        ? responder.stream(result, this.#streams.cut$, isBounded)
        : this.#streams.consume(result);
    }
    return responder?.end({ response: result });
  }

  async #runEndHook(context: RedisPubSubContext): Promise<void> {
    try {
      await this.#options.hooks.onEnd?.(context);
    } catch (error) {
      this.#failures.report(context, error);
    }
  }

  #tell(route: HandlerRoute, context: RedisPubSubContext, duration: number, error: unknown): void {
    telemetry.handle.publish({
      channel: this.bus.options.prefix + context.getChannel(),
      pattern: route.pattern.source,
      duration,
      ...(error === undefined ? {} : { error }),
    });
  }
}
