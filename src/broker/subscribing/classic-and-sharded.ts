import type { Redis } from 'ioredis';
import type { ChannelKind, SubscriptionKey } from '../../channel/subscription-key.js';
import { Lifecycle } from '../../shared/lifecycle.js';
import type { DeliveryListener, SubscriptionWaiter } from '../broker.js';
import { openInBackground } from '../connection/open.js';
import type { ConnectionSubscriber, Subscriber } from './subscriber.js';
import { SubscriberGroup } from './subscriber-group.js';

/** The members of a {@link ClassicAndSharded}, and which of them is opened at the start. */
export interface ClassicAndShardedOptions {
  /** SUBSCRIBE and PSUBSCRIBE. */
  readonly classic: Subscriber;
  /** SSUBSCRIBE. */
  readonly sharded: Subscriber;
  /** SUBSCRIBE and PSUBSCRIBE at each master; absent where the classic subscriber is at the only one. */
  readonly masters?: Subscriber;
  readonly startsSharded: boolean;
}

/**
 * Classic and sharded subscriptions, over connections of their own. When the last subscription of one kind
 * ends, ioredis loses those of the other kind on the same connection. In a Cluster there is a third kind: those at
 * each master. Each member is opened with its first subscription.
 */
export class ClassicAndSharded extends SubscriberGroup {
  protected override readonly members: readonly Subscriber[];
  readonly #classic: Subscriber;
  readonly #sharded: Subscriber;
  readonly #masters: Subscriber | undefined;
  readonly #first: Subscriber;
  readonly #lifecycle = new Lifecycle();
  readonly #opened = new Set<Subscriber>();
  /** Members that must be ready for the group to be ready. One that its first subscription opened must be from its first ready on. */
  readonly #expected = new Set<Subscriber>();

  constructor({ classic, sharded, masters, startsSharded }: ClassicAndShardedOptions) {
    super();
    this.members = masters ? [classic, sharded, masters] : [classic, sharded];
    this.#classic = classic;
    this.#sharded = sharded;
    this.#masters = masters;
    this.#first = startsSharded ? sharded : classic;
    this.#expected.add(this.#first);
  }

  override get isReady(): boolean {
    return this.members.every((member) => !this.#isExpected(member) || member.isReady);
  }

  override get isRestored(): boolean {
    return this.members.every((member) => !this.#isExpected(member) || member.isRestored);
  }

  override get clients(): readonly Redis[] {
    const used = this.members.filter((it) => it === this.#first || this.#opened.has(it));
    return used.flatMap(({ clients }) => clients);
  }

  override onClient(listener: (client: Redis) => void): void {
    for (const member of this.members) member.onClient(listener);
  }

  override async open(timeoutMs: number): Promise<void> {
    this.#lifecycle.open();
    const needed = this.members.filter((it) => it === this.#first || !it.isEmpty);
    for (const member of needed) this.#opened.add(member);
    // Its subscriptions may have ended before it was opened, and then it never gets ready.
    for (const member of this.members) if (!this.#opened.has(member)) this.#expected.delete(member);
    await Promise.all(needed.map((member) => member.open(timeoutMs)));
  }

  override async close(): Promise<void> {
    this.#lifecycle.markClosed();
    this.#opened.clear();
    this.#expected.clear();
    this.#expected.add(this.#first);
    await Promise.all(this.members.map((member) => member.close()));
  }

  override subscriberFor(key: SubscriptionKey): ConnectionSubscriber {
    return this.#memberFor(key).subscriberFor(key);
  }

  /** See `Broker#subscribe`. Opens the connections of this kind if it is the first subscription. */
  subscribe(key: SubscriptionKey, listener: DeliveryListener, waiter?: SubscriptionWaiter): void {
    const member = this.#memberFor(key);
    if (!waiter) this.#expected.add(member);
    member.subscriberFor(key).subscribe(key, listener, waiter);
    if (!this.#lifecycle.isOpen || this.#opened.has(member)) return;
    this.#opened.add(member);
    openInBackground(member);
  }

  /** See `Broker#canSubscribe`. */
  canSubscribe(key: SubscriptionKey): boolean {
    return !this.#isExpected(this.#memberFor(key)) || this.subscriberFor(key).isReady;
  }

  /** See `Broker#listenersOf`. */
  listenersOf(channel: string, kind: ChannelKind): readonly DeliveryListener[] {
    const key = { kind, name: channel };
    const member = this.#memberFor(key);
    return member.isEmpty ? [] : member.subscriberFor(key).listenersOf(channel, kind);
  }

  #memberFor({ kind, atMasters }: SubscriptionKey): Subscriber {
    if (atMasters && this.#masters) return this.#masters;
    return kind === 'shard' ? this.#sharded : this.#classic;
  }

  #isExpected(member: Subscriber): boolean {
    if (member.isReady && this.#opened.has(member)) this.#expected.add(member);
    return this.#expected.has(member);
  }
}
