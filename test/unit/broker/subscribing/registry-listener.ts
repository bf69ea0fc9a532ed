import type { Delivery, DeliveryListener } from '../../../../src/broker/broker.js';
import type { Subscription } from '../../../../src/broker/subscribing/subscription.js';
import type { SubscriptionRegistry } from '../../../../src/broker/subscribing/subscription-registry.js';

/** Remembers what it heard. */
export class Listener implements DeliveryListener {
  readonly heard: string[] = [];

  constructor(readonly onMessage: () => void = () => undefined) {}

  onDelivery({ payload }: Delivery): void {
    this.heard.push(payload.toString());
    this.onMessage();
  }
}

/** Resolves when Redis has acknowledged a subscription, and rejects when it came to nothing. */
export function acknowledgement(
  subscription: Subscription,
  listener: DeliveryListener,
): Promise<void> {
  return new Promise((onSubscribed, onFailed) => {
    subscription.addWaiter(listener, { onSubscribed, onFailed });
  });
}

/** A delivery of the channel `a`. */
export const message = (
  payload: string,
  subscription = 'a',
  kind: Delivery['kind'] = 'channel',
) => ({
  kind,
  subscription,
  channel: 'a',
  payload: Buffer.from(payload),
});

/** Does what a Redis that refuses nothing makes of what the registry wants; returns what it was told. */
export function settle(registry: SubscriptionRegistry): string[] {
  const stale = [...registry.takeStale('channel', 100), ...registry.takeStale('pattern', 100)];
  return stale.map((subscription) => {
    const { isWanted, kind, name } = subscription;
    if (isWanted) {
      registry.told(subscription);
      registry.acknowledge(subscription);
    } else {
      registry.end(subscription);
    }
    return `${isWanted ? '+' : '-'}${kind} ${name}`;
  });
}
