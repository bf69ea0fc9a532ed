import {
  Server,
  type CustomTransportStrategy,
  type MessageHandler,
  type TransportId,
} from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { Subject, type Observable } from 'rxjs';
import { whenSubscribed } from '../../broker/broker.js';
import { CHANNEL_KINDS, channelKindOf, type ChannelKind } from '../../channel/subscription-key.js';
import { ClosedError, hasCode, messageOf, shorten, textOf } from '../../errors.js';
import type { HandlerOptions, RedisPubSubServerOptions } from '../../options/options.js';
import { resolveOptions } from '../../options/resolve-options.js';
import { brandOf, hasBrand } from '../../shared/brand.js';
import { Lifecycle } from '../../shared/lifecycle.js';
import { inCallersContext } from '../in-callers-context.js';
import { isMessageBus, MessageBus } from '../message-bus.js';
import { sourceIn } from '../message-source.js';
import { extendNest, type DecoratedMethod } from '../nest-internals.js';
import type { HandlerGap, RedisPubSubEvents, RedisPubSubStatus } from '../transport-events.js';
import { createRoute } from './create-route.js';
import { Dispatcher } from './dispatcher.js';
import type { HandlerRoute } from './handler-route.js';
import { HandlerRoutes } from './handler-routes.js';
import { warnOfOverlaps } from './overlapping-patterns.js';
import { findMixUps, warnOfMixUps } from './sharded-mix-ups.js';
import { OutsideLogger } from '../outside-logger.js';
import { addBrandWithBus } from '../own-connection.js';

const SERVER = brandOf('server');
const COMMANDS = { channel: 'SUBSCRIBE', pattern: 'PSUBSCRIBE', shard: 'SSUBSCRIBE' } as const;

/**
 * The transport strategy: subscribes the `@EventPattern` and `@MessagePattern` handlers of an application,
 * each pattern with SUBSCRIBE, PSUBSCRIBE or SSUBSCRIBE.
 *
 * `listen` calls back when Redis has acknowledged every subscription, or with an error that names the
 * channel that it refused. `close` waits for running handlers up to `shutdownTimeout`; it is idempotent and
 * never rejects. The constructor throws `InvalidOptionError` for a wrong option.
 */
