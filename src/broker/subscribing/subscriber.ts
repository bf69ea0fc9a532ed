import type { Redis } from 'ioredis';
import type { ChannelKind, SubscriptionKey } from '../../channel/subscription-key.js';
import type { DeliveryListener, SubscriptionWaiter } from '../broker.js';

/** The subscriptions over one connection. */
export interface ConnectionSubscriber {
  /** Whether the connection is up. */
  readonly isReady: boolean;
  /** Identifies the server that all messages come from, until its restart. `undefined` if others send some, too. */
  readonly serverId: string | undefined;
  /** See `Broker#subscribe`. */
  subscribe(key: SubscriptionKey, listener: DeliveryListener, waiter?: SubscriptionWaiter): void;
  /** See `Broker#unsubscribe`. */
  unsubscribe(key: SubscriptionKey, listener: DeliveryListener, isDelayed: boolean): void;
  /** See `Broker#isSubscribed`. */
  isSubscribed(key: SubscriptionKey): boolean;
  /** See `Broker#lastAnswered`. */
  readonly lastAnswered: Date | undefined;
  /** See `Broker#listenersOf`. */
  listenersOf(channel: string, kind: ChannelKind): readonly DeliveryListener[];
  /** See `Broker#whenRead`. */
  whenRead(onRead: () => void): void;
}

/** Subscribes over one connection, or over several, each with subscriptions of its own. */
export interface Subscriber {
  /** Whether every connection is up that has subscriptions, or is needed for the next one. */
  readonly isReady: boolean;
  /** Whether every subscription that an outage took is acknowledged again. */
  readonly isRestored: boolean;
  /** Whether connections and subscriptions are in place, and no message arrives. */
  readonly isStarving: boolean;
  /** Whether a connection has ended and will not be retried. */
  readonly hasEnded: boolean;
  /** Whether there are no subscriptions. */
  readonly isEmpty: boolean;
  /** See `Broker#subscriptions`. */
  readonly subscriptions: number;
  /** See `Broker#lastDeliveryAt`. */
  readonly lastDeliveryAt: Date | undefined;
  /** The ioredis clients that it has now. */
  readonly clients: readonly Redis[];
  /** Calls `listener` with each client, and with each that is created later. */
  onClient(listener: (client: Redis) => void): void;
  /** See `Broker#connect`. */
  open(timeoutMs: number): Promise<void>;
  /** Closes its connections, and fails those who wait for an acknowledgement. Never rejects. */
  close(): Promise<void>;
  /** Returns the connection that a subscription belongs to. */
  subscriberFor(key: SubscriptionKey): ConnectionSubscriber;
}
