import type { Redis } from 'ioredis';
import type { ChannelKind, SubscriptionKey } from '../../channel/subscription-key.js';
import { ClosedError, ConnectionError, messageOf, shorten } from '../../errors.js';
import { RateLimitedLog } from '../../shared/rate-limited-log.js';
import { telemetry } from '../../telemetry.js';
import type { Delivery, DeliveryListener, SubscriptionWaiter } from '../broker.js';
import { Connection, CONNECTION_ENDED } from '../connection/connection.js';
import { sendPing } from '../connection/heartbeat.js';
import { onShardChannelEnded } from '../connection/ioredis-internals.js';
import { openDiscovered } from '../connection/open.js';
import { whenReadDry } from '../connection/read-dry.js';
import { DeliveryProbe } from './delivery-probe.js';
import type { NodeSubscriberObserver, NodeSubscriberOptions } from './node-subscriber-options.js';
import { OutputBufferWatch } from './output-buffer-watch.js';
import { PatternLoad } from './pattern-load.js';
import { Reconciler, type ReconcilerOptions } from './reconciler.js';
import { receiveFrom } from './redis-delivery.js';
import type { ConnectionSubscriber, Subscriber } from './subscriber.js';
import { SubscriptionRegistry } from './subscription-registry.js';
import type { Outage, Subscription } from './subscription.js';
import { UnsubscribeDelay } from './unsubscribe-delay.js';

