import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../channel/channel-pattern.js';
import { telemetry } from '../telemetry.js';
import type { Broker, BrokerLog, BrokerStatus, DeliveryListener } from './broker.js';
import type { RedisConnection } from './clients.js';
import { DeliveryProbe, type DeliveryProbeOptions } from './delivery-probe.js';
import type { LivenessOptions } from './liveness.js';
import type { PublishBufferOptions } from './publish-buffer.js';
import { createHalves } from './halves.js';
import type { PublishingHalf } from './publishing-half.js';
import type { Subscriber } from './subscriber.js';

export interface RedisBrokerOptions {
  readonly connection: RedisConnection;
  readonly liveness: LivenessOptions;
  readonly probe: DeliveryProbeOptions;
  /** What may wait for a publisher that is away; `false`: nothing. */
  readonly buffer: PublishBufferOptions | false;
  readonly log: BrokerLog;
}

/** The broker over Redis: a publisher, a subscriber, and the probe from one to the other. */
export class RedisBroker implements Broker {
  readonly #publisher: PublishingHalf;
  readonly #subscriber: Subscriber;
  readonly #probe: DeliveryProbe;
  readonly #statusListeners = new Set<(status: BrokerStatus) => void>();
  #status: BrokerStatus = 'disconnected';
  #wasConnected = false;
  #wasInPlace = false;
  #isClosing = false;

  constructor({ connection, liveness, probe, buffer, log }: RedisBrokerOptions) {
    const { publisher, subscriber } = createHalves(
      connection,
      { liveness, buffer, log },
      {
        onPublisherChange: () => this.#updateStatus(),
        onChange: () => this.#updateStatus(),
        onMessage: () => this.#probe.heard(),
        deafSince: () => this.#probe.deafSince,
      },
    );
    this.#publisher = publisher;
    this.#subscriber = subscriber;
    this.#probe = new DeliveryProbe(probe, {
      isHearing: () => this.#isInPlace && !this.#subscriber.isEmpty,
      publish: (channel) => this.publish(channel, ''),
      subscribe: (channel, listener) => this.subscribe('channel', channel, listener),
      unsubscribe: (channel, listener) => this.unsubscribe('channel', channel, listener),
      onStarving: (isRepeated) => this.#onStarving(isRepeated),
      onDelivering: () => this.#updateStatus(),
    });
  }

  get status(): BrokerStatus {
    return this.#status;
  }

  get countsReceivers(): boolean {
    return this.#publisher.countsReceivers;
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

  channels(glob: string): Promise<string[]> {
    return this.#publisher.channels(glob);
  }

  subscriberCounts(channels: readonly string[]): Promise<Map<string, number>> {
    return this.#publisher.subscriberCounts(channels);
  }

  patternCount(): Promise<number> {
    return this.#publisher.patternCount();
  }

  clients(): readonly Redis[] {
    return [...this.#publisher.clients, ...this.#subscriber.clients];
  }

  onClient(listener: (client: Redis, role: 'publisher' | 'subscriber') => void): void {
    this.#publisher.onClient((client) => listener(client, 'publisher'));
    for (const client of this.#subscriber.clients) listener(client, 'subscriber');
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

  #onStarving(isRepeated: boolean): void {
    const since = this.#probe.deafSince ?? new Date();
    if (telemetry.starve.hasSubscribers) telemetry.starve.publish({ since });
    this.#updateStatus();
    this.#subscriber.restart(`no message since ${since.toISOString()}, although Redis takes them`);
    // Of two connections to different servers, either may be the one that was left behind.
    if (isRepeated) this.#publisher.restart('the subscriber does not hear what it publishes');
  }

  #updateStatus(): void {
    if (this.#isClosing) return;
    const isInPlace = this.#isInPlace;
    // After a restart nobody wants to wait for an interval.
    if (isInPlace && !this.#wasInPlace && this.#probe.isStarving) this.#probe.prove();
    this.#wasInPlace = isInPlace;
    if (isInPlace) this.#wasConnected = true;
    this.#setStatus(this.#statusNow());
  }

  #statusNow(): BrokerStatus {
    if (this.#wasInPlace) return this.#probe.isStarving ? 'starving' : 'connected';
    const hasEnded = this.#publisher.hasEnded || this.#subscriber.hasEnded;
    if (hasEnded || this.#status === 'disconnected') return 'disconnected';
    return this.#wasConnected ? 'reconnecting' : 'connecting';
  }

  #setStatus(status: BrokerStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    for (const listener of this.#statusListeners) {
      // A listener that changes it has told the others already.
      if (this.#status === status) listener(status);
    }
  }
}
