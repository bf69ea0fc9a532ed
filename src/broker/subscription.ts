import type { SubscriptionKind } from '../channel/channel-pattern.js';
import { ClosedError } from '../errors.js';
import type { Delivery, DeliveryListener, PubSubGap } from './broker.js';

/** What Redis is known to have been told of a subscription over the connection that is open now. */
type SubscriptionState = 'untold' | 'told' | 'acknowledged';

/** An outage that is not over; all subscriptions that it took share one. */
export type Outage = Pick<PubSubGap, 'from'>;

/** The time of one connection: what Redis knows of us it knows until then. */
export interface Session {
  /** What has ended it. */
  outage?: Outage;
}

interface Waiter {
  readonly listener: DeliveryListener;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** One channel or glob that somebody listens to, or did until a moment ago. */
export class Subscription {
  state: SubscriptionState = 'untold';
  /** What {@link state} is true of. */
  session: Session | undefined;
  /** Of a shard channel in a Cluster, once somebody has worked it out. */
  slot: number | undefined;
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

  /** Whether somebody waits for its acknowledgement. */
  get isAwaited(): boolean {
    return this.#waiters !== undefined && this.#waiters.length > 0;
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
    for (const listener of this.#listeners()) listener.onRefused?.();
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
