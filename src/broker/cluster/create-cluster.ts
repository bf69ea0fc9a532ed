import { Redis, type RedisOptions } from 'ioredis';
import type { BrokerOptions } from '../broker-options.js';
import type { BrokerLog } from '../broker.js';
import { PUBLISHER_OPTIONS, retryDelay, SUBSCRIBER_OPTIONS } from '../connection/create-clients.js';
import { installCredentials, type CredentialsProvider } from '../connection/credentials.js';
import { ONE_OFF_OPTIONS, queryOnce } from '../connection/one-off-query.js';
import type { NodeDiscovery } from '../connection/open.js';
import type { ClusterConnection } from '../connection/redis-connection.js';
import { NodePublisher } from '../publishing/node-publisher.js';
import { ClassicAndSharded } from '../subscribing/classic-and-sharded.js';
import { NodeSubscriber } from '../subscribing/node-subscriber.js';
import type { Subscription } from '../subscribing/subscription.js';
import { addressOf, hostAndPort, readCluster } from './cluster-connection.js';
import { ClusterPublisher } from './cluster-publisher.js';
import { ClusterTopology } from './cluster-topology.js';
import { MastersSubscriber } from './masters-subscriber.js';
import { CLUSTER_BUS_DELAY_MS } from './node-map.js';
import { ShardedPublisher } from './sharded-publisher.js';
import { ShardedSubscriber } from './sharded-subscriber.js';
import { slotOfSubscription } from './slot.js';

/** The least time for finding a node that accepts the connection, whatever the caller's limit. */
const MIN_CONNECT_MS = 3_000;

