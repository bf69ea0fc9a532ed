import { RedisFaultProxy } from 'nestjs-redis-pubsub/testing';
import { closeAfterTest } from '../support/app.js';
import { useRedis } from '../support/redis.js';
import { faultsSuite } from './faults.suite.js';

const redis = useRedis();

for (const protocol of [2, 3] as const) {
  faultsSuite(`a fault proxy, over RESP${protocol}`, async () => {
    const proxy = await RedisFaultProxy.start(redis.url);
    closeAfterTest(() => proxy.close());
    return {
      source: 'proxy',
      connection: { url: proxy.url, protocol },
      faults: proxy,
      publish: (channel, data) => redis.client.publish(channel, JSON.stringify(data)),
    };
  });
}
