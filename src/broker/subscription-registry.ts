import type { SubscriptionKind } from '../channel/channel-pattern.js';
import { ClosedError } from '../errors.js';
import type { Delivery, DeliveryListener, PubSubGap } from './broker.js';

/** What Redis is known to have been told of a subscription over the connection that is open now. */
type SubscriptionState = 'untold' | 'told' | 'acknowledged';

/** An outage that is not over; all subscriptions that it took share one. */
type Outage = Pick<PubSubGap, 'from'>;

interface Waiter {
  readonly listener: DeliveryListener;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** One channel or glob that somebody listens to, or did until a moment ago. */
export class Subscription {
  state: SubscriptionState = 'untold';
  /** What took it, if it was there before and is not back yet. */
  outage: Outage | undefined;
  // Most channels have one listener; a Set for each would double what half a million of them cost.
  #only: DeliveryListener | undefined;
  #many: Set<DeliveryListener> | undefined;
  /** The listeners in `#many`, until that changes. */
  #snapshot: readonly DeliveryListener[] | undefined;
  #waiters: Waiter[] | undefined;

  constructor(
    readonly kind: SubscriptionKind,
    readonly name: string,
  ) {}

  get isWanted(): boolean {
    return this.#only !== undefined || this.#many !== undefined;
  }

  /** Whether Redis has to be told something. */
  get isStale(): boolean {
    return this.isWanted === (this.state === 'untold');
  }

  add(listener: DeliveryListener): void {
    this.#snapshot = undefined;
    if (this.#many) this.#many.add(listener);
    else if (this.#only) this.#many = new Set([this.#only, listener]);
    else this.#only = listener;
    if (this.#many) this.#only = undefined;
  }

  remove(listener: DeliveryListener): void {
    this.#snapshot = undefined;
    if (this.#only === listener) this.#only = undefined;
    if (this.#many?.delete(listener) && this.#many.size === 0) this.#many = undefined;
    const mine = this.#waiters?.filter((waiter) => waiter.listener === listener) ?? [];
    if (mine.length === 0) return;
    this.#waiters = this.#waiters?.filter((waiter) => waiter.listener !== listener);
    for (const { reject } of mine)
      reject(new ClosedError('Unsubscribed before Redis acknowledged'));
  }

  deliver(delivery: Delivery): void {
    if (!this.#many) {
      this.#only?.onDelivery(delivery);
      return;
    }
    // A listener that another one adds while it hears a message must not hear this message too:
    // `observe(x).pipe(take(1), repeat())` would go round for ever.
    const listeners = (this.#snapshot ??= [...this.#many]);
    for (const listener of listeners) {
      const isStillThere = listeners === this.#snapshot || this.#many.has(listener);
      if (isStillThere) listener.onDelivery(delivery);
    }
  }

  /** Resolves on the next acknowledgement, at once if there is one already. */
  acknowledgement(listener: DeliveryListener): Promise<void> {
    if (this.state === 'acknowledged') return Promise.resolve();
    return new Promise((resolve, reject) => {
      (this.#waiters ??= []).push({ listener, resolve, reject });
    });
  }

  acknowledge(): void {
    const { outage } = this;
    this.state = 'acknowledged';
    this.outage = undefined;
    const waiters = this.#takeWaiters();
    for (const { resolve } of waiters) resolve();
    if (!outage) return;
    const gap: PubSubGap = { ...outage, to: new Date() };
    const newcomers = new Set(waiters.map(({ listener }) => listener));
    for (const listener of this.#listeners()) {
      if (!newcomers.has(listener)) listener.onResubscribed?.(gap);
    }
  }

  /** Fails those who wait, and takes their listeners away; older listeners stay. */
  refuse(error: unknown): void {
    this.state = 'untold';
    for (const { listener, reject } of this.#takeWaiters()) {
      this.remove(listener);
      reject(error);
    }
  }

  #listeners(): readonly DeliveryListener[] {
    if (this.#many) return (this.#snapshot ??= [...this.#many]);
    return this.#only ? [this.#only] : [];
  }

  #takeWaiters(): Waiter[] {
    const waiters = this.#waiters ?? [];
    this.#waiters = undefined;
    return waiters;
  }
}

/**
 * Owns what must be subscribed, and what Redis is known to have acknowledged. It outlives every
 * connection: whoever speaks to Redis works off the difference. Knows nothing of Redis itself.
 */
export class SubscriptionRegistry {
  readonly #subscriptions = {
    channel: new Map<string, Subscription>(),
    pattern: new Map<string, Subscription>(),
  };
  readonly #stale = new Set<Subscription>();
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
    const subscription = this.#subscriptions[kind].get(name);
    subscription?.remove(listener);
    if (subscription) this.#look(subscription);
  }

  /** Hands a delivery to everyone who listens to its subscription. */
  deliver(delivery: Delivery): void {
    this.#subscriptions[delivery.kind].get(delivery.subscription)?.deliver(delivery);
  }

  /** Hands out, once, up to `limit` subscriptions of one kind that Redis has to be told about. */
  takeStale(kind: SubscriptionKind, limit: number): Subscription[] {
    const taken: Subscription[] = [];
    for (const subscription of this.#stale) {
      if (subscription.kind !== kind) continue;
      this.#stale.delete(subscription);
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
    return this.#stale.size > 0;
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

  /** Puts a subscription that was refused up for another try. */
  retry(subscription: Subscription): void {
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
      this.#stale.add(subscription);
      return;
    }
    this.#stale.delete(subscription);
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
