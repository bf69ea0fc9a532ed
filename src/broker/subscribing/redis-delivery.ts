import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../../channel/subscription-key.js';
import type { Delivery } from '../broker.js';

/** A message that Redis sent. */
class RedisDelivery implements Delivery {
  decoded: unknown = undefined;

  constructor(
    readonly kind: SubscriptionKind,
    readonly subscription: string,
    readonly channel: string,
    readonly payload: Buffer,
  ) {}
}

/**
 * Calls `onDelivery` with every message that a client receives. Drops a frame without a name or without
 * bytes, such as Redis' notices of client-side caching.
 */
export function receiveFrom(client: Redis, onDelivery: (delivery: Delivery) => void): void {
  // Bytes and not text: the codec decodes them, once.
  client.on('messageBuffer', (name: unknown, payload: unknown) => {
    if (!Buffer.isBuffer(name) || !Buffer.isBuffer(payload)) return;
    const channel = name.toString();
    onDelivery(new RedisDelivery('channel', channel, channel, payload));
  });
  client.on('pmessageBuffer', (pattern: string, name: unknown, payload: unknown) => {
    if (!Buffer.isBuffer(name) || !Buffer.isBuffer(payload)) return;
    onDelivery(new RedisDelivery('pattern', pattern, name.toString(), payload));
  });
  client.on('smessageBuffer', (name: unknown, payload: unknown) => {
    if (!Buffer.isBuffer(name) || !Buffer.isBuffer(payload)) return;
    const channel = name.toString();
    onDelivery(new RedisDelivery('shard', channel, channel, payload));
  });
}
