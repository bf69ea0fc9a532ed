import type { RedisBroker } from '../../src/broker/redis-broker.js';
import { InMemoryRedis } from '../../src/testing/in-memory-redis.js';
import { createInMemoryTestRedis } from '../support/in-memory-test-redis.js';
import { brokerSuite } from './broker.suite.js';
import { shardedSuite } from './sharded.suite.js';
import { createBroker } from './test-broker.js';

const redis = createInMemoryTestRedis();
const limited = new InMemoryRedis();
for (const command of ['PUBLISH', 'SPUBLISH', 'SUBSCRIBE', 'PSUBSCRIBE', 'SSUBSCRIBE'] as const) {
  // Every name that does not begin with "ok".
  for (const name of ['[^o]*', 'o[^k]*']) limited.refuse(command, name);
}

const create = (): RedisBroker => createBroker(redis.url);
const createLimited = (): RedisBroker => createBroker(limited);

brokerSuite('a broker over memory', {
  create,
  // The server accepts each message at once, so that none is in flight to it.
  features: { redis, createLimited, failsInFlight: false },
});

shardedSuite('a broker over memory', {
  create,
  createLimited,
  subscribers: async (channel) => Number((await redis.client.pubsub('SHARDNUMSUB', channel))[1]),
  killConnections: () => redis.killConnections(),
});
