import type { Broker, Delivery, DeliveryListener, PubSubGap } from '../broker/broker.js';
import type { NamespaceChannel } from './channels.js';

/** What becomes of the messages and the gaps of a subscription. */
interface SubscriptionCallbacks {
  readonly onDelivery: (delivery: Delivery) => void;
  /** Redis acknowledged it, for the first time or again. With a gap, messages may be lost. */
  readonly onSubscribed?: ((gap?: PubSubGap) => void) | undefined;
}

/** A subscription that Redis may refuse, or not acknowledge yet: the broker tries again until `close`. */
export class ChannelSubscription implements DeliveryListener {
  readonly onDelivery: (delivery: Delivery) => void;
  readonly #broker: Broker;
  readonly #channel: NamespaceChannel;
  readonly #onSubscribed: SubscriptionCallbacks['onSubscribed'];
  #onAcknowledged: () => void = () => undefined;
  readonly #acknowledged = new Promise<void>((resolve) => {
    this.#onAcknowledged = resolve;
  });
  #isNew = true;
  #isUsed = false;

  constructor(
    broker: Broker,
    channel: NamespaceChannel,
    { onDelivery, onSubscribed }: SubscriptionCallbacks,
  ) {
    this.#broker = broker;
    this.#channel = channel;
    this.onDelivery = onDelivery;
    this.#onSubscribed = onSubscribed;
  }

  /** Whether messages arrive, as far as this process knows. */
  get isSubscribed(): boolean {
    return this.#broker.isSubscribed(this.#channel);
  }

  open(): void {
    this.#broker.subscribe(this.#channel, this);
    // Another server of this process may share the subscription.
    if (this.isSubscribed) queueMicrotask(() => this.onResubscribed());
  }

  /** Resolves on the acknowledgement; at once while Redis cannot be reached, or refuses it. The acknowledgement then ends a gap. */
  whenUsable(): Promise<void> | undefined {
    if (!this.#isNew) return undefined;
    if (this.#broker.canSubscribe(this.#channel)) return this.#acknowledged;
    this.#isUsed = true;
    return undefined;
  }

  onResubscribed(gap?: PubSubGap): void {
    const isGap = this.#isUsed || !this.#isNew;
    this.#isNew = false;
    this.#onAcknowledged();
    this.#onSubscribed?.(isGap ? gap : undefined);
  }

  /** It may be refused for long, and a socket must not wait for that. */
  onRefused(): void {
    this.#isUsed = true;
    this.#onAcknowledged();
  }

  close(): void {
    this.#broker.unsubscribe(this.#channel, this);
    this.#onAcknowledged();
  }
}
