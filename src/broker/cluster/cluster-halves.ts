import { Redis, type RedisOptions } from 'ioredis';
import type { BrokerLog } from '../broker.js';
import type { Guide } from '../guide.js';
import { PUBLISHER_OPTIONS, retryDelay, SUBSCRIBER_OPTIONS } from '../clients.js';
import type { Halves, HalfOptions, HalvesObserver } from '../halves.js';
import { Publisher } from '../publisher.js';
import { Subscriber } from '../subscriber.js';
import { ClusterPublisher } from './cluster-publisher.js';
import { ClusterTopology } from './cluster-topology.js';
import {
  addressOf,
  hostAndPort,
  type ClusterConnection,
  readCluster,
} from './cluster-connection.js';

/** How long either half may look for a node that is there, whatever the patience; in milliseconds. */
const LEAST_PATIENCE = 3_000;
/** How long a node may take to say what it knows of the others. */
const ASK_TIMEOUT = 1_000;

const SILENT: BrokerLog = { log: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * The halves over a Cluster with classic Pub/Sub: one publisher and one subscriber, each at some
 * node, and at another one when that is lost or no longer part of the Cluster.
 */
export function createClusterHalves(
  connection: ClusterConnection,
  options: HalfOptions,
  observer: HalvesObserver,
): Halves {
  const { startupNodes, redisOptions, interval, translate } = readCluster(connection);
  const create = (address: string, role: RedisOptions): Redis =>
    new Redis({ ...redisOptions, retryStrategy: retryDelay, ...role, ...hostAndPort(address) });

  const topology = new ClusterTopology({
    startupNodes,
    interval,
    ask: (address, signal) => askForNodes(create(address, SCOUT), signal),
    translate,
    prefersNames: Boolean(redisOptions.tls),
    onGone: (addresses) => {
      for (const half of [publisher, subscriber]) leave(half, addresses);
    },
    log: options.log,
  });
  const optionsOf = (client: Redis) => {
    return { ...options, isOwned: true, guide: guideOf(client, topology) };
  };
  const publishing = wander(create(topology.next(), PUBLISHER_OPTIONS), topology);
  const publisher = new Publisher(publishing, optionsOf(publishing), () =>
    observer.onPublisherChange(),
  );
  const subscribing = wander(create(topology.next(), SUBSCRIBER_OPTIONS), topology);
  const subscriber = new Subscriber(subscribing, optionsOf(subscribing), observer);
  const createPublisher = (address: string): Publisher =>
    new Publisher(
      create(address, SCOUT),
      { ...options, isOwned: true, buffer: false, log: SILENT },
      () => undefined,
    );
  return { publisher: new ClusterPublisher(publisher, topology, createPublisher), subscriber };
}

/** For one question. */
const SCOUT: RedisOptions = {
  ...PUBLISHER_OPTIONS,
  retryStrategy: () => null,
  connectTimeout: ASK_TIMEOUT,
  commandTimeout: ASK_TIMEOUT,
};

async function askForNodes(scout: Redis, signal: AbortSignal): Promise<string> {
  let reason: unknown;
  scout.on('error', (error: unknown) => {
    reason = error;
  });
  const stop = (): void => scout.disconnect();
  signal.addEventListener('abort', stop);
  const ended = new Promise<void>((resolve) => scout.once('end', resolve));
  try {
    await scout.connect();
    return String(await scout.call('CLUSTER', 'NODES'));
  } catch (error) {
    // Of a connection that fails ioredis itself just says that it is closed.
    throw reason ?? error;
  } finally {
    signal.removeEventListener('abort', stop);
    scout.disconnect();
    await ended;
  }
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

/** Has a half look for another node if its own is among these. */
function leave(half: Publisher | Subscriber, addresses: ReadonlySet<string>): void {
  const [client] = half.clients;
  if (half.isReady && addresses.has(addressOf(client.options))) {
    half.restart('its node is dead, or no longer part of the Cluster');
  }
}
