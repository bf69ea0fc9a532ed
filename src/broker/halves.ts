import type { BrokerLog } from './broker.js';
import { createClients, isCluster, type RedisConnection } from './clients.js';
import { createClusterHalves } from './cluster/cluster-halves.js';
import type { LivenessOptions } from './liveness.js';
import type { PublishBufferOptions } from './publish-buffer.js';
import { Publisher } from './publisher.js';
import type { PublishingHalf } from './publishing-half.js';
import { Subscriber, type SubscriberObserver } from './subscriber.js';

export interface HalfOptions {
  readonly liveness: LivenessOptions;
  readonly buffer: PublishBufferOptions | false;
  readonly log: BrokerLog;
}

/** Someone who is told what becomes of both halves. */
export interface HalvesObserver extends SubscriberObserver {
  onPublisherChange(): void;
}

export interface Halves {
  readonly publisher: PublishingHalf;
  readonly subscriber: Subscriber;
}

/** What sends and what receives, as the topology wants it. Nothing connects yet. */
export function createHalves(
  connection: RedisConnection,
  options: HalfOptions,
  observer: HalvesObserver,
): Halves {
  if (isCluster(connection)) return createClusterHalves(connection, options, observer);
  const { publisher, subscriber, ownsPublisher } = createClients(connection);
  return {
    publisher: new Publisher(publisher, { isOwned: ownsPublisher, ...options }, () =>
      observer.onPublisherChange(),
    ),
    subscriber: new Subscriber(subscriber, options, observer),
  };
}
