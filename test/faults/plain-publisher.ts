import { Redis, type RedisOptions } from 'ioredis';
import { AT_ONCE } from '../chaos/plain-publisher.js';
import { until } from '../chaos/until.js';
import type { Publisher } from './fault.js';

/** A {@link Publisher} over one connection. */
export interface PlainPublisher extends Publisher {
  readonly client: Redis;
}

/** Resolves when it is connected. */
export async function openPlainPublisher(direct: RedisOptions): Promise<PlainPublisher> {
  const client = new Redis({ ...direct, ...AT_ONCE, retryStrategy: () => 20 });
  client.on('error', () => undefined);
  await until('the publisher is ready', () => client.status === 'ready');
  return {
    client,
    send: (channel, data) => client.publish(channel, JSON.stringify(data)),
    close: () => client.disconnect(),
  };
}
