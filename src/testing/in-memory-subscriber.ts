import type { TopologyOptions } from '../broker/topology-provider.js';
import type { Delivery, DeliveryListener, SubscriptionWaiter } from '../broker/broker.js';
import type { ConnectionSubscriber, Subscriber } from '../broker/subscribing/subscriber.js';
import { SubscriptionRegistry } from '../broker/subscribing/subscription-registry.js';
import type { Subscription } from '../broker/subscribing/subscription.js';
import { UnsubscribeDelay } from '../broker/subscribing/unsubscribe-delay.js';
import type {
  ChannelKind,
  SubscriptionKey,
  SubscriptionKind,
} from '../channel/subscription-key.js';
import { ClosedError, CommandRefusedError, messageOf, shorten } from '../errors.js';
import { telemetry } from '../telemetry.js';
import { InMemoryConnection, type ConnectionOwner } from './in-memory-connection.js';
import type { InMemoryServer } from './in-memory-server.js';

/** Subscribes at an {@link InMemoryServer}, with the registry that the real subscriber has. */
export class InMemorySubscriber implements Subscriber, ConnectionSubscriber, ConnectionOwner {
  readonly role = 'subscriber';
  readonly transport: string;
  readonly view: TopologyOptions['view'];
  /** There are no ioredis clients. */
  readonly clients = [];
  readonly hasEnded = false;
  /** There is one server for both sides. */
  readonly serverId = undefined;
  readonly #server: InMemoryServer;
  readonly #connection: InMemoryConnection;
  readonly #kinds: readonly SubscriptionKind[];
  readonly #log: TopologyOptions['log'];
  readonly #onChange: () => void;
  readonly #registry = new SubscriptionRegistry();
  readonly #unsubscribeDelay = new UnsubscribeDelay((subscription) => this.#recheck(subscription));
  /** Subscriptions that the server refused, and that still have listeners. */
  readonly #refused = new Set<Subscription>();
  /** How often the server ended its faults. */
  #restores = 0;
  #isScheduled = false;
  /** Since when the server delivers nothing. */
  #deafSince: Date | undefined;
  /** Until when the last connection delivered. */
  #deliveredUntil: Date | undefined;

  constructor(
    server: InMemoryServer,
    kind: ChannelKind,
    { transport, view, log }: TopologyOptions,
    onChange: () => void,
  ) {
    this.transport = transport;
    this.view = view;
    this.#server = server;
    this.#kinds = kind === 'shard' ? ['shard'] : ['channel', 'pattern'];
    this.#log = log;
    this.#onChange = onChange;
    this.#connection = new InMemoryConnection(server, this);
  }

  get isReady(): boolean {
    return this.#connection.isReady;
  }

  get isRestored(): boolean {
    return this.isReady && this.#registry.isRestored;
  }

  get isStarving(): boolean {
    return this.#deafSince !== undefined && !this.isEmpty;
  }

  get isEmpty(): boolean {
    return this.#registry.isEmpty;
  }

  get subscriptions(): number {
    return this.#registry.desired;
  }

  get lastDeliveryAt(): Date | undefined {
    if (!this.isReady) return this.#deliveredUntil;
    return this.#deafSince ?? this.#connection.wire.oldestAt ?? new Date();
  }

  get lastAnswered(): Date {
    return this.#connection.wire.oldestAt ?? new Date();
  }

  onClient(): void {
    // There are no ioredis clients.
  }

  open(timeoutMs: number): Promise<void> {
    return this.#connection.open(timeoutMs);
  }

  async close(): Promise<void> {
    // What was unsubscribed in this tick is still sent, as before QUIT.
    if (this.isReady) this.#sendCommands();
    await this.#connection.close();
    this.#unsubscribeDelay.stop();
    this.#registry.failWaiters(new ClosedError());
  }

  subscriberFor(): this {
    return this;
  }

  subscribe(key: SubscriptionKey, listener: DeliveryListener, waiter?: SubscriptionWaiter): void {
    if (waiter) this.#registry.add(key, listener).addWaiter(listener, waiter);
    else this.#registry.addExpected(key, listener);
    this.#schedule();
    this.#onChange();
  }

  unsubscribe(key: SubscriptionKey, listener: DeliveryListener, isDelayed: boolean): void {
    this.#unsubscribeDelay.removeListener(this.#registry, key, listener, isDelayed);
  }

