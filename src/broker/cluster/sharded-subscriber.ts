import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../../channel/channel-pattern.js';
import { ClosedError } from '../../errors.js';
import { CompositeSubscriber } from '../subscribing/subscriber-group.js';
import { openOnTheWay } from '../connection/open.js';
import type { Subscriber } from '../subscribing/node-subscriber.js';
import type { SubscriberObserver } from '../subscribing/node-subscriber.js';
import type { HalfObserver } from '../subscribing/subscriber.js';
import type { Outage } from '../subscribing/subscription.js';
import type { ClusterTopology } from './cluster-topology.js';
import { BETWEEN_NODES } from './node-map.js';
import { NodeMap } from './node-map.js';
import { OwnerSearch } from './fast-refresh.js';
import { slotOf, slotOfSubscription } from './slot.js';

/** Channels are gone through once for all that are ended within this time, in milliseconds. */
const RENEWAL_DELAY = 500;

export interface ShardedSubscriberOptions {
  readonly topology: ClusterTopology;
  /** One connection to a node, for shard channels. */
  readonly createSubscriber: (address: string, observer: SubscriberObserver) => Subscriber;
  /** Where probes are published: channels that begin with this. */
  readonly probeStart: string;
}

/**
 * Shard channels of a Cluster: a subscriber at each node that owns slots. A channel is subscribed where
 * its slot is, and follows it: without being asked, Redis ends what is subscribed at a former owner.
 */
export class ShardedSubscriber extends CompositeSubscriber {
  readonly #options: ShardedSubscriberOptions;
  readonly #observer: HalfObserver;
  readonly #nodes = new NodeMap<Subscriber>();
  readonly #renewals = new Map<string, NodeJS.Timeout>();
  readonly #opening = new Set<NodeJS.Timeout>();
  readonly #search: OwnerSearch;
  #isOpen = false;
  /** Whether everything was where it belongs once: who comes now comes in the place of another. */
  #isPlaced = false;

  constructor(options: ShardedSubscriberOptions, observer: HalfObserver) {
    super();
    this.#options = options;
    this.#observer = observer;
    this.#search = new OwnerSearch(options.topology, () => this.#isOpen && !this.isReady);
  }

  override get isReady(): boolean {
    const needed = this.parts.filter(({ isEmpty }) => !isEmpty);
    return (
      (needed.length > 0 ? needed : this.parts).every(({ isReady }) => isReady) && this.#isKnown
    );
  }

  override get isRestored(): boolean {
    return this.parts.every(({ isRestored, isEmpty }) => isRestored || isEmpty);
  }

  override get clients(): readonly Redis[] {
    return this.#nodes.clients;
  }

  override onClient(listener: (client: Redis) => void): void {
    this.#nodes.onClient(listener);
  }

  override async open(patience: number): Promise<void> {
    this.#isOpen = true;
    for (const [address, node] of this.#nodes) this.#openSoon(address, node);
    await this.#options.topology.known(patience);
    if (!this.#isOpen) throw new ClosedError();
    // What was wanted before anybody knew of the slots is where it need not belong.
    this.onMoved();
    await this.#nodes.open(patience);
    this.#observer.onChange();
  }

  override async close(): Promise<void> {
    this.#isOpen = this.#isPlaced = false;
    this.#search.stop();
    for (const timer of [...this.#renewals.values(), ...this.#opening]) clearTimeout(timer);
    this.#renewals.clear();
    this.#opening.clear();
    await Promise.all(this.parts.map((node) => node.close()));
  }

  /** Slots have other owners: moves what is subscribed to where it belongs now. */
  onMoved(): void {
    if (!this.#isOpen) return;
    for (const owner of this.#owners) this.#nodeAt(owner);
    this.#moveProbes();
    for (const [address, node] of this.#nodes) this.#moveFrom(address, node);
    for (const [address, node] of this.#nodes) {
      if (!this.#owners.has(address) && node.isEmpty) this.#leave(address, node);
    }
    this.#isPlaced ||= this.#isKnown;
    this.#observer.onChange();
  }

  protected override get parts(): readonly Subscriber[] {
    return this.#nodes.all;
  }

  protected override partOf(_: SubscriptionKind, name: string): Subscriber {
    return this.#nodeOf(name);
  }

  get #owners(): ReadonlySet<string> {
    return this.#options.topology.slots.owners;
  }

  get #isKnown(): boolean {
    return this.#owners.size > 0;
  }

  /** The node that a channel is subscribed at. */
  #nodeOf(name: string): Subscriber {
    const slot = slotOf(name);
    return this.#nodeAt(this.#ownerOf(slot) ?? this.#keeperOf(slot) ?? this.#anyone());
  }

  /** Where the channels of a slot are that nobody owns any more, until somebody does. */
  #keeperOf(slot: number): string | undefined {
    const keeper = this.#options.topology.lastOwners.ownerOf(slot);
    return keeper !== undefined && this.#nodes.has(keeper) ? keeper : undefined;
  }

  #ownerOf(slot: number): string | undefined {
    return this.#options.topology.slots.ownerOf(slot);
  }

  /** Somebody who keeps what nobody owns, until somebody does. */
  #anyone(): string {
    const [first] = this.#nodes.keys();
    return first ?? this.#options.topology.next();
  }

  #nodeAt(address: string): Subscriber {
    const known = this.#nodes.get(address);
    if (known) return known;
    const node: Subscriber = this.#options.createSubscriber(address, {
      onChange: () => this.#onNodeChange(),
      onElsewhere: () => this.#onElsewhere(address),
    });
    this.#nodes.set(address, node);
    if (this.#owners.has(address)) node.moveProbe(this.#probeAt(address));
    if (this.#isOpen) this.#openSoon(address, node);
    return node;
  }

  #onNodeChange(): void {
    this.#search.begin();
    this.#observer.onChange();
  }

