import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../channel/channel-pattern.js';
import { ClosedError, ConnectionError, messageOf, shorten } from '../errors.js';
import { telemetry } from '../telemetry.js';
import type { Broker, BrokerLog, BrokerStatus, Delivery, DeliveryListener } from './broker.js';
import { createClients, type RedisConnection } from './clients.js';
import { Connection } from './connection.js';
import { DeliveryProbe, type DeliveryProbeOptions, type ProbedBroker } from './delivery-probe.js';
import type { LivenessOptions } from './liveness.js';
import type { PublishBufferOptions } from './publish-buffer.js';
import { Publisher } from './publisher.js';
import { Reconciler } from './reconciler.js';
import { RedisDelivery } from './redis-delivery.js';
import { SubscriptionRegistry } from './subscription-registry.js';

export interface RedisBrokerOptions {
  readonly connection: RedisConnection;
  readonly liveness: LivenessOptions;
  readonly probe: DeliveryProbeOptions;
  /** What may wait for a publisher that is away; `false`: nothing. */
  readonly buffer: PublishBufferOptions | false;
  readonly log: BrokerLog;
}

/** The broker over a standalone Redis, or a master that Sentinel names: one publisher and one subscriber. */
export class RedisBroker implements Broker {
  readonly #publisher: Connection;
  readonly #subscriber: Connection;
  readonly #registry = new SubscriptionRegistry();
  readonly #reconciler: Reconciler;
  readonly #commands: Publisher;
  readonly #probe: DeliveryProbe;
  readonly #log: BrokerLog;
  readonly #statusListeners = new Set<(status: BrokerStatus) => void>();
  #status: BrokerStatus = 'disconnected';
  #wasConnected = false;
  #isRestored = false;
  #isClosing = false;

