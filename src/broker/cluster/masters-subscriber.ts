import type { Redis } from 'ioredis';
import type { ChannelKind, SubscriptionKey } from '../../channel/subscription-key.js';
import { ClosedError } from '../../errors.js';
import { Lifecycle } from '../../shared/lifecycle.js';
import type { DeliveryListener, SubscriptionWaiter } from '../broker.js';
import { openInBackground } from '../connection/open.js';
import type { NodeSubscriber } from '../subscribing/node-subscriber.js';
import type { NodeSubscriberObserver } from '../subscribing/node-subscriber-options.js';
import type { ConnectionSubscriber } from '../subscribing/subscriber.js';
import { SubscriberGroup } from '../subscribing/subscriber-group.js';
import type { Outage } from '../subscribing/subscription.js';
import type { ClusterTopology } from './cluster-topology.js';
import { FastRefresh } from './fast-refresh.js';
import { MastersSubscription } from './masters-subscription.js';
import { NodeMap } from './node-map.js';

/** How a {@link MastersSubscriber} works. */
export interface MastersSubscriberOptions {
  readonly topology: ClusterTopology;
  /** A subscriber for the classic channels of one node. */
  readonly createSubscriber: (address: string, observer: NodeSubscriberObserver) => NodeSubscriber;
}

/**
 * Channels that each master of a Cluster publishes to for itself, such as the notifications of its keys: a subscriber
 * at each node that owns slots, and each subscription at all of them. A master that has failed is kept until its
 * slots have new owners, since it may come back.
 */
export class MastersSubscriber extends SubscriberGroup implements ConnectionSubscriber {
  readonly #options: MastersSubscriberOptions;
  readonly #onChange: () => void;
  readonly #nodes = new NodeMap<NodeSubscriber>();
  readonly #subscriptions = new Map<string, MastersSubscription>();
  readonly #fastRefresh: FastRefresh;
  readonly #lifecycle = new Lifecycle();
  /** Since when messages of these nodes may be lost. While it connects again, a node confirms nothing. */
  readonly #lostSince = new Map<NodeSubscriber, Date>();
  /** Whether there was a subscriber at each master: one that is added later has the keys of another. */
  #wasPlaced = false;

  constructor(options: MastersSubscriberOptions, onChange: () => void) {
    super();
    this.#options = options;
    this.#onChange = onChange;
    this.#fastRefresh = new FastRefresh(
      options.topology,
      () => this.#lifecycle.isOpen && !this.isReady,
    );
  }

  override get isReady(): boolean {
    return this.members.length > 0 && this.members.every(({ isReady }) => isReady);
  }

  override get isRestored(): boolean {
    return this.members.every(({ isRestored }) => isRestored);
  }

  override get isEmpty(): boolean {
    return this.#subscriptions.size === 0;
  }

  override get clients(): readonly Redis[] {
    return this.#nodes.clients;
  }

  override onClient(listener: (client: Redis) => void): void {
    this.#nodes.onClient(listener);
  }

  override async open(timeoutMs: number): Promise<void> {
    const generation = this.#lifecycle.open();
    await this.#options.topology.discover(timeoutMs);
    if (!this.#lifecycle.isCurrent(generation)) throw new ClosedError();
    this.onMoved();
    await this.#nodes.open(timeoutMs);
    this.#onChange();
  }

  override async close(): Promise<void> {
    this.#lifecycle.markClosed();
    this.#wasPlaced = false;
    this.#fastRefresh.stop();
    await Promise.all(this.members.map((node) => node.close()));
  }

  /** Each master sends messages of its own. */
  readonly serverId = undefined;

  override subscriberFor(): this {
    return this;
  }

  subscribe(key: SubscriptionKey, listener: DeliveryListener, waiter?: SubscriptionWaiter): void {
    const id = idOf(key);
    const known = this.#subscriptions.get(id);
    const subscription =
      known ?? new MastersSubscription(key, () => this.#subscriptions.delete(id));
    subscription.add(listener, waiter);
    if (known) return;
    this.#subscriptions.set(id, subscription);
    for (const node of this.members) subscription.subscribeAt(node);
  }

  unsubscribe(key: SubscriptionKey, listener: DeliveryListener, isDelayed: boolean): void {
    const subscription = this.#subscriptions.get(idOf(key));
    if (!subscription) return;
    subscription.remove(listener);
    if (subscription.hasListeners) return;
    this.#subscriptions.delete(idOf(key));
    subscription.unsubscribe(isDelayed);
  }

  isSubscribed(key: SubscriptionKey): boolean {
    return this.#subscriptions.get(idOf(key))?.isSubscribed === true;
  }

  /** That of the node that was answered first. */
  get lastAnswered(): Date | undefined {
    const times = this.members.map(({ lastAnswered }) => lastAnswered.getTime());
    return times.length === 0 ? undefined : new Date(Math.min(...times));
  }

  listenersOf(channel: string, kind: ChannelKind): readonly DeliveryListener[] {
    return this.#subscriptions.get(idOf({ kind, name: channel }))?.listeners() ?? [];
  }

  whenRead(onRead: () => void): void {
    const nodes = this.members;
    let unread = nodes.length;
    const onNodeRead = (): void => {
      if (--unread === 0) onRead();
    };
    if (unread === 0) queueMicrotask(onRead);
    for (const node of nodes) node.whenRead(onNodeRead);
  }

  /** Slots have other owners: subscribes at those that are new, and closes the connections to those that are none. */
  onMoved(): void {
    if (!this.#lifecycle.isOpen) return;
    const { owners } = this.#options.topology.lastOwners;
    const gone = [...this.#nodes].filter(([address]) => !owners.has(address));
    const outage = this.#wasPlaced ? this.#outageOf(gone.map(([, node]) => node)) : undefined;
    for (const [address, node] of gone) this.#remove(address, node);
    for (const owner of owners) if (!this.#nodes.has(owner)) this.#add(owner, outage);
    this.#wasPlaced ||= owners.size > 0;
    this.#onChange();
  }

  protected override get members(): readonly NodeSubscriber[] {
    return this.#nodes.all;
  }

  /** Until when the nodes had the slots that others have now, and their messages arrived. */
  #outageOf(gone: readonly NodeSubscriber[]): Outage {
    const times = gone.map((node) => (this.#lostSince.get(node) ?? node.lastConfirmed).getTime());
    return { from: new Date(Math.min(this.#options.topology.lastConfirmed.getTime(), ...times)) };
  }

  #add(address: string, outage: Outage | undefined): void {
    const node = this.#options.createSubscriber(address, {
      onChange: () => this.#onNodeChange(address),
    });
    this.#nodes.set(address, node);
    if (outage) this.#lostSince.set(node, outage.from);
    for (const subscription of this.#subscriptions.values()) subscription.subscribeAt(node, outage);
    openInBackground(node);
  }

  #remove(address: string, node: NodeSubscriber): void {
    this.#nodes.delete(address);
    this.#lostSince.delete(node);
    for (const subscription of this.#subscriptions.values()) subscription.removeNode(node);
    void node.close();
  }

  #onNodeChange(address: string): void {
    const node = this.#nodes.get(address);
    if (node?.isRestored) this.#lostSince.delete(node);
    else if (node && !node.isReady && !this.#lostSince.has(node)) {
      this.#lostSince.set(node, node.lastConfirmed);
    }
    this.#fastRefresh.start();
    this.#onChange();
  }
}

function idOf({ kind, name }: SubscriptionKey): string {
  return `${kind} ${name}`;
}
