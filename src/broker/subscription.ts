import type { SubscriptionKind } from '../channel/channel-pattern.js';
import { ClosedError } from '../errors.js';
import type { Delivery, DeliveryListener, PubSubGap } from './broker.js';
import { ListenerGroup } from './listener-group.js';

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

/**
 * One channel or glob that somebody listens to, or did until a moment ago. There may be half a million,
 * so that methods are not `#private`: each object would carry a mark for them.
 */
export class Subscription {
  state: SubscriptionState = 'untold';
  /** What {@link state} is true of. */
  session: Session | undefined;
  /** Of a shard channel in a Cluster, once somebody has worked it out. */
  slot: number | undefined;
  /** What took it, if it was there before and is not back yet. */
  outage: Outage | undefined;
  /** Most channels have one listener; a group for each would double what half a million of them cost. */
  #listener: DeliveryListener | ListenerGroup | undefined;
  #waiters: Waiter[] | undefined;

  constructor(
    readonly kind: SubscriptionKind,
    readonly name: string,
  ) {}

  get isWanted(): boolean {
    return this.#listener !== undefined;
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
    const known = this.#listener;
    if (known instanceof ListenerGroup) known.add(listener);
    else this.#listener = known ? new ListenerGroup([known, listener]) : listener;
  }

  remove(listener: DeliveryListener): void {
    const known = this.#listener;
    if (known instanceof ListenerGroup) known.remove(listener);
    if (known === listener || (known instanceof ListenerGroup && known.isEmpty)) {
      this.#listener = undefined;
    }
    const mine = this.#waiters?.filter((waiter) => waiter.listener === listener) ?? [];
    if (mine.length === 0) return;
    this.#waiters = this.#waiters?.filter((waiter) => waiter.listener !== listener);
    for (const { reject } of mine)
      reject(new ClosedError('Unsubscribed before Redis acknowledged'));
  }

  deliver(delivery: Delivery): void {
    this.#listener?.onDelivery(delivery);
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
    const waiters = this.takeWaiters();
    for (const { resolve } of waiters) resolve();
    if (!outage) return;
    const gap: PubSubGap = { from: outage.from, to: new Date() };
    const newcomers = new Set(waiters.map(({ listener }) => listener));
    for (const listener of this.listeners()) {
      if (!newcomers.has(listener)) listener.onResubscribed?.(gap);
    }
  }

  /** Fails those who wait, and takes their listeners away; older listeners stay. */
  refuse(error: unknown): void {
    this.state = 'untold';
    for (const { listener, reject } of this.takeWaiters()) {
      this.remove(listener);
      reject(error);
    }
    for (const listener of this.listeners()) listener.onRefused?.();
  }

  private listeners(): readonly DeliveryListener[] {
    const known = this.#listener;
    if (known instanceof ListenerGroup) return known.members;
    return known ? [known] : [];
  }

  private takeWaiters(): Waiter[] {
    const waiters = this.#waiters ?? [];
    this.#waiters = undefined;
    return waiters;
  }
}
