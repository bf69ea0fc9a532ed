import type {
  ChannelKind,
  SubscriptionKey,
  SubscriptionKind,
} from '../channel/subscription-key.js';
import type { OutgoingPayload, Payload } from '../shared/payload.js';
import type { BrokerStatus, PubSubGap } from '../telemetry.js';

export type { BrokerStatus, PubSubGap };

/** One message of one subscription. All listeners of the subscription share it. */
export interface Delivery {
  readonly kind: SubscriptionKind;
  /** The name of the subscription: the channel, or the glob that matched. */
  readonly subscription: string;
  readonly channel: string;
  /** Can be read until `onDelivery` has returned. */
  readonly payload: Payload;
  /**
   * The bytes of `channel`, in which U+FFFD stands for bytes that are not UTF-8. Can be called until `onDelivery` has
   * returned. Absent where names are text.
   */
  channelBytes?(): Buffer;
  /** The subscription, from its first listener to its last. Set when it is delivered. */
  source?: DeliverySource | undefined;
  /** Set by the reader that decodes the payload, so that it is decoded once however many listeners there are. */
  decoded?: unknown;
}

/** A subscription, as the reader of its deliveries sees it. */
export interface DeliverySource {
  /** Is raised when its last listener is removed. A reader raises it, too, where it loses track of the messages. */
  period: number;
  /** How many gaps it had. */
  readonly gaps: number;
  /**
   * Whether Redis has acknowledged it. The first messages after an outage may be read before their acknowledgement is, and
   * so before the gap is reported.
   */
  readonly isSubscribed: boolean;
}

/** Receives the deliveries of a subscription. */
export interface DeliveryListener {
  /** Called in the order of arrival. Must not throw. */
  onDelivery(delivery: Delivery): void;
  /** Redis acknowledged the subscription again, after an outage. Must not throw. */
  onResubscribed?(gap: PubSubGap): void;
  /** Redis refused a subscription that it had acknowledged before. It is tried again. Must not throw. */
  onRefused?(): void;
}

/** Is called once with the outcome of a subscription, never within the call that asks for it. Must not throw. */
export interface SubscriptionWaiter {
  /** Redis acknowledged the subscription. */
  onSubscribed(): void;
  /** The subscription failed, and its listener was removed. */
  onFailed(error: unknown): void;
}

/** What one master has answered. It has either an `answer` or an `error`. */
export interface MasterAnswer {
  /** The address of the master, for log lines. */
  readonly address: string;
  readonly answer?: unknown;
  /** Why there is no answer: a reply of Redis that refuses the command, or a `ConnectionError`. */
  readonly error?: unknown;
}

/** What is claimed below one key of Redis. */
export interface Claim {
  readonly key: string;
  /** Numbers from 0 to 8,191, each of which is claimed by itself. Absent where the key is claimed as a whole. */
  readonly bits?: readonly number[];
  /** How long Redis keeps the claims at least, in milliseconds. */
  readonly ttlMs: number;
}

/** A list of Redis that keeps the last messages of a channel. */
export interface MessageList {
  /** Its key. In a Cluster it is in the slot of the channel. */
  readonly key: string;
  /** How many messages it keeps. */
  readonly size: number;
  /** How long Redis keeps it after its last message. */
  readonly ttlMs: number;
}

/** Asks for messages of a list, counted from its end. */
export interface ListRead {
  readonly key: string;
  /** How many. */
  readonly count: number;
  /** How many at the end are left out; default 0. */
  readonly skip?: number;
  /** The subscription to the channel of the list, if the answer must come from the server of that subscription. */
  readonly subscription?: SubscriptionKey | undefined;
}

/** Messages of a list, or an `error`. */
export interface ListEnd {
  /** In the order in which they were published. */
  readonly payloads: readonly Buffer[];
  /** Whether the list has none before them. */
  readonly isWhole: boolean;
  /**
   * Identifies the server and its data, until it restarts, or is a replica and then the master again; `undefined` if it
   * may not be asked.
   */
  readonly serverId: string | undefined;
  /** Identifies the server until its restart; absent if it may not be asked. */
  readonly runId?: string | undefined;
  /** Why there is no answer: a reply of Redis that refuses the command, or a `ConnectionError`. */
  readonly error?: unknown;
}

