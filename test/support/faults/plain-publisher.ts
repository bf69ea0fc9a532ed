import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { eventually } from '../redis.js';

/** A command fails at once where it cannot be sent, and is never sent twice. */
export const FAIL_AT_ONCE = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
} as const satisfies RedisOptions;

const RECONNECT_DELAY_MS = 20;

/** A publisher that does not use this package. It sends no message twice, so it keeps the order. */
export class PlainPublisher<Client extends Redis | Cluster = Redis | Cluster> {
  #isClosed = false;

  constructor(readonly client: Client) {
    client.on('error', () => undefined);
    // ioredis stops reconnecting when sentinels announce a failover during a connection attempt.
    client.on('end', () => {
      if (!this.#isClosed) client.connect().catch(() => undefined);
    });
  }

  get isReady(): boolean {
    return this.client.status === 'ready';
  }

  /** How many sockets the publisher has open. */
  get sockets(): number {
    const client: Redis | Cluster = this.client;
    const clients = client instanceof Cluster ? client.nodes() : [client];
    return clients.filter(({ stream }) => stream && !stream.destroyed).length;
  }

  /** Resolves when the publisher is connected. */
  ready(): Promise<void> {
    return eventually(() => this.isReady, 'the plain publisher is ready');
  }

  /** Publishes an object as JSON. */
  publish(channel: string, data: object): Promise<unknown> {
    return this.client.publish(channel, JSON.stringify(data));
  }

  /** Moves to another server if the publisher is connected to one at these ports and can choose. */
  avoid(..._ports: number[]): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.#isClosed = true;
    this.client.disconnect();
  }
}

/** Creates a publisher for one server, or for the master that sentinels name. */
export function createPlainPublisher(options: RedisOptions): PlainPublisher<Redis> {
  const retry: RedisOptions = { retryStrategy: () => RECONNECT_DELAY_MS };
  return new PlainPublisher(new Redis({ ...options, ...FAIL_AT_ONCE, ...retry }));
}
