import { describe, expect, it } from 'vitest';
import { InvalidChannelError } from 'nestjs-redis-pubsub';
import { LocalCache } from 'nestjs-redis-pubsub/cache';
import { InMemoryRedis } from 'nestjs-redis-pubsub/testing';
import { eventually, useRedis } from '../../support/redis.js';
import { HAS_SHARDED, IF_SHARDED } from '../../support/sharded.js';
import { startService } from '../module/service-app.js';

const redis = useRedis();
const load = (): number => 7;

/** Resolves when the cache keeps what it loads. */
const keeps = (cache: LocalCache<number>): Promise<void> =>
  eventually(async () => {
    await cache.get('a', load);
    return cache.peek('a') === 7;
  });

describe('a local cache', () => {
  it.skipIf(!HAS_SHARDED).each([true, false])(
    `has a channel of its kind, with sharded: %s${IF_SHARDED}`,
    async (sharded) => {
      const { service } = await startService(redis, { sharded: !sharded });
      const cache = new LocalCache<number>(service, { channel: 'cache.kind', sharded });
      await keeps(cache);
      expect(await service.publish('cache.kind', { all: true }, { sharded: !sharded })).toBe(0);
      expect(await service.publish('cache.kind', { all: true }, { sharded })).toBe(1);
      await eventually(() => cache.size === 0);
    },
  );

  it('ends with the application, and with close', async () => {
    const { app, service } = await startService(redis);
    const caches = ['one', 'two'].map(
      (name) => new LocalCache<number>(service, { channel: `cache.${name}` }),
    );
    for (const cache of caches) await keeps(cache);
    caches[0]?.close();
    await redis.subscribers('cache.one', 0);
    await app.close();
    for (const cache of caches) {
      expect(await cache.get('a', load)).toBe(7);
      expect(cache.size).toBe(0);
      await expect(cache.invalidate('a')).rejects.toMatchObject({ code: 'ERR_PUBSUB_CLOSED' });
    }
  });

  it('loads each value when Redis refuses its channel, and rejects what it cannot publish', async () => {
    const memory = new InMemoryRedis();
    const { service, log } = await startService({ url: memory } as never);
    memory.refuse('SUBSCRIBE', 'cache.refused');
    memory.refuse('PUBLISH', 'cache.refused');
    const cache = new LocalCache<number>(service, { channel: 'cache.refused' });
    await eventually(() => log.of('error').length === 1);
    expect(log.of('error')[0]).toMatch(
      /^A local cache keeps nothing from now on, since it cannot subscribe to "cache\.refused": /,
    );
    expect(await cache.get('a', load)).toBe(7);
    expect(cache.size).toBe(0);
    await expect(cache.invalidate('a')).rejects.toMatchObject({ code: 'ERR_PUBSUB_PUBLISH' });
  });

  it('refuses a channel that is not valid', async () => {
    const { service } = await startService(redis);
    const create = (channel: string) => () => new LocalCache(service, { channel });
    expect(create('\uD800')).toThrow(InvalidChannelError);
  });
});