  isSubscribed(key: SubscriptionKey): boolean {
    return this.#registry.isSubscribed(key);
  }

  listenersOf(channel: string, kind: ChannelKind): readonly DeliveryListener[] {
    return this.#registry.listenersOf(channel, kind);
  }

  whenRead(onRead: () => void): void {
    this.#connection.wire.add(onRead, 0, onRead);
  }

  onReady(): void {
    this.#sendCommands();
    this.#onChange();
  }

  onLost(until: Date): void {
    const from = this.#deafSince && this.#deafSince < until ? this.#deafSince : until;
    this.#deafSince = undefined;
    this.#deliveredUntil = from;
    this.#refused.clear();
    this.#registry.onConnectionLost({ from });
    this.#onChange();
  }

  onDeaf(): void {
    const since = new Date();
    this.#deafSince = since;
    if (this.isStarving && telemetry.starve.hasSubscribers) {
      telemetry.starve.publish({ transport: this.transport, since });
    }
    this.#onChange();
  }

  onRestored(): void {
    this.#deafSince = undefined;
    this.#restores++;
    this.#retryRefused();
    this.#schedule();
    this.#onChange();
  }

  onDelivery(delivery: Delivery): void {
    try {
      this.#registry.deliver(delivery);
    } catch (error) {
      this.#log.error(`A listener of "${shorten(delivery.channel)}" threw: ${messageOf(error)}`);
    }
  }

  #retryRefused(): void {
    for (const subscription of this.#refused) this.#registry.recheck(subscription);
    this.#refused.clear();
  }

  #recheck(subscription: Subscription): void {
    this.#registry.recheck(subscription);
    this.#schedule();
    this.#onChange();
  }

  /** All changes of one tick go out together, as they do to Redis. */
  #schedule(): void {
    if (this.#isScheduled || !this.isReady || !this.#registry.hasDirty) return;
    this.#isScheduled = true;
    const end = (): void => {
      this.#isScheduled = false;
    };
    this.#connection.wire.add(
      () => {
        end();
        // It may be closed by now.
        if (!this.isReady) return;
        this.#sendCommands();
        this.#onChange();
      },
      0,
      end,
    );
  }

  #sendCommands(): void {
    for (const kind of this.#kinds) {
      for (const it of this.#registry.takeDirty(kind, Infinity)) {
        if (it.hasListeners) this.#subscribe(it);
        else this.#unsubscribe(it);
      }
    }
  }

  #subscribe(subscription: Subscription): void {
    this.#registry.setPending(subscription);
    const restores = this.#restores;
    this.#server.subscribe(this.#connection, subscription.key, (refusal) => {
      if (!this.#registry.isPending(subscription)) return;
      if (refusal) this.#refuse(subscription, refusal);
      else this.#acknowledge(subscription);
      // The refusal was under way when the server ended its faults.
      if (restores !== this.#restores) this.#retryRefused();
      this.#schedule();
      this.#onChange();
    });
  }

  #unsubscribe(subscription: Subscription): void {
    const { key } = subscription;
    this.#registry.setUnsubscribed(subscription);
    this.#server.unsubscribe(this.#connection, key);
    if (telemetry.unsubscribe.hasSubscribers) {
      telemetry.unsubscribe.publish({ transport: this.transport, ...key });
    }
  }

  #acknowledge(subscription: Subscription): void {
    const { kind, name } = subscription.key;
    const gap = this.#registry.acknowledge(subscription);
    if (!telemetry.subscribe.hasSubscribers) return;
    telemetry.subscribe.publish({ transport: this.transport, kind, name, ...(gap && { gap }) });
  }

  #refuse(subscription: Subscription, reply: Error): void {
    const { kind, name } = subscription.key;
    const error = new CommandRefusedError('subscribe', name, reply);
    this.#registry.refuse(subscription, error);
    if (telemetry.subscribe.hasSubscribers) {
      telemetry.subscribe.publish({ transport: this.transport, kind, name, error });
    }
    if (!subscription.hasListeners) return;
    this.#log.error(
      `Redis refused to subscribe to "${shorten(name)}"; retrying: ${messageOf(reply)}`,
    );
    this.#refused.add(subscription);
  }
}
