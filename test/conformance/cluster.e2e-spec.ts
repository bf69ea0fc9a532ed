import { Cluster, type ClusterNode, type RedisOptions } from 'ioredis';
import { beforeAll } from 'vitest';
import { closeAfterTest } from '../support/app.js';
import { useCluster } from '../support/cluster.js';
import { brokerSuite } from './broker.suite.js';
import type { BrokerFeatures } from './broker-under-test.js';
import { createBroker } from './test-broker.js';

const cluster = useCluster();

beforeAll(() => cluster().addUser('limited', 'se@cret', '&ok.*'));

const asLimited: RedisOptions = { username: 'limited', password: 'se@cret' };

let made = 0;

/** Another master at each call, so that the subscribers of two brokers are at different nodes. */
const oneMaster = (): ClusterNode[] => [cluster().startupNodes[made++ % 3] ?? {}];

/** Another replica at each call. */
const oneReplica = (): ClusterNode[] => [cluster().startupNodes[3 + (made++ % 3)] ?? {}];

/** A client of the user's own; closed after the test. */
function own(redisOptions: RedisOptions = {}): Cluster {
  const client = new Cluster(cluster().startupNodes, { redisOptions });
  client.on('error', () => undefined);
  closeAfterTest(async () => client.disconnect());
  return client;
}

const features: BrokerFeatures = {
  countsReceivers: false,
  counter: {
    subscribers: (channel) => cluster().subscribers(channel),
    patterns: () => cluster().patterns(),
  },
};

brokerSuite('a broker over a Cluster, with RESP3', {
  create: () => createBroker({ nodes: oneMaster() }),
  features: {
    ...features,
    createLimited: () => createBroker({ nodes: oneMaster(), options: { redisOptions: asLimited } }),
  },
});

brokerSuite('a broker over a Cluster, with RESP2', {
  create: () => createBroker({ nodes: oneMaster(), options: { redisOptions: { protocol: 2 } } }),
  features: {
    ...features,
    createLimited: () =>
      createBroker({
        nodes: oneMaster(),
        options: { redisOptions: { ...asLimited, protocol: 2 } },
      }),
  },
});

brokerSuite('a broker over a Cluster whose subscriber is at a replica', {
  create: () => createBroker({ nodes: oneReplica() }),
  features,
});

brokerSuite('a broker over a Cluster client of the user’s own', {
  create: () => createBroker(own()),
  features: { ...features, createLimited: () => createBroker(own(asLimited)) },
});
