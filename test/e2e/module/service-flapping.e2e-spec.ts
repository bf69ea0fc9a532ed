import { describe, expect, it } from 'vitest';
import { callsOf, eventually, useRedis } from '../../support/redis.js';
import { startService } from './service-app.js';

describe('an observer that comes and goes', () => {
  const redis = useRedis();

  it('costs one SUBSCRIBE and no UNSUBSCRIBE, until it stays away', async () => {
    const { service } = await startService(redis);
    await redis.client.config('RESETSTAT');
    const heard: unknown[] = [];
    for (let i = 0; i < 100; i++) {
      const subscription = await service.subscribe('flap.a', ({ data }) => heard.push(data));
      subscription.unsubscribe();
    }
    expect(await callsOf(redis.client, 'subscribe')).toBe(1);
    expect(await callsOf(redis.client, 'unsubscribe')).toBe(0);
    await service.publish('flap.a', 'nobody is there');
    await redis.subscribers('flap.a', 0);
    expect(await callsOf(redis.client, 'unsubscribe')).toBe(1);
    expect(heard).toEqual([]);
  });

  it('hears everything from the moment it is back', async () => {
    const { service } = await startService(redis);
    const heard: unknown[] = [];
    const first = await service.subscribe('flap.b', () => undefined);
    first.unsubscribe();
    await service.subscribe('flap.b', ({ data }) => heard.push(data));
    expect(await redis.client.publish('flap.b', '1')).toBe(1);
    await eventually(() => heard.length === 1);
    // Longer than anything lingers: the end of another one's linger is seen here.
    (await service.subscribe('flap.c', () => undefined)).unsubscribe();
    await redis.subscribers('flap.c', 0);
    expect(await redis.client.publish('flap.b', '2')).toBe(1);
    await eventually(() => heard.length === 2);
  });

  it('leaves nothing behind when its connection is lost meanwhile', async () => {
    const { service, becomes } = await startService(redis);
    const subscription = await service.subscribe('flap.d', () => undefined);
    await service.subscribe('flap.e', () => undefined);
    subscription.unsubscribe();
    await redis.killConnections();
    await becomes('reconnecting');
    await becomes('connected');
    expect(await service.subscriberCounts('flap.d', 'flap.e')).toEqual({
      'flap.d': 0,
      'flap.e': 1,
    });
  });
});
