import { Cluster, type Redis } from 'ioredis';
import type { ClusterAccess } from './access.js';
import { AT_ONCE, PlainPublisher } from './plain-publisher.js';

/** How soon it knows that a slot has moved, and that a node does not answer; in milliseconds. */
const [REFRESH, TIMEOUT] = [50, 500];

/** A plain publisher that sends each message to the owner of its channel's slot. */
export class ShardPublisher extends PlainPublisher {
  readonly #nodes: () => readonly Redis[];

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
    this.#nodes = () => client.nodes();
    // How many connections there are must not depend on which nodes chance has asked.
    client.on('+node', (node: Redis) => void node.connect().catch(() => undefined));
  }

  override get isReady(): boolean {
    return super.isReady && this.#nodes().every(({ status }) => status === 'ready');
  }

  override publish(channel: string, message: string): Promise<unknown> {
    return this.client.spublish(channel, message);
  }
}
