import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../channel/channel-pattern.js';
import { ClosedError } from '../errors.js';
import { telemetry } from '../telemetry.js';
import type { Broker, BrokerStatus, DeliveryListener, SubscriptionWaiter } from './broker.js';
import type { RedisConnection } from './connection/create-clients.js';
import { EventLoopWatch } from './event-loop-watch.js';
import type { HalfOptions } from './broker-options.js';
import { createHalves } from './create-topology.js';
import type { PublishingHalf } from './publishing/publisher.js';
import { assertSharded } from './connection/redis-error.js';
import type { SubscribingHalf } from './subscribing/subscriber.js';

export interface RedisBrokerOptions extends HalfOptions {
  readonly connection: RedisConnection;
}

/** The broker over Redis: a half that publishes and a half that subscribes, and what both come to. */
export class RedisBroker implements Broker {
  readonly #publisher: PublishingHalf;
  readonly #subscriber: SubscribingHalf;
  readonly #statusListeners = new Set<(status: BrokerStatus) => void>();
  readonly #isSharded: boolean;
  readonly #eventLoop = new EventLoopWatch();
  #status: BrokerStatus = 'disconnected';
  #wasConnected = false;
  #isClosing = false;

  constructor({ connection, ...options }: RedisBrokerOptions) {
    const { publisher, subscriber } = createHalves(connection, options, {
      onChange: () => this.#updateStatus(),
    });
    this.#isSharded = options.isSharded;
    this.#publisher = publisher;
    this.#subscriber = subscriber;
  }

  get status(): BrokerStatus {
    return this.#status;
  }

  countsReceivers(isSharded: boolean): boolean {
    return this.#publisher.countsReceivers(isSharded);
  }

  /** Whether all connections are up, even if some subscription is not back. */
  get #isUp(): boolean {
    return this.#publisher.isReady && this.#subscriber.isReady;
  }

  onStatus(listener: (status: BrokerStatus) => void): () => void {
    this.#statusListeners.add(listener);
    return () => void this.#statusListeners.delete(listener);
  }

  async connect(patience: number): Promise<void> {
    this.#isClosing = false;
    if (this.#status === 'disconnected') this.#setStatus('connecting');
    this.#eventLoop.start();
    await Promise.all([this.#publisher.open(patience), this.#subscriber.open(patience)]);
    const [client] = this.#publisher.clients;
    if (this.#isSharded && client) await assertSharded(client);
  }

  reaches(channel: string, isSharded: boolean): boolean {
    return this.#publisher.reaches(channel, isSharded);
  }

  publish(channel: string, payload: string | Uint8Array, isSharded = false): Promise<number> {
    if (this.#isClosing) return refuseClosed();
    return this.#publisher.publish(channel, payload, isSharded);
  }

  subscribe(kind: SubscriptionKind, name: string, listener: DeliveryListener): Promise<void> {
    return new Promise((onSubscribed, onFailed) =>
      this.subscribeFor(kind, name, listener, { onSubscribed, onFailed }),
    );
  }

  subscribeFor(
    kind: SubscriptionKind,
    name: string,
    listener: DeliveryListener,
    waiter: SubscriptionWaiter,
  ): void {
    if (this.#isClosing) return queueMicrotask(() => waiter.onFailed(new ClosedError()));
    this.#subscriber.subscribe(kind, name, listener, waiter);
  }

  want(kind: SubscriptionKind, name: string, listener: DeliveryListener): void {
    this.#subscriber.want(kind, name, listener);
  }

  unsubscribe(
    kind: SubscriptionKind,
    name: string,
    listener: DeliveryListener,
    lingers = false,
  ): void {
    this.#subscriber.unsubscribe(kind, name, listener, lingers);
  }

  canHear(kind: SubscriptionKind, name: string): boolean {
    return this.#subscriber.canHear(kind, name);
  }

  hears(kind: SubscriptionKind, name: string): boolean {
    return this.#subscriber.hears(kind, name);
  }

  channels(glob: string, isSharded = false): Promise<string[]> {
    if (this.#isClosing) return refuseClosed();
    return this.#publisher.channels(glob, isSharded);
  }

  subscriberCounts(channels: readonly string[], isSharded = false): Promise<Map<string, number>> {
    if (this.#isClosing) return refuseClosed();
    return this.#publisher.subscriberCounts(channels, isSharded);
  }

  patternCount(): Promise<number> {
    if (this.#isClosing) return refuseClosed();
    return this.#publisher.patternCount();
  }

  clients(): readonly Redis[] {
    return [...this.#publisher.clients, ...this.#subscriber.clients];
  }

  onClient(listener: (client: Redis, role: 'publisher' | 'subscriber') => void): void {
    this.#publisher.onClient((client) => listener(client, 'publisher'));
    this.#subscriber.onClient((client) => listener(client, 'subscriber'));
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#setStatus('disconnected');
    this.#eventLoop.stop();
    await Promise.all([this.#subscriber.close(), this.#publisher.close()]);
    this.#wasConnected = false;
  }

  #updateStatus(): void {
    if (this.#isClosing) return;
    this.#setStatus(this.#statusNow());
  }

  #statusNow(): BrokerStatus {
    if (this.#isUp && this.#subscriber.isRestored) {
      this.#wasConnected = true;
      return this.#subscriber.isStarving ? 'starving' : 'connected';
    }
    const hasEnded = this.#publisher.hasEnded || this.#subscriber.hasEnded;
    if (hasEnded || this.#status === 'disconnected') return 'disconnected';
    return this.#wasConnected ? 'reconnecting' : 'connecting';
  }

  #setStatus(status: BrokerStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    if (telemetry.status.hasSubscribers) telemetry.status.publish({ status, isUp: this.#isUp });
    for (const listener of this.#statusListeners) {
      // A listener that changes it has told the others already.
      if (this.#status === status) listener(status);
    }
  }
}

function refuseClosed(): Promise<never> {
  return Promise.reject(new ClosedError());
}
