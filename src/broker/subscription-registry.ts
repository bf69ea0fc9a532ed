import type { SubscriptionKind } from '../channel/channel-pattern.js';
import type { Delivery, DeliveryListener } from './broker.js';
import { Subscription, type Outage } from './subscription.js';

/**
 * Owns what must be subscribed, and what Redis is known to have acknowledged. It outlives every
 * connection: whoever speaks to Redis works off the difference. Knows nothing of Redis itself.
 */
export class SubscriptionRegistry {
  readonly #subscriptions = {
    channel: new Map<string, Subscription>(),
    pattern: new Map<string, Subscription>(),
  };
  readonly #stale = { channel: new Set<Subscription>(), pattern: new Set<Subscription>() };
  #owed = 0;

  /** Adds a listener, and returns the subscription that it belongs to from now on. */
  add(kind: SubscriptionKind, name: string, listener: DeliveryListener): Subscription {
    const subscription = this.#subscriptions[kind].get(name) ?? this.#create(kind, name);
    subscription.add(listener);
    this.#look(subscription);
    return subscription;
  }

  /** Adds a listener to whom it is an outage that the subscription is not there yet. */
  want(kind: SubscriptionKind, name: string, listener: DeliveryListener): void {
    const subscription = this.add(kind, name, listener);
    if (subscription.state === 'acknowledged' || subscription.outage) return;
    subscription.outage = { from: new Date() };
    this.#owed++;
  }

  /** Takes a listener away; a subscription without one is to be ended. */
  remove(kind: SubscriptionKind, name: string, listener: DeliveryListener): void {
    const subscription = this.detach(kind, name, listener);
    if (subscription) this.#look(subscription);
  }

  /** Takes a listener away; a subscription without one stays until {@link review}. */
  detach(
    kind: SubscriptionKind,
    name: string,
    listener: DeliveryListener,
  ): Subscription | undefined {
    const subscription = this.#subscriptions[kind].get(name);
    subscription?.remove(listener);
    return subscription;
  }

  /** Hands a delivery to everyone who listens to its subscription. */
  deliver(delivery: Delivery): void {
    this.#subscriptions[delivery.kind].get(delivery.subscription)?.deliver(delivery);
  }

  /** Hands out, once, up to `limit` subscriptions of one kind that Redis has to be told about. */
  takeStale(kind: SubscriptionKind, limit: number): Subscription[] {
    const taken: Subscription[] = [];
    const stale = this.#stale[kind];
    for (const subscription of stale) {
      stale.delete(subscription);
      taken.push(subscription);
      if (taken.length === limit) break;
    }
    return taken;
  }

  get isEmpty(): boolean {
    const { channel, pattern } = this.#subscriptions;
    return channel.size + pattern.size === 0;
  }

  get hasStale(): boolean {
    const { channel, pattern } = this.#stale;
    return channel.size + pattern.size > 0;
  }

  told(subscription: Subscription): void {
    subscription.state = 'told';
  }

  acknowledge(subscription: Subscription): void {
    if (subscription.outage) this.#owed--;
    subscription.acknowledge();
  }

  /** Whether Redis acknowledged it over the connection that is open now. */
  isAcknowledged(kind: SubscriptionKind, name: string): boolean {
    return this.#subscriptions[kind].get(name)?.state === 'acknowledged';
  }

  /** Redis was told to end it. Forgets it, unless somebody came to want it meanwhile. */
  end(subscription: Subscription): void {
    subscription.state = 'untold';
    this.#look(subscription);
  }

  /** Redis said no. What was acknowledged once stays wanted; the caller decides when to try again. */
  refuse(subscription: Subscription, error: unknown): void {
    subscription.refuse(error);
    if (!subscription.isWanted) this.#look(subscription);
  }

  /** Looks at a subscription again: one that was refused is tried anew, one without listeners ended. */
  review(subscription: Subscription): void {
    this.#look(subscription);
  }

  /** The connection is gone, and with it everything that Redis knew of us. */
  reset(outage: Outage): void {
    for (const subscription of this.#all()) {
      if (subscription.isWanted && !subscription.outage) {
        subscription.outage = outage;
        this.#owed++;
      }
      subscription.state = 'untold';
      this.#look(subscription);
    }
  }

  /** Fails everyone who waits for an acknowledgement. */
  abandon(error: unknown): void {
    for (const subscription of this.#all()) this.refuse(subscription, error);
  }

  /** Whether everything that was wanted when the last connection was lost is back. */
  get isRestored(): boolean {
    return this.#owed === 0;
  }

  *#all(): Generator<Subscription> {
    yield* this.#subscriptions.channel.values();
    yield* this.#subscriptions.pattern.values();
  }

  /** Files a subscription where its state says it belongs: to be told, done, or forgotten. */
  #look(subscription: Subscription): void {
    if (subscription.isStale) {
      this.#stale[subscription.kind].add(subscription);
      return;
    }
    this.#stale[subscription.kind].delete(subscription);
    if (!subscription.isWanted) this.#forget(subscription);
  }

  #create(kind: SubscriptionKind, name: string): Subscription {
    const subscription = new Subscription(kind, name);
    this.#subscriptions[kind].set(name, subscription);
    return subscription;
  }

  #forget(subscription: Subscription): void {
    const known = this.#subscriptions[subscription.kind];
    if (known.get(subscription.name) === subscription) known.delete(subscription.name);
    if (subscription.outage) this.#owed--;
    subscription.outage = undefined;
  }
}
