import type { Logger } from '@nestjs/common';
import type { ConsumerDeserializer, Serializer } from '@nestjs/microservices';
import { isObservable } from 'rxjs';
import type { Delivery, DeliveryListener } from '../../broker/broker.js';
import type { IncomingMessage } from '../../codec/codec.js';
import { isRecord, toMessage } from '../../codec/envelope-codec.js';
import { messageOf, withoutPayload } from '../../errors.js';
import { RateLimitedLog } from '../../shared/rate-limited-log.js';
import { InFlight } from '../in-flight.js';
import type { MessageBus } from '../message-bus.js';
import { INTERNAL_ERROR, isHiddenByNest, isRpcException } from '../nest-internals.js';
import { RedisPubSubContext, thrownIn, type Failure } from '../redis-pubsub.context.js';
import { requestIdOf } from '../request-id.js';
import { isHandlerTraced, traceHandler } from '../trace-handler.js';
import { FailureLog } from './failure-log.js';
import type { HandlerQueue, QueueDropReason } from './handler-queue.js';
import type { HandlerRoute, RouteGap, RouteTarget } from './handler-route.js';
import { PendingReplies } from './pending-replies.js';
import { ProcessingHooks } from './processing-hooks.js';
import type { Responder } from './responder.js';
import { RunningStreams } from './running-streams.js';

/** How a {@link Dispatcher} works. */
export interface DispatcherOptions {
  readonly bus: MessageBus;
  readonly logger: Pick<Logger, 'error' | 'warn'>;
  /** A handler receives messages again after an outage. */
  readonly onGap: (route: HandlerRoute, gap: RouteGap) => void;
  readonly serializer: Serializer | undefined;
  readonly deserializer: ConsumerDeserializer | undefined;
}

/** A message, its context, and what a deserializer makes of it, if there is one. */
interface Received {
  readonly message: IncomingMessage;
  readonly context: RedisPubSubContext;
  readonly packet?: Promise<unknown> | undefined;
}

/** How long callers may take to receive the end of a stream that a shutdown interrupts. */
const STREAM_END_TIMEOUT_MS = 100;

/** The error of a stream that a shutdown interrupts, for its caller and the log. */
const INTERRUPTED = { status: 'error', message: 'The service was closed' } as const;