/** The subscriptions over one connection to one server. */
export class NodeSubscriber implements Subscriber, ConnectionSubscriber {
  readonly #connection: Connection;
  readonly #options: NodeSubscriberOptions;
  readonly #kinds: ReconcilerOptions['kinds'];
  readonly #registry = new SubscriptionRegistry();
  readonly #reconciler: Reconciler;
  readonly #probe: DeliveryProbe;
  readonly #outputBuffer: OutputBufferWatch;
  readonly #patternLoad: PatternLoad | undefined;
  readonly #unsubscribeDelay = new UnsubscribeDelay((subscription) => this.#recheck(subscription));
  readonly #observer: NodeSubscriberObserver;
  readonly #thrown = new RateLimitedLog(
    (line) => this.#options.log.error(line),
    (count) => `Listeners threw ${count} more times`,
  );
  #unconfirmedSince: Date | undefined;
  /** {@link lastConfirmed} when the last connection was lost. */
  #confirmedBeforeLoss: Date | undefined;
  #wasRestored = false;

  constructor(client: Redis, options: NodeSubscriberOptions, observer: NodeSubscriberObserver) {
    const { transport, kind, split, log } = options;
    this.#options = options;
    this.#observer = observer;
    this.#kinds = kind === 'shard' ? ['shard'] : ['channel', 'pattern'];
    this.#reconciler = new Reconciler(
      client,
      this.#registry,
      { transport, kinds: this.#kinds, log, ...(split && { split }) },
      {
        onProgress: () => this.#onProgress(),
        ...(observer.onRedirect && { onRedirect: () => observer.onRedirect?.() }),
      },
    );
    this.#connection = new Connection(
      client,
      { ...options, role: 'subscriber', isOwned: true },
      {
        onReady: () => this.#onReady(),
        onLost: () => {
          this.#confirmedBeforeLoss = this.lastConfirmed;
          this.#onLost();
        },
        onEnded: (error) => this.#onEnded(error),
      },
    );
    this.#probe = this.#createProbe();
    this.#outputBuffer = new OutputBufferWatch(transport, log);
    // Redis compares the messages of shard channels with no pattern.
    this.#patternLoad = kind === 'shard' ? undefined : new PatternLoad(log);
    receiveFrom(client, (delivery) => this.#deliver(delivery));
    if (kind === 'shard') onShardChannelEnded(client, () => observer.onRedirect?.());
  }

  get clients(): readonly [Redis] {
    return [this.#connection.client];
  }

  onClient(listener: (client: Redis) => void): void {
    listener(this.#connection.client);
  }

  get isReady(): boolean {
    return this.#connection.isReady;
  }

  get serverId(): string | undefined {
    // In a Cluster classic messages come from each node.
    return this.#options.busDelayMs === undefined ? this.#connection.info.run_id : undefined;
  }

  get isRestored(): boolean {
    return this.isReady && this.#registry.isRestored;
  }

  get isStarving(): boolean {
    return this.#probe.isStarving;
  }

  get hasEnded(): boolean {
    return this.#connection.hasEnded;
  }

  get isEmpty(): boolean {
    return this.#registry.isEmpty;
  }

  get subscriptions(): number {
    return this.#registry.desired;
  }

  get lastDeliveryAt(): Date | undefined {
    // An attempt to connect counts as confirmed from its first moment, and may lead nowhere.
    return this.isReady ? this.lastConfirmed : this.#confirmedBeforeLoss;
  }

  subscriberFor(): this {
    return this;
  }

  open(timeoutMs: number): Promise<void> {
    this.#probe.start();
    return openDiscovered(this.#connection, this.#options.discovery, timeoutMs);
  }

  async close(): Promise<void> {
    this.#probe.stop();
    await this.#connection.close();
    this.#unsubscribeDelay.stop();
    this.#registry.failWaiters(new ClosedError());
  }

  /** Replaces a connection that is up and does not work. Messages since `unconfirmedSince` may be lost. */
  restart(reason: string, unconfirmedSince?: Date): void {
    if (unconfirmedSince) this.setUnconfirmed(unconfirmedSince);
    this.#connection.restart(reason);
  }

  /** Messages since then may be lost, until {@link resubscribe} or the next connection. */
  setUnconfirmed(since: Date): void {
    if (!this.#unconfirmedSince || since < this.#unconfirmedSince) this.#unconfirmedSince = since;
  }

  subscribe(key: SubscriptionKey, listener: DeliveryListener, waiter?: SubscriptionWaiter): void {
    if (!waiter) {
      this.#registry.addExpected(key, listener);
      this.#onChange();
    } else if (this.hasEnded) {
      queueMicrotask(() => waiter.onFailed(new ConnectionError(CONNECTION_ENDED)));
    } else {
      this.#registry.add(key, listener).addWaiter(listener, waiter);
      this.#reconciler.schedule();
    }
    if (key.kind === 'pattern') this.#patternLoad?.onOwn(this.#registry.patterns);
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
    whenReadDry(this.#connection.client.stream, onRead);
  }

  get lastAnswered(): Date {
    return this.#connection.lastAnswered;
  }

  /** The last time until which every message is known to have arrived. */
  get lastConfirmed(): Date {
    const confirmed = this.#probe.lastConfirmed ?? this.#connection.lastConfirmed;
    // An answer of this server does not confirm what another node has accepted a moment before.
    const { busDelayMs = 0 } = this.#options;
    const lastConfirmed = new Date(confirmed.getTime() - busDelayMs);
    const since = this.#unconfirmedSince;
    return since && since < lastConfirmed ? since : lastConfirmed;
  }

  /** The channel of the probes. */
  get probeChannel(): string {
    return this.#probe.channel;
  }

  /** Publishes probes to another channel from now on; with `undefined`, none. */
  moveProbe(channel: string | undefined): void {
    if (channel === undefined) this.#probe.close();
    else this.#probe.move(channel);
  }

  /** Removes the subscriptions that belong to another node. Calls no observer: they are between two nodes. */
  removeMoved(hasMoved: (subscription: Subscription) => boolean): Subscription[] {
    return this.#registry.removeMoved(this.#options.kind, hasMoved);
  }

  /** Adds a subscription that another node had until `outage.from`. Calls no observer: others may follow. */
  addMoved(subscription: Subscription, outage: Outage): void {
    this.#registry.addMoved(subscription, outage);
    this.#reconciler.schedule();
  }

  /** Subscribes again to what Redis has ended on its own, over a connection that is still open. */
  resubscribe(isEnded: (subscription: Subscription) => boolean, outage: Outage): void {
    this.#unconfirmedSince = undefined;
    for (const kind of this.#kinds) this.#registry.setEnded(kind, isEnded, outage);
    this.#onChange();
  }

  #createProbe(): DeliveryProbe {
    const { kind, publisher, probeInterval: intervalMs, probePrefix, log } = this.#options;
    const channel = kind === 'shard' ? `${probePrefix}.shard` : probePrefix;
    return new DeliveryProbe(
      { channel, intervalMs, log },
      {
        isSubscribed: () => this.isRestored && !this.isEmpty && publisher.isReady,
        publish: (name, payload) => publisher.publish(name, payload, kind),
        subscribe: (name, listener, waiter) => this.subscribe({ kind, name }, listener, waiter),
        unsubscribe: (name, listener) => this.unsubscribe({ kind, name }, listener, false),
        whenRead: (onRead) => this.whenRead(onRead),
        ping: (onAnswer) => sendPing(this.#connection.client, onAnswer),
        onStarving: (isRepeated) => this.#onStarving(isRepeated),
        onRecovered: () => this.#observer.onChange(),
      },
    );
  }

  #deliver(delivery: Delivery): void {
    try {
      this.#registry.deliver(delivery);
    } catch (error) {
      // Uncaught it would end the process.
      this.#thrown.add(
        () => `A listener of "${shorten(delivery.channel)}" threw: ${messageOf(error)}`,
      );
    }
  }

  #recheck(subscription: Subscription): void {
    this.#registry.recheck(subscription);
    this.#onChange();
  }

  /** A subscription was added or removed. */
  #onChange(): void {
    this.#reconciler.schedule();
    // Half a million may change at once.
    if (this.isRestored !== this.#wasRestored) this.#onProgress();
  }

  #onReady(): void {
    this.#unconfirmedSince = undefined;
    this.#probe.onConnected();
    this.#reconciler.onReady();
    this.#outputBuffer.onInfo(this.#connection.info);
    this.#patternLoad?.onInfo(this.#connection.info);
    this.#onProgress();
  }

  #onProgress(): void {
    const { isRestored } = this;
    // After a restart the status should not wait for the interval of the probe.
    if (isRestored && !this.#wasRestored && this.isStarving) this.#probe.probeNow();
    this.#wasRestored = isRestored;
    this.#observer.onChange();
  }

  #onStarving(isRepeated: boolean): void {
    const since = this.lastConfirmed;
    const { transport } = this.#options;
    if (telemetry.starve.hasSubscribers) telemetry.starve.publish({ transport, since });
    this.#observer.onChange();
    this.restart(
      `no message since ${since.toISOString()} that it sent to itself, although Redis accepts them`,
    );
    // If the two connections lead to different servers, either one may be the wrong one.
    if (isRepeated) {
      this.#options.publisher.restart('the subscriber does not receive what it publishes');
    }
  }

  #onLost(): void {
    this.#reconciler.onLost(this.lastConfirmed);
    this.#onProgress();
  }

  #onEnded(error: ConnectionError): void {
    this.#onLost();
    this.#registry.failWaiters(error);
  }
}
