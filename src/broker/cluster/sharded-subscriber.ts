import type { Redis } from 'ioredis';
import type { SubscriptionKey } from '../../channel/subscription-key.js';
import { ClosedError } from '../../errors.js';
import { Lifecycle } from '../../shared/lifecycle.js';
import { subscribedShardChannels } from '../connection/ioredis-internals.js';
import { openInBackground } from '../connection/open.js';
import type { NodeSubscriberObserver } from '../subscribing/node-subscriber-options.js';
import type { NodeSubscriber } from '../subscribing/node-subscriber.js';
import { SubscriberGroup } from '../subscribing/subscriber-group.js';
import type { Outage } from '../subscribing/subscription.js';
import type { ClusterTopology } from './cluster-topology.js';
import { FastRefresh } from './fast-refresh.js';
import { CLUSTER_BUS_DELAY_MS, NodeMap } from './node-map.js';
import { slotOf, slotOfSubscription } from './slot.js';

/** All channels that Redis ends within this time are subscribed again in one go. */
const RESUBSCRIBE_DELAY_MS = 500;

/** How a {@link ShardedSubscriber} works. */
export interface ShardedSubscriberOptions {
  readonly topology: ClusterTopology;
  /** A subscriber for the shard channels of one node. */
  readonly createSubscriber: (address: string, observer: NodeSubscriberObserver) => NodeSubscriber;
  /** Probes are published to channels that begin with this. */
  readonly probePrefix: string;
}

/**
 * Shard channels of a Cluster: a subscriber at each node that owns slots. A channel is subscribed at the owner
 * of its slot, and follows the slot: Redis ends the subscriptions at the last owner on its own.
 */
export class ShardedSubscriber extends SubscriberGroup {
  readonly #options: ShardedSubscriberOptions;
  readonly #onChange: () => void;
  readonly #nodes = new NodeMap<NodeSubscriber>();
  readonly #resubscribeTimers = new Map<string, NodeJS.Timeout>();
  readonly #openTimers = new Set<NodeJS.Timeout>();
  readonly #fastRefresh: FastRefresh;
  readonly #lifecycle = new Lifecycle();
  /** Whether every subscription was once at the owner of its slot: a node that is added later takes slots of another. */
  #wasPlaced = false;