/** Runs handlers: events to their end, requests to their last reply. Knows which are running. */
export class Dispatcher implements RouteTarget, DeliveryListener {
  readonly hooks = new ProcessingHooks((context, error) => this.#failures.report(context, error));
  readonly #options: DispatcherOptions;
  readonly #inFlight = new InFlight();
  readonly #failures: FailureLog;
  readonly #replies: PendingReplies;
  readonly #teardowns = new RateLimitedLog(
    (line) => this.#options.logger.error(line),
    (count) => `The teardowns of ${count} more streams threw`,
  );
  #streams = new RunningStreams();
  #isClosed = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#failures = new FailureLog(options.logger);
    this.#replies = new PendingReplies(options);
  }

  get bus(): MessageBus {
    return this.#options.bus;
  }

  /** Waits for running handlers up to `timeoutMs` milliseconds, then fails the streams that go on. */
  async drain(timeoutMs: number): Promise<void> {
    await this.#inFlight.idle(timeoutMs);
    this.#isClosed = true;
    if (this.#inFlight.count === 0) return;
    this.#streams.fail(INTERRUPTED, (thrown) =>
      this.#teardowns.add(() => `The teardown of a stream threw: ${messageOf(thrown)}`),
    );
    await this.#inFlight.idle(STREAM_END_TIMEOUT_MS);
    if (this.#inFlight.count === 0) return;
    this.#options.logger.warn(
      `Closed with ${this.#inFlight.count} handlers still running after ${timeoutMs} ms; their replies may be lost. Raise shutdownTimeout to wait longer`,
    );
  }

  /** Runs handlers again after a {@link drain}. */
  reopen(): void {
    this.#isClosed = false;
    this.#streams = new RunningStreams();
  }

  /** Receives cancellations: clients no longer wait for the replies to these requests. */
  onDelivery(delivery: Delivery): void {
    for (const request of this.#options.bus.reader.readBatch(delivery)) {
      if (isRecord(request)) this.#replies.cancel(request);
    }
  }

  run(
    route: HandlerRoute,
    message: IncomingMessage,
    context: RedisPubSubContext,
    delivery: Delivery,
  ): Promise<unknown> {
    const { deserializer } = this.#options;
    if (!deserializer && !this.hooks.hasStart)
      return this.#process(route, message, context, delivery);
    const packet =
      deserializer && route.isDecoded
        ? this.#readPacket(deserializer, context, delivery)
        : undefined;
    return this.#prepare(route, { message, context, packet }, delivery);
  }

  onWaiting({ payload }: Delivery): void {
    // The message is decoded. Only a deserializer reads the payload again.
    if (this.#options.deserializer) payload.keep();
  }

  onDrop(route: HandlerRoute, channel: string, reason: QueueDropReason | 'unmatched'): void {
    const { bus, logger } = this.#options;
    if (reason !== 'unmatched') route.dropped++;
    bus.reader.reportDrop(bus.options.prefix + channel, reason);
    if (reason === 'overflow') route.logOverflow(logger);
  }

  onGap(route: HandlerRoute, gap: RouteGap): void {
    this.#options.onGap(route, gap);
  }

  onQueue(queue: HandlerQueue): void {
    this.#replies.addQueue(queue);
  }

  hold(): () => void {
    return this.#inFlight.hold();
  }

  #process(
    route: HandlerRoute,
    message: IncomingMessage,
    context: RedisPubSubContext,
    delivery: Delivery,
  ): Promise<unknown> {
    if (this.#isClosed) {
      this.onDrop(route, context.getChannel(), 'closing');
      return Promise.resolve();
    }
    this.#inFlight.begin();
    route.started++;
    const responder = route.isEventHandler ? undefined : this.#replies.open(message, delivery);
    const { data } = message;
    if (!isHandlerTraced()) return this.#handle(route, data, context, responder);
    const { name: transport } = this.bus.options;
    const { source: pattern } = route.pattern;
    const headers = context.getHeaders();
    const messageId = context.getMessageId();
    const requestId = requestIdOf(message);
    const traced = { transport, pattern, headers, requestId, messageId, delivery };
    return traceHandler(traced, () => this.#handle(route, data, context, responder));
  }

  /** Resolves to what the handler threw, unless a filter has handled it. */
  async #handle(
    route: HandlerRoute,
    data: unknown,
    context: RedisPubSubContext,
    responder: Responder | undefined,
  ): Promise<Failure | undefined> {
    let failure: Failure | undefined;
    try {
      const rest = this.#reply(route, await route.handler(data, context), responder);
      if (rest) failure = await rest;
    } catch (error) {
      failure = { error };
      await responder?.end({ err: INTERNAL_ERROR });
    } finally {
      if (responder) this.#replies.remove(responder);
      this.#inFlight.end();
      route.onEnded(failure !== undefined);
      if (this.hooks.hasEnd) this.hooks.end(context);
    }
    const thrown = thrownIn(context);
    if (failure || thrown) this.#logFailure(context, failure, responder !== undefined);
    return failure && (thrown ?? failure);
  }

  /** Calls the deserializer at once: the payload can be read now, and not later. */
  #readPacket(
    deserializer: ConsumerDeserializer,
    context: RedisPubSubContext,
    { payload }: Delivery,
  ): Promise<unknown> {
    try {
      const value = this.bus.codec.decodeValue(payload);
      return Promise.resolve(deserializer.deserialize(value, { channel: context.getChannel() }));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Deserializers and hooks may be asynchronous, and a shutdown waits for them, too. */
  async #prepare(route: HandlerRoute, read: Received, delivery: Delivery): Promise<void> {
    const release = this.#inFlight.hold();
    try {
      const received = await this.#deserialize(route, read, delivery);
      if (!received) return;
      await this.hooks.start(received.context, () => {
        const processed = this.#process(route, received.message, received.context, delivery);
        // `#process` counts it from here on.
        release();
        return processed;
      });
    } finally {
      release();
    }
  }

  async #deserialize(
    { pattern }: HandlerRoute,
    received: Received,
    { channel: name }: Delivery,
  ): Promise<Received | undefined> {
    const { context, packet } = received;
    if (!packet) return received;
    try {
      const message = toMessage({ ...((await packet) as object) });
      const { metadata } = message;
      const messageId = message.messageId ?? context.getMessageId();
      const channel = context.getChannel();
      const params = context.getParams();
      return {
        message,
        context: new RedisPubSubContext(channel, { metadata, messageId }, pattern, params),
      };
    } catch (thrown) {
      const error = withoutPayload(thrown);
      this.#failures.report(context, error);
      this.bus.reader.reportDrop(name, 'decode', error);
      return undefined;
    }
  }

  /** Replies with the result of a handler. Resolves to the failure of its stream, if there is one. */
  #reply(
    { isBounded }: HandlerRoute,
    result: unknown,
    responder: Responder | undefined,
  ): Promise<Failure | undefined> | undefined {
    if (isObservable(result)) {
      return responder
        ? responder.stream(result, this.#streams.failure$, isBounded)
        : this.#streams.consume(result);
    }
    return responder?.end({ response: result });
  }

  #logFailure(context: RedisPubSubContext, failure: Failure | undefined, hasCaller: boolean): void {
    const thrown = thrownIn(context);
    const { error } = (thrown ?? failure) as Failure;
    // Without a failure a filter has handled what the handler threw.
    const isHandled = failure ? failure.isReplied === true : true;
    // An error that a handler sends to its caller on purpose is not logged.
    if (isHandled && (thrown ? isRpcException(error) : !isHiddenByNest(error))) return;
    this.#failures.report(context, error, hasCaller);
  }
}
