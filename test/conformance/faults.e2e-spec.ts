import { RedisFaultProxy } from 'nestjs-redis-pubsub/testing';
import { closeAfterTest } from '../support/app.js';
import { useRedis } from '../support/redis.js';
import { faultsSuite } from './faults.suite.js';

const redis = useRedis();

faultsSuite('a fault proxy', async () => {
  const proxy = await RedisFaultProxy.start(redis.url);
  closeAfterTest(() => proxy.close());
  return {
    source: 'proxy',
    connection: proxy.url,
    faults: proxy,
    publish: (channel, data) => redis.client.publish(channel, JSON.stringify(data)),
  };
});
