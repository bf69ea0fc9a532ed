import type { SubscriptionKind } from '../../channel/channel-pattern.js';
import type { Delivery, DeliveryListener, PubSubGap } from '../broker.js';
import { Subscription, type Outage, type Session } from './subscription.js';

/** The subscriptions of one kind. */
export class KnownSubscriptions {
  readonly byName = new Map<string, Subscription>();
  /** Those that Redis has to be told about. */
  readonly stale = new Set<Subscription>();
  /** Those that are still to be looked at since the last connection was lost. */
  unseen: Iterator<Subscription> | undefined;
}

/** A place for the subscriptions of each kind. */
export function createKinds() {
  return {
    channel: new KnownSubscriptions(),
    pattern: new KnownSubscriptions(),
    shard: new KnownSubscriptions(),
  } as const;
}

/**
 * Owns what must be subscribed, and what Redis is known to have acknowledged. It outlives every
 * connection: whoever speaks to Redis works off the difference. Knows nothing of Redis itself.
 *
 * A lost connection concerns every subscription, and there may be half a million of them: each is
 * looked at when its turn comes to be told again, or when somebody asks for it, whichever is first.
 */
export class SubscriptionRegistry {
  readonly #kinds = createKinds();
  #session: Session = {};
  #wanted = 0;
  /** How many of the wanted have not been looked at since the last connection was lost. */
  #unseen = 0;
  /** How many have been, and are not back yet. */
  #owed = 0;

  /** Adds a listener, and returns the subscription that it belongs to from now on. */
  add(kind: SubscriptionKind, name: string, listener: DeliveryListener): Subscription {
    const subscription = this.#find(kind, name) ?? this.#create(kind, name);
    if (!subscription.isWanted) this.#wanted++;
    subscription.add(listener);
    this.#file(subscription);
    return subscription;
  }

  /** Adds a listener to whom it is an outage that the subscription is not there yet. */
  want(kind: SubscriptionKind, name: string, listener: DeliveryListener): void {
    const subscription = this.add(kind, name, listener);
    if (subscription.state !== 'acknowledged') this.#owe(subscription, { from: new Date() });
  }

  /** Takes a listener away; a subscription without one is to be ended. */
  remove(kind: SubscriptionKind, name: string, listener: DeliveryListener): void {
    const subscription = this.detach(kind, name, listener);
    if (subscription) this.#file(subscription);
  }

  /** Takes a listener away; a subscription without one stays until {@link review}. */
  detach(
    kind: SubscriptionKind,
    name: string,
    listener: DeliveryListener,
  ): Subscription | undefined {
    const subscription = this.#find(kind, name);
    if (!subscription?.isWanted) return subscription;
    subscription.remove(listener);
    if (!subscription.isWanted) this.#wanted--;
    return subscription;
  }

  /** Hands a delivery to everyone who listens to its subscription. */
  deliver(delivery: Delivery): void {
    this.#kinds[delivery.kind].byName.get(delivery.subscription)?.deliver(delivery);
  }

