import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../channel/channel-pattern.js';
import type { DeliveryListener } from './broker.js';
import type { SubscribingHalf } from './subscribing-half.js';

/** How long the first attempts of what is opened on the way may take: nobody waits for them. */
const NO_HURRY = 30_000;

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
export class SplitSubscriber implements SubscribingHalf {
  readonly #parts: SubscriberParts;
  readonly #first: SubscribingHalf;
  readonly #all: readonly SubscribingHalf[];
  readonly #opened = new Set<SubscribingHalf>();
  /** Those whose absence is an outage: one that comes on the way is not missed before it was there. */
  readonly #counted = new Set<SubscribingHalf>();
  #isOpen = false;

  constructor(parts: SubscriberParts) {
    const { classic, sharded, isShardedFirst } = parts;
    this.#parts = parts;
    this.#all = [classic, sharded];
    this.#first = isShardedFirst ? sharded : classic;
    this.#counted.add(this.#first);
  }

  get isReady(): boolean {
    return this.#countedParts().every(({ isReady }) => isReady);
  }

  get isRestored(): boolean {
    return this.#countedParts().every(({ isRestored }) => isRestored);
  }

  get isStarving(): boolean {
    return this.#all.some(({ isStarving }) => isStarving);
  }

  get hasEnded(): boolean {
    return this.#all.some(({ hasEnded }) => hasEnded);
  }

  get isEmpty(): boolean {
    return this.#all.every(({ isEmpty }) => isEmpty);
  }

  get clients(): readonly Redis[] {
    const known = this.#all.filter((it) => it === this.#first || this.#opened.has(it));
    return known.flatMap(({ clients }) => clients);
  }

  onClient(listener: (client: Redis) => void): void {
    for (const part of this.#all) part.onClient(listener);
  }

  async open(patience: number): Promise<void> {
    this.#isOpen = true;
    const needed = this.#all.filter((it) => it === this.#first || !it.isEmpty);
    for (const part of needed) this.#opened.add(part);
    await Promise.all(needed.map((part) => part.open(patience)));
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    this.#opened.clear();
    await Promise.all(this.#all.map((part) => part.close()));
  }

  subscribe(kind: SubscriptionKind, name: string, listener: DeliveryListener): Promise<void> {
    const subscribed = this.#partFor(kind).subscribe(kind, name, listener);
    this.#openFor(kind);
    return subscribed;
  }

  want(kind: SubscriptionKind, name: string, listener: DeliveryListener): void {
    this.#counted.add(this.#partFor(kind));
    this.#partFor(kind).want(kind, name, listener);
    this.#openFor(kind);
  }

  unsubscribe(
    kind: SubscriptionKind,
    name: string,
    listener: DeliveryListener,
    lingers: boolean,
  ): void {
    this.#partFor(kind).unsubscribe(kind, name, listener, lingers);
  }

  hears(kind: SubscriptionKind, name: string): boolean {
    return this.#partFor(kind).hears(kind, name);
  }

  #partFor(kind: SubscriptionKind): SubscribingHalf {
    return kind === 'shard' ? this.#parts.sharded : this.#parts.classic;
  }

  #openFor(kind: SubscriptionKind): void {
    const part = this.#partFor(kind);
    if (!this.#isOpen || this.#opened.has(part)) return;
    this.#opened.add(part);
    // Whoever subscribes waits for the acknowledgement, and the log tells of failures.
    part.open(NO_HURRY).catch(() => undefined);
  }

  #countedParts(): SubscribingHalf[] {
    for (const part of this.#opened) if (part.isReady) this.#counted.add(part);
    return [...this.#counted];
  }
}
