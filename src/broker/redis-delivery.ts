import type { SubscriptionKind } from '../channel/channel-pattern.js';
import type { Delivery } from './broker.js';

/** A message as it came from Redis. */
export class RedisDelivery implements Delivery {
  decoded: unknown = undefined;

  constructor(
    readonly kind: SubscriptionKind,
    readonly subscription: string,
    readonly channel: string,
    readonly payload: Buffer,
  ) {}
}