const SILENT_LOG: BrokerLog = {
  log: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** What the connections to a Cluster share. */
interface ClusterContext {
  readonly topology: ClusterTopology;
  readonly createClient: (address: string, role: RedisOptions) => Redis;
  readonly options: BrokerOptions;
  readonly onChange: () => void;
}

/**
 * The publisher and the subscriber over a Cluster. Classic Pub/Sub has one connection of each to any node, and
 * moves to another node when that one is lost or leaves the Cluster. Sharded Pub/Sub has one of each
 * to every node that owns slots. So have subscriptions at each master, from the first of them on.
 */
export function createCluster(
  connection: ClusterConnection,
  options: BrokerOptions,
  onChange: () => void,
): { readonly publisher: ClusterPublisher; readonly subscriber: ClassicAndSharded } {
  const { startupNodes, redisOptions, intervalMs, translate } = readCluster(connection);
  const createClient = clientFactory(redisOptions, options.credentials);
  const topology = new ClusterTopology({
    startupNodes,
    intervalMs,
    query: (address, signal) => queryNodes(createClient(address, ONE_OFF_OPTIONS), signal),
    isLoginFinal: !options.credentials,
    translate,
    prefersNames: Boolean(redisOptions.tls),
    onGone: (addresses) =>
      Object.values(classic).forEach((it) => moveFrom(it, addresses, topology.lastConfirmed)),
    onMoved: () => [...Object.values(sharded), masters].forEach((it) => it.onMoved()),
    log: options.log,
  });
  const context: ClusterContext = { topology, createClient, options, onChange };
  const classic = createClassic(context);
  const sharded = createSharded(context);
  const masters = createMasters(context, classic.publisher);
  const startsSharded = options.sharded;
  return {
    publisher: new ClusterPublisher({
      classic: classic.publisher,
      sharded: sharded.publisher,
      startsSharded,
      topology,
      createPublisher: (address) => createQueryPublisher(context, address),
    }),
    subscriber: new ClassicAndSharded({
      classic: classic.subscriber,
      sharded: sharded.subscriber,
      masters,
      startsSharded,
    }),
  };
}

function clientFactory(
  common: RedisOptions,
  credentials?: CredentialsProvider,
): ClusterContext['createClient'] {
  return (address, role) => {
    const options = { ...common, retryStrategy: retryDelay, ...role, ...hostAndPort(address) };
    return installCredentials(new Redis(options), credentials);
  };
}

/** A publisher that sends PUBSUB queries to one node, and publishes nothing. */
function createQueryPublisher(
  { createClient, options }: ClusterContext,
  address: string,
): NodePublisher {
  const silent = {
    ...options,
    isOwned: true,
    publishBuffer: false,
    batchPublishes: false,
    log: SILENT_LOG,
  } as const;
  return new NodePublisher(createClient(address, ONE_OFF_OPTIONS), silent, () => undefined);
}

function createClassic({ topology, createClient, options, onChange }: ClusterContext) {
  const publishing = tryEachNode(createClient(topology.next(), PUBLISHER_OPTIONS), topology);
  const publisher = new NodePublisher(
    publishing,
    { ...options, isOwned: true, discovery: discoveryOf(publishing, topology) },
    onChange,
  );
  const subscribing = tryEachNode(createClient(topology.next(), SUBSCRIBER_OPTIONS), topology);
  const subscriber = new NodeSubscriber(
    subscribing,
    {
      ...options,
      kind: 'channel',
      publisher,
      discovery: discoveryOf(subscribing, topology),
      busDelayMs: CLUSTER_BUS_DELAY_MS,
    },
    { onChange },
  );
  return { publisher, subscriber };
}

function createSharded({ topology, createClient, options, onChange }: ClusterContext) {
  const nodeOptions = { ...options, isOwned: true, publishBuffer: false } as const;
  const publisher = new ShardedPublisher(
    {
      topology,
      publishBuffer: options.publishBuffer,
      publishLimit: options.publishLimit,
      createPublisher: (address, onNodeChange) =>
        new NodePublisher(
          createClient(address, PUBLISHER_OPTIONS),
          { ...nodeOptions, batchPublishes: false, joinsKeys: false },
          onNodeChange,
        ),
    },
    onChange,
  );
  const subscriber = new ShardedSubscriber(
    {
      topology,
      probePrefix: options.probePrefix,
      createSubscriber: (address, observer) =>
        new NodeSubscriber(
          createClient(address, SUBSCRIBER_OPTIONS),
          {
            ...options,
            kind: 'shard',
            publisher: publisher.publisherAt(address),
            split: splitBySlot,
          },
          observer,
        ),
    },
    onChange,
  );
  return { publisher, subscriber };
}

function createMasters(
  { topology, createClient, options, onChange }: ClusterContext,
  publisher: NodePublisher,
): MastersSubscriber {
  return new MastersSubscriber(
    {
      topology,
      createSubscriber: (address, observer) =>
        new NodeSubscriber(
          createClient(address, SUBSCRIBER_OPTIONS),
          // A probe would arrive from another node: it proves nothing of what this one publishes for itself.
          { ...options, kind: 'channel', publisher, probeInterval: 0 },
          observer,
        ),
    },
    onChange,
  );
}

/** Redis accepts only channels of one slot in one SSUBSCRIBE. */
function splitBySlot(batch: readonly Subscription[]): Subscription[][] {
  const bySlot = new Map<number, Subscription[]>();
  for (const subscription of batch) {
    const slot = slotOfSubscription(subscription);
    const known = bySlot.get(slot);
    if (known) known.push(subscription);
    else bySlot.set(slot, [subscription]);
  }
  return [...bySlot.values()];
}

function queryNodes(client: Redis, signal: AbortSignal): Promise<string> {
  return queryOnce(client, async (node) => String(await node.call('CLUSTER', 'NODES')), signal);
}

/** Makes a client start at a node that is part of the Cluster. */
function discoveryOf(client: Redis, topology: ClusterTopology): NodeDiscovery {
  return {
    minConnectMs: MIN_CONNECT_MS,
    discover: async (timeoutMs) => {
      await topology.discover(timeoutMs);
      const { status, options } = client;
      const isMember = topology.addresses.includes(addressOf(options));
      if (status === 'wait' && !isMember) Object.assign(options, hostAndPort(topology.next()));
    },
  };
}

/** Makes a client try another node at each attempt: the last one may never come back. */
function tryEachNode(client: Redis, topology: ClusterTopology): Redis {
  const { options } = client;
  const { retryStrategy } = options;
  options.retryStrategy = (attempt) => {
    const here = addressOf(options);
    const next = topology.next();
    Object.assign(options, hostAndPort(next === here ? topology.next() : next));
    return retryStrategy?.(attempt);
  };
  return client;
}

/** Moves a publisher or subscriber to another node if its own is among these. */
function moveFrom(
  member: NodePublisher | NodeSubscriber,
  addresses: ReadonlySet<string>,
  unconfirmedSince: Date,
): void {
  const [client] = member.clients;
  if (member.isReady && addresses.has(addressOf(client.options))) {
    member.restart('its node has failed, or left the Cluster', unconfirmedSince);
  }
}