export class RedisPubSubServer
  extends Server<RedisPubSubEvents, RedisPubSubStatus>
  implements CustomTransportStrategy
{
  static {
    addBrandWithBus<RedisPubSubServer>(this.prototype, SERVER, (it) => it.#ownsBus && it.#bus);
  }

  /** Makes Nest 12 leave the errors of event handlers to this server, as Nest 11 does. */
  override readonly propagatesEventHandlerErrors = true;
  /** @internal */
  protected override readonly logger = new OutsideLogger(RedisPubSubServer.name);
  readonly #gaps = new Subject<HandlerGap>();
  readonly #bus: MessageBus;
  readonly #ownsBus: boolean;
  readonly #dispatcher: Dispatcher;
  readonly #routes = new HandlerRoutes();
  readonly #lifecycle = new Lifecycle();
  #isListening = false;
  #isComplete = false;
  #draining: Promise<void> | undefined;
  #readyHook: (() => Promise<void>) | undefined;

  /** The server has connections of its own. */
  constructor(options?: RedisPubSubServerOptions);
  /**
   * With a bus the server shares the connections of the module.
   *
   * @internal
   */
  constructor(options?: RedisPubSubServerOptions | MessageBus);
  constructor(options: RedisPubSubServerOptions | MessageBus = {}) {
    super();
    extendNest(RedisPubSubServer);
    this.#ownsBus = !isMessageBus(options);
    this.#bus = isMessageBus(options)
      ? options
      : new MessageBus(resolveOptions('RedisPubSubServer', options));
    const { transportId, serializer, deserializer } = this.#bus.options;
    this.transportId = transportId;
    this.#bus.record.handlers.add(this.#routes.all);
    this.#dispatcher = new Dispatcher({
      bus: this.#bus,
      logger: this.logger,
      onGap: ({ pattern: { source } }, gap) => this.#gaps.next({ pattern: source, ...gap }),
      serializer,
      deserializer,
    });
    this.#bus.broker.onStatus((status) => status !== 'connecting' && this._status$.next(status));
  }

  /**
   * Emits the time in which a handler may have missed messages, when it receives messages again after an
   * outage. Load the state that the messages are about again. With `onStart: 'background'` the start
   * is such a time, too.
   */
  get gaps(): Observable<HandlerGap> {
    return inCallersContext(this.#gaps);
  }

  /** Emits the current status and each change of it; nothing while the first connection is opened. */
  override get status(): Observable<RedisPubSubStatus> {
    return inCallersContext(super.status);
  }

  /** Whether `listen` has succeeded, and `close` was not called since. */
  get isListening(): boolean {
    return this.#isListening;
  }

  /**
   * The handlers that are registered.
   *
   * @internal
   */
  get routes(): Iterable<HandlerRoute> {
    return this.#routes.all;
  }

  /** Whether messages are packets, and not bare data. @internal */
  get hasEnvelope(): boolean {
    return this.#bus.codec.hasEnvelope;
  }

  /**
   * Registers a handler; Nest calls this for each decorated method. Handlers of the same pattern are not
   * chained, so that each keeps its own options. Throws for a wrong pattern or handler option.
   *
   * @internal
   */
  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEventHandler = false,
    extras: Record<string, unknown> = {},
  ): void {
    if (this.#isComplete) {
      throw new ClosedError(
        'The module runs this server already; connect it before the application is initialised',
      );
    }
    callback.isEventHandler = isEventHandler;
    callback.extras = extras;
    this.checkPattern(pattern, extras);
    const route = createRoute(pattern, callback, this.#dispatcher, this.logger);
    const { source } = route.pattern;
    if (this.#routes.add(route)) {
      this.logger.warn(
        `Two request handlers for "${shorten(source)}": only the last one is called`,
      );
    }
    this.messageHandlers.set(source, callback);
    route.declare();
  }

  /**
   * Logs a warning, once, for a pattern that may not mean what it says. `owner` is the method that has it.
   *
   * @internal
   */
  checkPattern(pattern: unknown, extras: HandlerOptions = {}, owner?: string): void {
    // The channels of a source are not the application's.
    if (sourceIn(extras)) return;
    const { sharded = this.#bus.options.sharded } = extras;
    this.#bus.patternWarnings.checkPattern(pattern, sharded, owner);
  }

  /**
   * Called when Nest has registered handlers: gives each its name, and logs a warning for each method whose patterns
   * overlap.
   *
   * @internal
   */
  checkMethods(methods: readonly DecoratedMethod[]): void {
    this.#routes.name(methods);
    warnOfOverlaps(this.logger, methods, this.#routes.all);
  }

  /**
   * Refuses further handlers: a second registration would run them twice.
   *
   * @internal
   */
  completeHandlers(): void {
    this.#isComplete = true;
  }

  /** Connects and subscribes. Nest calls this; without an application you do. */
  override listen(callback: (error?: unknown) => void): void {
    const failed = async (error: unknown): Promise<void> => {
      await this.close();
      callback(error);
    };
    this.#start()
      .then(() => callback(), failed)
      .catch((error: unknown) =>
        this.logger.error(`The callback of listen threw: ${textOf(error)}`),
      );
  }

  /**
   * Sets what is called after each start, when Redis has acknowledged every subscription. If the server listens
   * already, it subscribes the handlers that were registered since, and calls the hook. Its error rejects here, or fails
   * the start. With `onStart: 'background'` neither waits for it, and its error is logged.
   *
   * @internal
   */
  async onReady(hook: () => Promise<void>): Promise<void> {
    this.#readyHook = hook;
    if (!this.#isListening) return;
    await this.subscribeHandlers();
    await this.#callReadyHook(hook);
  }

  /**
   * Subscribes the handlers that were registered after `listen`. Resolves on Redis' acknowledgement, or at
   * once with `onStart: 'background'`.
   *
   * @internal
   */
  async subscribeHandlers(): Promise<void> {
    const fresh = this.#routes.takeFresh();
    warnOfMixUps(this.logger, findMixUps(fresh, this.#routes.all, this.#bus.options.sharded));
    const requestRoutes = fresh.filter((route) => !route.isEventHandler);
    const cancellations = Promise.all(
      [...new Set(requestRoutes.map(({ key }) => channelKindOf(key.kind)))].map((kind) =>
        this.#subscribeCancellations(kind),
      ),
    );
    if (this.#bus.options.onStart === 'background') {
      for (const route of fresh) {
        route.listen();
        this.#logSubscription(route);
      }
      return;
    }
    await cancellations;
    this.#assertNotDraining();
    const results = await Promise.allSettled(fresh.map((route) => this.#subscribe(route)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /**
   * Stops receiving messages, and waits for running handlers up to `shutdownTimeout`. The publisher stays
   * connected: handlers reply and emit until they end.
   */
  drain(): Promise<void> {
    return (this.#draining ??= this.#drain());
  }

  async #drain(): Promise<void> {
    this.#isListening = false;
    this.#routes.close();
    await this.#dispatcher.drain(this.#bus.options.shutdownTimeout);
    const name = this.#bus.reserved.cancellations;
    for (const kind of CHANNEL_KINDS) {
      this.#bus.broker.unsubscribe({ kind, name }, this.#dispatcher);
    }
  }

  /** Drains, and closes connections of its own. Idempotent, never rejects. */
  override close(): Promise<void> {
    return this.#lifecycle.close(async () => {
      await this.drain();
      if (this.#ownsBus) await this.#bus.close();
    });
  }

  /** Listens to an event of every ioredis client; before and after `listen`. */
  override on<Event extends keyof RedisPubSubEvents>(
    event: Event,
    callback: RedisPubSubEvents[Event],
  ): void {
    this.#bus.onClientEvent(event, callback);
  }

  /**
   * Returns the ioredis clients: `[publisher, subscriber]`, or several publishers and subscribers for shard
   * channels. Do not subscribe with them: the subscriptions are managed by this package.
   */
  override unwrap<T = [publisher: Redis, subscriber: Redis]>(): T {
    return this.#bus.broker.clients() as T;
  }

  /**
   * Adds a hook that is called before each message. The message is handled when the hook calls `done`. Hooks that were
   * set before stay: the last one set is called first, and its `done` calls the one before.
   *
   * What a hook throws is logged. If it has not called `done`, the message is left out.
   */
  override setOnProcessingStartHook(hook: Parameters<Server['setOnProcessingStartHook']>[0]): void {
    this.#dispatcher.hooks.addStart((context, done) =>
      hook(this.transportId as TransportId, context, done),
    );
  }

  /**
   * Adds a hook that is called after each message. Hooks that were set before stay: the last one set is called last. None
   * waits for another, and what a hook throws is logged.
   *
   * It is also called after a message that a start hook leaves out by an error, if another start hook was called before.
   */
  override setOnProcessingEndHook(hook: Parameters<Server['setOnProcessingEndHook']>[0]): void {
    this.#dispatcher.hooks.addEnd((context) => hook(this.transportId as TransportId, context));
  }

  async #start(): Promise<void> {
    const { generation } = this.#lifecycle;
    await this.#lifecycle.closing;
    if (!this.#lifecycle.isCurrent(generation)) throw new ClosedError();
    this.#lifecycle.open();
    this.#draining = undefined;
    this.#dispatcher.reopen();
    await this.#bus.start();
    this.#assertNotDraining();
    // Handlers may be registered while others are being subscribed.
    do await this.subscribeHandlers();
    while (this.#routes.hasFresh);
    this.#assertNotDraining();
    this.#isListening = true;
    if (!this.#readyHook) return;
    await this.#callReadyHook(this.#readyHook);
    this.#assertNotDraining();
  }

  async #callReadyHook(hook: () => Promise<void>): Promise<void> {
    const { broker, options } = this.#bus;
    if (options.onStart !== 'background') return hook();
    const { generation } = this.#lifecycle;
    const callOnce = (status = broker.status): void => {
      const isOver = this.#draining !== undefined || generation !== this.#lifecycle.generation;
      if (status !== 'connected' && !isOver) return;
      remove();
      if (isOver) return;
      hook().catch((error) => this.logger.error(`A ready hook failed: ${textOf(error)}`));
    };
    const remove = broker.onStatus(callOnce);
    // The status is not "connected" while a subscription is missing.
    callOnce();
  }

  /** The server may be closed at any point of its start. */
  #assertNotDraining(): void {
    if (this.#draining) throw new ClosedError();
  }

  async #subscribeCancellations(kind: ChannelKind): Promise<void> {
    const { broker, reserved } = this.#bus;
    try {
      await whenSubscribed(broker, { kind, name: reserved.cancellations }, this.#dispatcher);
    } catch (error) {
      if (hasCode(error, 'ERR_PUBSUB_CLOSED')) return;
      // Requests work without it. Streams then run until they end, or until the client disconnects.
      this.logger.warn(
        `Clients cannot cancel their requests, which run to their end: ${messageOf(error)}`,
      );
    }
  }

  async #subscribe(route: HandlerRoute): Promise<void> {
    await route.whenListening();
    this.#logSubscription(route);
  }

  #logSubscription({ pattern, key: { kind, name } }: HandlerRoute): void {
    this.logger.log(`"${shorten(pattern.source)}" → ${COMMANDS[kind]} ${shorten(name)}`);
  }
}

/** Whether a value is a server, of this copy of the package or another. */
export function isPubSubServer(value: unknown): value is RedisPubSubServer {
  return hasBrand(value, SERVER);
}
