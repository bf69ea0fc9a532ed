import { Logger } from '@nestjs/common';
import {
  Server,
  type CustomTransportStrategy,
  type MessageHandler,
  type TransportId,
} from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { Subject, type Observable } from 'rxjs';
import { LITERAL_KINDS, literalKind, type LiteralKind } from '../../channel/channel-pattern.js';
import { ClosedError, messageOf, shorten } from '../../errors.js';
import { resolveOptions, type RedisPubSubServerOptions } from '../../options/options.js';
import { Dispatcher } from './dispatcher.js';
import type { ProcessingHooks } from './dispatcher.js';
import { HandlerRoute, readPattern } from './handler-route.js';
import { HandlerRoutes } from './handler-routes.js';
import { MessageBus } from '../message-bus.js';
import type { HandlerGap, RedisPubSubEvents, RedisPubSubStatus } from '../transport-events.js';

/** The transport id of this package, for handlers that are not for every transport: `@EventPattern('x', REDIS_PUBSUB)`. */
export const REDIS_PUBSUB: unique symbol = Symbol('REDIS_PUBSUB');

const COMMANDS = { channel: 'SUBSCRIBE', pattern: 'PSUBSCRIBE', shard: 'SSUBSCRIBE' } as const;

/**
 * The receiving half: a transport strategy that turns `@EventPattern` and `@MessagePattern` handlers
 * into SUBSCRIBE and PSUBSCRIBE, decided pattern by pattern.
 *
 * `listen` calls back after Redis acknowledged every subscription, or with an error that names the
 * channel it refused. `close` drains within `shutdownTimeout`; it is idempotent and never rejects.
 * Throws `InvalidOptionError` for a wrong option.
 */
