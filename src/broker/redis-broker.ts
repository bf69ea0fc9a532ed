import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../channel/channel-pattern.js';
import { telemetry } from '../telemetry.js';
import type { Broker, BrokerLog, BrokerStatus, DeliveryListener } from './broker.js';
import { createClients, type RedisConnection } from './clients.js';
import { DeliveryProbe, type DeliveryProbeOptions } from './delivery-probe.js';
import type { LivenessOptions } from './liveness.js';
import type { PublishBufferOptions } from './publish-buffer.js';
import { Publisher } from './publisher.js';
import { Subscriber } from './subscriber.js';

export interface RedisBrokerOptions {
  readonly connection: RedisConnection;
  readonly liveness: LivenessOptions;
  readonly probe: DeliveryProbeOptions;
  /** What may wait for a publisher that is away; `false`: nothing. */
  readonly buffer: PublishBufferOptions | false;
  readonly log: BrokerLog;
}

/**
 * The broker over a standalone Redis, or a master that Sentinel names: a publisher, a subscriber, and
 * the probe from one to the other. Knows where all of that stands.
 */
export class RedisBroker implements Broker {
  readonly #publisher: Publisher;
  readonly #subscriber: Subscriber;
  readonly #probe: DeliveryProbe;
  readonly #statusListeners = new Set<(status: BrokerStatus) => void>();
  #status: BrokerStatus = 'disconnected';
  #wasConnected = false;
  #isClosing = false;

  constructor({ connection, liveness, probe, buffer, log }: RedisBrokerOptions) {
    const { publisher, subscriber, ownsPublisher } = createClients(connection);
    this.#publisher = new Publisher(
      publisher,
      { isOwned: ownsPublisher, liveness, buffer, log },
      () => this.#updateStatus(),
    );
    this.#subscriber = new Subscriber(
      subscriber,
      { liveness, log },
      { onChange: () => this.#onSubscriberChange(), onMessage: () => this.#probe.heard() },
    );
    this.#probe = new DeliveryProbe(probe, {
      isHearing: () => this.#isInPlace && !this.#subscriber.isEmpty,
      publish: (channel) => this.publish(channel, ''),
      subscribe: (channel, listener) => this.subscribe('channel', channel, listener),
      onStarving: (isRepeated) => this.#onStarving(isRepeated),
      onDelivering: () => this.#updateStatus(),
    });
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
    return this.#publisher.publish(channel, payload);
  }

  subscribe(kind: SubscriptionKind, name: string, listener: DeliveryListener): Promise<void> {
    return this.#subscriber.subscribe(kind, name, listener);
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

  hears(kind: SubscriptionKind, name: string): boolean {
    return this.#subscriber.hears(kind, name);
  }

  async channels(glob: string): Promise<string[]> {
    return (await this.#publisher.ask('CHANNELS', glob)) as string[];
  }

  async subscriberCounts(channels: readonly string[]): Promise<Map<string, number>> {
    if (channels.length === 0) return new Map();
    const counts = (await this.#publisher.ask('NUMSUB', ...channels)) as (string | number)[];
    return new Map(channels.map((channel, i) => [channel, Number(counts[2 * i + 1])]));
  }

  async patternCount(): Promise<number> {
    return Number(await this.#publisher.ask('NUMPAT'));
  }

  clients(): readonly [publisher: Redis, subscriber: Redis] {
    return [this.#publisher.client, this.#subscriber.client];
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#setStatus('disconnected');
    this.#probe.stop();
    await Promise.all([this.#subscriber.close(), this.#publisher.close()]);
    this.#wasConnected = false;
  }

  get #isInPlace(): boolean {
    return this.isUp && this.#subscriber.isRestored;
  }

  #onSubscriberChange(): void {
    // After a restart nobody wants to wait for an interval.
    if (this.#probe.isStarving && this.#isInPlace) this.#probe.prove();
    this.#updateStatus();
  }

  #onStarving(isRepeated: boolean): void {
    const since = this.#probe.lastProof;
    if (telemetry.starve.hasSubscribers) telemetry.starve.publish({ since });
    this.#updateStatus();
    this.#subscriber.restart(since);
    // Of two connections to different servers, either may be the one that was left behind.
    if (isRepeated) this.#publisher.restart('the subscriber does not hear what it publishes');
  }

  #updateStatus(): void {
    if (this.#isClosing) return;
    if (this.#isInPlace) {
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
