import { describe, expect, it } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { useRedis } from '../../support/redis.js';
import { startService } from './service-app.js';

describe('the status of the service', () => {
  const redis = useRedis();

  it('is that of the connections at this moment', async () => {
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

  it('is connecting until there is a Redis for the first time', async () => {
    const { service } = await startService(redis, {
      connection: 'redis://127.0.0.1:1',
      onStart: 'background',
    });
    expect(service.status).toBe('connecting');
  });
});
