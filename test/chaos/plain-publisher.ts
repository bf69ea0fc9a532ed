import { Cluster, Redis, type RedisOptions } from 'ioredis';

/** Nothing waits, and nothing is sent again. */
export const AT_ONCE = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
} as const satisfies RedisOptions;

/** A client beside the library: it sends nothing twice, and fails at once what it cannot send. */
export class PlainPublisher {
  #isClosed = false;

  constructor(readonly client: Redis | Cluster) {
    client.on('error', () => undefined);
    // ioredis gives up for good when sentinels tell of a failover while it connects.
    client.on('end', () => {
      if (!this.#isClosed) client.connect().catch(() => undefined);
    });
  }

  get isReady(): boolean {
    return this.client.status === 'ready';
  }

  /** How many connections it has, which are none of the library's. */
  get sockets(): number {
    const clients = this.client instanceof Cluster ? this.client.nodes() : [this.client];
    return clients.filter(({ stream }) => stream && !stream.destroyed).length;
  }

  publish(channel: string, message: string): Promise<unknown> {
    return this.client.publish(channel, message);
  }

  /** Works without the servers at these ports, where there is a choice. */
  leave(..._ports: number[]): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.#isClosed = true;
    this.client.disconnect();
  }
}

/** A plain publisher to one server, or to the master that sentinels name. */
export function createPlainPublisher(options: RedisOptions): PlainPublisher {
  return new PlainPublisher(new Redis({ ...options, ...AT_ONCE, retryStrategy: () => 20 }));
}
