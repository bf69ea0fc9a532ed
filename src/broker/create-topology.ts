import type { Redis } from 'ioredis';
import { createClients, isCluster, type RedisConnection } from './connection/create-clients.js';
import { createClusterHalves } from './cluster/create-cluster.js';
import { probeThrough, subscriberOptions, type HalfOptions } from './broker-options.js';
import { Publisher } from './publishing/node-publisher.js';
import type { PublishingHalf } from './publishing/publisher.js';
import { SplitSubscriber } from './subscribing/classic-and-sharded.js';
import { Subscriber } from './subscribing/node-subscriber.js';
import { watchMaster } from './sentinel/master-watch.js';
import type { HalfObserver, SubscribingHalf } from './subscribing/subscriber.js';

export interface Halves {
  readonly publisher: PublishingHalf;
  readonly subscriber: SubscribingHalf;
}

/** What sends and what receives, as the topology wants it. Nothing connects yet. */
export function createHalves(
  connection: RedisConnection,
  options: HalfOptions,
  observer: HalfObserver,
): Halves {
  if (isCluster(connection)) return createClusterHalves(connection, options, observer);
  const clients = createClients(connection, options.credentials);
  const masterWatch = watchMaster(clients.subscriber.options, options.liveness.interval);
  const publisher = new Publisher(
    clients.publisher,
    { ...options, isOwned: clients.ownsPublisher, masterWatch },
    () => observer.onChange(),
  );
  const create = (client: Redis, isSharded: boolean): Subscriber => {
    const probing = probeThrough(publisher, isSharded);
    const given = { ...subscriberOptions(options, probing, isSharded), masterWatch };
    return new Subscriber(client, given, observer);
  };
  const subscriber = new SplitSubscriber({
    classic: create(clients.subscriber, false),
    sharded: create(clients.shardSubscriber, true),
    isShardedFirst: options.isSharded,
  });
  return { publisher, subscriber };
}
