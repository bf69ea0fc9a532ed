import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../../channel/channel-pattern.js';
import { ClosedError, ConnectionError, messageOf, shorten } from '../../errors.js';
import { telemetry } from '../../telemetry.js';
import type { Delivery, DeliveryListener, SubscriptionWaiter, BrokerLog } from '../broker.js';
import { Connection, ENDED } from '../connection/connection.js';
import { DeliveryProbe, type DeliveryProbeOptions } from './delivery-probe.js';
import { openGuided, type Guide } from '../connection/open.js';
import { Linger } from './unsubscribe-delay.js';
import { OutputBufferWatch } from './output-buffer-watch.js';
import { Reconciler, type ReconcilerOptions } from './reconciler.js';
import { receiveFrom } from './redis-delivery.js';
import type { SubscribingHalf, ProbePublisher } from './subscriber.js';
import { SubscriptionRegistry } from './subscription-registry.js';
import type { Outage, Subscription } from './subscription.js';
import type { LivenessOptions } from '../connection/heartbeat.js';
import type { MasterWatch } from '../sentinel/master-watch.js';

export interface SubscriberOptions extends ReconcilerOptions {
  readonly liveness: LivenessOptions;
  readonly log: BrokerLog;
  readonly probe: DeliveryProbeOptions;
  /** Publishes what the probe listens for. */
  readonly publisher: ProbePublisher;
  readonly guide?: Guide;
  readonly masterWatch?: MasterWatch;
  /** How long a message may be on its way to the server that this is connected to, in milliseconds. */
  readonly detour?: number;
}

/** Someone who is told what becomes of a subscriber. */
export interface SubscriberObserver {
  /** The connection, or what is subscribed over it, is no longer as it was. */
  onChange(): void;
  /** Redis says that some shard channel is no longer, or not, for this connection. */
  onElsewhere?(): void;
}

/** One connection, what is subscribed over it, and who hears it. */
export class Subscriber implements SubscribingHalf {
  readonly #connection: Connection;
  readonly #options: SubscriberOptions;
  readonly #registry = new SubscriptionRegistry();
  readonly #reconciler: Reconciler;
  readonly #probe: DeliveryProbe;
  readonly #outputBuffer: OutputBufferWatch;
  readonly #linger = new Linger((subscription) => this.#review(subscription));
  readonly #observer: SubscriberObserver;
  #usefulUntil: Date | undefined;
  #wasRestored = false;

