import { InMemoryRedis } from 'nestjs-redis-pubsub/testing';
import { faultsSuite } from './faults.suite.js';

faultsSuite('an in-memory Redis', async () => {
  const redis = new InMemoryRedis();
  return {
    source: 'memory',
    connection: redis,
    faults: redis,
    publish: async (channel, data) => redis.publish(channel, JSON.stringify(data)),
  };
});
