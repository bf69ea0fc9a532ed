import { Logger } from '@nestjs/common';
import { Observable, type Subscriber } from 'rxjs';
import type { PubSubGap } from '../broker/broker.js';
import { ChannelPattern } from '../channel/channel-pattern.js';
import { literalGlob } from '../channel/glob.js';
import { eachDespite } from '../shared/for-each-safely.js';
import { ClosedError, InvalidOptionError, messageOf, shorten } from '../errors.js';
import { checkBoolean } from '../options/option-checks.js';
import { textOf } from '../transport/server/failure-log.js';
import { InFlight } from '../transport/in-flight.js';
import type { MessageBus } from '../transport/message-bus.js';
import { shardedOf, unwrapRecord } from '../transport/redis-pubsub.record.js';
import type { RedisPubSubStatus } from '../transport/transport-events.js';
import type { Observation, ObserverScope, PubSubMessage } from './message-observer.js';
import { HandlerObserver, SubscriberObserver } from './observers.js';

/** How {@link RedisPubSubService.publish} publishes. */
export interface PublishingOptions {
  /**
   * Whether the channel is sharded (SPUBLISH).
   *
   * @default what the module's `sharded` says
   */
  readonly sharded?: boolean;
}

/** What an observer may ask for beside the messages. */
export interface ObserveOptions {
  /**
   * Whether the channel is sharded (SSUBSCRIBE); not possible for a pattern.
   *
   * @default what the module's `sharded` says
   */
  readonly sharded?: boolean;

  /**
   * Called when Redis has acknowledged the subscription: from then on every message is heard. The
   * first time without a gap; after an outage with the time in which messages may have been lost.
   * Both are the moment to load whatever durable state the messages tell of. What it throws, or
   * rejects with, is logged.
   */
  readonly onSubscribed?: (gap?: PubSubGap) => unknown;
}

/** What `subscribe` resolves to. */
export interface PubSubSubscription {
  readonly pattern: string;
  /** Ends it; the handler is not called from here on. Idempotent. */
  unsubscribe(): void;
}

/** Handles a message of {@link RedisPubSubService.subscribe}; what it throws is logged. */
export type PubSubHandler<T> = (message: PubSubMessage<T>) => unknown;

/**
 * Publish and listen at run time, over the connections of the module. Channels in `publish`,
 * `observe` and `subscribe` are literal whatever characters they have; only `observePattern` and
 * `subscribePattern` take patterns. However many observers a channel has in this process, Redis has
 * one subscription, which ends a moment after the last of them.
 */
export class RedisPubSubService {
  readonly #bus: MessageBus;
  readonly #logger = new Logger(RedisPubSubService.name);
  readonly #scope: ObserverScope;
  readonly #inFlight = new InFlight();
  #isDrained = false;

  constructor(bus: MessageBus) {
    this.#bus = bus;
    this.#scope = { bus, observers: new Set() };
  }

  /**
   * How the connections stand at this moment; of the module, and so of its server and client, too. Only
   * `connected` promises that messages arrive.
   */
  get status(): RedisPubSubStatus | 'connecting' {
    return this.#bus.broker.status;
  }