  /** Hands out, once, up to `limit` subscriptions of one kind that Redis has to be told about. */
  takeStale(kind: SubscriptionKind, limit: number): Subscription[] {
    const { stale } = this.#kinds[kind];
    while (stale.size < limit && this.#lookAtNext(kind));
    const taken: Subscription[] = [];
    for (const subscription of stale) {
      if (taken.length === limit) break;
      stale.delete(subscription);
      taken.push(subscription);
    }
    return taken;
  }

  get isEmpty(): boolean {
    return Object.values(this.#kinds).every(({ byName }) => byName.size === 0);
  }

  get hasStale(): boolean {
    return this.#unseen > 0 || Object.values(this.#kinds).some(({ stale }) => stale.size > 0);
  }

  /** Whether everything that was wanted when the last connection was lost is back. */
  get isRestored(): boolean {
    return this.#unseen === 0 && this.#owed === 0;
  }

  /** Whether a subscription is one of these. */
  has(subscription: Subscription): boolean {
    const { kind, name } = subscription;
    return this.#kinds[kind].byName.get(name) === subscription;
  }

  told(subscription: Subscription): void {
    subscription.state = 'told';
  }

  /** Whether a subscription of these was told, and not answered. Looks no name up, unlike {@link has}. */
  isTold({ state, session }: Subscription): boolean {
    // Nothing is forgotten in this state, and what is another registry's has another session.
    return state === 'told' && session === this.#session;
  }

  /** Returns the gap that ends now, if it was there before. */
  acknowledge(subscription: Subscription): PubSubGap | undefined {
    if (subscription.outage) this.#owed--;
    return subscription.acknowledge();
  }

  /** Whether Redis acknowledged it over the connection that is open now. */
  isAcknowledged(kind: SubscriptionKind, name: string): boolean {
    return this.#find(kind, name)?.state === 'acknowledged';
  }

  /** Redis was told to end it. Forgets it, unless somebody came to want it meanwhile. */
  end(subscription: Subscription): void {
    subscription.state = 'untold';
    this.#file(subscription);
  }

  /** Redis said no. What was acknowledged once stays wanted; the caller decides when to try again. */
  refuse(subscription: Subscription, error: unknown): void {
    const wasWanted = subscription.isWanted;
    subscription.refuse(error);
    if (subscription.isWanted) return;
    // Who hears of it may have taken its listener away, and that was counted.
    if (wasWanted && this.has(subscription)) this.#wanted--;
    this.#file(subscription);
  }

  /** Redis has not taken it, and has not refused it either; the caller decides when to try again. */
  postpone(subscription: Subscription): void {
    subscription.state = 'untold';
  }

  /** Redis has ended some of what it had acknowledged, over the connection that is open still. */
  lose(kind: SubscriptionKind, isEnded: (it: Subscription) => boolean, outage: Outage): void {
    for (const subscription of this.#kinds[kind].byName.values()) {
      const { session, state } = subscription;
      if (session !== this.#session || state !== 'acknowledged' || !isEnded(subscription)) continue;
      if (subscription.isWanted) this.#owe(subscription, outage);
      subscription.state = 'untold';
      this.#file(subscription);
    }
  }

  /** Gives away the subscriptions of one kind that belong to another registry. */
  release(kind: SubscriptionKind, isElsewhere: (it: Subscription) => boolean): Subscription[] {
    const { byName, stale } = this.#kinds[kind];
    const released = [...byName.values()].filter(isElsewhere);
    for (const subscription of released) {
      this.#see(subscription);
      if (subscription.isWanted) this.#wanted--;
      if (subscription.outage) this.#owed--;
      stale.delete(subscription);
      byName.delete(subscription.name);
    }
    return released.filter(({ isWanted }) => isWanted);
  }

  /** Takes a subscription that another registry has {@link release released}, and that Redis has to be told of anew. */
  adopt(subscription: Subscription, outage: Outage): void {
    const wasAcknowledged = subscription.state === 'acknowledged';
    subscription.session = this.#session;
    subscription.state = 'untold';
    this.#kinds[subscription.kind].byName.set(subscription.name, subscription);
    this.#wanted++;
    if (subscription.outage) this.#owed++;
    else if (wasAcknowledged) this.#owe(subscription, outage);
    this.#file(subscription);
  }

  /** Looks at a subscription again: one that was refused is tried anew, one without listeners ended. */
  review(subscription: Subscription): void {
    if (!this.has(subscription)) return;
    this.#see(subscription);
    this.#file(subscription);
  }

  /** The connection is gone, and with it everything that Redis knew of us. */
  reset(outage: Outage): void {
    this.#session.outage = outage;
    this.#session = {};
    this.#unseen = this.#wanted;
    for (const kind of Object.values(this.#kinds)) {
      kind.stale.clear();
      kind.unseen = kind.byName.values();
    }
  }

  /** Fails everyone who waits for an acknowledgement. */
  abandon(error: unknown): void {
    for (const { byName } of Object.values(this.#kinds)) {
      for (const subscription of byName.values()) {
        if (!subscription.isAwaited) continue;
        this.#see(subscription);
        this.refuse(subscription, error);
        if (subscription.isWanted) this.#file(subscription);
      }
    }
  }

  /** A subscription by its name, if it is one still. */
  #find(kind: SubscriptionKind, name: string): Subscription | undefined {
    const subscription = this.#kinds[kind].byName.get(name);
    if (!subscription || subscription.session === this.#session) return subscription;
    this.#see(subscription);
    if (subscription.isWanted) return subscription;
    this.#forget(subscription);
    return undefined;
  }

  /** Looks at one more subscription since the last connection was lost; `false` where there is none. */
  #lookAtNext(kind: SubscriptionKind): boolean {
    const next = this.#kinds[kind].unseen?.next();
    if (!next || next.done) {
      this.#kinds[kind].unseen = undefined;
      return false;
    }
    this.#see(next.value);
    this.#file(next.value);
    return true;
  }

  /** Has a subscription know that the connection which it was true of is gone. */
  #see(subscription: Subscription): void {
    const { session } = subscription;
    if (session === this.#session) return;
    subscription.session = this.#session;
    subscription.state = 'untold';
    if (!subscription.isWanted) return;
    this.#unseen--;
    if (session?.outage) this.#owe(subscription, session.outage);
  }

  #owe(subscription: Subscription, outage: Outage): void {
    if (subscription.outage) return;
    subscription.outage = outage;
    this.#owed++;
  }

  /** Puts a subscription where its state says it belongs: to be told, done, or forgotten. */
  #file(subscription: Subscription): void {
    const { stale } = this.#kinds[subscription.kind];
    if (subscription.isStale) {
      stale.add(subscription);
      return;
    }
    stale.delete(subscription);
    if (!subscription.isWanted) this.#forget(subscription);
  }

  #create(kind: SubscriptionKind, name: string): Subscription {
    const subscription = new Subscription(kind, name);
    subscription.session = this.#session;
    this.#kinds[kind].byName.set(name, subscription);
    return subscription;
  }

  #forget(subscription: Subscription): void {
    const { byName } = this.#kinds[subscription.kind];
    if (byName.get(subscription.name) === subscription) byName.delete(subscription.name);
    if (subscription.outage) this.#owed--;
    subscription.outage = undefined;
  }
}
