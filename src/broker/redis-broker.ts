import type { Redis } from 'ioredis';
import type { ChannelKind, SubscriptionKey } from '../channel/subscription-key.js';
import { ClosedError, ConnectionError } from '../errors.js';
import { runOutside } from '../shared/async-context.js';
import { Lifecycle } from '../shared/lifecycle.js';
import type { OutgoingPayload } from '../shared/payload.js';
import { telemetry } from '../telemetry.js';
import type {
  Broker,
  BrokerStatus,
  Claim,
  DeliveryListener,
  ListEnd,
  ListRead,
  MasterAnswer,
  MessageList,
  SubscriptionWaiter,
} from './broker.js';
import { assertShardedSupport } from './connection/redis-error.js';
import { createTopology } from './create-topology.js';
import { noAnswer } from './publishing/list-reader.js';
import type { Publisher } from './publishing/publisher.js';
import type { ClassicAndSharded } from './subscribing/classic-and-sharded.js';
import type { TopologyOptions } from './topology-provider.js';

/** The broker over Redis: a publisher, a subscriber, and the status that follows from both. */
export class RedisBroker implements Broker {
  readonly #publisher: Publisher;
  readonly #subscriber: ClassicAndSharded;
  readonly #statusListeners = new Set<(status: BrokerStatus) => void>();
  readonly #transport: string;
  readonly #sharded: boolean;
  readonly #lifecycle = new Lifecycle();
  #status: BrokerStatus = 'disconnected';
  #wasConnected = false;

