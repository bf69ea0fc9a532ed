import { describe, expect, it } from 'vitest';
import {
  RedisPubSubHealthIndicator,
  RedisPubSubModule,
  RedisPubSubService,
} from 'nestjs-redis-pubsub';
import { InMemoryRedis } from 'nestjs-redis-pubsub/testing';
import { eventually } from '../../support/redis.js';
import { startContext } from '../module/apps.js';

async function start() {
  const redis = new InMemoryRedis();
  const { app } = await startContext({
    imports: [RedisPubSubModule.forRoot({ connection: redis })],
  });
  await app.get(RedisPubSubService).subscribe('health.a', () => {});
  return { redis, health: app.get(RedisPubSubHealthIndicator) };
}

describe('RedisPubSubHealthIndicator over an InMemoryRedis', () => {
  it('is up, with the subscriptions and the time of the last delivery', async () => {
    const { health } = await start();
    const before = new Date();
    expect(health.isHealthy()['redis-pubsub'].status).toBe('up');
    expect(health.check()).toMatchObject({ status: 'connected', subscriptions: 2 });
    expect(health.check().lastDeliveryAt?.getTime()).toBeGreaterThanOrEqual(before.getTime());
  });

  it('is down while the memory is cut off, within a grace impaired, and up again', async () => {
    const { redis, health } = await start();
    redis.cut();
    const { status, lastDeliveryAt } = health.check();
    expect(status).toBe('reconnecting');
    await eventually(() => Date.now() > (lastDeliveryAt?.getTime() ?? Infinity));
    expect(health.check().lastDeliveryAt).toEqual(lastDeliveryAt);
    expect(health.isHealthy()['redis-pubsub'].status).toBe('down');
    expect(health.isHealthy('a', { grace: 600_000 }).a).toMatchObject({
      status: 'up',
      impaired: true,
    });
    redis.restore();
    await eventually(() => health.isHealthy()['redis-pubsub'].status === 'up');
  });

  it('is down while the memory delivers nothing, whatever the grace', async () => {
    const { redis, health } = await start();
    redis.deafen();
    const { status, lastDeliveryAt, starvingSince } = health.check();
    expect(status).toBe('starving');
    expect(starvingSince?.getTime()).toBeGreaterThanOrEqual(lastDeliveryAt?.getTime() ?? Infinity);
    expect(health.isHealthy('a', { grace: Infinity }).a.status).toBe('down');
    redis.restore();
    await eventually(() => health.isHealthy()['redis-pubsub'].status === 'up');
    expect(health.check()).not.toHaveProperty('starvingSince');
  });
});
