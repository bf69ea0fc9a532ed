import { matchTokens, parseGlob, toByteString } from '../../channel/glob.js';
import type {
  ChannelKind,
  SubscriptionKey,
  SubscriptionKind,
} from '../../channel/subscription-key.js';
import type { Delivery, DeliveryListener, PubSubGap } from '../broker.js';
import { Subscription, type ConnectionGeneration, type Outage } from './subscription.js';

/** How many globs are compared with a channel for a hint. */
const MAX_GLOBS = 500;

/** The subscriptions of one kind. */
class SubscriptionsOfKind {
  readonly byName = new Map<string, Subscription>();
  /** Those that a command has to be sent for. */
  readonly dirty = new Set<Subscription>();
  /** Those that may still have the state of an earlier connection. */
  outdated: Iterator<Subscription> | undefined;
}

/**
 * Owns the desired subscriptions, those with listeners, and the observed ones, which Redis acknowledged. It
 * outlives every connection: the reconciler sends commands for the difference. It knows nothing of Redis.
 *
 * A lost connection concerns every subscription, and there may be half a million. Each is brought up to
 * date when it is looked up, or when it is its turn to be subscribed again.
 */
export class SubscriptionRegistry {
  readonly #kinds: Readonly<Record<SubscriptionKind, SubscriptionsOfKind>> = {
    channel: new SubscriptionsOfKind(),
    pattern: new SubscriptionsOfKind(),
    shard: new SubscriptionsOfKind(),
  };
  #generation: ConnectionGeneration = {};
  /** The number of subscriptions with listeners. */
  #desired = 0;
  /** How many of these are not brought up to date since the last connection was lost. */
  #outdated = 0;
  /** How many are, and wait to be acknowledged again. */
  #missing = 0;

  /** The current connection: an answer of an earlier one is out of date. */
  get generation(): ConnectionGeneration {
    return this.#generation;
  }

  /** Adds a listener, and returns its subscription. */
  add(key: SubscriptionKey, listener: DeliveryListener): Subscription {
    const subscription = this.#find(key) ?? this.#create(key);
    if (!subscription.hasListeners) this.#desired++;
    subscription.addListener(listener);
    this.#updateDirty(subscription);
    return subscription;
  }

  /** As {@link add}. Until Redis acknowledges the subscription, the registry is not restored. */
  addExpected(key: SubscriptionKey, listener: DeliveryListener): void {
    const subscription = this.add(key, listener);
    if (subscription.state !== 'subscribed') this.#setMissing(subscription, { from: new Date() });
  }

  /** Removes a listener. A subscription without listeners stays subscribed until {@link recheck}. */
  removeListener(key: SubscriptionKey, listener: DeliveryListener): Subscription | undefined {
    const subscription = this.#find(key);
    if (!subscription?.hasListeners) return subscription;
    subscription.removeListener(listener);
    if (!subscription.hasListeners) this.#desired--;
    return subscription;
  }

  /** Delivers a message to all listeners of its subscription. */
  deliver(delivery: Delivery): void {
    this.#kinds[delivery.kind].byName.get(delivery.subscription)?.deliver(delivery);
  }

  /** Returns up to `limit` subscriptions of one kind that a command has to be sent for, each once. */
  takeDirty(kind: SubscriptionKind, limit: number): Subscription[] {
    const { dirty } = this.#kinds[kind];
    while (dirty.size < limit && this.#updateNext(kind));
    const taken: Subscription[] = [];
    for (const subscription of dirty) {
      if (taken.length === limit) break;
      dirty.delete(subscription);
      taken.push(subscription);
    }
    return taken;
  }

  /** The number of subscriptions with listeners. */
  get desired(): number {
    return this.#desired;
  }

  get isEmpty(): boolean {
    return Object.values(this.#kinds).every(({ byName }) => byName.size === 0);
  }

  /** The number of different patterns. */
  get patterns(): number {
    return this.#kinds.pattern.byName.size;
  }

  /** Whether commands have to be sent. */
  get hasDirty(): boolean {
    return this.#outdated > 0 || Object.values(this.#kinds).some(({ dirty }) => dirty.size > 0);
  }

  /** Whether every subscription that an outage took is acknowledged again. */
  get isRestored(): boolean {
    return this.#outdated === 0 && this.#missing === 0;
  }

  /** Whether a subscription is one of this registry. */
  has(subscription: Subscription): boolean {
    const { kind, name } = subscription.key;
    return this.#kinds[kind].byName.get(name) === subscription;
  }

  /** A subscribe command is about to be sent. */
  setPending(subscription: Subscription): void {
    subscription.state = 'pending';
  }

  /** Whether Redis owes the answer to a subscribe command. Cheaper than {@link has}, which looks the name up. */
  isPending({ state, generation }: Subscription): boolean {
    // No subscription is removed in this state, and one of another registry has another generation.
    return state === 'pending' && generation === this.#generation;
  }

  /** Redis acknowledged it. Returns the gap that ends now, if it was subscribed before. */
  acknowledge(subscription: Subscription): PubSubGap | undefined {
    if (subscription.outage) this.#missing--;
    return subscription.acknowledge();
  }

  /** Whether Redis acknowledged a subscription over the current connection. */
  isSubscribed(key: SubscriptionKey): boolean {
    return this.#find(key)?.state === 'subscribed';
  }

  /** See `Broker#listenersOf`. */
  listenersOf(channel: string, kind: ChannelKind): DeliveryListener[] {
    const found = [...(this.#kinds[kind].byName.get(channel)?.listeners() ?? [])];
    if (kind === 'shard') return found;
    const bytes = toByteString(channel);
    let globs = 0;
    for (const [glob, subscription] of this.#kinds.pattern.byName) {
      if (++globs > MAX_GLOBS) break;
      if (!matchTokens(parseGlob(glob), bytes)) continue;
      // Not as arguments: there may be more listeners than a call can have.
      for (const listener of subscription.listeners()) found.push(listener);
    }
    return found;
  }

  /** An unsubscribe command is sent. Removes the subscription, unless it has listeners again. */
  setUnsubscribed(subscription: Subscription): void {
    subscription.state = 'unsubscribed';
    this.#updateDirty(subscription);
  }

  /** Redis refused it. It stays desired if it was acknowledged before; the caller decides when to try again. */
  refuse(subscription: Subscription, error: unknown): void {
    const wasDesired = subscription.hasListeners;
    subscription.refuse(error);
    if (subscription.hasListeners) return;
    // A waiter may have removed its listener already, and then it is counted.
    if (wasDesired && this.has(subscription)) this.#desired--;
    this.#updateDirty(subscription);
  }

  /** Redis neither accepted nor refused it. The caller decides when to try again, with {@link recheck}. */
  defer(subscription: Subscription): void {
    subscription.state = 'unsubscribed';
  }

  /** Redis has ended some subscriptions that it had acknowledged, over a connection that is still open. */
  setEnded(
    kind: SubscriptionKind,
    isEnded: (subscription: Subscription) => boolean,
    outage: Outage,
  ): void {
    for (const subscription of this.#kinds[kind].byName.values()) {
      const { generation, state } = subscription;
      const isCurrent = generation === this.#generation && state === 'subscribed';
      if (!isCurrent || !isEnded(subscription)) continue;
      if (subscription.hasListeners) this.#setMissing(subscription, outage);
      this.setUnsubscribed(subscription);
    }
  }

  /** Removes the subscriptions of one kind that belong to another registry. Returns those with listeners. */
  removeMoved(
    kind: SubscriptionKind,
    hasMoved: (subscription: Subscription) => boolean,
  ): Subscription[] {
    const { byName, dirty } = this.#kinds[kind];
    const moved = [...byName.values()].filter(hasMoved);
    for (const subscription of moved) {
      this.#bringUpToDate(subscription);
      if (subscription.hasListeners) this.#desired--;
      if (subscription.outage) this.#missing--;
      dirty.delete(subscription);
      byName.delete(subscription.key.name);
    }
    return moved.filter(({ hasListeners }) => hasListeners);
  }

  /** Adds a subscription that was removed from another registry by {@link removeMoved}. */
  addMoved(subscription: Subscription, outage: Outage): void {
    const { kind, name } = subscription.key;
    const wasSubscribed = subscription.state === 'subscribed';
    subscription.generation = this.#generation;
    subscription.state = 'unsubscribed';
    this.#kinds[kind].byName.set(name, subscription);
    this.#desired++;
    if (subscription.outage) this.#missing++;
    else if (wasSubscribed) this.#setMissing(subscription, outage);
    this.#updateDirty(subscription);
  }

  /** Compares a subscription again: one that was refused or deferred is tried again, one without listeners ends. */
  recheck(subscription: Subscription): void {
    if (!this.has(subscription)) return;
    this.#bringUpToDate(subscription);
    this.#updateDirty(subscription);
  }

  /** The connection is lost, and with it all that Redis knew of us. */
  onConnectionLost(outage: Outage): void {
    this.#generation.outage = outage;
    this.#generation = {};
    this.#outdated = this.#desired;
    for (const kind of Object.values(this.#kinds)) {
      kind.dirty.clear();
      kind.outdated = kind.byName.values();
    }
  }

  /** Fails every waiter. */
  failWaiters(error: unknown): void {
    for (const { byName } of Object.values(this.#kinds)) {
      for (const subscription of byName.values()) {
        if (!subscription.hasWaiters) continue;
        this.#bringUpToDate(subscription);
        this.refuse(subscription, error);
        if (subscription.hasListeners) this.#updateDirty(subscription);
      }
    }
  }

  /** Looks a subscription up. Removes one that lost its connection and has no listeners. */
  #find({ kind, name }: SubscriptionKey): Subscription | undefined {
    const subscription = this.#kinds[kind].byName.get(name);
    if (!subscription || subscription.generation === this.#generation) return subscription;
    this.#bringUpToDate(subscription);
    if (subscription.hasListeners) {
      // The caller may only have looked it up, and nothing else would subscribe it again.
      this.#updateDirty(subscription);
      return subscription;
    }
    this.#remove(subscription);
    return undefined;
  }

  /** Brings one more subscription up to date since the last connection was lost; returns `false` if there is none. */
  #updateNext(kind: SubscriptionKind): boolean {
    const next = this.#kinds[kind].outdated?.next();
    if (!next || next.done) {
      this.#kinds[kind].outdated = undefined;
      return false;
    }
    this.#bringUpToDate(next.value);
    this.#updateDirty(next.value);
    return true;
  }

  /** Resets a subscription whose state is true of an earlier connection. */
  #bringUpToDate(subscription: Subscription): void {
    const { generation } = subscription;
    if (generation === this.#generation) return;
    subscription.generation = this.#generation;
    subscription.state = 'unsubscribed';
    if (!subscription.hasListeners) return;
    this.#outdated--;
    if (generation?.outage) this.#setMissing(subscription, generation.outage);
  }

  #setMissing(subscription: Subscription, outage: Outage): void {
    if (subscription.outage) return;
    subscription.outage = outage;
    this.#missing++;
  }

  /** Adds a subscription to the dirty ones or removes it from them; removes it altogether when it is done with. */
  #updateDirty(subscription: Subscription): void {
    const { dirty } = this.#kinds[subscription.key.kind];
    if (subscription.isDirty) {
      dirty.add(subscription);
      return;
    }
    dirty.delete(subscription);
    if (!subscription.hasListeners) this.#remove(subscription);
  }

  #create(key: SubscriptionKey): Subscription {
    const subscription = new Subscription(key);
    subscription.generation = this.#generation;
    this.#kinds[key.kind].byName.set(key.name, subscription);
    return subscription;
  }

  #remove(subscription: Subscription): void {
    const { kind, name } = subscription.key;
    const { byName } = this.#kinds[kind];
    if (byName.get(name) === subscription) byName.delete(name);
    if (subscription.outage) this.#missing--;
    subscription.outage = undefined;
  }
}
