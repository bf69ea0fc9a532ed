import type { Redis } from 'ioredis';
import type { ChannelKind } from '../channel/subscription-key.js';
import type { BrokerOptions } from './broker-options.js';
import { createCluster } from './cluster/create-cluster.js';
import { serverOf } from './connection/server-name.js';
import type { ServerWatch } from './connection/server-watch.js';
import { createClients, type Clients } from './connection/create-clients.js';
import { ONE_OFF_OPTIONS, queryOnce } from './connection/one-off-query.js';
import { isCluster } from './connection/redis-connection.js';
import { askIdentity } from './connection/server-identity.js';
import { NodePublisher } from './publishing/node-publisher.js';
import type { Publisher } from './publishing/publisher.js';
import { watchMaster } from './sentinel/master-watch.js';
import { AddressWatch } from './standalone/address-watch.js';
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
  const { connection, credentials, sharded } = options;
  if (isCluster(connection)) return createCluster(connection, options, onChange);
  const clients = createClients(connection, credentials);
  const serverWatch = createServerWatch(clients, options);
  const { ownsPublisher: isOwned } = clients;
  const publisher = new NodePublisher(
    clients.publisher,
    { ...options, isOwned, serverWatch },
    onChange,
  );
  const create = (client: Redis, kind: ChannelKind): NodeSubscriber =>
    new NodeSubscriber(client, { ...options, kind, publisher, serverWatch }, { onChange });
  const subscriber = new ClassicAndSharded({
    classic: create(clients.subscriber, 'channel'),
    sharded: create(clients.shardSubscriber, 'shard'),
    startsSharded: sharded,
  });
  return { publisher, subscriber };
}

/** Sentinel names the master; elsewhere the address has to be asked. */
function createServerWatch(
  { subscriber, createClient }: Clients,
  { pingInterval, addressCheckInterval, log }: BrokerOptions,
): ServerWatch | undefined {
  if (subscriber.options.sentinels) return watchMaster(subscriber.options, pingInterval);
  if (addressCheckInterval === 0) return undefined;
  return new AddressWatch({
    intervalMs: addressCheckInterval,
    address: serverOf(subscriber),
    ask: (signal) => queryOnce(createClient(ONE_OFF_OPTIONS), askIdentity, signal),
    log,
  });
}
