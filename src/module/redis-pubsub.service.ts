import type { Observable } from 'rxjs';
import { ChannelPattern } from '../channel/channel-pattern.js';
import { literalGlob } from '../channel/glob.js';
import { channelKind, type ChannelKind } from '../channel/subscription-key.js';
import { ClosedError, InvalidOptionError, messageOf, shorten, textOf } from '../errors.js';
import type { KeyNotification } from '../keyspace/key-notification.js';
import { eventSelection, keysSelection } from '../keyspace/key-options.js';
import type { KeySelectionOptions } from '../keyspace/key-selection.js';
import { KeySource } from '../keyspace/key-source.js';
import { checkBoolean } from '../options/option-checks.js';
import { addBrand, brandOf, hasBrand } from '../shared/brand.js';
import { forEachSafely } from '../shared/for-each-safely.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';
import { InFlight } from '../transport/in-flight.js';
import type { MessageBus } from '../transport/message-bus.js';
import type { Failure } from '../transport/redis-pubsub.context.js';
import {
  checkFormat,
  formatOf,
  shardedOf,
  unwrapRecord,
} from '../transport/redis-pubsub.record.js';
import type { RedisPubSubStatus } from '../transport/transport-events.js';
import { completeSoon, LeanObservable } from './lean-observable.js';
import {
  HandlerObserver,
  MessageObserver,
  type Observation,
  type ObserverScope,
  type PubSubMessage,
} from './message-observer.js';
import { ObserverCallbacks } from './observer-callbacks.js';
import { OutsideLogger } from '../transport/outside-logger.js';
import type {
  ObserveKeyEventOptions,
  ObserveKeysOptions,
  ObserveOptions,
  PublishingOptions,
  PubSubHandler,
  PubSubSubscription,
} from './service-options.js';
import { observeSource } from './source-observer.js';

const SERVICE = brandOf('service');

/**
 * Publishes and observes at run time, over the connections of the module. Channels in `publish`, `observe` and
 * `subscribe` are literal, whatever characters they have; only `observePattern` and `subscribePattern` take
 * patterns. All observers of a channel in this process share one subscription at Redis, which ends a moment
 * after the last of them.
 */
export class RedisPubSubService {
  static {
    addBrand(this.prototype, SERVICE);
  }

