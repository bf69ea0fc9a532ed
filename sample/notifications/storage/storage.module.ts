import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { settings } from '../process/settings.js';

/** The connection for what must not be lost. Pub/Sub has connections of its own. */
@Module({ providers: [{ provide: Redis, useFactory: connect }], exports: [Redis] })
export class StorageModule implements OnApplicationShutdown {
  constructor(private readonly redis: Redis) {}

  /** The last of Nest's hooks: handlers that were running have ended. */
  onApplicationShutdown(): void {
    this.redis.disconnect();
  }
}

function connect(): Redis {
  const redis = new Redis(settings.redisUrl, {
    // A request fails soon rather than wait for a Redis that is away, and nothing is done twice.
    maxRetriesPerRequest: 1,
    commandTimeout: 2_000,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (attempt) => Math.min(attempt * 50, 500),
  });
  // The transport logs outages already.
  return redis.on('error', () => undefined);
}
