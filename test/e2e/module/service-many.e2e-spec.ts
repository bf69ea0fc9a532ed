import { filter, repeat, Subscription, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { callsOf, eventually, useRedis } from '../../support/redis.js';
import { startService } from './service-app.js';
import { IN_MEMORY } from '../../support/in-memory.js';

const OBSERVERS = 10_000;

describe('many observers of one channel', () => {
  const redis = useRedis();

  it.skipIf(IN_MEMORY)(
    'can be 10,000: each receives the message once over one Redis subscription',
    async () => {
      const { service } = await startService(redis);
      await redis.client.config('RESETSTAT');
      const counts = Array<number>(OBSERVERS).fill(0);
      const all = new Subscription();
      let received = 0;
      for (let i = 0; i < OBSERVERS; i++) {
        all.add(
          service.observe('many.a').subscribe(() => {
            counts[i] = (counts[i] ?? 0) + 1;
            received++;
          }),
        );
      }
      await redis.subscribers('many.a', 1);
      expect(await service.publish('many.a', 1)).toBe(1);
      await eventually(() => received >= OBSERVERS);
      expect(await callsOf(redis.client, 'subscribe')).toBe(1);
      all.unsubscribe();
      await redis.subscribers('many.a', 0);
      expect(counts.filter((count) => count !== 1)).toEqual([]);
    },
  );

  it('can be spread over 2,000 channels, and each receives the message of its channel', async () => {
    const { service } = await startService(redis);
    const received: string[] = [];
    const channels = Array.from({ length: 2_000 }, (_, i) => `wide.${i}`);
    await Promise.all(
      channels.map((channel) =>
        service.subscribe<string>(channel, (message) => {
          if (message.data === channel) received.push(message.channel);
        }),
      ),
    );
    await Promise.all(channels.map((channel) => service.publish(channel, channel)));
    await eventually(() => received.length === channels.length);
    expect(received).toEqual(channels);
  });

  it('can unsubscribe one another while a message is delivered', async () => {
    const { service } = await startService(redis);
    const received: unknown[] = [];
    const others: Subscription[] = [];
    const first = service.observe('leave.a').subscribe(({ data }) => {
      received.push(['first', data]);
      first.unsubscribe();
      others[0]?.unsubscribe();
    });
    for (const name of ['second', 'third']) {
      others.push(service.observe('leave.a').subscribe(({ data }) => received.push([name, data])));
    }
    await redis.subscribers('leave.a', 1);
    await service.publish('leave.a', 1);
    await service.publish('leave.a', 2);
    await eventually(() => received.length >= 3);
    expect(received).toEqual([
      ['first', 1],
      ['third', 1],
      ['third', 2],
    ]);
  });

  it.each([[0], [2]])(
    'receive each message once with take(1) and repeat(), beside %i other observers',
    async (others) => {
      const { service } = await startService(redis);
      const received: unknown[] = [];
      const all = new Subscription();
      for (let i = 0; i < others; i++) all.add(service.observe('repeat.a').subscribe());
      all.add(
        service
          .observe('repeat.a')
          .pipe(take(1), repeat())
          .subscribe(({ data }) => received.push(data)),
      );
      await redis.subscribers('repeat.a', 1);
      for (const n of [1, 2, 3]) expect(await service.publish('repeat.a', n)).toBe(1);
      await eventually(() => received.includes(3));
      all.unsubscribe();
      expect(received).toEqual([1, 2, 3]);
      await redis.subscribers('repeat.a', 0);
    },
  );

  it('that subscribe during a delivery receive only the next message', async () => {
    const { service } = await startService(redis);
    const received: unknown[] = [];
    const leaving = new Subscription();
    service
      .observe('join.a')
      .pipe(filter(({ data }) => data === 1))
      .subscribe(() => {
        // One observer unsubscribes and one subscribes, so that their number stays the same.
        leaving.unsubscribe();
        service.observe('join.a').subscribe(({ data }) => received.push(['new', data]));
      });
    leaving.add(service.observe('join.a').subscribe(({ data }) => received.push(['left', data])));
    await redis.subscribers('join.a', 1);
    await service.publish('join.a', 1);
    await service.publish('join.a', 2);
    await eventually(() => received.length > 0);
    expect(received).toEqual([['new', 2]]);
  });
});
