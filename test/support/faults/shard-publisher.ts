import { Cluster, type ClusterOptions } from 'ioredis';
import type { ClusterConnectionOptions } from './connection-options.js';
import { FAIL_AT_ONCE, PlainPublisher } from './plain-publisher.js';

/** How often the publisher asks which node owns a slot. */
const REFRESH_INTERVAL_MS = 50;
/** How long the publisher waits for an answer of a node. */
const ANSWER_TIMEOUT_MS = 500;

/** Publishes with SPUBLISH at the node that owns the slot of the channel. */
export class ShardPublisher extends PlainPublisher<Cluster> {
  constructor({ nodes }: ClusterConnectionOptions, options: ClusterOptions = {}) {
    const client = new Cluster(nodes, {
      enableOfflineQueue: false,
      // A message that followed a redirect could arrive after a later one, so a redirect fails it.
      maxRedirections: 0,
      slotsRefreshInterval: REFRESH_INTERVAL_MS,
      slotsRefreshTimeout: ANSWER_TIMEOUT_MS,
      clusterRetryStrategy: () => REFRESH_INTERVAL_MS,
      redisOptions: { ...FAIL_AT_ONCE, socketTimeout: ANSWER_TIMEOUT_MS },
      ...options,
    });
    super(client);
  }

  override publish(channel: string, data: object): Promise<unknown> {
    return this.client.spublish(channel, JSON.stringify(data));
  }
}
