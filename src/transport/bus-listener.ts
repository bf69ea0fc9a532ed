import {
  whenSubscribed,
  type Delivery,
  type DeliveryListener,
  type PubSubGap,
  type SubscriptionWaiter,
} from '../broker/broker.js';
import type { ChannelPattern } from '../channel/channel-pattern.js';
import type { SubscriptionKey } from '../channel/subscription-key.js';
import type { IncomingMessage } from '../codec/codec.js';
import type { MessageBus } from './message-bus.js';

/**
 * Receives the messages of a pattern, from `listen` to `close`. A process may hold half a million: its methods
 * are not `#private`, since V8 would add a mark for them to each object.
 */
export abstract class BusListener implements DeliveryListener {
  constructor(
    readonly pattern: ChannelPattern,
    readonly key: SubscriptionKey,
  ) {}

  /** Whether it replies to requests. */
  get replies(): boolean {
    return false;
  }

  protected abstract get bus(): MessageBus;

  /** `channel` is without the prefix. Must not throw. */
  protected abstract onMessage(message: IncomingMessage, channel: string, delivery: Delivery): void;

  /** See `DeliveryListener`. */
  onResubscribed?(gap: PubSubGap): void;

  /** Throws for a reserved channel. */
  protected assertFree(): void {
    this.bus.reserved.assertFree(this.key.name, this.pattern.source);
  }

  /** Subscribes; see `Broker#subscribe`. Throws for a reserved channel. */
  listen(waiter?: SubscriptionWaiter): void {
    this.assertFree();
    this.bus.broker.subscribe(this.key, this, waiter);
  }

  /** Subscribes; resolves on Redis' acknowledgement. Rejects for a reserved channel, and when Redis refuses. */
  async whenListening(): Promise<void> {
    this.assertFree();
    await whenSubscribed(this.bus.broker, this.key, this);
  }

  /** Receives nothing from this call on; see `Broker#unsubscribe`. Idempotent. */
  close(isDelayed = false): void {
    this.bus.broker.unsubscribe(this.key, this, isDelayed);
  }

  onDelivery(delivery: Delivery): void {
    const { bus } = this;
    // Before decoding: a handler of `*` must not cost the decoding of other clients' replies.
    if (delivery.kind === 'pattern' && bus.reserved.has(delivery.channel)) return;
    const { length } = bus.options.prefix;
    const channel = length === 0 ? delivery.channel : delivery.channel.slice(length);
    const message = bus.reader.read(delivery, channel);
    if (message) this.onMessage(message, channel, delivery);
  }
}