/** Takes the log lines of a broker. Nest's `Logger` is one. */
export interface BrokerLog {
  log(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/**
 * The port between Pub/Sub as this package needs it and its provider. Channel names are those of Redis:
 * callers add the prefix.
 */
export interface Broker {
  readonly status: BrokerStatus;

  /**
   * The last time at which the connections of the subscriptions are known to have delivered: every message that Redis
   * sent before it has arrived. It moves on with the answers to PING. `undefined` before the first connection.
   */
  readonly lastDeliveryAt: Date | undefined;

  /** The number of channels, globs and shard channels with listeners, the probe among them. */
  readonly subscriptions: number;

  /** Whether `publish` resolves to the number of all subscriptions. In a Cluster it does for shard channels only. */
  countsReceivers(kind: ChannelKind): boolean;

  /** Calls `listener` at every change of {@link status}. Returns a function that removes it. */
  onStatus(listener: (status: BrokerStatus) => void): () => void;

  /**
   * Resolves when messages can be published and received. Rejects with a `ConnectionError` after
   * `timeoutMs` milliseconds; with 0, when the first attempt has failed. Attempts go on after a
   * rejection, until `close`.
   */
  connect(timeoutMs: number): Promise<void>;

  /** Whether a message to this channel would be sent now, without waiting. */
  canPublish(channel: string, kind: ChannelKind): boolean;

  /** Whether `publish`, or `append`, hands a message to the connection within its call, or at the end of the tick. */
  sendsNow(channel: string, kind: ChannelKind, isAppended?: boolean): boolean;

  /**
   * Resolves to the number of subscriptions that Redis delivered to, see {@link countsReceivers}. While the
   * connection is lost the message waits in the publish buffer, if there is one, and rejects with a
   * `ConnectionError` at its time limit. After `close` it rejects with a `ClosedError`. Nothing is sent
   * twice. The kind `shard` publishes with SPUBLISH, which only subscriptions of that kind receive.
   *
   * @see https://redis.io/docs/latest/commands/publish/
   */
  publish(channel: string, payload: OutgoingPayload, kind?: ChannelKind): Promise<number>;

  /**
   * As {@link publish}, and adds the message to a list of the channel: both, or none of them. It is a write for Redis,
   * which refuses it where it refuses writes. In a Cluster it goes to the owner of the slot.
   */
  append(
    channel: string,
    payload: OutgoingPayload,
    kind: ChannelKind,
    list: MessageList,
  ): Promise<number>;

  /** Reads lists together, each as it is at one moment. Rejects with a `ClosedError` after `close`. */
  readLists(reads: readonly ListRead[]): Promise<readonly ListEnd[]>;

  /**
   * Adds a listener, and subscribes if it is the first of its subscription. The subscription then
   * outlives every connection, until `unsubscribe`.
   *
   * With a `waiter`: it is called with the outcome; when Redis refuses, the listener is removed. Without
   * one: a refusal is logged and tried again. The status is not `connected` until the acknowledgement,
   * which the listener receives as the end of an outage.
   */
  subscribe(key: SubscriptionKey, listener: DeliveryListener, waiter?: SubscriptionWaiter): void;

  /**
   * Removes a listener; it receives nothing from this call on. With `isDelayed` a subscription without
   * listeners is kept for a moment, and ends unless a listener is added in that time.
   */
  unsubscribe(key: SubscriptionKey, listener: DeliveryListener, isDelayed?: boolean): void;

  /** Whether the connection of a subscription is up, or will be opened with the first of its kind. */
  canSubscribe(key: SubscriptionKey): boolean;

  /** Whether Redis acknowledged a subscription over the current connection. */
  isSubscribed(key: SubscriptionKey): boolean;

  /**
   * When the last PING was sent that is answered over the connection of a subscription. Redis has sent all that arrives
   * now after it: a message is no older, however long this process stood still. `undefined` before the first connection.
   */
  lastAnswered(key: SubscriptionKey): Date | undefined;

  /**
   * The listeners of this process that a message on a channel reaches. Walks through the globs, of which it reads no
   * more than a few hundred: for hints, and not for every message.
   */
  listenersOf(channel: string, kind: ChannelKind): readonly DeliveryListener[];

  /**
   * Calls `onRead` when every message that has arrived over the connection of a subscription is read and delivered.
   * For timers, which a busy event loop runs before it reads.
   */
  whenRead(key: SubscriptionKey, onRead: () => void): void;

  /**
   * Claims the bits of a key, or the key. Resolves to whether this call was the first, for each bit in its order. Of all
   * clients of the server one is the first until Redis forgets the claim. Rejects if Redis cannot be asked, or refuses:
   * a claim that was sent then may count, and is not sent again.
   *
   * @see https://redis.io/docs/latest/commands/bitfield/
   */
  claim(claim: Claim): Promise<readonly boolean[]>;

  /** The channels with at least one subscriber whose names match the glob (PUBSUB CHANNELS, SHARDCHANNELS). */
  channels(glob: string, kind?: ChannelKind): Promise<string[]>;

  /** The number of subscribers of each channel, globs not counted (PUBSUB NUMSUB, SHARDNUMSUB). */
  subscriberCounts(channels: readonly string[], kind?: ChannelKind): Promise<Map<string, number>>;

  /** The number of globs that all clients of the server are subscribed to (PUBSUB NUMPAT). */
  patternCount(): Promise<number>;

  /**
   * Sends a command to the server, in a Cluster to each node that owns slots. Resolves to their answers; to none where
   * there is no server to ask. Rejects with a `ClosedError` after `close`.
   */
  callMasters(command: string, ...args: readonly string[]): Promise<readonly MasterAnswer[]>;

  /** The ioredis clients: publishers first, then subscribers. In a Cluster shard channels have one of each per master. */
  clients(): readonly unknown[];

  /** Calls `listener` with each of these clients, and with each that is created later. */
  onClient(listener: (client: unknown, role: 'publisher' | 'subscriber') => void): void;

  /** Sends what was published before, and closes all connections. Idempotent, never rejects. */
  close(): Promise<void>;
}

/** Subscribes, and resolves on Redis' acknowledgement. Rejects, with the listener removed, when Redis refuses. */
export function whenSubscribed(
  broker: Pick<Broker, 'subscribe'>,
  key: SubscriptionKey,
  listener: DeliveryListener,
): Promise<void> {
  return new Promise((onSubscribed, onFailed) =>
    broker.subscribe(key, listener, { onSubscribed, onFailed }),
  );
}
