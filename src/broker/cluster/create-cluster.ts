import { Redis, type RedisOptions } from 'ioredis';
import type { BrokerLog } from '../broker.js';
import type { Guide } from '../connection/open.js';
import { logIn, type CredentialsProvider } from '../connection/credentials.js';
import { PUBLISHER_OPTIONS, retryDelay, SUBSCRIBER_OPTIONS } from '../connection/create-clients.js';
import { probeThrough, subscriberOptions, type HalfOptions } from '../broker-options.js';
import type { Halves } from '../create-topology.js';
import { Publisher } from '../publishing/node-publisher.js';
import { ask, SCOUT } from '../connection/one-off-query.js';
import { SplitSubscriber } from '../subscribing/classic-and-sharded.js';
import { Subscriber } from '../subscribing/node-subscriber.js';
import type { HalfObserver } from '../subscribing/subscriber.js';
import type { Subscription } from '../subscribing/subscription.js';
import { BETWEEN_NODES } from './node-map.js';
import { ClusterPublisher } from './cluster-publisher.js';
import { ClusterTopology } from './cluster-topology.js';
import {
  addressOf,
  hostAndPort,
  type ClusterConnection,
  readCluster,
} from './cluster-connection.js';
import { ShardedPublisher } from './sharded-publisher.js';
import { ShardedSubscriber } from './sharded-subscriber.js';
import { slotOfSubscription } from './slot.js';

/** How long either half may look for a node that is there, whatever the patience; in milliseconds. */
const LEAST_PATIENCE = 3_000;

const SILENT: BrokerLog = { log: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * The halves over a Cluster. Of classic Pub/Sub: one publisher and one subscriber, each at some node,
 * and at another one when that is lost or no longer part of the Cluster. Of shard channels: one of
 * each at each node that owns slots.
 */
export function createClusterHalves(
  connection: ClusterConnection,
  options: HalfOptions,
  observer: HalfObserver,
): Halves {
  const { startupNodes, redisOptions, interval, translate } = readCluster(connection);
  const create = creatorOf(redisOptions, options.credentials);
  const topology = new ClusterTopology({
    startupNodes,
    interval,
    ask: (address, signal) => askForNodes(create(address, SCOUT), signal),
    isLoginFinal: !options.credentials,
    translate,
    prefersNames: Boolean(redisOptions.tls),
    onGone: (addresses) =>
      Object.values(classic).forEach((half) => leave(half, addresses, topology.asOf)),
    onMoved: () => Object.values(sharded).forEach((half) => half.onMoved()),
    log: options.log,
  });
  const cluster: ClusterParts = { topology, create, options, observer };
  const classic = createClassic(cluster);
  const sharded = createSharded(cluster);
  const isShardedFirst = options.isSharded;
  return {
    publisher: new ClusterPublisher({
      classic: classic.publisher,
      sharded: sharded.publisher,
      isShardedFirst,
      topology,
      createPublisher: (address) => createScout(cluster, address),
    }),
    subscriber: new SplitSubscriber({
      classic: classic.subscriber,
      sharded: sharded.subscriber,
      isShardedFirst,
    }),
  };
}

/** Makes clients for nodes. */
function creatorOf(
  common: RedisOptions,
  credentials?: CredentialsProvider,
): ClusterParts['create'] {
  return (address, role) => {
    const options = { ...common, retryStrategy: retryDelay, ...role, ...hostAndPort(address) };
    return logIn(new Redis(options), credentials);
  };
}

/** What all connections to a Cluster are made of. */
interface ClusterParts {
  readonly topology: ClusterTopology;
  readonly create: (address: string, role: RedisOptions) => Redis;
  readonly options: HalfOptions;
  readonly observer: HalfObserver;
}

/** A publisher that asks, and publishes nothing. */
function createScout({ create, options }: ClusterParts, address: string): Publisher {
  const silent = { ...options, isOwned: true, buffer: false, batches: false, log: SILENT } as const;
  return new Publisher(create(address, SCOUT), silent, () => undefined);
}

function createClassic({ topology, create, options, observer }: ClusterParts) {
  const publishing = wander(create(topology.next(), PUBLISHER_OPTIONS), topology);
  const publisher = new Publisher(
    publishing,
    { ...options, isOwned: true, guide: guideOf(publishing, topology) },
    () => observer.onChange(),
  );
  const subscribing = wander(create(topology.next(), SUBSCRIBER_OPTIONS), topology);
  const subscriber = new Subscriber(
    subscribing,
    {
      ...subscriberOptions(options, probeThrough(publisher, false), false),
      guide: guideOf(subscribing, topology),
      detour: BETWEEN_NODES,
    },
    observer,
  );
  return { publisher, subscriber };
}

function createSharded({ topology, create, options, observer }: ClusterParts) {
  const publisher = new ShardedPublisher(
    {
      topology,
      buffer: options.buffer,
      createPublisher: (address, onChange) =>
        new Publisher(
          create(address, PUBLISHER_OPTIONS),
          { ...options, isOwned: true, buffer: false, batches: false },
          onChange,
        ),
    },
    () => observer.onChange(),
  );
  const subscriber = new ShardedSubscriber(
    {
      topology,
      probeStart: options.probe.start,
      createSubscriber: (address, nodeObserver) => {
        const probing = probeThrough(publisher.at(address), true);
        const nodeOptions = { ...subscriberOptions(options, probing, true), split: splitBySlot };
        return new Subscriber(create(address, SUBSCRIBER_OPTIONS), nodeOptions, nodeObserver);
      },
    },
    observer,
  );
  return { publisher, subscriber };
}

/** Redis takes only channels of one slot in one command. */
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

function askForNodes(scout: Redis, signal: AbortSignal): Promise<string> {
  return ask(scout, async (node) => String(await node.call('CLUSTER', 'NODES')), signal);
}

/** Has a client begin at a node that is part of the Cluster. */
function guideOf(client: Redis, topology: ClusterTopology): Guide {
  return {
    leastPatience: LEAST_PATIENCE,
    prepare: async (patience) => {
      await topology.known(patience);
      const { status, options } = client;
      const isMember = topology.addresses.includes(addressOf(options));
      if (status === 'wait' && !isMember) Object.assign(options, hostAndPort(topology.next()));
    },
  };
}

/** Makes each new attempt at another node: the one that was lost may be gone for good. */
function wander(client: Redis, topology: ClusterTopology): Redis {
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

/** Has a half look for another node if its own is among these; it was of use until then. */
function leave(
  half: Publisher | Subscriber,
  addresses: ReadonlySet<string>,
  usefulUntil: Date,
): void {
  const [client] = half.clients;
  if (half.isReady && addresses.has(addressOf(client.options))) {
    half.restart('its node is dead, or no longer part of the Cluster', usefulUntil);
  }
}
