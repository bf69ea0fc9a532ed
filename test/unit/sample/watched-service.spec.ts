import type { RedisPubSubHealthIndicator } from 'nestjs-redis-pubsub';
import { describe, expect, it } from 'vitest';
import { WatchedService } from '../../../sample/notifications/monitoring/watched-service.js';

const isHealthy = (key: string, options: object) => ({ [key]: { status: 'up', ...options } });

describe('WatchedService', () => {
  it('is down until the service has started, and then what its indicator says', () => {
    const watched = new WatchedService();
    expect(watched.isHealthy(10)).toEqual({
      'redis-pubsub': { status: 'down', connection: 'starting' },
    });
    watched.watch({ isHealthy } as unknown as RedisPubSubHealthIndicator);
    expect(watched.isHealthy(10)).toEqual({ 'redis-pubsub': { status: 'up', grace: 10 } });
  });
});
