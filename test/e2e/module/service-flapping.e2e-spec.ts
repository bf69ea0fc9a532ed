import { describe, expect, it } from 'vitest';
import { callsOf, eventually, useRedis } from '../../support/redis.js';
import { startService } from './service-app.js';
import { IN_MEMORY } from '../../support/in-memory.js';

describe('an observer that unsubscribes and subscribes again', () => {
  const redis = useRedis();

  it.skipIf(IN_MEMORY)(
    'causes one SUBSCRIBE, and one UNSUBSCRIBE after the unsubscribe delay',
    async () => {
      const { service } = await startService(redis);
      await redis.client.config('RESETSTAT');
      const received: unknown[] = [];
      for (let i = 0; i < 100; i++) {
        const subscription = await service.subscribe('flap.a', ({ data }) => received.push(data));
        subscription.unsubscribe();
      }
      expect(await callsOf(redis.client, 'subscribe')).toBe(1);
      expect(await callsOf(redis.client, 'unsubscribe')).toBe(0);
      await service.publish('flap.a', 'no observer');
      await redis.subscribers('flap.a', 0);
      expect(await callsOf(redis.client, 'unsubscribe')).toBe(1);
      expect(received).toEqual([]);
    },
  );

  it('receives every message after it subscribes again', async () => {
    const { service } = await startService(redis);
    const received: unknown[] = [];
    const first = await service.subscribe('flap.b', () => undefined);
    first.unsubscribe();
    await service.subscribe('flap.b', ({ data }) => received.push(data));
    expect(await redis.client.publish('flap.b', '1')).toBe(1);
    await eventually(() => received.length === 1);
    // The unsubscribe delay of "flap.c" started later, so the delay of "flap.b" has passed as well.
    (await service.subscribe('flap.c', () => undefined)).unsubscribe();
    await redis.subscribers('flap.c', 0);
    expect(await redis.client.publish('flap.b', '2')).toBe(1);
    await eventually(() => received.length === 2);
  });

  it('leaves no subscription if the connection is lost during the unsubscribe delay', async () => {
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
