import type { AsyncLocalStorage } from 'node:async_hooks';
import type { Redis } from 'ioredis';
import type { ChannelKind } from '../channel/subscription-key.js';
import { brandOf } from '../shared/brand.js';
import type { BrokerOptions } from './broker-options.js';
import { createCluster } from './cluster/create-cluster.js';
import { serverOf } from './connection/server-name.js';
import type { ServerWatch } from './connection/server-watch.js';
import { createClients, type Clients } from './connection/create-clients.js';
import { ONE_OFF_OPTIONS, queryOnce } from './connection/one-off-query.js';
import { isCluster } from './connection/redis-connection.js';
import { askIdentity } from './connection/server-identity.js';
import { NodePublisher } from './publishing/node-publisher.js';
import { watchMaster } from './sentinel/master-watch.js';
import { AddressWatch } from './standalone/address-watch.js';
import { ClassicAndSharded } from './subscribing/classic-and-sharded.js';
import { NodeSubscriber } from './subscribing/node-subscriber.js';
import {
  CREATE_TOPOLOGY,
  isTopologyProvider,
  type Topology,
  type TopologyOptions,
  type TopologyProvider,
} from './topology-provider.js';

/**
 * The publisher and the subscriber for one server, a Sentinel set-up or a Cluster. Nothing connects yet.
 * `onChange` is called when either of them changes.
 */
export function createTopology(options: TopologyOptions, onChange: () => void): Topology {
  const { connection } = options;
  if (isTopologyProvider(connection)) return connection[CREATE_TOPOLOGY](options, onChange);
  const provider = replacements()?.getStore();
  if (provider) return provider[CREATE_TOPOLOGY](options, onChange);
  return createRedisTopology({ ...options, connection }, onChange);
}

function createRedisTopology(options: BrokerOptions, onChange: () => void): Topology {
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

/** Holds what takes the place of each Redis in the code that a test runs. */
export type Replacements = AsyncLocalStorage<TopologyProvider>;

const REPLACEMENTS = brandOf('replacements');

/** The storage that all copies of the package share. There is none before the first call with `create`. */
export function replacements(create?: () => Replacements): Replacements | undefined {
  const shared = globalThis as unknown as Record<symbol, Replacements | undefined>;
  if (create) shared[REPLACEMENTS] ??= create();
  return shared[REPLACEMENTS];
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
