import { Injectable } from '@nestjs/common';
import {
  Key,
  OnKeyEvent,
  RedisPubSubModule,
  RedisPubSubServer,
  type HandlerGap,
} from 'nestjs-redis-pubsub';
import { expect, describe, it } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { eventually } from '../../support/redis.js';
import { SentinelSet } from '../../support/sentinel.js';
import { startContext } from '../module/apps.js';

describe('a handler of keys over sentinels', () => {
  it('hears each expiration at the master once, and follows a failover to one that is set up for it', async () => {
    const set = await SentinelSet.start();
    closeAfterTest(() => set.stop());
    const heard = new Map<string, number>();
    @Injectable()
    class Sessions {
      @OnKeyEvent('expired', 'session:*')
      onExpired(@Key() key: string) {
        heard.set(key, (heard.get(key) ?? 0) + 1);
      }
    }
    const sentinels = set.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
    const { app } = await startContext({
      imports: [
        RedisPubSubModule.forRoot({ connection: { sentinels, name: set.name }, notify: 'set' }),
      ],
      providers: [Sessions],
    });
    const gaps: HandlerGap[] = [];
    app.get(RedisPubSubServer).gaps.subscribe((gap) => gaps.push(gap));
    const expireAll = async (name: string): Promise<void> => {
      const { client } = await set.master();
      const keys = Array.from({ length: 50 }, (_, i) => `session:${name}:${i}`);
      for (const key of keys) await client.set(key, 1, 'PX', 20);
      await eventually(() => keys.every((key) => heard.has(key)));
    };

    await expireAll('before');
    const master = await set.master();
    await set.failOver();
    await set.failedOver(master);
    const over = Date.now();
    const { client } = await set.master();
    await eventually(() => gaps.length > 0);
    await eventually(async () => {
      const [, flags] = await client.config('GET', 'notify-keyspace-events');
      return flags?.includes('E') === true;
    });
    await expireAll('after');
    expect([...heard.values()].every((count) => count === 1)).toBe(true);
    expect(gaps[0]!.from.getTime()).toBeLessThanOrEqual(over);
    expect(heard.size).toBe(100);
  });
});
