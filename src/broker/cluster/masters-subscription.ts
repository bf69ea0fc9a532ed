import type { SubscriptionKey } from '../../channel/subscription-key.js';
import type { Delivery, DeliveryListener, PubSubGap, SubscriptionWaiter } from '../broker.js';
import type { NodeSubscriber } from '../subscribing/node-subscriber.js';
import { Subscription, type Outage } from '../subscribing/subscription.js';

/** One subscription at each master of a Cluster, with the listeners of all of them. */
export class MastersSubscription {
  readonly #subscription: Subscription;
  readonly #atNode = new Map<NodeSubscriber, AtNode>();

  readonly #onRefused: () => void;

  /** `onRefused` is called when a node has refused it, and no listener is left. */
  constructor(
    readonly key: SubscriptionKey,
    onRefused: () => void,
  ) {
    this.#onRefused = onRefused;
    this.#subscription = new Subscription(key);
  }

  get hasListeners(): boolean {
    return this.#subscription.hasListeners;
  }

  /** Whether every master has acknowledged it over its current connection. */
  get isSubscribed(): boolean {
    const nodes = [...this.#atNode.keys()];
    return nodes.length > 0 && nodes.every((node) => node.isSubscribed(this.key));
  }

  /** Its listeners at this moment. */
  listeners(): readonly DeliveryListener[] {
    return this.#subscription.listeners();
  }

  /** Adds a listener. A waiter is called when every master has acknowledged, or one has refused. */
  add(listener: DeliveryListener, waiter?: SubscriptionWaiter): void {
    this.#subscription.addListener(listener);
    if (!waiter) return;
    this.#subscription.state = this.isSubscribed ? 'subscribed' : 'unsubscribed';
    this.#subscription.addWaiter(listener, waiter);
  }

  /** Removes a listener. */
  remove(listener: DeliveryListener): void {
    this.#subscription.removeListener(listener);
  }

  /** Subscribes at a node. With an `outage` the other nodes had it, and the keys of this one, until then. */
  subscribeAt(node: NodeSubscriber, outage?: Outage): void {
    const atNode = new AtNode(this, node);
    this.#atNode.set(node, atNode);
    if (!outage) {
      node.subscribe(this.key, atNode, this.#subscription.hasWaiters ? atNode : undefined);
      return;
    }
    const moved = new Subscription(this.key);
    moved.addListener(atNode);
    moved.state = 'subscribed';
    node.addMoved(moved, outage);
  }

  /** A node is no master any more, and its connection is about to be closed. */
  removeNode(node: NodeSubscriber): void {
    this.#atNode.delete(node);
    this.onAcknowledged();
  }

  /** Unsubscribes at every node; see `Broker#unsubscribe`. */
  unsubscribe(isDelayed: boolean): void {
    const atNodes = [...this.#atNode];
    // What the nodes report of it from here on concerns no listener.
    this.#atNode.clear();
    for (const [node, atNode] of atNodes) node.unsubscribe(this.key, atNode, isDelayed);
  }

  deliver(delivery: Delivery): void {
    this.#subscription.deliver(delivery);
  }

  /** A node has acknowledged it. */
  onAcknowledged(): void {
    if (this.#subscription.hasWaiters && this.isSubscribed) this.#subscription.acknowledge();
  }

  /** A node has refused it, or was closed, and has removed it. */
  onFailed(node: NodeSubscriber, atNode: AtNode, error: unknown): void {
    if (this.#atNode.get(node) !== atNode) return;
    this.#subscription.refuse(error);
    // Listeners that do not wait stay, and the node tries again.
    if (this.hasListeners) {
      node.subscribe(this.key, atNode);
    } else {
      this.unsubscribe(false);
      this.#onRefused();
    }
  }
}

/** Listens to one node for a {@link MastersSubscription}. */
class AtNode implements DeliveryListener, SubscriptionWaiter {
  readonly #owner: MastersSubscription;
  readonly #node: NodeSubscriber;

  constructor(owner: MastersSubscription, node: NodeSubscriber) {
    this.#owner = owner;
    this.#node = node;
  }

  onDelivery(delivery: Delivery): void {
    this.#owner.deliver(delivery);
  }

  onSubscribed(): void {
    this.#owner.onAcknowledged();
  }

  onFailed(error: unknown): void {
    this.#owner.onFailed(this.#node, this, error);
  }

  onResubscribed(gap: PubSubGap): void {
    this.#owner.onAcknowledged();
    for (const listener of this.#owner.listeners()) listener.onResubscribed?.(gap);
  }

  onRefused(): void {
    for (const listener of this.#owner.listeners()) listener.onRefused?.();
  }
}
