import type { SubscriptionKind } from '../../channel/channel-pattern.js';
import { ClosedError } from '../../errors.js';
import type { Delivery, DeliveryListener, PubSubGap, SubscriptionWaiter } from '../broker.js';

/** Several listeners of one subscription. */
export class ListenerGroup {
  readonly #members: Set<DeliveryListener>;
  /** The members, until they change. */
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
    // A listener that another one adds while it hears a message must not hear this message too:
    // `observe(x).pipe(take(1), repeat())` would go round for ever.
    const { members } = this;
    for (const listener of members) {
      const isStillThere = members === this.#snapshot || this.#members.has(listener);
      if (isStillThere) listener.onDelivery(delivery);
    }
  }
}

/** What Redis is known to have been told of a subscription over the connection that is open now. */
type SubscriptionState = 'untold' | 'told' | 'acknowledged';

/** An outage that is not over; all subscriptions that it took share one. */
export type Outage = Pick<PubSubGap, 'from'>;

/** The time of one connection: what Redis knows of us it knows until then. */
export interface Session {
  /** What has ended it. */
  outage?: Outage;
}

const NOBODY: readonly never[] = [];

interface Waiting {
  readonly listener: DeliveryListener;
  readonly waiter: SubscriptionWaiter;
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
  #waiting: Waiting[] | undefined;

  constructor(
    readonly kind: SubscriptionKind,
    readonly name: string,
  ) {}

  get isWanted(): boolean {
    return this.#listener !== undefined;
  }

  /** Whether somebody waits for its acknowledgement. */
  get isAwaited(): boolean {
    return this.#waiting !== undefined;
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
    if (this.#waiting) this.dismiss(listener);
  }

  deliver(delivery: Delivery): void {
    this.#listener?.onDelivery(delivery);
  }

  /** Tells a waiter of the next acknowledgement, soon if there is one already, or of its listener's removal. */
  addWaiter(listener: DeliveryListener, waiter: SubscriptionWaiter): void {
    if (this.state === 'acknowledged') {
      queueMicrotask(() => waiter.onSubscribed());
      return;
    }
    const waiting = { listener, waiter };
    if (this.#waiting) this.#waiting.push(waiting);
    // Not `push`: it makes room for sixteen more, in each of half a million.
    else this.#waiting = [waiting];
  }

  /** Returns the gap that ends now, if it was there before. */
  acknowledge(): PubSubGap | undefined {
    const { outage } = this;
    this.state = 'acknowledged';
    this.outage = undefined;
    const waiting = this.takeWaiting();
    for (const { waiter } of waiting) waiter.onSubscribed();
    if (!outage) return undefined;
    const gap: PubSubGap = { from: outage.from, to: new Date() };
    const newcomers = waiting.length > 0 && new Set(waiting.map(({ listener }) => listener));
    for (const listener of this.listeners()) {
      if (!newcomers || !newcomers.has(listener)) listener.onResubscribed?.(gap);
    }
    return gap;
  }

  /** Fails those who wait, and takes their listeners away; older listeners stay. */
  refuse(error: unknown): void {
    this.state = 'untold';
    const waiting = this.takeWaiting();
    for (const { listener } of waiting) this.remove(listener);
    // Who fails may ask again at once, and must find all this done.
    if (waiting.length > 0)
      queueMicrotask(() => waiting.forEach((it) => it.waiter.onFailed(error)));
    for (const listener of this.listeners()) listener.onRefused?.();
  }

  private listeners(): readonly DeliveryListener[] {
    const known = this.#listener;
    if (known instanceof ListenerGroup) return known.members;
    return known ? [known] : [];
  }

  /** Fails those who wait with a listener that is gone. */
  private dismiss(listener: DeliveryListener): void {
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
    const waiting = this.#waiting ?? NOBODY;
    this.#waiting = undefined;
    return waiting;
  }
}