export class RedisPubSubServer
  extends Server<RedisPubSubEvents, RedisPubSubStatus>
  implements CustomTransportStrategy
{
  /** Tells Nest 12 to leave the errors of event handlers to us, as Nest 11 does. */
  override readonly propagatesEventHandlerErrors = true;
  protected override readonly logger = new Logger(RedisPubSubServer.name);
  readonly #gaps = new Subject<HandlerGap>();
  readonly #bus: MessageBus;
  readonly #ownsBus: boolean;
  readonly #shutdownTimeout: number;
  readonly #dispatcher: Dispatcher;
  readonly #hooks: ProcessingHooks = {};
  readonly #routes = new HandlerRoutes();
  /** How often it was closed: a start that waits for one end must not miss the next. */
  #closings = 0;
  #isListening = false;
  #isSealed = false;
  #closing: Promise<void> | undefined;
  #draining: Promise<void> | undefined;

  /** `bus`: connections that others use too; without it the server has a pair of its own. */
  constructor(options: RedisPubSubServerOptions = {}, bus?: MessageBus) {
    super();
    const resolved = resolveOptions(options);
    this.transportId = options.transportId ?? REDIS_PUBSUB;
    this.#shutdownTimeout = resolved.shutdownTimeout;
    this.#ownsBus = !bus;
    this.#bus = bus ?? new MessageBus(resolved);
    this.#dispatcher = new Dispatcher({
      bus: this.#bus,
      logger: this.logger,
      hooks: this.#hooks,
      onGap: ({ pattern: { source } }, gap) => this.#gaps.next({ pattern: source, ...gap }),
      serializer: options.serializer,
      deserializer: options.deserializer,
    });
    this.#bus.broker.onStatus((status) => status !== 'connecting' && this._status$.next(status));
  }

  /**
   * Tells, for each handler that hears again after an outage, in which time it may have missed messages: the
   * moment to load anew whatever durable state they tell of. With `onStart: 'background'` the start is one, too.
   */
  get gaps(): Observable<HandlerGap> {
    return this.#gaps;
  }

  /** Whether `listen` has succeeded, and `close` was not called since. */
  get isListening(): boolean {
    return this.#isListening;
  }

  /**
   * Registers a handler; called by Nest for each decorated method. Handlers of one pattern are not
   * chained, so that each keeps its own options. Throws for a wrong pattern or handler option.
   */
  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEventHandler = false,
    extras: Record<string, unknown> = {},
  ): void {
    if (this.#isSealed) {
      throw new ClosedError(
        'The module runs this server already; connect it before the application is initialised',
      );
    }
    callback.isEventHandler = isEventHandler;
    callback.extras = extras;
    const parsed = readPattern(pattern);
    const route = new HandlerRoute(parsed, callback, isEventHandler, this.#dispatcher);
    if (this.#routes.add(route)) {
      this.logger.warn(
        `Two request handlers for "${shorten(parsed.source)}": only the last one is called`,
      );
    }
    this.messageHandlers.set(parsed.source, callback);
  }

  /** Takes no more handlers: whoever registers them again would have them run twice. */
  seal(): void {
    this.#isSealed = true;
  }

  /** Called by Nest, or by you for a server without an application. */
  override listen(callback: (error?: unknown) => void): void {
    const failed = async (error: unknown): Promise<void> => {
      await this.close();
      callback(error);
    };
    this.#start()
      .then(() => callback(), failed)
      .catch((error: unknown) => this.logger.error(error));
  }

  /**
   * Subscribes the handlers that came after `listen`; resolves on Redis' acknowledgement, or at once
   * with `onStart: 'background'`.
   */
  async subscribeHandlers(): Promise<void> {
    const { fresh } = this.#routes;
    const requestRoutes = fresh.filter((route) => !route.isEventHandler);
    const cancellations = Promise.all(
      [...new Set(requestRoutes.map((route) => literalKind(route.isSharded)))].map((kind) =>
        this.#hearCancellations(kind),
      ),
    );
    if (this.#bus.options.onStart === 'background') {
      for (const route of fresh) {
        route.want();
        this.#logSubscription(route);
      }
      return;
    }
    await cancellations;
    this.#assertOpen();
    const results = await Promise.allSettled(fresh.map((route) => this.#subscribe(route)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /**
   * Stops taking messages, and lets running handlers end within `shutdownTimeout`. The publisher
   * stays: handlers reply and emit to their last line.
   */
  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  async #drain(): Promise<void> {
    this.#isListening = false;
    for (const route of this.#routes) {
      route.close();
      route.dropWaiting();
    }
    await this.#dispatcher.drain(this.#shutdownTimeout);
    for (const kind of LITERAL_KINDS) {
      this.#bus.broker.unsubscribe(kind, this.#bus.reserved.cancellations, this.#dispatcher);
    }
  }

  override close(): Promise<void> {
    this.#closings++;
    this.#closing ??= this.#close().finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  /** Listens to an event of both ioredis clients; before and after `listen`. */
  override on<Event extends keyof RedisPubSubEvents>(
    event: Event,
    callback: RedisPubSubEvents[Event],
  ): void {
    this.#bus.onClientEvent(event, callback);
  }

  /**
   * The ioredis clients: `[publisher, subscriber]`, or more publishers and subscribers for shard channels.
   * Subscriptions are ours: make none of your own.
   */
  override unwrap<T = [publisher: Redis, subscriber: Redis]>(): T {
    return this.#bus.broker.clients() as T;
  }

  override setOnProcessingStartHook(hook: Parameters<Server['setOnProcessingStartHook']>[0]): void {
    super.setOnProcessingStartHook(hook);
    this.#hooks.onStart = (context, done) => hook(this.transportId as TransportId, context, done);
  }

  override setOnProcessingEndHook(hook: Parameters<Server['setOnProcessingEndHook']>[0]): void {
    super.setOnProcessingEndHook(hook);
    this.#hooks.onEnd = (context) => hook(this.transportId as TransportId, context);
  }

  async #start(): Promise<void> {
    const closings = this.#closings;
    await this.#closing;
    if (closings !== this.#closings) throw new ClosedError();
    this.#draining = undefined;
    this.#dispatcher.reopen();
    await this.#bus.start();
    this.#assertOpen();
    // Handlers may be registered while others are being subscribed.
    do await this.subscribeHandlers();
    while (this.#routes.fresh.length > 0);
    this.#assertOpen();
    this.#isListening = true;
  }

  /** A `close` may come at any moment of a start. */
  #assertOpen(): void {
    if (this.#draining) throw new ClosedError();
  }

  async #hearCancellations(kind: LiteralKind): Promise<void> {
    const { broker, reserved } = this.#bus;
    try {
      await broker.subscribe(kind, reserved.cancellations, this.#dispatcher);
    } catch (error) {
      if (error instanceof ClosedError) return;
      // Requests work without; streams then go on until their own end or the client's.
      this.logger.warn(`Cancelled requests will not be heard of: ${messageOf(error)}`);
    }
  }

  async #subscribe(route: HandlerRoute): Promise<void> {
    await route.listen();
    this.#logSubscription(route);
  }

  #logSubscription({ pattern, isSharded }: HandlerRoute): void {
    const command = COMMANDS[pattern.subscriptionKind(isSharded)];
    const name = pattern.withPrefix(this.#bus.options.prefix);
    this.logger.log(`"${shorten(pattern.source)}" → ${command} ${shorten(name)}`);
  }

  async #close(): Promise<void> {
    await this.drain();
    if (this.#ownsBus) await this.#bus.close();
  }
}