  constructor({ connection, liveness, probe, buffer, log }: RedisBrokerOptions) {
    const { publisher, subscriber, ownsPublisher } = createClients(connection);
    this.#log = log;
    this.#reconciler = new Reconciler(subscriber, this.#registry, log, () => this.#onProgress());
    this.#subscriber = new Connection(
      subscriber,
      { role: 'subscriber', isOwned: true, liveness, log },
      {
        onReady: () => this.#onSubscriberReady(),
        onLost: () => this.#onSubscriberLost(),
        onEnded: (error) => this.#onSubscriberEnded(error),
      },
    );
    this.#publisher = new Connection(
      publisher,
      { role: 'publisher', isOwned: ownsPublisher, liveness, log },
      {
        onReady: () => this.#onPublisherReady(),
        onLost: () => this.#updateStatus(),
        onEnded: (error) => this.#onPublisherEnded(error),
      },
    );
    this.#commands = new Publisher(this.#publisher, ownsPublisher, buffer);
    this.#probe = new DeliveryProbe(probe, this.#probed());
    this.#receive(subscriber);
  }

  get status(): BrokerStatus {
    return this.#status;
  }

  get isUp(): boolean {
    return this.#publisher.isReady && this.#subscriber.isReady;
  }

  onStatus(listener: (status: BrokerStatus) => void): () => void {
    this.#statusListeners.add(listener);
    return () => void this.#statusListeners.delete(listener);
  }

  async connect(patience: number): Promise<void> {
    this.#isClosing = false;
    if (this.#status === 'disconnected') this.#setStatus('connecting');
    this.#probe.start();
    await Promise.all([this.#publisher.open(patience), this.#subscriber.open(patience)]);
  }

  publish(channel: string, payload: string | Uint8Array): Promise<number> {
    return this.#commands.publish(channel, payload);
  }

  subscribe(kind: SubscriptionKind, name: string, listener: DeliveryListener): Promise<void> {
    if (this.#subscriber.hasEnded && this.#wasConnected) {
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

  unsubscribe(kind: SubscriptionKind, name: string, listener: DeliveryListener): void {
    this.#registry.remove(kind, name, listener);
    this.#reconciler.schedule();
  }

  hears(kind: SubscriptionKind, name: string): boolean {
    return this.#registry.isAcknowledged(kind, name);
  }

  async channels(glob: string): Promise<string[]> {
    return (await this.#commands.ask('CHANNELS', glob)) as string[];
  }

  async subscriberCounts(channels: readonly string[]): Promise<Map<string, number>> {
    if (channels.length === 0) return new Map();
    const counts = (await this.#commands.ask('NUMSUB', ...channels)) as (string | number)[];
    return new Map(channels.map((channel, i) => [channel, Number(counts[2 * i + 1])]));
  }

  async patternCount(): Promise<number> {
    return Number(await this.#commands.ask('NUMPAT'));
  }

  clients(): readonly [publisher: Redis, subscriber: Redis] {
    return [this.#publisher.client, this.#subscriber.client];
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#setStatus('disconnected');
    this.#probe.stop();
    await Promise.all([this.#subscriber.close(), this.#publisher.close()]);
    this.#registry.abandon(new ClosedError());
    this.#commands.onEnded(new ClosedError());
    this.#wasConnected = this.#isRestored = false;
  }

  #receive(subscriber: Redis): void {
    // Bytes, not text: only the codec knows what they are, and it reads them once.
    subscriber.on('messageBuffer', (name: Buffer, payload: Buffer) => {
      const channel = name.toString();
      this.#deliver(new RedisDelivery('channel', channel, channel, payload));
    });
    subscriber.on('pmessageBuffer', (pattern: string, name: Buffer, payload: Buffer) => {
      this.#deliver(new RedisDelivery('pattern', pattern, name.toString(), payload));
    });
  }

  #deliver(delivery: Delivery): void {
    this.#probe.heard();
    try {
      this.#registry.deliver(delivery);
    } catch (error) {
      // Thrown on, it would end the process.
      this.#log.error(`A listener of "${shorten(delivery.channel)}" threw: ${messageOf(error)}`);
    }
  }

  #onPublisherReady(): void {
    this.#commands.onReady();
    this.#updateStatus();
  }

  #onPublisherEnded(error: ConnectionError): void {
    this.#commands.onEnded(error);
    this.#updateStatus();
  }

  #onSubscriberReady(): void {
    this.#reconciler.onReady();
    this.#onProgress();
  }

  #onSubscriberLost(): void {
    this.#isRestored = false;
    this.#reconciler.onLost((this.#probe.isStarving ? this.#probe : this.#subscriber).lastProof);
    this.#updateStatus();
  }

  #onProgress(): void {
    const wasRestored = this.#isRestored;
    if (this.#subscriber.isReady && this.#registry.isRestored) this.#isRestored = true;
    if (this.#isRestored && !wasRestored && this.#probe.isStarving) this.#probe.prove();
    this.#updateStatus();
  }

  #onSubscriberEnded(error: ConnectionError): void {
    this.#onSubscriberLost();
    this.#registry.abandon(error);
  }

  #probed(): ProbedBroker {
    return {
      isHearing: () => this.#isRestored && this.isUp && !this.#registry.isEmpty,
      publish: (channel) => this.publish(channel, ''),
      subscribe: (channel, listener) => this.subscribe('channel', channel, listener),
      onStarving: (isRepeated) => this.#onStarving(isRepeated),
      onDelivering: () => this.#updateStatus(),
    };
  }

  #onStarving(isRepeated: boolean): void {
    const { lastProof } = this.#probe;
    if (telemetry.starve.hasSubscribers) telemetry.starve.publish({ since: lastProof });
    this.#updateStatus();
    const reason = `no message since ${lastProof.toISOString()}, although Redis takes them`;
    this.#subscriber.restart(reason);
    // Of two connections to different servers, either may be the one that was left behind.
    if (isRepeated) this.#publisher.restart(reason);
  }

  #updateStatus(): void {
    if (this.#isClosing) return;
    if (this.#isRestored && this.isUp) {
      this.#wasConnected = true;
      this.#setStatus(this.#probe.isStarving ? 'starving' : 'connected');
    } else if (this.#publisher.hasEnded || this.#subscriber.hasEnded) {
      this.#setStatus('disconnected');
    } else if (this.#status !== 'disconnected') {
      this.#setStatus(this.#wasConnected ? 'reconnecting' : 'connecting');
    }
  }

  #setStatus(status: BrokerStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    for (const listener of this.#statusListeners) listener(status);
  }
}