  /**
   * Publishes to a channel. Resolves to the number of subscriptions that Redis delivered to; rejects
   * with a `PubSubError` that names the channel. Takes a `RedisPubSubRecord` for headers.
   */
  publish(channel: string, data: unknown, options: PublishingOptions = {}): Promise<number> {
    const beginning = this.#bus.begin();
    if (beginning) return beginning.then(() => this.publish(channel, data, options));
    try {
      const isSharded = this.#isSharded(options.sharded ?? shardedOf(data));
      const message = unwrapRecord({ pattern: channel, data }, this.#bus.codec);
      return this.#bus.publish(channel, message, { isSharded });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The messages of one channel, from the moment of subscribing. Cold; ends with the application. */
  observe<T = unknown>(channel: string, options?: ObserveOptions): Observable<PubSubMessage<T>> {
    return this.#observe(ChannelPattern.literal(channel), options);
  }

  /** The messages of all channels that a pattern means. Cold; ends with the application. */
  observePattern<T = unknown>(
    pattern: string,
    options?: ObserveOptions,
  ): Observable<PubSubMessage<T>> {
    return this.#observe(ChannelPattern.parse(pattern), options);
  }

  /** Calls `handler` for each message of one channel; resolves on Redis' acknowledgement. */
  async subscribe<T = unknown>(
    channel: string,
    handler: PubSubHandler<T>,
    options?: ObserveOptions,
  ): Promise<PubSubSubscription> {
    return this.#subscribe(ChannelPattern.literal(channel), handler, options);
  }

  /** Calls `handler` for each message that a pattern means; resolves on Redis' acknowledgement. */
  async subscribePattern<T = unknown>(
    pattern: string,
    handler: PubSubHandler<T>,
    options?: ObserveOptions,
  ): Promise<PubSubSubscription> {
    return this.#subscribe(ChannelPattern.parse(pattern), handler, options);
  }

  /**
   * The channels under the module's prefix that have a subscriber anywhere, glob subscriptions not
   * counted (PUBSUB CHANNELS; with the module's `sharded`, SHARDCHANNELS). A `:name` in the pattern takes one segment, as in a handler's.
   */
  async channels(pattern = '*'): Promise<string[]> {
    const { prefix } = this.#bus.options;
    const parsed = ChannelPattern.parse(pattern);
    const name = parsed.withPrefix(prefix);
    const names = await this.#bus.broker.channels(
      parsed.kind === 'pattern' ? name : literalGlob(name),
      this.#bus.options.sharded,
    );
    return names
      .filter((found) => !this.#bus.reserved.has(found))
      .map((found) => found.slice(prefix.length))
      .filter((channel) => parsed.match(channel));
  }

  /** How many subscribers each channel has, glob subscriptions not counted (PUBSUB NUMSUB; with `sharded`, SHARDNUMSUB). */
  async subscriberCounts(...channels: string[]): Promise<Record<string, number>> {
    const names = channels.map((channel) => this.#bus.nameOf(channel));
    const counts = await this.#bus.broker.subscriberCounts(names, this.#bus.options.sharded);
    return Object.fromEntries(
      channels.map((channel, i) => [channel, counts.get(names[i] ?? '') ?? 0]),
    );
  }

  /** How many globs are subscribed on the server, by all its clients (PUBSUB NUMPAT). */
  patternCount(): Promise<number> {
    return this.#bus.broker.patternCount();
  }

  /** Ends every observer and subscription, and lets running handlers end within `shutdownTimeout`. */
  async drain(): Promise<void> {
    this.#isDrained = true;
    eachDespite(
      this.#scope.observers,
      (observer) => observer.end(),
      (error, { pattern: { source } }) =>
        this.#logger.error(
          `An observer of "${shorten(source)}" could not be ended: ${messageOf(error)}`,
        ),
    );
    await this.#inFlight.idle(this.#bus.options.shutdownTimeout);
  }

  #observe<T>(pattern: ChannelPattern, options?: ObserveOptions): Observable<PubSubMessage<T>> {
    const observation = this.#observation(pattern, options);
    return new Observable((subscriber: Subscriber<PubSubMessage>) => {
      if (this.#isDrained) return completeSoon(subscriber);
      const observer = new SubscriberObserver(this.#scope, observation, subscriber);
      observer.open();
      return observer;
    }) as Observable<PubSubMessage<T>>;
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
    const beginning = this.#bus.begin();
    if (beginning) await beginning;
    if (this.#isDrained) throw new ClosedError();
    return new Promise((resolve, reject) => {
      const observer = new HandlerObserver(this.#scope, observation, {
        handle: (message) => void this.#run(handler, message as PubSubMessage<T>),
        onSubscribed: () =>
          resolve({ pattern: pattern.source, unsubscribe: () => observer.unsubscribe() }),
        onFailed: reject,
      });
      observer.open();
    });
  }

  /** Throws for what cannot be observed. */
  #observation(pattern: ChannelPattern, options: ObserveOptions = {}): Observation {
    const onSubscribed = this.#guard(pattern, options);
    const isSharded = this.#isSharded(options.sharded);
    pattern.subscriptionKind(isSharded);
    return { pattern, isSharded, onSubscribed };
  }

  #isSharded(sharded: boolean | undefined): boolean {
    return sharded === undefined ? this.#bus.options.sharded : checkBoolean('sharded', sharded);
  }

  /** The callback of an observer, made safe to call from within the broker. */
  #guard(pattern: ChannelPattern, options: ObserveOptions): ObserveOptions['onSubscribed'] {
    const { onSubscribed } = options;
    if (onSubscribed === undefined) return undefined;
    if (typeof onSubscribed !== 'function') {
      throw new InvalidOptionError('onSubscribed', 'a function', onSubscribed);
    }
    return async (gap) => {
      try {
        await onSubscribed(gap);
      } catch (error) {
        this.#logger.error(`onSubscribed of "${shorten(pattern.source)}" failed: ${textOf(error)}`);
      }
    };
  }

  async #run<T>(handler: PubSubHandler<T>, message: PubSubMessage<T>): Promise<void> {
    this.#inFlight.begin();
    try {
      await handler(message);
    } catch (error) {
      this.#logger.error(`A message on "${shorten(message.channel)}" failed: ${textOf(error)}`);
    }
    this.#inFlight.end();
  }
}

/** Not at once: whoever observes again whenever that ends would go round for ever. */
function completeSoon(subscriber: Subscriber<unknown>): () => void {
  const soon = setImmediate(() => subscriber.complete()).unref();
  return () => clearImmediate(soon);
}
