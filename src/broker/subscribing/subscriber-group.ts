import type { Redis } from 'ioredis';
import type { SubscriptionKey } from '../../channel/subscription-key.js';
import type { ConnectionSubscriber, Subscriber } from './subscriber.js';

/** A subscriber of several members, each of which has subscriptions of its own. */
export abstract class SubscriberGroup implements Subscriber {
  abstract readonly isReady: boolean;
  abstract readonly isRestored: boolean;
  abstract readonly clients: readonly Redis[];
  abstract onClient(listener: (client: Redis) => void): void;
  abstract open(timeoutMs: number): Promise<void>;
  abstract close(): Promise<void>;
  abstract subscriberFor(key: SubscriptionKey): ConnectionSubscriber;

  /** All members that exist now. */
  protected abstract readonly members: readonly Subscriber[];

  get isStarving(): boolean {
    return this.members.some(({ isStarving }) => isStarving);
  }

  get hasEnded(): boolean {
    return this.members.some(({ hasEnded }) => hasEnded);
  }

  get isEmpty(): boolean {
    return this.members.every(({ isEmpty }) => isEmpty);
  }

  get subscriptions(): number {
    return this.members.reduce((sum, { subscriptions }) => sum + subscriptions, 0);
  }

  /** That of the member that was confirmed first: each has subscriptions of its own. */
  get lastDeliveryAt(): Date | undefined {
    const used = this.members.filter(({ isEmpty }) => !isEmpty);
    let earliest: Date | undefined;
    // A member without subscriptions may be lost for a long time, and no message with it.
    for (const { lastDeliveryAt } of used.length > 0 ? used : this.members) {
      if (!earliest || (lastDeliveryAt && lastDeliveryAt < earliest)) earliest = lastDeliveryAt;
    }
    return earliest;
  }
}
