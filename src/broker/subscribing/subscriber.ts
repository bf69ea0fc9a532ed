import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../../channel/channel-pattern.js';
import type { DeliveryListener, SubscriptionWaiter } from '../broker.js';

/** The receiving half of a broker, or a part of it: subscriptions, over however many connections. */
export interface SubscribingHalf {
  /** Whether every connection is up that something is subscribed over, or is to be. */
  readonly isReady: boolean;
  /** Whether everything that was wanted when a connection was lost is back. */
  readonly isRestored: boolean;
  /** Whether connections are up, subscriptions in place, and nothing arrives. */
  readonly isStarving: boolean;
  /** Whether some connection will not come back. */
  readonly hasEnded: boolean;
  /** Whether nothing is subscribed, nor is to be. */
  readonly isEmpty: boolean;
  /** The ioredis clients behind it, as they are now. */
  readonly clients: readonly Redis[];
  /** Calls `listener` with each client that is behind it, or ever will be. */
  onClient(listener: (client: Redis) => void): void;
  /** See `Broker#connect`. */
  open(patience: number): Promise<void>;
  /** Ends its connections, and fails those who wait for an acknowledgement. Never rejects. */
  close(): Promise<void>;
  /** See `Broker#subscribeFor`. */
  subscribe(
    kind: SubscriptionKind,
    name: string,
    listener: DeliveryListener,
    waiter: SubscriptionWaiter,
  ): void;
  /** See `Broker#want`. */
  want(kind: SubscriptionKind, name: string, listener: DeliveryListener): void;
  /** See `Broker#unsubscribe`. */
  unsubscribe(
    kind: SubscriptionKind,
    name: string,
    listener: DeliveryListener,
    lingers: boolean,
  ): void;
  /** See `Broker#canHear`. */
  canHear(kind: SubscriptionKind, name: string): boolean;
  /** See `Broker#hears`. */
  hears(kind: SubscriptionKind, name: string): boolean;
}

/** What a subscriber needs of the sending half, to prove that messages arrive. */
export interface ProbePublisher {
  readonly isReady: boolean;
  publish(channel: string): Promise<number>;
  /** Replaces a connection: what it publishes is not heard. */
  restart(reason: string): void;
}

/** Someone who is told when a half is no longer as it was. */
export interface HalfObserver {
  onChange(): void;
}
