import { describe, expect, it } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { useRedis } from '../../support/redis.js';
import { startService } from './service-app.js';

describe('service.status', () => {
  const redis = useRedis();

  it('is the current status of the connections', async () => {
    const { app, service, becomes } = await startService(redis);
    expect(service.status).toBe('connected');
    closeAfterTest(() => redis.start());
    redis.client.on('error', () => undefined);
    await redis.stop();
    await becomes('reconnecting');
    expect(service.status).toBe('reconnecting');
    await app.close();
    expect(service.status).toBe('disconnected');
  });

  it('is "connecting" until the first connection to Redis', async () => {
    const { service } = await startService(redis, {
      connection: 'redis://127.0.0.1:1',
      onStart: 'background',
    });
    expect(service.status).toBe('connecting');
  });
});