  readonly #bus: MessageBus;
  readonly #logger = new OutsideLogger(RedisPubSubService.name);
  readonly #scope: ObserverScope;
  readonly #inFlight = new InFlight();
  readonly #failures = new RateLimitedLog(
    (line) => this.#logger.error(line),
    (count) => `${count} more messages failed`,
  );
  readonly #callbacks = new ObserverCallbacks(this.#logger);
  readonly #thrown = new RateLimitedLog(
    (line) => this.#logger.error(line),
    (count) => `${count} more observers threw`,
  );
  #isDrained = false;

  /** @internal */
  constructor(bus: MessageBus) {
    this.#bus = bus;
    this.#scope = { bus, observers: new Set() };
  }

  /** The status of the module's connections at this moment. Only `connected` promises that messages arrive. */
  get status(): RedisPubSubStatus | 'connecting' {
    return this.#bus.broker.status;
  }

  /**
   * Publishes to a channel. Resolves to the number of subscriptions that Redis delivered to; rejects
   * with a `PubSubError`. For headers pass a `RedisPubSubRecord` as the data. The dispatch hook of the module's
   * client is called here, too; what it throws rejects the promise.
   *
   * @see https://redis.io/docs/latest/commands/publish/
   */
  publish(channel: string, data: unknown, options: PublishingOptions = {}): Promise<number> {
    const early = this.#bus.startEarly();
    if (early) return early.then(() => this.publish(channel, data, options));
    try {
      const packet = this.#bus.createPacket(channel, data);
      const kind = this.#publishKind(data, options.sharded);
      const format = options.format === undefined ? formatOf(data) : checkFormat(options.format);
      const message = unwrapRecord(packet, this.#bus.codec, format);
      return this.#bus.publish(channel, message, { kind, format });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Observes one channel. The Observable is cold, and completes when the application closes. It fails with
   * `CommandRefusedError` when Redis refuses the subscription.
   *
   * @throws InvalidChannelError for a channel that is not valid, InvalidOptionError for a wrong option
   */
  observe<T = unknown>(channel: string, options?: ObserveOptions): Observable<PubSubMessage<T>> {
    return this.#observe(this.#literal(channel, options), options);
  }

  /** As {@link observe}, for all channels that a pattern matches. */
  observePattern<T = unknown>(
    pattern: string,
    options?: ObserveOptions,
  ): Observable<PubSubMessage<T>> {
    return this.#observe(this.#parsed(pattern, options), options);
  }

  /**
   * Observes all events of the keys that a pattern matches, as `@OnKey` handles them; with `field`, as `@OnHashField`
   * does. The Observable is cold, and completes when the application closes. It fails with `CommandRefusedError` when
   * Redis refuses the subscription, or reports no fields. User text goes into a pattern through `escapeGlob`.
   *
   * @throws InvalidChannelError for a pattern that is not valid, InvalidOptionError for a wrong option
   */
  observeKeys(pattern: string, options: ObserveKeysOptions = {}): Observable<KeyNotification> {
    return this.#observeKeys(keysSelection(pattern, options), options);
  }

  /** As {@link observeKeys}, for one event and all keys that a pattern matches, as `@OnKeyEvent` handles it. */
  observeKeyEvent(
    event: string,
    pattern = '*',
    options: ObserveKeyEventOptions = {},
  ): Observable<KeyNotification> {
    return this.#observeKeys(eventSelection(event, pattern, options), options);
  }

  /**
   * Calls `handler` for each message of one channel. Resolves on Redis' acknowledgement; rejects with
   * `CommandRefusedError`, `InvalidChannelError`, `InvalidOptionError`, or `ClosedError` after the application closed.
   */
  async subscribe<T = unknown>(
    channel: string,
    handler: PubSubHandler<T>,
    options?: ObserveOptions,
  ): Promise<PubSubSubscription> {
    return this.#subscribe(this.#literal(channel, options), handler, options);
  }

  /** As {@link subscribe}, for all channels that a pattern matches. */
  async subscribePattern<T = unknown>(
    pattern: string,
    handler: PubSubHandler<T>,
    options?: ObserveOptions,
  ): Promise<PubSubSubscription> {
    return this.#subscribe(this.#parsed(pattern, options), handler, options);
  }

  /**
   * The channels under the module's prefix that have a subscriber in any process, globs not counted (PUBSUB
   * CHANNELS; with the module's `sharded`, SHARDCHANNELS). A `:name` in the pattern matches one segment. Rejects
   * with `ConnectionError` while Redis is down, and with `CommandRefusedError` when Redis refuses.
   */
  async channels(pattern = '*'): Promise<string[]> {
    const { prefix } = this.#bus.options;
    const parsed = this.#parsed(pattern);
    const name = parsed.withPrefix(prefix);
    const names = await this.#bus.broker.channels(
      parsed.kind === 'pattern' ? name : literalGlob(name),
      this.#kind,
    );
    return names
      .filter((found) => !this.#bus.reserved.has(found))
      .map((found) => found.slice(prefix.length))
      .filter((channel) => parsed.match(channel));
  }

  /**
   * The number of subscribers of each channel, globs not counted (PUBSUB NUMSUB; with `sharded`, SHARDNUMSUB).
   * Takes an array of any length, or a few names. Rejects as {@link RedisPubSubService.channels}, and with `InvalidChannelError`.
   */
  subscriberCounts(channels: readonly string[]): Promise<Record<string, number>>;
  subscriberCounts(...channels: string[]): Promise<Record<string, number>>;
  async subscriberCounts(
    ...given: readonly string[] | readonly [readonly string[]]
  ): Promise<Record<string, number>> {
    const channels = (Array.isArray(given[0]) ? given[0] : given) as readonly string[];
    const names = channels.map((channel) => this.#bus.nameOf(this.#literal(channel).name));
    const counts = await this.#bus.broker.subscriberCounts(names, this.#kind);
    return Object.fromEntries(
      channels.map((channel, i) => [channel, counts.get(names[i] ?? '') ?? 0]),
    );
  }

  /** The number of globs that all clients of the server are subscribed to (PUBSUB NUMPAT). Rejects as {@link channels}. */
  patternCount(): Promise<number> {
    return this.#bus.broker.patternCount();
  }

  /** Completes every observer and subscription, and waits for running handlers up to `shutdownTimeout`. */
  async drain(): Promise<void> {
    this.#isDrained = true;
    forEachSafely(
      this.#scope.observers,
      (observer) => observer.complete(),
      (error, { pattern: { source } }) =>
        this.#thrown.add(() => `An observer of "${shorten(source)}" threw: ${messageOf(error)}`),
    );
    await this.#inFlight.idle(this.#bus.options.shutdownTimeout);
  }

  #observe<T>(pattern: ChannelPattern, options?: ObserveOptions): Observable<PubSubMessage<T>> {
    const observation = this.#observation(pattern, options);
    return new LeanObservable<PubSubMessage>((destination) => {
      if (this.#isDrained) return completeSoon(destination);
      const observer = new MessageObserver(this.#scope, observation, destination);
      observer.open();
      return observer;
    }) as Observable<PubSubMessage<T>>;
  }

  #observeKeys(
    selection: KeySelectionOptions,
    options: ObserveKeyEventOptions,
  ): Observable<KeyNotification> {
    const source = new KeySource(this.#bus, selection);
    const { pattern } = source;
    const onSubscribed = this.#callbacks.safely('onSubscribed', pattern, options.onSubscribed);
    const isOver = (): boolean => this.#isDrained;
    return observeSource<KeyNotification>(source, { scope: this.#scope, onSubscribed, isOver });
  }

  async #subscribe<T>(
    pattern: ChannelPattern,
    handler: PubSubHandler<T>,
    options?: ObserveOptions,
  ): Promise<PubSubSubscription> {
    if (typeof handler !== 'function') {
      throw new InvalidOptionError('handler', 'a function', handler);
    }
    const observation = this.#observation(pattern, options);
    const early = this.#bus.startEarly();
    if (early) await early;
    if (this.#isDrained) throw new ClosedError();
    return new Promise((resolve, reject) => {
      const onSubscribed: Observation['onSubscribed'] = (gap) => {
        observation.onSubscribed?.(gap);
        resolve({ pattern: pattern.source, unsubscribe: () => observer.unsubscribe() });
      };
      const observed = { ...observation, onSubscribed };
      const observer = new HandlerObserver(this.#scope, observed, {
        run: (message) => this.#run(handler as PubSubHandler<unknown>, message),
        error: (error) => {
          observer.unsubscribe();
          reject(error as Error);
        },
        complete: () => observer.unsubscribe(),
      });
      observer.open();
    });
  }

  #literal(channel: string, options?: ObserveOptions): ChannelPattern {
    const pattern = ChannelPattern.literal(channel);
    this.#bus.patternWarnings.checkObserved(channel, this.#isSharded(options));
    return pattern;
  }

  #parsed(source: string, options?: ObserveOptions): ChannelPattern {
    const pattern = ChannelPattern.parse(source);
    this.#bus.patternWarnings.checkPattern(source, this.#isSharded(options));
    return pattern;
  }

  #isSharded({ sharded = this.#bus.options.sharded }: ObserveOptions = {}): boolean {
    return sharded;
  }

  get #kind(): ChannelKind {
    return channelKind(this.#bus.options.sharded);
  }

  #publishKind(data: unknown, sharded: boolean | undefined): ChannelKind {
    const given = sharded ?? shardedOf(data);
    return given === undefined ? this.#kind : channelKind(checkBoolean('sharded', given));
  }

  /** Throws for a pattern that cannot be observed. */
  #observation(pattern: ChannelPattern, options: ObserveOptions = {}): Observation {
    const onSubscribed = this.#callbacks.safely('onSubscribed', pattern, options.onSubscribed);
    const onLost = this.#callbacks.safely('onLost', pattern, options.onLost);
    const { prefix, sharded: byDefault } = this.#bus.options;
    const { sharded = byDefault } = options;
    const key = pattern.subscriptionKey(prefix, checkBoolean('sharded', sharded));
    return { pattern, key, onSubscribed, onLost };
  }

  async #run(
    handler: PubSubHandler<unknown>,
    message: PubSubMessage,
  ): Promise<Failure | undefined> {
    this.#inFlight.begin();
    try {
      await handler(message);
    } catch (error) {
      this.#failures.add(
        () => `A message on "${shorten(message.channel)}" failed: ${textOf(error)}`,
      );
      return { error };
    } finally {
      this.#inFlight.end();
    }
    return undefined;
  }
}

/** Whether a value is a service, of this copy of the package or another. */
export function isPubSubService(value: unknown): value is RedisPubSubService {
  return hasBrand(value, SERVICE);
}
