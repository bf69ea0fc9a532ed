import { describe, expect, it } from 'vitest';
import { InvalidOptionError, type PubSubGap } from 'nestjs-redis-pubsub';
import { eventually, useRedis } from '../../support/redis.js';
import { startService } from './service-app.js';

type Gaps = (PubSubGap | undefined)[];

describe('onSubscribed', () => {
  const redis = useRedis();

  it('is called when Redis has acknowledged the subscription, and not before', async () => {
    const { service } = await startService(redis);
    const gaps: Gaps = [];
    service.observe('gap.first', { onSubscribed: (gap) => gaps.push(gap) }).subscribe();
    expect(gaps).toEqual([]);
    await eventually(() => gaps.length === 1);
    expect(gaps).toEqual([undefined]);
    expect(await redis.client.publish('gap.first', '1')).toBe(1);
  });

  it('is called for an observer that joins an existing subscription', async () => {
    const { service } = await startService(redis);
    await service.subscribe('gap.joined', () => undefined);
    const gaps: Gaps = [];
    service.observe('gap.joined', { onSubscribed: (gap) => gaps.push(gap) }).subscribe();
    await eventually(() => gaps.length === 1);
    expect(gaps).toEqual([undefined]);
  });

  it.each(['observe', 'observePattern'] as const)(
    '%s calls it with a gap from the last proof of delivery until the subscription is active again',
    async (observe) => {
      const { service, becomes } = await startService(redis, { pingInterval: 20 });
      const gaps: Gaps = [];
      const received: unknown[] = [];
      service[observe]('gap.outage', {
        onSubscribed: (gap) => {
          gaps.push(gap);
          if (gap) void redis.client.publish('gap.outage', '"after"');
        },
      }).subscribe(({ data }) => received.push(data));
      await eventually(() => gaps.length === 1);
      await redis.stop();
      await becomes('reconnecting');
      const lost = Date.now();
      await redis.start();
      await eventually(() => received.length === 1);
      expect(received).toEqual(['after']);
      expect(gaps).toHaveLength(2);
      const { from, to } = gaps[1] ?? {};
      expect(from?.getTime()).toBeLessThanOrEqual(lost);
      expect(to?.getTime()).toBeGreaterThanOrEqual(lost);
    },
  );

  it('is called for subscribe and subscribePattern, with a gap after an outage', async () => {
    const { service } = await startService(redis);
    const gaps: Gaps = [];
    const options = { onSubscribed: (gap?: PubSubGap) => void gaps.push(gap) };
    await service.subscribe('gap.subscribe', () => undefined, options);
    await service.subscribePattern('gap.:kind', () => undefined, options);
    expect(gaps).toEqual([undefined, undefined]);
    await redis.killConnections();
    await eventually(() => gaps.length === 4);
    expect(gaps[2]).toEqual({ from: expect.any(Date), to: expect.any(Date) });
  });

  it('is called once per outage for each observer, and not after an unsubscribe', async () => {
    const { service, becomes } = await startService(redis);
    const received: string[] = [];
    const observe = (name: string) =>
      service
        .observe('gap.many', {
          onSubscribed: (gap) => received.push(`${name} ${gap ? 'gap' : ''}`),
        })
        .subscribe();
    observe('a');
    observe('b');
    const unsubscribed = observe('c');
    await eventually(() => received.length === 3);
    unsubscribed.unsubscribe();
    for (const outage of [1, 2]) {
      received.length = 0;
      await redis.killConnections();
      await becomes('reconnecting');
      await becomes('connected');
      expect(received, `outage ${outage}`).toEqual(['a gap', 'b gap']);
    }
  });

  it('is called without a gap for an observer that subscribed during the outage', async () => {
    const { service, becomes } = await startService(redis);
    const gaps: { old: Gaps; late: Gaps } = { old: [], late: [] };
    service.observe('gap.late', { onSubscribed: (gap) => gaps.old.push(gap) }).subscribe();
    await eventually(() => gaps.old.length === 1);
    await redis.stop();
    await becomes('reconnecting');
    service.observe('gap.late', { onSubscribed: (gap) => gaps.late.push(gap) }).subscribe();
    await redis.start();
    await eventually(() => gaps.late.length === 1 && gaps.old.length === 2);
    expect(gaps.late).toEqual([undefined]);
    expect(gaps.old[1]).toBeDefined();
  });

  it.each([
    [
      'throw',
      () => {
        throw new Error('cannot reload');
      },
    ],
    ['reject', () => Promise.reject(new Error('cannot reload'))],
  ])('may %s: the error is logged, and messages are still delivered', async (_, onSubscribed) => {
    const { service, log } = await startService(redis);
    const received: unknown[] = [];
    service.observe('gap.throws', { onSubscribed }).subscribe(({ data }) => received.push(data));
    await redis.subscribers('gap.throws', 1);
    await redis.client.publish('gap.throws', '1');
    await eventually(() => received.length === 1 && log.of('error').length > 0);
    expect(log.of('error')).toEqual([
      expect.stringMatching(/^onSubscribed of "gap\.throws" failed: .*cannot reload/),
    ]);
  });

  it('must be a function', async () => {
    const { service } = await startService(redis);
    const wrong = { onSubscribed: 'reload' as unknown as () => void };
    expect(() => service.observe('gap.wrong', wrong)).toThrow(InvalidOptionError);
    await expect(service.subscribe('gap.wrong', () => undefined, wrong)).rejects.toThrow(
      'Expected "onSubscribed" to be a function, got "reload"',
    );
  });
});