  constructor(client: Redis, options: SubscriberOptions, observer: SubscriberObserver) {
    this.#options = options;
    this.#observer = observer;
    this.#reconciler = new Reconciler(client, this.#registry, options, {
      onProgress: () => this.#onProgress(),
      onElsewhere: observer.onElsewhere?.bind(observer),
    });
    this.#connection = new Connection(
      client,
      { ...options, role: 'subscriber', isOwned: true },
      {
        onReady: () => this.#onReady(),
        onLost: () => this.#onLost(),
        onEnded: (error) => this.#onEnded(error),
      },
    );
    this.#probe = this.#createProbe();
    this.#outputBuffer = new OutputBufferWatch(client, options.log);
    receiveFrom(client, (delivery) => this.#deliver(delivery));
    // Redis says that a shard channel is no longer here, without being asked.
    client.on('moved', () => observer.onElsewhere?.());
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

  open(patience: number): Promise<void> {
    this.#probe.start();
    return openGuided(this.#connection, this.#options.guide, patience);
  }

  async close(): Promise<void> {
    this.#probe.stop();
    await this.#connection.close();
    this.#registry.abandon(new ClosedError());
  }

  /** Replaces a connection that is of no use, although it is there, and may not have been since `usefulUntil`. */
  restart(reason: string, usefulUntil?: Date): void {
    if (usefulUntil) this.doubt(usefulUntil);
    this.#connection.restart(reason);
  }

  /** Some of what is subscribed may not be heard since then, until it is renewed or the connection replaced. */
  doubt(usefulUntil: Date): void {
    if (!this.#usefulUntil || usefulUntil < this.#usefulUntil) this.#usefulUntil = usefulUntil;
  }

  subscribe(
    kind: SubscriptionKind,
    name: string,
    listener: DeliveryListener,
    waiter: SubscriptionWaiter,
  ): void {
    if (this.hasEnded) return queueMicrotask(() => waiter.onFailed(new ConnectionError(ENDED)));
    this.#registry.add(kind, name, listener).addWaiter(listener, waiter);
    this.#reconciler.schedule();
  }

  want(kind: SubscriptionKind, name: string, listener: DeliveryListener): void {
    this.#registry.want(kind, name, listener);
    this.#onChange();
  }

  unsubscribe(
    kind: SubscriptionKind,
    name: string,
    listener: DeliveryListener,
    lingers: boolean,
  ): void {
    const subscription = this.#registry.detach(kind, name, listener);
    if (!subscription) return;
    const mayLinger = lingers && !subscription.isWanted && subscription.state === 'acknowledged';
    if (mayLinger) this.#linger.begin(subscription);
    else this.#review(subscription);
  }

  canHear(): boolean {
    return this.isReady;
  }

  hears(kind: SubscriptionKind, name: string): boolean {
    return this.#registry.isAcknowledged(kind, name);
  }

  /** The last moment until which everything is known to have arrived. */
  get lastProof(): Date {
    const answered = this.#probe.deafSince ?? this.#connection.lastProof;
    // An answer proves nothing of what another server has taken a moment before.
    const proof = new Date(answered.getTime() - (this.#options.detour ?? 0));
    return this.#usefulUntil && this.#usefulUntil < proof ? this.#usefulUntil : proof;
  }

  /** Where probes are published. */
  get probeChannel(): string {
    return this.#probe.channel;
  }

  /** Publishes probes elsewhere from now on, or nowhere. */
  moveProbe(channel: string | undefined): void {
    if (channel === undefined) this.#probe.end();
    else this.#probe.move(channel);
  }

  /** Gives away the subscriptions of one kind that belong to another subscriber. Tells nobody: they are nowhere yet. */
  release(kind: SubscriptionKind, isElsewhere: (it: Subscription) => boolean): Subscription[] {
    return this.#registry.release(kind, isElsewhere);
  }

  /** Takes a subscription that another subscriber has {@link release released}; it may have been away since. Tells nobody: others may be on their way. */
  adopt(subscription: Subscription, outage: Outage): void {
    this.#registry.adopt(subscription, outage);
    this.#reconciler.schedule();
  }

  /** Subscribes again what Redis has ended on its own, over a connection that is there still. */
  renew(isEnded: (it: Subscription) => boolean, outage: Outage): void {
    this.#usefulUntil = undefined;
    for (const kind of this.#options.kinds) this.#registry.lose(kind, isEnded, outage);
    this.#onChange();
  }

  #createProbe(): DeliveryProbe {
    const { probe, publisher, kinds } = this.#options;
    const [kind = 'channel'] = kinds;
    return new DeliveryProbe(probe, {
      isHearing: () => this.isRestored && !this.isEmpty && publisher.isReady,
      publish: (channel) => publisher.publish(channel),
      subscribe: (channel, listener, waiter) => this.subscribe(kind, channel, listener, waiter),
      unsubscribe: (channel, listener) => this.unsubscribe(kind, channel, listener, false),
      onStarving: (isRepeated) => this.#onStarving(isRepeated),
      onDelivering: () => this.#observer.onChange(),
    });
  }

  #deliver(delivery: Delivery): void {
    this.#probe.heard();
    try {
      this.#registry.deliver(delivery);
    } catch (error) {
      // Thrown on, it would end the process.
      const name = shorten(delivery.channel);
      this.#options.log.error(`A listener of "${name}" threw: ${messageOf(error)}`);
    }
  }

  #review(subscription: Subscription): void {
    this.#registry.review(subscription);
    this.#onChange();
  }

  /** Something is wanted, or is no longer. */
  #onChange(): void {
    this.#reconciler.schedule();
    // There may be half a million at once.
    if (this.isRestored !== this.#wasRestored) this.#onProgress();
  }

  #onReady(): void {
    this.#usefulUntil = undefined;
    this.#reconciler.onReady();
    void this.#outputBuffer.onReady();
    this.#onProgress();
  }

  #onProgress(): void {
    const { isRestored } = this;
    // After a restart nobody wants to wait for an interval.
    if (isRestored && !this.#wasRestored && this.isStarving) this.#probe.prove();
    this.#wasRestored = isRestored;
    this.#observer.onChange();
  }

  #onStarving(isRepeated: boolean): void {
    const since = this.lastProof;
    if (telemetry.starve.hasSubscribers) telemetry.starve.publish({ since });
    this.#observer.onChange();
    this.restart(`no message since ${since.toISOString()}, although Redis takes them`);
    // Of two connections to different servers, either may be the one that was left behind.
    if (isRepeated) {
      this.#options.publisher.restart('the subscriber does not hear what it publishes');
    }
  }

  #onLost(): void {
    this.#reconciler.onLost(this.lastProof);
    this.#onProgress();
  }

  #onEnded(error: ConnectionError): void {
    this.#onLost();
    this.#registry.abandon(error);
  }
}