  constructor(options: TopologyOptions) {
    const { publisher, subscriber } = createTopology(options, () => this.#updateStatus());
    this.#transport = options.transport;
    this.#sharded = options.sharded;
    this.#publisher = publisher;
    this.#subscriber = subscriber;
  }

  get status(): BrokerStatus {
    return this.#status;
  }

  get lastDeliveryAt(): Date | undefined {
    return this.#subscriber.lastDeliveryAt;
  }

  get subscriptions(): number {
    return this.#subscriber.subscriptions;
  }

  countsReceivers(kind: ChannelKind): boolean {
    return this.#publisher.countsReceivers(kind);
  }

  onStatus(listener: (status: BrokerStatus) => void): () => void {
    this.#statusListeners.add(listener);
    return () => void this.#statusListeners.delete(listener);
  }

  connect(timeoutMs: number): Promise<void> {
    return runOutside(() => this.#connect(timeoutMs));
  }

  async #connect(timeoutMs: number): Promise<void> {
    this.#lifecycle.open();
    if (this.#status === 'disconnected') this.#setStatus('connecting');
    await Promise.all([this.#publisher.open(timeoutMs), this.#subscriber.open(timeoutMs)]);
    const [client] = this.#publisher.clients;
    if (this.#sharded && client) await assertShardedSupport(client);
  }

  canPublish(channel: string, kind: ChannelKind): boolean {
    return this.#publisher.canPublish(channel, kind);
  }

  sendsNow(channel: string, kind: ChannelKind, isAppended = false): boolean {
    return !this.#lifecycle.isClosed && this.#publisher.sendsNow(channel, kind, isAppended);
  }

  publish(
    channel: string,
    payload: OutgoingPayload,
    kind: ChannelKind = 'channel',
  ): Promise<number> {
    if (this.#lifecycle.isClosed) return rejectClosed();
    return this.#publisher.publish(channel, payload, kind);
  }

  append(
    channel: string,
    payload: OutgoingPayload,
    kind: ChannelKind,
    list: MessageList,
  ): Promise<number> {
    if (this.#lifecycle.isClosed) return rejectClosed();
    return this.#publisher.append(channel, payload, kind, list);
  }

  async readLists(reads: readonly ListRead[]): Promise<readonly ListEnd[]> {
    if (this.#lifecycle.isClosed) return rejectClosed();
    const ends = await this.#publisher.readLists(reads);
    return ends.map((end, i) => this.#withSameServer(end, reads[i]?.subscription));
  }

  /** The publisher may have found another server than the subscriber, as after a failover. */
  #withSameServer(end: ListEnd, key: SubscriptionKey | undefined): ListEnd {
    const serverId = key && this.#subscriber.subscriberFor(key).serverId;
    if (serverId === undefined || end.runId === undefined || serverId === end.runId) return end;
    const error = new ConnectionError('The publisher and the subscriber have different servers');
    return noAnswer(error);
  }

  subscribe(key: SubscriptionKey, listener: DeliveryListener, waiter?: SubscriptionWaiter): void {
    if (waiter && this.#lifecycle.isClosed) {
      queueMicrotask(() => waiter.onFailed(new ClosedError()));
    } else {
      this.#subscriber.subscribe(key, listener, waiter);
    }
  }

  unsubscribe(key: SubscriptionKey, listener: DeliveryListener, isDelayed = false): void {
    this.#subscriber.subscriberFor(key).unsubscribe(key, listener, isDelayed);
  }

  canSubscribe(key: SubscriptionKey): boolean {
    return this.#subscriber.canSubscribe(key);
  }

  isSubscribed(key: SubscriptionKey): boolean {
    return this.#subscriber.subscriberFor(key).isSubscribed(key);
  }

  lastAnswered(key: SubscriptionKey): Date | undefined {
    return this.#subscriber.subscriberFor(key).lastAnswered;
  }

  listenersOf(channel: string, kind: ChannelKind): readonly DeliveryListener[] {
    return this.#subscriber.listenersOf(channel, kind);
  }

  whenRead(key: SubscriptionKey, onRead: () => void): void {
    this.#subscriber.subscriberFor(key).whenRead(onRead);
  }

  claim(claim: Claim): Promise<readonly boolean[]> {
    if (this.#lifecycle.isClosed) return rejectClosed();
    return this.#publisher.claim(claim);
  }

  channels(glob: string, kind: ChannelKind = 'channel'): Promise<string[]> {
    if (this.#lifecycle.isClosed) return rejectClosed();
    return this.#publisher.channels(glob, kind);
  }

  subscriberCounts(
    channels: readonly string[],
    kind: ChannelKind = 'channel',
  ): Promise<Map<string, number>> {
    if (this.#lifecycle.isClosed) return rejectClosed();
    return this.#publisher.subscriberCounts(channels, kind);
  }

  patternCount(): Promise<number> {
    if (this.#lifecycle.isClosed) return rejectClosed();
    return this.#publisher.patternCount();
  }

  callMasters(command: string, ...args: readonly string[]): Promise<readonly MasterAnswer[]> {
    if (this.#lifecycle.isClosed) return rejectClosed();
    return this.#publisher.callMasters(command, ...args);
  }

  clients(): readonly Redis[] {
    return [...this.#publisher.clients, ...this.#subscriber.clients];
  }

  onClient(listener: (client: Redis, role: 'publisher' | 'subscriber') => void): void {
    this.#publisher.onClient((client) => listener(client, 'publisher'));
    this.#subscriber.onClient((client) => listener(client, 'subscriber'));
  }

  async close(): Promise<void> {
    this.#lifecycle.markClosed();
    this.#setStatus('disconnected');
    // Before the wait: it may be connected again by then.
    this.#wasConnected = false;
    await Promise.all([this.#subscriber.close(), this.#publisher.close()]);
  }

  /** Whether all connections are up, and stay up, even if some subscriptions are not restored yet. */
  get #isUp(): boolean {
    return !this.#lifecycle.isClosed && this.#publisher.isReady && this.#subscriber.isReady;
  }

  #updateStatus(): void {
    if (!this.#lifecycle.isClosed) this.#setStatus(this.#currentStatus());
  }

  #currentStatus(): BrokerStatus {
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
    if (telemetry.status.hasSubscribers) {
      telemetry.status.publish({ transport: this.#transport, status, isUp: this.#isUp });
    }
    for (const listener of this.#statusListeners) {
      // A listener may change the status, and then the others have the new one already.
      if (this.#status === status) listener(status);
    }
  }
}

function rejectClosed(): Promise<never> {
  return Promise.reject(new ClosedError());
}
