import { Cluster } from 'ioredis';
import type { ClusterAccess } from './access.js';
import { AT_ONCE, PlainPublisher } from './plain-publisher.js';

/** How soon it knows that a slot has moved, and that a node does not answer; in milliseconds. */
const [REFRESH, TIMEOUT] = [50, 500];

/** A plain publisher that sends each message to the owner of its channel's slot. */
export class ShardPublisher extends PlainPublisher {
  constructor({ nodes }: ClusterAccess) {
    const client = new Cluster(nodes, {
      enableOfflineQueue: false,
      // What is turned away fails: sent again, it could be overtaken by what knows the way.
      maxRedirections: 0,
      slotsRefreshInterval: REFRESH,
      slotsRefreshTimeout: TIMEOUT,
      clusterRetryStrategy: () => REFRESH,
      redisOptions: { ...AT_ONCE, socketTimeout: TIMEOUT },
    });
    super(client);
  }

  override publish(channel: string, message: string): Promise<unknown> {
    return this.client.spublish(channel, message);
  }
}
