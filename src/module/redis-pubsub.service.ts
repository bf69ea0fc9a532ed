import type { MessageEvent } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { ChannelPattern } from '../channel/channel-pattern.js';
import { channelKind, type ChannelKind } from '../channel/subscription-key.js';
import type { KeyNotification } from '../keyspace/key-notification.js';
import { eventSelection, keysSelection } from '../keyspace/key-options.js';
import { checkBoolean } from '../options/option-checks.js';
import { InvalidOptionError } from '../errors.js';
import { addBrand, brandOf, hasBrand } from '../shared/brand.js';
import { findChannels } from '../transport/find-channels.js';
import type { MessageBus } from '../transport/message-bus.js';
import { OutsideLogger } from '../transport/outside-logger.js';
import {
  checkFormat,
  checkRecordHistory,
  formatOf,
  historyOf,
  shardedOf,
  unwrapRecord,
} from '../transport/redis-pubsub.record.js';
import type { RedisPubSubStatus } from '../transport/transport-events.js';
import type { PubSubMessage } from './message-observer.js';
import { Observers } from './observers.js';
import { readHistory, readPosition } from './read-history.js';
import { followState, toEvents, type PubSubFollowed } from './resumable-streams.js';
import type {
  HistoryQuery,
  ObserveEventsOptions,
  ObserveKeyEventOptions,
  ObserveKeysOptions,
  ObserveOptions,
  PublishingOptions,
  PubSubHandler,
  PubSubHistory,
  PubSubSubscription,
  RecoverOptions,
} from './service-options.js';

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
  readonly #observers: Observers;

  /** @internal */
  constructor(bus: MessageBus) {
    this.#bus = bus;
    this.#observers = new Observers(bus, new OutsideLogger(RedisPubSubService.name));
  }

  /** The status of the module's connections at this moment. Only `connected` promises that messages arrive. */
  get status(): RedisPubSubStatus | 'connecting' {
    return this.#bus.broker.status;
  }

  /** As `lastDeliveryAt` of {@link RedisPubSubHealthIndicator.check}. */
  get lastDeliveryAt(): Date | undefined {
    return this.#bus.broker.lastDeliveryAt;
  }

  /**
   * How old {@link RedisPubSubService.lastDeliveryAt} is at most while messages arrive, in milliseconds: the longer one of
   * `pingInterval` and `probeInterval`, and `pingTimeout`. If it is older, messages may be missing.
   */
  get deliveryTimeout(): number {
    const { pingInterval, probeInterval, pingTimeout } = this.#bus.options;
    return Math.max(pingInterval, probeInterval) + pingTimeout;
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
      const history =
        options.history === undefined ? historyOf(data) : checkRecordHistory(options.history);
      return this.#bus.publish(channel, message, { kind, format, history });
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
  observe<T = unknown>(channel: string, options?: ObserveOptions): Observable<PubSubMessage<T>>;
  /** With `recover`: also receives what was published while it was away. */
  observe<T = unknown>(channel: string, options: RecoverOptions): Observable<PubSubMessage<T>>;
  observe<T = unknown>(
    channel: string,
    options?: ObserveOptions | RecoverOptions,
  ): Observable<PubSubMessage<T>> {
    return this.#observers.observe(this.#literal(channel, options), options);
  }

  /** As {@link observe}, for all channels that a pattern matches. */
  observePattern<T = unknown>(
    pattern: string,
    options?: ObserveOptions,
  ): Observable<PubSubMessage<T>> {
    return this.#observers.observe(this.#parsed(pattern, options), options);
  }

  /**
   * Observes all events of the keys that a pattern matches, as `@OnKey` handles them; with `field`, as `@OnHashField`
   * does. The Observable is cold, and completes when the application closes. It fails with `CommandRefusedError` when
   * Redis refuses the subscription, or reports no fields. User text goes into a pattern through `escapeGlob`.
   *
   * @throws InvalidChannelError for a pattern that is not valid, InvalidOptionError for a wrong option
   */
  observeKeys(pattern: string, options: ObserveKeysOptions = {}): Observable<KeyNotification> {
    return this.#observers.observeKeys(keysSelection(pattern, options), options);
  }

  /** As {@link observeKeys}, for one event and all keys that a pattern matches, as `@OnKeyEvent` handles it. */
  observeKeyEvent(
    event: string,
    pattern = '*',
    options: ObserveKeyEventOptions = {},
  ): Observable<KeyNotification> {
    return this.#observers.observeKeys(eventSelection(event, pattern, options), options);
  }

  /**
   * Calls `handler` for each message of one channel. Resolves on Redis' acknowledgement; rejects with
   * `CommandRefusedError`, `InvalidChannelError`, `InvalidOptionError`, or `ClosedError` after the application closed.
   */
  subscribe<T = unknown>(
    channel: string,
    handler: PubSubHandler<T>,
    options?: ObserveOptions,
  ): Promise<PubSubSubscription>;
  /** With `recover`: the handler also receives what was published while it was away. */
  subscribe<T = unknown>(
    channel: string,
    handler: PubSubHandler<T>,
    options: RecoverOptions,
  ): Promise<PubSubSubscription>;
  async subscribe<T = unknown>(
    channel: string,
    handler: PubSubHandler<T>,
    options?: ObserveOptions | RecoverOptions,
  ): Promise<PubSubSubscription> {
    return this.#observers.subscribe(this.#literal(channel, options), handler, options);
  }

  /** As {@link subscribe}, for all channels that a pattern matches. */
  async subscribePattern<T = unknown>(
    pattern: string,
    handler: PubSubHandler<T>,
    options?: ObserveOptions,
  ): Promise<PubSubSubscription> {
    return this.#observers.subscribe(this.#parsed(pattern, options), handler, options);
  }

  /**
   * Reads what Redis has kept of one channel, see the option `history`. Rejects with `InvalidChannelError`,
   * `InvalidOptionError`, `ConnectionError`, `ClosedError`, or `CommandRefusedError` when Redis refuses.
   *
   * @see https://redis.io/docs/latest/commands/lrange/
   */
  async history<T = unknown>(channel: string, query: HistoryQuery = {}): Promise<PubSubHistory<T>> {
    return (await readHistory(this.#bus, channel, query)) as PubSubHistory<T>;
  }

  /**
   * Observes one channel as server-sent events, for an `@Sse()` method. The `id` of each is a position: pass the header
   * `Last-Event-ID` as `lastEventId`, at any process. An event of the type `resync`, whose data is `{}`, tells the client
   * to load its state. It is also the first event without a `lastEventId`. Fails as {@link observe}.
   *
   * @throws InvalidChannelError for a channel that is not valid, InvalidOptionError for a wrong option
   * @see https://docs.nestjs.com/techniques/server-sent-events
   */
  observeEvents(channel: string, options: ObserveEventsOptions = {}): Observable<MessageEvent> {
    const { lastEventId: since, ...others } = options;
    const recovering = { ...others, since, recover: true } as const;
    this.#assertRecoverable(channel, recovering);
    return toEvents((it) => this.observe(channel, it), recovering);
  }

  /**
   * Loads a state, and emits it before the messages that came since the subscription: none is missed between the two. A
   * message may be part of the state already. The state is loaded again when messages are lost.
   *
   * @param load - Receives the position behind the last message. An error that it throws fails the Observable.
   * @throws InvalidChannelError for a channel that is not valid, InvalidOptionError for a wrong option
   */
  follow<State, T = unknown>(
    channel: string,
    load: (position: string | undefined) => State | Promise<State>,
    options: Pick<RecoverOptions, 'sharded'> = {},
  ): Observable<PubSubFollowed<State, T>> {
    if (typeof load !== 'function') throw new InvalidOptionError('load', 'a function', load);
    const recovering = { ...options, recover: true } as const;
    this.#assertRecoverable(channel, recovering);
    return followState((it) => this.observe<T>(channel, it), load, recovering);
  }

  /**
   * The position behind the last message that Redis has kept of a channel. `undefined` where the user of Redis may not
   * call INFO. Rejects as {@link RedisPubSubService.history}.
   */
  async position(
    channel: string,
    { sharded }: Pick<HistoryQuery, 'sharded'> = {},
  ): Promise<string | undefined> {
    return readPosition(this.#bus, channel, sharded);
  }

  /**
   * The channels under the module's prefix that have a subscriber in any process, globs not counted (PUBSUB
   * CHANNELS; with the module's `sharded`, SHARDCHANNELS). A `:name` in the pattern matches one segment. Rejects
   * with `ConnectionError` while Redis is down, and with `CommandRefusedError` when Redis refuses.
   */
  async channels(pattern = '*'): Promise<string[]> {
    return findChannels(this.#bus, this.#parsed(pattern), this.#kind);
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
  drain(): Promise<void> {
    return this.#observers.drain();
  }

  /** Throws at the call what `observe` throws at each subscription. */
  #assertRecoverable(channel: string, options: RecoverOptions): void {
    this.observe(channel, options);
  }

  #literal(channel: string, options?: { readonly sharded?: boolean }): ChannelPattern {
    const pattern = ChannelPattern.literal(channel);
    this.#bus.patternWarnings.checkObserved(channel, this.#isSharded(options));
    return pattern;
  }

  #parsed(source: string, options?: ObserveOptions): ChannelPattern {
    const pattern = ChannelPattern.parse(source);
    this.#bus.patternWarnings.checkPattern(source, this.#isSharded(options));
    return pattern;
  }

  #isSharded({
    sharded = this.#bus.options.sharded,
  }: { readonly sharded?: boolean } = {}): boolean {
    return sharded;
  }

  get #kind(): ChannelKind {
    return channelKind(this.#bus.options.sharded);
  }

  #publishKind(data: unknown, sharded: boolean | undefined): ChannelKind {
    const given = sharded ?? shardedOf(data);
    return given === undefined ? this.#kind : channelKind(checkBoolean('sharded', given));
  }
}

/** Whether a value is a service, of this copy of the package or another. */
export function isPubSubService(value: unknown): value is RedisPubSubService {
  return hasBrand(value, SERVICE);
}
