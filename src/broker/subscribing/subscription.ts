import type { SubscriptionKey } from '../../channel/subscription-key.js';
import { ClosedError } from '../../errors.js';
import type {
  Delivery,
  DeliveryListener,
  DeliverySource,
  PubSubGap,
  SubscriptionWaiter,
} from '../broker.js';

/** What Redis knows of a subscription over the current connection. */
type SubscriptionState = 'unsubscribed' | 'pending' | 'subscribed';

/** An outage that has not ended. All subscriptions that it took share one. */
export type Outage = Pick<PubSubGap, 'from'>;

/** The lifetime of one connection: what Redis knows of us is true of one of them. */
export interface ConnectionGeneration {
  /** The outage that ended it. */
  outage?: Outage;
}

const NONE: readonly never[] = [];

interface Waiting {
  readonly listener: DeliveryListener;
  readonly waiter: SubscriptionWaiter;
}

/**
 * One channel or glob with listeners, or that had some until a moment ago. A process may hold half a million:
 * its methods are not `#private`, since V8 would add a mark for them to each object.
 */
export class Subscription implements DeliverySource {
  state: SubscriptionState = 'unsubscribed';
  /** The connection that {@link state} is true of. */
  generation: ConnectionGeneration | undefined;
  /** The slot of a shard channel in a Cluster, once it is computed. */
  slot: number | undefined;
  /** The outage that took the subscription, until Redis acknowledges it again. */
  outage: Outage | undefined;
  period = 0;
  gaps = 0;
  /** Most channels have one listener. A group for each would double the memory of half a million. */
  #listener: DeliveryListener | ListenerGroup | undefined;
  #waiting: Waiting[] | undefined;

  constructor(readonly key: SubscriptionKey) {}

  get isSubscribed(): boolean {
    return this.state === 'subscribed';
  }

  get hasListeners(): boolean {
    return this.#listener !== undefined;
  }

  /** Whether a waiter is to be told of the acknowledgement. */
  get hasWaiters(): boolean {
    return this.#waiting !== undefined;
  }

  /** Whether a command has to be sent: its listeners and its state differ. */
  get isDirty(): boolean {
    return this.hasListeners === (this.state === 'unsubscribed');
  }

  addListener(listener: DeliveryListener): void {
    const current = this.#listener;
    if (current instanceof ListenerGroup) current.add(listener);
    else this.#listener = current ? new ListenerGroup([current, listener]) : listener;
  }

  removeListener(listener: DeliveryListener): void {
    const current = this.#listener;
    if (current instanceof ListenerGroup) current.remove(listener);
    if (current === listener || (current instanceof ListenerGroup && current.isEmpty)) {
      this.#listener = undefined;
      this.period++;
    }
    if (this.#waiting) this.failWaitersOf(listener);
  }

  deliver(delivery: Delivery): void {
    delivery.source = this;
    this.#listener?.onDelivery(delivery);
  }

  /** Calls a waiter at the next acknowledgement, soon if there is one already, or at the removal of its listener. */
  addWaiter(listener: DeliveryListener, waiter: SubscriptionWaiter): void {
    if (this.state === 'subscribed') {
      queueMicrotask(() => waiter.onSubscribed());
      return;
    }
    const waiting = { listener, waiter };
    if (this.#waiting) this.#waiting.push(waiting);
    // Not `push`: it allocates room for sixteen more, in each of half a million subscriptions.
    else this.#waiting = [waiting];
  }

  /** Marks it subscribed. Returns the gap that ends now, if it was subscribed before. */
  acknowledge(): PubSubGap | undefined {
    const { outage } = this;
    this.state = 'subscribed';
    this.outage = undefined;
    const waiting = this.takeWaiting();
    for (const { waiter } of waiting) waiter.onSubscribed();
    if (!outage) return undefined;
    this.gaps++;
    const gap: PubSubGap = { from: outage.from, to: new Date() };
    const added = waiting.length > 0 && new Set(waiting.map(({ listener }) => listener));
    for (const listener of this.listeners()) {
      if (!added || !added.has(listener)) listener.onResubscribed?.(gap);
    }
    return gap;
  }

  /** Fails the waiters, and removes their listeners. Listeners that were subscribed before stay. */
  refuse(error: unknown): void {
    this.state = 'unsubscribed';
    const waiting = this.takeWaiting();
    for (const { listener } of waiting) this.removeListener(listener);
    // A waiter may subscribe again at once, and must find the state complete.
    if (waiting.length > 0)
      queueMicrotask(() => waiting.forEach((it) => it.waiter.onFailed(error)));
    for (const listener of this.listeners()) listener.onRefused?.();
  }

  /** Its listeners at this moment. */
  listeners(): readonly DeliveryListener[] {
    const current = this.#listener;
    if (current instanceof ListenerGroup) return current.members;
    return current ? [current] : [];
  }

  private failWaitersOf(listener: DeliveryListener): void {
    const waiting = this.takeWaiting();
    const others = waiting.filter((it) => it.listener !== listener);
    if (others.length > 0) this.#waiting = others;
    for (const it of waiting) {
      if (it.listener === listener) {
        it.waiter.onFailed(new ClosedError('Unsubscribed before Redis acknowledged'));
      }
    }
  }

  private takeWaiting(): readonly Waiting[] {
    const waiting = this.#waiting ?? NONE;
    this.#waiting = undefined;
    return waiting;
  }
}

/** Several listeners of one subscription. */
class ListenerGroup {
  readonly #members: Set<DeliveryListener>;
  /** A copy of the members, until they change. */
  #snapshot: readonly DeliveryListener[] | undefined;

  constructor(members: Iterable<DeliveryListener>) {
    this.#members = new Set(members);
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  get members(): readonly DeliveryListener[] {
    return (this.#snapshot ??= [...this.#members]);
  }

  add(listener: DeliveryListener): void {
    this.#members.add(listener);
    this.#snapshot = undefined;
  }

  remove(listener: DeliveryListener): void {
    this.#members.delete(listener);
    this.#snapshot = undefined;
  }

  onDelivery(delivery: Delivery): void {
    // A listener that is added while this message is delivered must not receive it:
    // `observe(x).pipe(take(1), repeat())` would never end.
    const { members } = this;
    for (const listener of members) {
      const isMember = members === this.#snapshot || this.#members.has(listener);
      if (isMember) listener.onDelivery(delivery);
    }
  }
}
