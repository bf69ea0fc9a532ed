import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RedisFaultProxy } from 'nestjs-redis-pubsub/testing';
import { closeAfterTest } from '../support/app.js';
import { useRedis } from '../support/redis.js';
import { startProxy } from '../support/tcp-proxy.js';
import { cacheFaultsSuite, startCaches, type CacheRedis } from './cache-faults.suite.js';

const redis = useRedis();

/** All faults of a real server and its connections: those of the fault proxy, and of a plain one before it. */
async function createProxied(): Promise<CacheRedis> {
  const proxy = await RedisFaultProxy.start(redis.url);
  closeAfterTest(() => proxy.close());
  const wire = await startProxy(Number(new URL(proxy.url).port));
  return {
    connection: wire.url,
    direct: redis.url,
    faults: proxy,
    more: {
      'half-open': { begin: () => wire.swallow(), end: () => wire.forward() },
      'half-open from Redis': {
        begin: () => wire.swallow(['toClient']),
        end: () => wire.forward(),
      },
      'a proxy that stops': { begin: () => wire.stop(), end: () => wire.start() },
      'connections that Redis kills': {
        begin: async () => {
          proxy.cut();
          await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
        },
        end: () => proxy.restore(),
      },
    },
    publish: (channel, data) => redis.client.publish(channel, JSON.stringify(data)),
    pass: (ms) => setTimeout(ms),
  };
}

cacheFaultsSuite('a real Redis', createProxied, [
  'half-open',
  'half-open from Redis',
  'a proxy that stops',
  'connections that Redis kills',
]);

describe('a process that stands still', () => {
  it('reads no old value when it goes on, although it has not read the message yet', async () => {
    const { cache, naive, service, database, write } = await startCaches(await createProxied());
    const key = 'price:7';
    expect([cache.peek(key), naive.peek(key)]).toEqual([0, 0]);
    const written = write();
    // As SIGSTOP, or a long garbage collection, does. The message waits in the socket.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, cache.maxStaleness + 2);
    expect(service.status).toBe('connected');
    expect(cache.peek(key)).toBeUndefined();
    expect(naive.peek(key)).toBe(0);
    expect(await cache.get(key, database.load)).toBe(1);
    await written;
  });
});
