import { describe, expect, it } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startService } from './service-app.js';

describe('service.deliveryTimeout', () => {
  const redis = useRedis();

  it('is how old lastDeliveryAt is at most while messages arrive', async () => {
    const times = { pingInterval: 40, pingTimeout: 2_000, probeInterval: 60 };
    const { service } = await startService(redis, times);
    expect(service.deliveryTimeout).toBe(2_060);
    const first = service.lastDeliveryAt?.getTime() ?? NaN;
    expect(Math.abs(Date.now() - first)).toBeLessThanOrEqual(service.deliveryTimeout);
    await eventually(() => (service.lastDeliveryAt?.getTime() ?? NaN) > first);
    const other = await startService(redis, { pingInterval: 70, pingTimeout: 9, probeInterval: 0 });
    expect(other.service.deliveryTimeout).toBe(79);
  });

  it('has no last delivery before the first connection', async () => {
    const { service } = await startService(redis, {
      connection: 'redis://127.0.0.1:1',
      onStart: 'background',
    });
    expect(service.lastDeliveryAt).toBeUndefined();
  });
});

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
