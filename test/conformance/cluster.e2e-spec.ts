import { Cluster, type ClusterNode, type RedisOptions } from 'ioredis';
import { beforeAll } from 'vitest';
import type { RedisConnection } from 'nestjs-redis-pubsub';
import { RedisBroker } from '../../src/broker/redis-broker.js';
import { closeAfterTest } from '../support/app.js';
import { useCluster } from '../support/cluster.js';
import { brokerSuite, type BrokerFeatures } from './broker.suite.js';
import { CollectedLog } from './collector.js';

const cluster = useCluster();

beforeAll(() => cluster().addUser('limited', 'se@cret', '&ok.*'));

const broker = (connection: RedisConnection): RedisBroker =>
  new RedisBroker({
    connection,
    liveness: { interval: 3_000, timeout: 3_000 },
    probe: { start: '_pubsub.probe', interval: 0 },
    isSharded: false,
    batches: false,
    buffer: false,
    log: new CollectedLog(),
  });

const asLimited: RedisOptions = { username: 'limited', password: 'se@cret' };

let made = 0;

/** A different master each time: the subscribers of two brokers are at different nodes. */
const oneMaster = (): ClusterNode[] => [cluster().startupNodes[made++ % 3] ?? {}];

/** Likewise of the replicas. */
const oneReplica = (): ClusterNode[] => [cluster().startupNodes[3 + (made++ % 3)] ?? {}];

/** A client of the user's own; it is the test that closes it. */
function own(redisOptions: RedisOptions = {}): Cluster {
  const client = new Cluster(cluster().startupNodes, { redisOptions });
  client.on('error', () => undefined);
  closeAfterTest(async () => client.disconnect());
  return client;
}

const features: BrokerFeatures = {
  countsReceivers: false,
  census: {
    subscribers: (channel) => cluster().subscribers(channel),
    patterns: () => cluster().patterns(),
  },
};

brokerSuite('a broker over a Cluster, with RESP3', {
  create: () => broker({ nodes: oneMaster() }),
  features: {
    ...features,
    createLimited: () => broker({ nodes: oneMaster(), options: { redisOptions: asLimited } }),
  },
});

brokerSuite('a broker over a Cluster, with RESP2', {
  create: () => broker({ nodes: oneMaster(), options: { redisOptions: { protocol: 2 } } }),
  features: {
    ...features,
    createLimited: () =>
      broker({ nodes: oneMaster(), options: { redisOptions: { ...asLimited, protocol: 2 } } }),
  },
});

brokerSuite('a broker over a Cluster whose subscriber is at a replica', {
  create: () => broker({ nodes: oneReplica() }),
  features,
});

brokerSuite('a broker over a Cluster client of the user’s own', {
  create: () => broker(own()),
  features: { ...features, createLimited: () => broker(own(asLimited)) },
});
