import { Redis } from 'ioredis';
import { setTimeout } from 'node:timers/promises';
import { startPrivateRedis, type PrivateRedis } from '../../sample/support/private-redis.js';

/** Subscribers that are slower than the load must not be cut off: that all arrives is part of it. */
const ARGUMENTS = ['--client-output-buffer-limit', 'pubsub 0 0 0'];
/** How often a fact is looked for that Redis does not tell by itself, in milliseconds. */
const INTERVAL = 5;

/** The Redis that all participants of a measure share, and a look at it from outside. */
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

  /** Resolves when at least so many channels have a subscriber; there may be one that is nobody's business. */
  async channels(count: number): Promise<void> {
    await until(async () => Number(await this.#info('stats', 'pubsub_channels')) >= count);
  }

  /** Resolves when a channel has a subscriber. */
  async subscribers(channel: string): Promise<void> {
    await until(async () => {
      const [, count] = await this.#client.pubsub('NUMSUB', channel);
      return Number(count) > 0;
    });
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

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await setTimeout(INTERVAL);
}
