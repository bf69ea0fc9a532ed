import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../channel/channel-pattern.js';
import { ClosedError, ConnectionError, messageOf, shorten } from '../errors.js';
import type { BrokerLog, Delivery, DeliveryListener } from './broker.js';
import { Connection } from './connection.js';
import { openGuided, type Guide } from './guide.js';
import { Linger } from './linger.js';
import type { LivenessOptions } from './liveness.js';
import { Reconciler } from './reconciler.js';
import { RedisDelivery } from './redis-delivery.js';
import { SubscriptionRegistry } from './subscription-registry.js';
import type { Subscription } from './subscription.js';

export interface SubscriberOptions {
  readonly liveness: LivenessOptions;
  readonly log: BrokerLog;
  readonly guide?: Guide;
}

/** Someone who is told what becomes of a subscriber. */
export interface SubscriberObserver {
  /** The connection, or what is subscribed over it, is no longer as it was. */
  onChange(): void;
  /** A message has arrived; told before anybody hears it. */
  onMessage(): void;
  /** Since when messages may not have arrived although the connection was there, if anything says so. */
  deafSince(): Date | undefined;
}

/** The receiving half of a broker: one connection, what is subscribed over it, and who hears it. */
export class Subscriber {
  readonly #connection: Connection;
  readonly #guide: Guide | undefined;
  readonly #registry = new SubscriptionRegistry();
  readonly #reconciler: Reconciler;
  readonly #linger = new Linger((subscription) => this.#review(subscription));
  readonly #observer: SubscriberObserver;
  readonly #log: BrokerLog;
  #isRestored = false;

  constructor(
    client: Redis,
    { liveness, log, guide }: SubscriberOptions,
    observer: SubscriberObserver,
  ) {
    this.#observer = observer;
    this.#log = log;
    this.#reconciler = new Reconciler(client, this.#registry, log, () => this.#onProgress());
    this.#guide = guide;
    this.#connection = new Connection(
      client,
      { role: 'subscriber', isOwned: true, liveness, log },
      {
        onReady: () => this.#onReady(),
        onLost: () => this.#onLost(),
        onEnded: (error) => this.#onEnded(error),
      },
    );
    this.#receive(client);
  }

  get clients(): readonly [Redis] {
    return [this.#connection.client];
  }

  get isReady(): boolean {
    return this.#connection.isReady;
  }

  /** Whether everything that was wanted when the last connection was lost is back. */
  get isRestored(): boolean {
    return this.#isRestored;
  }

  /** Whether the connection will not come back. */
  get hasEnded(): boolean {
    return this.#connection.hasEnded;
  }

  /** Whether nothing is subscribed, nor is to be. */
  get isEmpty(): boolean {
    return this.#registry.isEmpty;
  }

  open(patience: number): Promise<void> {
    return openGuided(this.#connection, this.#guide, patience);
  }

  async close(): Promise<void> {
    await this.#connection.close();
    this.#registry.abandon(new ClosedError());
    this.#isRestored = false;
  }

  /** Replaces a connection that is of no use, although it is there. */
  restart(reason: string): void {
    this.#connection.restart(reason);
  }

  subscribe(kind: SubscriptionKind, name: string, listener: DeliveryListener): Promise<void> {
    if (this.hasEnded) {
      return Promise.reject(new ConnectionError('The connection to Redis has ended'));
    }
    const subscription = this.#registry.add(kind, name, listener);
    this.#reconciler.schedule();
    return subscription.acknowledgement(listener);
  }

  want(kind: SubscriptionKind, name: string, listener: DeliveryListener): void {
    this.#registry.want(kind, name, listener);
    this.#reconciler.schedule();
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

  hears(kind: SubscriptionKind, name: string): boolean {
    return this.#registry.isAcknowledged(kind, name);
  }

  #receive(client: Redis): void {
    // Bytes, not text: only the codec knows what they are, and it reads them once.
    client.on('messageBuffer', (name: Buffer, payload: Buffer) => {
      const channel = name.toString();
      this.#deliver(new RedisDelivery('channel', channel, channel, payload));
    });
    client.on('pmessageBuffer', (pattern: string, name: Buffer, payload: Buffer) => {
      this.#deliver(new RedisDelivery('pattern', pattern, name.toString(), payload));
    });
  }

  #deliver(delivery: Delivery): void {
    this.#observer.onMessage();
    try {
      this.#registry.deliver(delivery);
    } catch (error) {
      // Thrown on, it would end the process.
      this.#log.error(`A listener of "${shorten(delivery.channel)}" threw: ${messageOf(error)}`);
    }
  }

  #review(subscription: Subscription): void {
    this.#registry.review(subscription);
    this.#reconciler.schedule();
  }

  #onReady(): void {
    this.#reconciler.onReady();
    this.#onProgress();
  }

  #onProgress(): void {
    if (this.isReady && this.#registry.isRestored) this.#isRestored = true;
    this.#observer.onChange();
  }

  #onLost(): void {
    this.#isRestored = false;
    this.#reconciler.onLost(this.#observer.deafSince() ?? this.#connection.lastProof);
    this.#observer.onChange();
  }

  #onEnded(error: ConnectionError): void {
    this.#onLost();
    this.#registry.abandon(error);
  }
}
