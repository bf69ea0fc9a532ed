import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { serviceSettings, type ServiceSettings } from '../process/settings.module.js';

/** The connection for stored data. Pub/Sub has its own connections. */
@Module({
  providers: [{ provide: Redis, inject: [serviceSettings.KEY], useFactory: connect }],
  exports: [Redis],
})
export class StorageModule implements OnApplicationShutdown {
  constructor(private readonly redis: Redis) {}

  /** The last shutdown hook of Nest, after all running handlers have completed. */
  onApplicationShutdown(): void {
    this.redis.disconnect();
  }
}

function connect({ redisUrl }: ServiceSettings): Redis {
  const redis = new Redis(redisUrl, {
    // During an outage a request fails early instead of waiting, and no command is sent twice.
    maxRetriesPerRequest: 1,
    commandTimeout: 2_000,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (attempt) => Math.min(attempt * 50, 500),
  });
  // RedisPubSubModule already logs the outage.
  return redis.on('error', () => undefined);
}
