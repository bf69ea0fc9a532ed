import type { Delivery, DeliveryListener, PubSubGap } from '../broker/broker.js';
import type { SubscriptionKind } from '../channel/channel-pattern.js';
import type { IncomingMessage } from '../codec/codec.js';
import type { MessageBus } from './message-bus.js';

/** Someone who wants the messages of a pattern. */
export interface MessageListener {
  /** `channel` is without the prefix. Must not throw. */
  onMessage(message: IncomingMessage, channel: string, delivery: Delivery): void;
  /** Redis acknowledged the pattern again, after an outage. Must not throw. */
  onResubscribed?(gap: PubSubGap): void;
}

/** One listener of a bus, from subscribe to {@link close}. */
export class BusSubscription implements DeliveryListener {
  readonly #bus: MessageBus;
  readonly #listener: MessageListener;
  readonly #prefixLength: number;

  constructor(
    bus: MessageBus,
    readonly kind: SubscriptionKind,
    /** As Redis knows it. */
    readonly name: string,
    listener: MessageListener,
  ) {
    this.#bus = bus;
    this.#listener = listener;
    this.#prefixLength = bus.options.prefix.length;
  }

  onDelivery(delivery: Delivery): void {
    // Before decoding: a handler of `*` must not pay for the replies of others.
    if (delivery.kind === 'pattern' && this.#bus.reserved.has(delivery.channel)) return;
    const channel =
      this.#prefixLength === 0 ? delivery.channel : delivery.channel.slice(this.#prefixLength);
    const message = this.#bus.read(delivery, channel);
    if (message) this.#listener.onMessage(message, channel, delivery);
  }

  onResubscribed(gap: PubSubGap): void {
    this.#listener.onResubscribed?.(gap);
  }

  /** Hears nothing from the call on; see `Broker#unsubscribe`. */
  close(lingers = false): void {
    this.#bus.broker.unsubscribe(this.kind, this.name, this, lingers);
  }
}
