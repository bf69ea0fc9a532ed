import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisConnection } from 'nestjs-redis-pubsub';
import type { RedisBroker } from '../../src/broker/redis-broker.js';
import { closeAfterTest } from '../support/app.js';
import { useCluster } from '../support/cluster.js';
import { plain, useRedis } from '../support/redis.js';
import { shardedSuite } from './sharded.suite.js';
import { createBroker } from './test-broker.js';

const redis = useRedis(['--user', 'limited', 'on', '>se@cret', 'resetchannels', '&ok.*', '+@all']);
const cluster = useCluster(async (it) => it.addUser('limited', 'se@cret', '&ok.*'));

const asLimited: RedisOptions = { username: 'limited', password: 'se@cret' };

const broker = (connection: RedisConnection, sharded = true): RedisBroker =>
  createBroker(connection, { publishBuffer: { maxMessages: 1_000, maxAge: 5_000 }, sharded });

/** A client of the user's own; closed after the test. */
function own<Client extends Redis | Cluster>(client: Client): Client {
  client.on('error', () => undefined);
  closeAfterTest(async () => client.disconnect());
  return client;
}

const standalone = {
  subscribers: async (channel: string) =>
    Number(((await redis.client.call('PUBSUB', 'SHARDNUMSUB', channel)) as unknown[])[1]),
  killConnections: () => redis.killConnections(),
};

const clustered = {
  subscribers: (channel: string) => cluster().shardSubscribers(channel),
  killConnections: () => cluster().killConnections(),
};

const options = (more: RedisOptions = {}): RedisOptions => ({ ...plain(redis.port), ...more });
const nodes = (redisOptions: RedisOptions = {}) => ({
  nodes: cluster().startupNodes,
  options: { redisOptions },
});

shardedSuite('a broker over options, with RESP3', {
  ...standalone,
  create: () => broker(options()),
  createLimited: () => broker(options(asLimited)),
});

shardedSuite('a broker over options, with RESP2', {
  ...standalone,
  create: () => broker(options({ protocol: 2 })),
  createLimited: () => broker(options({ ...asLimited, protocol: 2 })),
});

shardedSuite('a broker without the sharded option', {
  ...standalone,
  create: () => broker(options(), false),
  createLimited: () => broker(options(asLimited), false),
});

shardedSuite('a broker over a user’s own client, with keyPrefix and automatic pipelining', {
  ...standalone,
  create: () => broker(own(new Redis(options({ keyPrefix: 'k:', enableAutoPipelining: true })))),
  createLimited: () => broker(own(new Redis(options({ ...asLimited, keyPrefix: 'k:' })))),
});

shardedSuite('a broker over a Cluster, with RESP3', {
  ...clustered,
  create: () => broker(nodes()),
  createLimited: () => broker(nodes(asLimited)),
});

shardedSuite('a broker over a Cluster, with RESP2', {
  ...clustered,
  create: () => broker(nodes({ protocol: 2 })),
  createLimited: () => broker(nodes({ ...asLimited, protocol: 2 })),
});

shardedSuite('a broker over a Cluster without the sharded option', {
  ...clustered,
  create: () => broker(nodes(), false),
  createLimited: () => broker(nodes(asLimited), false),
});

shardedSuite('a broker over a Cluster client of the user’s own', {
  ...clustered,
  create: () => broker(own(new Cluster(cluster().startupNodes))),
  createLimited: () =>
    broker(own(new Cluster(cluster().startupNodes, { redisOptions: asLimited }))),
});
