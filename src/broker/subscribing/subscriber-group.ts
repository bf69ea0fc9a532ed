import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../../channel/channel-pattern.js';
import type { DeliveryListener, SubscriptionWaiter } from '../broker.js';
import type { SubscribingHalf } from './subscriber.js';

/** A receiving half of several parts, each of which has subscriptions of its own. */
export abstract class CompositeSubscriber implements SubscribingHalf {
  abstract readonly isReady: boolean;
  abstract readonly isRestored: boolean;
  abstract readonly clients: readonly Redis[];
  abstract onClient(listener: (client: Redis) => void): void;
  abstract open(patience: number): Promise<void>;
  abstract close(): Promise<void>;

  /** All parts there are now. */
  protected abstract readonly parts: readonly SubscribingHalf[];
  /** The part that has a subscription, or is to have it. */
  protected abstract partOf(kind: SubscriptionKind, name: string): SubscribingHalf;

  get isStarving(): boolean {
    return this.parts.some(({ isStarving }) => isStarving);
  }

  get hasEnded(): boolean {
    return this.parts.some(({ hasEnded }) => hasEnded);
  }

  get isEmpty(): boolean {
    return this.parts.every(({ isEmpty }) => isEmpty);
  }

  subscribe(
    kind: SubscriptionKind,
    name: string,
    listener: DeliveryListener,
    waiter: SubscriptionWaiter,
  ): void {
    this.partOf(kind, name).subscribe(kind, name, listener, waiter);
  }

  want(kind: SubscriptionKind, name: string, listener: DeliveryListener): void {
    this.partOf(kind, name).want(kind, name, listener);
  }

  unsubscribe(
    kind: SubscriptionKind,
    name: string,
    listener: DeliveryListener,
    lingers: boolean,
  ): void {
    this.partOf(kind, name).unsubscribe(kind, name, listener, lingers);
  }

  canHear(kind: SubscriptionKind, name: string): boolean {
    return this.partOf(kind, name).canHear(kind, name);
  }

  hears(kind: SubscriptionKind, name: string): boolean {
    return this.partOf(kind, name).hears(kind, name);
  }
}
