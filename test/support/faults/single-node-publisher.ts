import { Redis } from 'ioredis';
import { eventually } from '../redis.js';
import { FAIL_AT_ONCE, PlainPublisher } from './plain-publisher.js';

/**
 * The nodes must forward every message of the old node before the new node takes one. On the cluster bus,
 * TCP may delay an acknowledgement by 200 ms, and the next message waits for it.
 */
const RECONNECT_DELAY_MS = 300;

/** Publishes at one node of a Cluster: from two nodes, a message could overtake an earlier one. */
export class SingleNodePublisher extends PlainPublisher<Redis> {
  readonly #ports: readonly number[];
  #isMoving = false;

  constructor(ports: readonly number[]) {
    const client = new Redis({
      host: '127.0.0.1',
      port: ports[0],
      ...FAIL_AT_ONCE,
      retryStrategy: () => RECONNECT_DELAY_MS,
    });
    super(client);
    this.#ports = ports;
  }

  override publish(channel: string, data: object): Promise<unknown> {
    if (this.#isMoving) {
      return Promise.reject(new Error('Not published: the publisher moves to another node'));
    }
    return super.publish(channel, data);
  }

  override async avoid(...ports: number[]): Promise<void> {
    const { options } = this.client;
    if (!ports.includes(options.port ?? 0)) return;
    this.#isMoving = true;
    // The node answers in order, so after this answer no message waits at it.
    await this.client.ping();
    options.port = this.#ports.find((port) => !ports.includes(port));
    this.client.disconnect(true);
    await eventually(() => !this.isReady, 'the plain publisher disconnects from its node');
    await this.ready();
    this.#isMoving = false;
  }
}
