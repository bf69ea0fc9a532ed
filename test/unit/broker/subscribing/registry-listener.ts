import type { SubscriptionKey } from '../../../../src/channel/subscription-key.js';
import type { Delivery, DeliveryListener } from '../../../../src/broker/broker.js';
import type { Subscription } from '../../../../src/broker/subscribing/subscription.js';
import type { SubscriptionRegistry } from '../../../../src/broker/subscribing/subscription-registry.js';
import { payloadOf } from '../../../support/payload.js';

/** Records the payloads that it receives. */
export class Listener implements DeliveryListener {
  readonly received: string[] = [];

  constructor(readonly onMessage: () => void = () => undefined) {}

  onDelivery({ payload }: Delivery): void {
    this.received.push(payload.text());
    this.onMessage();
  }
}

/** Resolves when a subscription is acknowledged, and rejects when it fails. */
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
  payload: payloadOf(payload),
});

/** Removes a listener, and has the registry compare its subscription, as a subscriber does. */
export function removeListener(
  registry: SubscriptionRegistry,
  key: SubscriptionKey,
  listener: DeliveryListener,
): void {
  const subscription = registry.removeListener(key, listener);
  if (subscription) registry.recheck(subscription);
}

/** Sends and acknowledges all that is dirty, as with a Redis that refuses nothing; returns the commands. */
export function settle(registry: SubscriptionRegistry): string[] {
  const dirty = [...registry.takeDirty('channel', 100), ...registry.takeDirty('pattern', 100)];
  return dirty.map((subscription) => {
    const { hasListeners, key } = subscription;
    if (hasListeners) {
      registry.setPending(subscription);
      registry.acknowledge(subscription);
    } else {
      registry.setUnsubscribed(subscription);
    }
    return `${hasListeners ? '+' : '-'}${key.kind} ${key.name}`;
  });
}