  /**
   * A successor delivers what it still gets from the former owner: a second time, or after what was
   * published later. Who comes when that is over hears neither. What a dead one has sent has come long ago.
   */
  #openSoon(address: string, node: Subscriber): void {
    const isLate = this.#isPlaced && this.#options.topology.successors.has(address);
    const delay = isLate ? BETWEEN_NODES : 0;
    const timer = setTimeout(() => {
      this.#opening.delete(timer);
      // It may have lost its slots before it had a connection.
      if (this.#nodes.get(address) === node) openOnTheWay(node);
    }, delay);
    this.#opening.add(timer);
  }

  /** A node says that some channel is not its own: it is the one that knows whose it is. */
  #onElsewhere(address: string): void {
    if (!this.#isOpen) return;
    void this.#options.topology.refresh(address);
    const node = this.#nodes.get(address);
    if (!node || this.#renewals.has(address)) return;
    const outage = { from: node.lastProof };
    node.doubt(outage.from);
    const timer = setTimeout(() => this.#renew(address, outage), RENEWAL_DELAY).unref();
    this.#renewals.set(address, timer);
  }

  /** Slots can go and come back between two looks: Redis has ended their channels all the same. */
  #renew(address: string, outage: Outage): void {
    this.#renewals.delete(address);
    const node = this.#nodes.get(address);
    const heard = node && subscribedChannels(node);
    if (heard) node.renew(({ name }) => !heard.has(name), outage);
  }

  #moveProbes(): void {
    for (const [address, node] of this.#nodes) {
      const owner = this.#ownerOf(slotOf(node.probeChannel));
      if (owner === undefined || owner === address) continue;
      // Or else the probe would go to the new owner, with everything that is subscribed.
      node.moveProbe(this.#owners.has(address) ? this.#probeAt(address) : undefined);
    }
  }

  #probeAt(address: string): string {
    return this.#options.topology.slots.channelOf(address, this.#options.probeStart);
  }

  #moveFrom(address: string, node: Subscriber): void {
    const moved = node.release('shard', (subscription) => {
      const owner = this.#ownerOf(slotOfSubscription(subscription));
      return owner !== undefined && owner !== address;
    });
    if (moved.length === 0) return;
    const { asOf } = this.#options.topology;
    const from = node.lastProof < asOf ? node.lastProof : asOf;
    for (const subscription of moved) this.#nodeOf(subscription.name).adopt(subscription, { from });
  }

  #leave(address: string, node: Subscriber): void {
    this.#nodes.delete(address);
    void node.close();
  }
}

/** What ioredis believes to be subscribed over a connection; it is told of each end. */
function subscribedChannels({ clients: [client] }: Subscriber): ReadonlySet<string> | undefined {
  if (client.status !== 'ready') return undefined;
  const { subscriber } = client.condition ?? {};
  return new Set(subscriber ? subscriber.channels('ssubscribe') : []);
}
