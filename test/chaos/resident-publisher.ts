import { Redis } from 'ioredis';
import { AT_ONCE, PlainPublisher } from './plain-publisher.js';
import { until } from './until.js';

/**
 * What one node has taken must be everywhere before another one takes more. In milliseconds: between
 * nodes each message waits until the one before is acknowledged, which TCP may put off for 200.
 */
const PAUSE = 300;

/** A plain publisher at one node of a Cluster: on several paths messages would overtake each other. */
export class ResidentPublisher extends PlainPublisher {
  readonly #ports: readonly number[];
  readonly #client: Redis;
  #isLeaving = false;

  constructor(ports: readonly number[]) {
    const client = new Redis({
      host: '127.0.0.1',
      port: ports[0],
      ...AT_ONCE,
      retryStrategy: () => PAUSE,
    });
    super(client);
    this.#client = client;
    this.#ports = ports;
  }

  override publish(channel: string, message: string): Promise<unknown> {
    if (this.#isLeaving) return Promise.reject(new Error('Not published: on the way elsewhere'));
    return super.publish(channel, message);
  }

  override async leave(...ports: number[]): Promise<void> {
    const { options } = this.#client;
    if (!ports.includes(options.port ?? 0)) return;
    this.#isLeaving = true;
    // Answered when everything before it is: nothing stays with the old node.
    await this.#client.ping();
    options.port = this.#ports.find((port) => !ports.includes(port));
    this.#client.disconnect(true);
    await until('the plain publisher is elsewhere', () => !this.isReady);
    await until('the plain publisher is ready again', () => this.isReady);
    this.#isLeaving = false;
  }
}
