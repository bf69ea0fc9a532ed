import { describe, expect, it } from 'vitest';
import { LocalCache } from 'nestjs-redis-pubsub/cache';
import { eventually, useRedis } from '../../support/redis.js';
import { startService } from '../module/service-app.js';

const redis = useRedis(['--notify-keyspace-events', 'AKE']);

async function start() {
  const { service } = await startService(redis);
  const cache = new LocalCache<string | null>(service, {
    channel: 'prices.invalidated',
    keys: { pattern: 'price:*', toCacheKey: (key) => key.slice('price:'.length) },
  });
  const read = (id: string) => cache.get(id, () => redis.client.get(`price:${id}`));
  const isKept = (id: string) =>
    eventually(async () => {
      await read(id);
      return cache.peek(id) !== undefined;
    });
  return { cache, service, read, isKept };
}

describe('a local cache of keys of Redis', () => {
  it('removes a value when any client writes, deletes or expires the key', async () => {
    const { read, isKept } = await start();
    const { client } = redis;
    for (const [write, value] of [
      [() => client.set('price:1', 'b'), 'b'],
      [() => client.append('price:1', 'c'), 'bc'],
      [() => client.del('price:1'), null],
    ] as const) {
      await isKept('1');
      await write();
      await eventually(async () => (await read('1')) === value);
    }
    await client.set('price:1', 'd');
    await eventually(async () => (await read('1')) === 'd');
    await client.pexpire('price:1', 20);
    await eventually(async () => (await read('1')) === null);
    expect(await client.exists('price:1')).toBe(0);
  });

  it('keeps null, and the values of other keys', async () => {
    const { cache, isKept } = await start();
    await isKept('other');
    await isKept('2');
    await redis.client.set('price:2', 'b');
    await eventually(() => cache.peek('2') === undefined);
    expect(cache.peek('other')).toBeNull();
  });

  it('is also invalidated by its channel', async () => {
    const { cache, isKept } = await start();
    await isKept('3');
    expect(await redis.client.publish('prices.invalidated', '{"keys":["3"]}')).toBe(1);
    await eventually(() => cache.peek('3') === undefined);
  });

  it('removes all values after an outage of its connections', async () => {
    const { cache, service, read, isKept } = await start();
    await isKept('4');
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await redis.client.set('price:4', 'b');
    await eventually(async () => (await read('4')) === 'b');
    await eventually(() => service.status === 'connected');
    await isKept('4');
    expect(cache.peek('4')).toBe('b');
  });
});
