import type { RedisPubSubService } from 'nestjs-redis-pubsub';
import type { LocalCache } from 'nestjs-redis-pubsub/cache';

/** The service for a cache that looks at no status and no time of delivery, and learns of no gap and no loss. */
export function blind(service: RedisPubSubService): ConstructorParameters<typeof LocalCache>[0] {
  const observe = (
    channel: string,
    { onSubscribed, sharded }: { onSubscribed: (gap?: unknown) => unknown; sharded?: boolean },
  ) =>
    service.observe(channel, {
      onSubscribed: (gap) => gap ?? onSubscribed(),
      ...(sharded !== undefined && { sharded }),
    });
  return {
    deliveryTimeout: service.deliveryTimeout,
    status: 'connected',
    get lastDeliveryAt() {
      return new Date();
    },
    publish: service.publish.bind(service),
    observeKeys: service.observeKeys.bind(service),
    observe: observe as never,
  };
}
