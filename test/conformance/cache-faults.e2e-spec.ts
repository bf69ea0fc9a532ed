import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RedisFaultProxy } from 'nestjs-redis-pubsub/testing';
import { closeAfterTest } from '../support/app.js';
import { eventually, useRedis } from '../support/redis.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';
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

const urlOf = ({ port }: TcpProxy): string => `redis://127.0.0.1:${port}`;

describe('a writer at a server that others have left', () => {
  const former = useRedis();
  const current = useRedis();

  /** The address leads to the current server from now on, and its connections are lost. */
  const move = (proxy: TcpProxy): void => {
    proxy.retarget(current.port);
    proxy.cut();
  };

  /** Records what the former server publishes: the data, and when. */
  async function recordFormer() {
    const published: { data: unknown; at: number }[] = [];
    const client = former.client.duplicate();
    closeAfterTest(async () => client.disconnect());
    client.on('pmessage', (_pattern: string, _channel: string, text: string) => {
      const { data } = JSON.parse(text) as { data: unknown };
      published.push({ data, at: performance.now() });
    });
    await client.psubscribe('*invalidated');
    return published;
  }

  it('publishes once more when it is back, so that the readers notice what they have lost', async () => {
    const [readers, writers] = [await startProxy(former.port), await startProxy(former.port)];
    const redis = await createProxied();
    const caches = await startCaches({
      ...redis,
      connection: urlOf(readers),
      direct: urlOf(writers),
    });
    const { cache, naive, writer, database, read } = caches;
    const key = 'price:7';
    // A loss shows by the number of a later message: this is the first one.
    await cache.get('other', database.load);
    await writer.invalidate('other');
    await eventually(() => cache.peek('other') === undefined);
    move(readers);
    await eventually(async () => (await current.client.pubsub('CHANNELS', '*')).length > 0);
    await eventually(async () => (await read()) === 0 && cache.peek(key) === 0);
    const published = await recordFormer();
    database.version++;
    await writer.invalidate(key);
    const half = performance.now() + cache.maxStaleness / 2;
    // The last message that follows: no later one of this writer shows the loss.
    await eventually(() => published.some(({ at }) => at >= half - 1));
    expect(published.at(-1)?.data).toEqual({ keys: [] });
    expect([cache.peek(key), naive.peek(key)]).toEqual([0, 0]);
    move(writers);
    await eventually(async () => (await read()) === 1 && cache.peek(key) === 1);
  });
});
