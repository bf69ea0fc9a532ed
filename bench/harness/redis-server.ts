import { Redis } from 'ioredis';
import { startPrivateRedis, type PrivateRedis } from '../../sample/support/private-redis.js';

/** Subscribers that are slower than the load must not be cut off: that all arrives is part of it. */
const ARGUMENTS = ['--client-output-buffer-limit', 'pubsub 0 0 0'];
/** How often a fact is looked for that Redis does not tell by itself, in milliseconds. */
const INTERVAL = 5;

/** The Redis that all participants of a run share, and a look at it from outside. */
export class RedisServer {
  readonly #server: PrivateRedis;
  readonly #client: Redis;

  private constructor(server: PrivateRedis) {
    this.#server = server;
    this.#client = new Redis(server.port, '127.0.0.1');
  }

  get port(): number {
    return this.#server.port;
  }

  static async start(): Promise<RedisServer> {
    return new RedisServer(await startPrivateRedis(ARGUMENTS));
  }

  version(): Promise<string> {
    return this.#info('server', 'redis_version');
  }

  /** The CPU time that it has used since its start, in microseconds. */
  async cpu(): Promise<number> {
    const user = Number(await this.#info('cpu', 'used_cpu_user'));
    const system = Number(await this.#info('cpu', 'used_cpu_sys'));
    return (user + system) * 1_000_000;
  }

  /** Resolves when so many channels have a subscriber. */
  async channels(count: number): Promise<void> {
    while (Number(await this.#info('stats', 'pubsub_channels')) !== count) {
      await new Promise((resolve) => {
        setTimeout(resolve, INTERVAL);
      });
    }
  }

  /** Ends the connections of all that subscribe to anything. */
  async killSubscribers(): Promise<void> {
    await this.#client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  }

  async stop(): Promise<void> {
    this.#client.disconnect();
    await this.#server.stop();
  }

  async #info(section: string, field: string): Promise<string> {
    const text = await this.#client.info(section);
    const value = new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`Expected INFO to have "${field}", got ${text}`);
    return value;
  }
}
