import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../../channel/channel-pattern.js';
import type { DeliveryListener, SubscriptionWaiter } from '../broker.js';
import { CompositeSubscriber } from './subscriber-group.js';
import { openOnTheWay } from '../connection/open.js';
import type { SubscribingHalf } from './subscriber.js';

/** The two parts of a receiving half, and which of them is there from the start. */
export interface SubscriberParts {
  /** SUBSCRIBE and PSUBSCRIBE. */
  readonly classic: SubscribingHalf;
  /** SSUBSCRIBE. */
  readonly sharded: SubscribingHalf;
  readonly isShardedFirst: boolean;
}

/**
 * Classic and sharded subscriptions, over connections of their own: ioredis loses either kind on a
 * connection that ends the last one of the other. What nobody has asked for yet has no connection.
 */
export class SplitSubscriber extends CompositeSubscriber {
  protected override readonly parts: readonly SubscribingHalf[];
  readonly #classic: SubscribingHalf;
  readonly #sharded: SubscribingHalf;
  readonly #first: SubscribingHalf;
  readonly #opened = new Set<SubscribingHalf>();
  /** Those whose absence is an outage: one that comes on the way is not missed before it was there. */
  readonly #counted = new Set<SubscribingHalf>();
  #isOpen = false;

  constructor({ classic, sharded, isShardedFirst }: SubscriberParts) {
    super();
    this.parts = [classic, sharded];
    this.#classic = classic;
    this.#sharded = sharded;
    this.#first = isShardedFirst ? sharded : classic;
    this.#counted.add(this.#first);
  }

  override get isReady(): boolean {
    return this.parts.every((part) => !this.#isCounted(part) || part.isReady);
  }

  override get isRestored(): boolean {
    return this.parts.every((part) => !this.#isCounted(part) || part.isRestored);
  }

  override get clients(): readonly Redis[] {
    const known = this.parts.filter((it) => it === this.#first || this.#opened.has(it));
    return known.flatMap(({ clients }) => clients);
  }

  override onClient(listener: (client: Redis) => void): void {
    for (const part of this.parts) part.onClient(listener);
  }

  override async open(patience: number): Promise<void> {
    this.#isOpen = true;
    const needed = this.parts.filter((it) => it === this.#first || !it.isEmpty);
    for (const part of needed) this.#opened.add(part);
    await Promise.all(needed.map((part) => part.open(patience)));
  }

  override async close(): Promise<void> {
    this.#isOpen = false;
    this.#opened.clear();
    this.#counted.clear();
    this.#counted.add(this.#first);
    await Promise.all(this.parts.map((part) => part.close()));
  }

  override subscribe(
    kind: SubscriptionKind,
    name: string,
    listener: DeliveryListener,
    waiter: SubscriptionWaiter,
  ): void {
    super.subscribe(kind, name, listener, waiter);
    this.#openFor(kind);
  }

  override want(kind: SubscriptionKind, name: string, listener: DeliveryListener): void {
    this.#counted.add(this.partOf(kind));
    super.want(kind, name, listener);
    this.#openFor(kind);
  }

  override canHear(kind: SubscriptionKind, name: string): boolean {
    return !this.#isCounted(this.partOf(kind)) || super.canHear(kind, name);
  }

  protected override partOf(kind: SubscriptionKind): SubscribingHalf {
    return kind === 'shard' ? this.#sharded : this.#classic;
  }

  #openFor(kind: SubscriptionKind): void {
    const part = this.partOf(kind);
    if (!this.#isOpen || this.#opened.has(part)) return;
    this.#opened.add(part);
    openOnTheWay(part);
  }

  #isCounted(part: SubscribingHalf): boolean {
    if (part.isReady && this.#opened.has(part)) this.#counted.add(part);
    return this.#counted.has(part);
  }
}