  constructor(options: ShardedSubscriberOptions, onChange: () => void) {
    super();
    this.#options = options;
    this.#onChange = onChange;
    this.#fastRefresh = new FastRefresh(
      options.topology,
      () => this.#lifecycle.isOpen && !this.isReady,
    );
  }

  override get isReady(): boolean {
    const used = this.members.filter(({ isEmpty }) => !isEmpty);
    return (used.length > 0 ? used : this.members).every(({ isReady }) => isReady) && this.#isKnown;
  }

  override get isRestored(): boolean {
    return this.members.every(({ isRestored, isEmpty }) => isRestored || isEmpty);
  }

  override get clients(): readonly Redis[] {
    return this.#nodes.clients;
  }

  override onClient(listener: (client: Redis) => void): void {
    this.#nodes.onClient(listener);
  }

  override async open(timeoutMs: number): Promise<void> {
    const generation = this.#lifecycle.open();
    for (const [address, node] of this.#nodes) this.#openSoon(address, node);
    await this.#options.topology.discover(timeoutMs);
    if (!this.#lifecycle.isCurrent(generation)) throw new ClosedError();
    // Subscriptions that were added before the topology was known may be at the wrong node.
    this.onMoved();
    await this.#nodes.open(timeoutMs);
    this.#onChange();
  }

  override async close(): Promise<void> {
    this.#lifecycle.markClosed();
    this.#wasPlaced = false;
    this.#fastRefresh.stop();
    for (const timer of [...this.#resubscribeTimers.values(), ...this.#openTimers]) {
      clearTimeout(timer);
    }
    this.#resubscribeTimers.clear();
    this.#openTimers.clear();
    await Promise.all(this.members.map((node) => node.close()));
  }

  override subscriberFor({ name }: SubscriptionKey): NodeSubscriber {
    const slot = slotOf(name);
    return this.#nodeAt(this.#ownerOf(slot) ?? this.#lastOwnerOf(slot) ?? this.#fallbackNode());
  }

  /** Slots have other owners: moves the subscriptions there. */
  onMoved(): void {
    if (!this.#lifecycle.isOpen) return;
    for (const owner of this.#owners) this.#nodeAt(owner);
    this.#moveProbes();
    for (const [address, node] of this.#nodes) this.#moveFrom(address, node);
    for (const [address, node] of this.#nodes) {
      if (!this.#owners.has(address) && node.isEmpty) this.#remove(address, node);
    }
    this.#wasPlaced ||= this.#isKnown;
    this.#onChange();
  }

  protected override get members(): readonly NodeSubscriber[] {
    return this.#nodes.all;
  }

  get #owners(): ReadonlySet<string> {
    return this.#options.topology.slots.owners;
  }

  get #isKnown(): boolean {
    return this.#owners.size > 0;
  }

  /** The last owner of a slot keeps its channels until the slot has a new owner. */
  #lastOwnerOf(slot: number): string | undefined {
    const lastOwner = this.#options.topology.lastOwners.ownerOf(slot);
    return lastOwner !== undefined && this.#nodes.has(lastOwner) ? lastOwner : undefined;
  }

  #ownerOf(slot: number): string | undefined {
    return this.#options.topology.slots.ownerOf(slot);
  }

  /** Keeps the channels of slots that never had a known owner. */
  #fallbackNode(): string {
    const [first] = this.#nodes.keys();
    return first ?? this.#options.topology.next();
  }

  #nodeAt(address: string): NodeSubscriber {
    const known = this.#nodes.get(address);
    if (known) return known;
    const node: NodeSubscriber = this.#options.createSubscriber(address, {
      onChange: () => this.#onNodeChange(),
      onRedirect: () => this.#onRedirect(address),
    });
    this.#nodes.set(address, node);
    if (this.#owners.has(address)) node.moveProbe(this.#probeAt(address));
    if (this.#lifecycle.isOpen) this.#openSoon(address, node);
    return node;
  }

  #onNodeChange(): void {
    this.#fastRefresh.start();
    this.#onChange();
  }

  /**
   * A successor delivers what the last owner still forwards to it: a second time, or after later messages. A
   * subscriber that connects after the handover receives neither. What a failed owner sent has arrived long ago.
   */
  #openSoon(address: string, node: NodeSubscriber): void {
    const isHandover = this.#wasPlaced && this.#options.topology.successors.has(address);
    const timer = setTimeout(
      () => {
        this.#openTimers.delete(timer);
        // It may have lost its slots before it had a connection.
        if (this.#nodes.get(address) === node) openInBackground(node);
      },
      isHandover ? CLUSTER_BUS_DELAY_MS : 0,
    );
    this.#openTimers.add(timer);
  }

  /** A node reports that another one serves some channel: it knows which one. */
  #onRedirect(address: string): void {
    if (!this.#lifecycle.isOpen) return;
    void this.#options.topology.refresh(address);
    const node = this.#nodes.get(address);
    if (!node || this.#resubscribeTimers.has(address)) return;
    const outage = { from: node.lastConfirmed };
    node.setUnconfirmed(outage.from);
    const timer = setTimeout(() => this.#resubscribe(address, outage), RESUBSCRIBE_DELAY_MS);
    this.#resubscribeTimers.set(address, timer.unref());
  }

  /** A slot can leave and come back between two refreshes: Redis has ended its subscriptions all the same. */
  #resubscribe(address: string, outage: Outage): void {
    this.#resubscribeTimers.delete(address);
    const node = this.#nodes.get(address);
    const subscribed = node && subscribedShardChannels(node.clients[0]);
    if (subscribed) node.resubscribe(({ key }) => !subscribed.has(key.name), outage);
  }

  #moveProbes(): void {
    for (const [address, node] of this.#nodes) {
      const owner = this.#ownerOf(slotOf(node.probeChannel));
      if (owner === undefined || owner === address) continue;
      // The channel of the probe must not move to the new owner with the subscriptions.
      node.moveProbe(this.#owners.has(address) ? this.#probeAt(address) : undefined);
    }
  }

  #probeAt(address: string): string {
    return this.#options.topology.slots.channelOf(address, this.#options.probePrefix);
  }

  #moveFrom(address: string, node: NodeSubscriber): void {
    const moved = node.removeMoved((subscription) => {
      const owner = this.#ownerOf(slotOfSubscription(subscription));
      return owner !== undefined && owner !== address;
    });
    if (moved.length === 0) return;
    const { lastConfirmed } = this.#options.topology;
    const from = node.lastConfirmed < lastConfirmed ? node.lastConfirmed : lastConfirmed;
    for (const subscription of moved) {
      this.subscriberFor(subscription.key).addMoved(subscription, { from });
    }
  }

  #remove(address: string, node: NodeSubscriber): void {
    this.#nodes.delete(address);
    void node.close();
  }
}
