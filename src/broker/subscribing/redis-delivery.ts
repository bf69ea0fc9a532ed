import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../../channel/subscription-key.js';
import { ChunkPayload } from '../../shared/payload.js';
import type { Delivery } from '../broker.js';

/** A message that Redis sent. */
class RedisDelivery implements Delivery {
  decoded: unknown = undefined;

  constructor(
    readonly kind: SubscriptionKind,
    readonly subscription: string,
    readonly channel: string,
    readonly payload: ChunkPayload,
  ) {}
}

/**
 * Calls `onDelivery`, which must not throw, with every message that a client receives. Drops a frame without a name
 * or without bytes, such as Redis' notices of client-side caching.
 */
export function receiveFrom(client: Redis, onDelivery: (delivery: Delivery) => void): void {
  const deliver = (
    kind: SubscriptionKind,
    pattern: string | undefined,
    name: unknown,
    bytes: unknown,
  ): void => {
    if (!Buffer.isBuffer(name) || !Buffer.isBuffer(bytes)) return;
    const channel = name.toString();
    const payload = new ChunkPayload(bytes);
    onDelivery(new RedisDelivery(kind, pattern ?? channel, channel, payload));
    payload.release();
  };
  // Bytes and not text: the codec decodes them, once.
  client.on('messageBuffer', (name: unknown, payload: unknown) =>
    deliver('channel', undefined, name, payload),
  );
  client.on('pmessageBuffer', (pattern: string, name: unknown, payload: unknown) =>
    deliver('pattern', pattern, name, payload),
  );
  client.on('smessageBuffer', (name: unknown, payload: unknown) =>
    deliver('shard', undefined, name, payload),
  );
}
