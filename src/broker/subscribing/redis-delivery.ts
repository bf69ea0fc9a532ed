import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../../channel/channel-pattern.js';
import type { Delivery } from '../broker.js';

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

/** Calls `onDelivery` with every message that comes to a client. */
export function receiveFrom(client: Redis, onDelivery: (delivery: Delivery) => void): void {
  // Bytes, not text: only the codec knows what they are, and it reads them once.
  client.on('messageBuffer', (name: Buffer, payload: Buffer) => {
    const channel = name.toString();
    onDelivery(new RedisDelivery('channel', channel, channel, payload));
  });
  client.on('pmessageBuffer', (pattern: string, name: Buffer, payload: Buffer) => {
    onDelivery(new RedisDelivery('pattern', pattern, name.toString(), payload));
  });
  client.on('smessageBuffer', (name: Buffer, payload: Buffer) => {
    const channel = name.toString();
    onDelivery(new RedisDelivery('shard', channel, channel, payload));
  });
}
