import type { Redis } from 'ioredis';
import type { ChannelKind } from '../channel/subscription-key.js';
import type { BrokerOptions } from './broker-options.js';
import { createCluster } from './cluster/create-cluster.js';
import { createClients } from './connection/create-clients.js';
import { isCluster } from './connection/redis-connection.js';
import { NodePublisher } from './publishing/node-publisher.js';
import type { Publisher } from './publishing/publisher.js';
import { watchMaster } from './sentinel/master-watch.js';
import { ClassicAndSharded } from './subscribing/classic-and-sharded.js';
import { NodeSubscriber } from './subscribing/node-subscriber.js';

/** The two sides of a broker, over the servers that it is connected to. */
export interface Topology {
  readonly publisher: Publisher;
  readonly subscriber: ClassicAndSharded;
}

/**
 * The publisher and the subscriber for one server, a Sentinel set-up or a Cluster. Nothing connects yet.
 * `onChange` is called when either of them changes.
 */
export function createTopology(options: BrokerOptions, onChange: () => void): Topology {
  const { connection, credentials, sharded, pingInterval } = options;
  if (isCluster(connection)) return createCluster(connection, options, onChange);
  const clients = createClients(connection, credentials);
  const masterWatch = watchMaster(clients.subscriber.options, pingInterval);
  const { ownsPublisher: isOwned } = clients;
  const publisher = new NodePublisher(
    clients.publisher,
    { ...options, isOwned, masterWatch },
    onChange,
  );
  const create = (client: Redis, kind: ChannelKind): NodeSubscriber =>
    new NodeSubscriber(client, { ...options, kind, publisher, masterWatch }, { onChange });
  const subscriber = new ClassicAndSharded({
    classic: create(clients.subscriber, 'channel'),
    sharded: create(clients.shardSubscriber, 'shard'),
    startsSharded: sharded,
  });
  return { publisher, subscriber };
}
