import type {
  Delivery,
  DeliveryListener,
  PubSubGap,
  SubscriptionWaiter,
} from '../broker/broker.js';
import type { ChannelPattern, SubscriptionKind } from '../channel/channel-pattern.js';
import type { IncomingMessage } from '../codec/codec.js';
import type { MessageBus } from './message-bus.js';

/**
 * Someone who wants the messages of a pattern, from `listen` or `want` to `close`. There may be half a
 * million, so that methods are not `#private`: each object would carry a mark for them.
 */
export abstract class BusListener implements DeliveryListener {
  #isListening = false;

  constructor(
    readonly pattern: ChannelPattern,
    /** Whether it hears what is published to shard channels. */
    readonly isSharded: boolean,
  ) {}

  protected abstract get bus(): MessageBus;

  /** `channel` is without the prefix. Must not throw. */
  protected abstract onMessage(message: IncomingMessage, channel: string, delivery: Delivery): void;

  /** See `DeliveryListener`. */
  onResubscribed?(gap: PubSubGap): void;

  get isListening(): boolean {
    return this.#isListening;
  }

  /** Throws for a channel that nobody may hear; resolves and rejects as `Broker#subscribe`. */
  listen(): Promise<void> {
    this.begin();
    return this.bus.broker.subscribe(this.subscriptionKind, this.name, this);
  }

  /** As {@link listen}, but tells a waiter; see `Broker#subscribeFor`. */
  listenFor(waiter: SubscriptionWaiter): void {
    this.begin();
    this.bus.broker.subscribeFor(this.subscriptionKind, this.name, this, waiter);
  }

  /** As {@link listen}, but nobody waits; see `Broker#want`. */
  want(): void {
    this.begin();
    this.bus.broker.want(this.subscriptionKind, this.name, this);
  }

  /** Hears nothing from the call on; see `Broker#unsubscribe`. Idempotent. */
  close(lingers = false): void {
    if (!this.#isListening) return;
    this.#isListening = false;
    this.bus.broker.unsubscribe(this.subscriptionKind, this.name, this, lingers);
  }

  onDelivery(delivery: Delivery): void {
    const { bus } = this;
    // Before decoding: a handler of `*` must not pay for the replies of others.
    if (delivery.kind === 'pattern' && bus.reserved.has(delivery.channel)) return;
    const { length } = bus.options.prefix;
    const channel = length === 0 ? delivery.channel : delivery.channel.slice(length);
    const message = bus.read(delivery, channel);
    if (message) this.onMessage(message, channel, delivery);
  }

  private begin(): void {
    this.bus.reserved.assertFree(this.name, this.pattern.source);
    this.#isListening = true;
  }

  private get subscriptionKind(): SubscriptionKind {
    return this.pattern.subscriptionKind(this.isSharded);
  }

  private get name(): string {
    return this.pattern.withPrefix(this.bus.options.prefix);
  }
}
