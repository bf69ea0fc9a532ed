import type { RedisConnection } from 'nestjs-redis-pubsub';
import { RedisFaultProxy } from 'nestjs-redis-pubsub/testing';
import { closeAfterTest } from '../support/app.js';
import { useRedis } from '../support/redis.js';
import { faultsSuite } from './faults.suite.js';

const redis = useRedis();

/** The URL uses RESP3 where ioredis can. */
const CONNECTIONS: Readonly<Record<string, (url: string) => RedisConnection>> = {
  'a fault proxy': (url) => url,
  'a fault proxy, over RESP2': (url) => ({ url, protocol: 2 }),
};

for (const [name, connectionOf] of Object.entries(CONNECTIONS)) {
  faultsSuite(name, async () => {
    const proxy = await RedisFaultProxy.start(redis.url);
    closeAfterTest(() => proxy.close());
    return {
      source: 'proxy',
      connection: connectionOf(proxy.url),
      faults: proxy,
      publish: (channel, data) => redis.client.publish(channel, JSON.stringify(data)),
    };
  });
}
