import type { SubscriptionKind } from '../channel/channel-pattern.js';
import type { BrokerStatus, PubSubGap } from '../telemetry.js';

export type { BrokerStatus, PubSubGap };

/** One message of one subscription. Several listeners of a subscription share it. */
export interface Delivery {
  readonly kind: SubscriptionKind;
  /** What Redis was told: the channel, or the glob that matched. */
  readonly subscription: string;
  readonly channel: string;
  readonly payload: Buffer;
  /** A place for what a reader decodes, so that it is decoded once however many listeners there are. */
  decoded?: unknown;
}

/** Someone who wants the deliveries of a subscription. */
export interface DeliveryListener {
  /** Called in the order of arrival. Must not throw. */
  onDelivery(delivery: Delivery): void;
  /** Redis acknowledged the subscription again, after an outage. Must not throw. */
  onResubscribed?(gap: PubSubGap): void;
  /** Redis refused a subscription that it had acknowledged before; it will be tried again. Must not throw. */
  onRefused?(): void;
}

/** Someone who is told how a subscription began: once, and not within the call that asks for it. Must not throw. */
export interface SubscriptionWaiter {
  /** Redis acknowledged it. */
  onSubscribed(): void;
  /** It did not come to be, and the listener is forgotten. */
  onFailed(error: unknown): void;
}

/** Where a broker reports what has no promise to go to. Nest's `Logger` is one. */
export interface BrokerLog {
  log(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/**
 * The port between Pub/Sub as this package needs it and what provides it. Names are Redis' own:
 * whoever calls has put the prefix before them.
 */
export interface Broker {
  readonly status: BrokerStatus;

  /** Whether what `publish` resolves to says how many subscriptions there are; in a Cluster it does for shard channels only. */
  countsReceivers(isSharded: boolean): boolean;

  /** Calls `listener` at every change of {@link status}; returns the function that ends this. */
  onStatus(listener: (status: BrokerStatus) => void): () => void;

  /**
   * Resolves when messages can be published and received. Rejects with a `ConnectionError` when
   * that was not reached within `patience` milliseconds; with 0, when the first attempt failed.
   * Attempts go on behind a rejection, until `close`.
   */
  connect(patience: number): Promise<void>;

  /** Whether a message could go out now, without waiting. */
  reaches(channel: string, isSharded: boolean): boolean;

  /**
   * Resolves to the number of subscriptions that Redis delivered to, see {@link countsReceivers}. While the connection is away a
   * message waits its turn, as far as the broker was told to let it, and rejects with a
   * `ConnectionError` when it has waited in vain. After `close` it rejects with a `ClosedError`, as
   * questions do. Nothing is sent twice. With `isSharded` it is
   * published to a shard channel (SPUBLISH), which only subscriptions of the kind `shard` hear.
   */
  publish(channel: string, payload: string | Uint8Array, isSharded?: boolean): Promise<number>;

  /**
   * Makes `listener` hear a channel or a glob, and resolves on Redis' acknowledgement. From then on
   * it is wanted until `unsubscribe`, whatever happens to the connection. Rejects, and forgets the
   * listener, when Redis refuses.
   */
  subscribe(kind: SubscriptionKind, name: string, listener: DeliveryListener): Promise<void>;

  /** As {@link subscribe}, without a promise: half a million that are pending take up much of the memory. */
  subscribeFor(
    kind: SubscriptionKind,
    name: string,
    listener: DeliveryListener,
    waiter: SubscriptionWaiter,
  ): void;

  /**
   * Makes `listener` hear a channel or a glob as soon as that is possible, without a Redis being
   * there. Nobody waits: a refusal is logged and tried again, and until the acknowledgement, of which
   * the listener is told as of the end of an outage, the status is not `connected`.
   */
  want(kind: SubscriptionKind, name: string, listener: DeliveryListener): void;

  /**
   * Ends what `subscribe` or `want` began; the listener hears nothing from the call on. With `lingers`
   * Redis is told a moment later, unless somebody wants it again by then.
   */
  unsubscribe(
    kind: SubscriptionKind,
    name: string,
    listener: DeliveryListener,
    lingers?: boolean,
  ): void;

  /** Whether the connection of a subscription is up, or comes with the first of its kind. */
  canHear(kind: SubscriptionKind, name: string): boolean;

  /** Whether Redis acknowledged a subscription over the connection that is open now. */
  hears(kind: SubscriptionKind, name: string): boolean;

  /** The channels with at least one subscriber whose names match the glob (PUBSUB CHANNELS, or SHARDCHANNELS). */
  channels(glob: string, isSharded?: boolean): Promise<string[]>;

  /** How many subscribers each channel has, globs not counted (PUBSUB NUMSUB, or SHARDNUMSUB). */
  subscriberCounts(channels: readonly string[], isSharded?: boolean): Promise<Map<string, number>>;

  /** How many globs are subscribed on the server, by all its clients (PUBSUB NUMPAT). */
  patternCount(): Promise<number>;

  /** The underlying clients: the publisher first, and the subscriber last; of shard channels in a Cluster one of each for each master. */
  clients(): readonly unknown[];

  /** Calls `listener` with each of these clients, also with those that come later. */
  onClient(listener: (client: unknown, role: 'publisher' | 'subscriber') => void): void;

  /** Ends both connections; what was published before is sent. Idempotent, never rejects. */
  close(): Promise<void>;
}
