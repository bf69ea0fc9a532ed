import { Redis } from 'ioredis';
import { setTimeout } from 'node:timers/promises';
import { startPrivateRedis, type PrivateRedis } from '../../sample/support/private-redis.js';

/** No output buffer limit: Redis must not disconnect a subscriber that is slower than the load. */
const ARGUMENTS = ['--client-output-buffer-limit', 'pubsub', '0', '0', '0'];
/** How many commands are sent together. */
const PIPELINED = 1_000;
/** Interval at which Redis is polled for a state, in milliseconds. */
const POLL_INTERVAL_MS = 5;

/** A command of Redis. */
export type RedisCommand = readonly [name: string, ...args: (string | number)[]];

/** How often a server was asked to publish. */
export interface PublishCommands {
  /** PUBLISH, also from a script. */
  readonly publishes: number;
  readonly scripts: number;
}

/** The Redis server that all candidates of a measure share, and a connection that inspects it. */
export class RedisServer {
  readonly #server: PrivateRedis;
  readonly #client: Redis;
  #subscriber: Redis | undefined;

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
    return info(this.#client, 'server', 'redis_version');
  }

  /** CPU time of the server since its start, in microseconds. */
  cpu(): Promise<number> {
    return cpuOfServer(this.#client);
  }

  /** Resolves when at least `count` channels have a subscriber; a candidate may subscribe to one of its own. */
  async channels(count: number): Promise<void> {
    await until(async () => Number(await info(this.#client, 'stats', 'pubsub_channels')) >= count);
  }

  /** Resolves when a channel has a subscriber. */
  async subscribers(channel: string): Promise<void> {
    await until(async () => {
      const [, count] = await this.#client.pubsub('NUMSUB', channel);
      return Number(count) > 0;
    });
  }

  /** The commands since the start of the server. */
  async publishCommands(): Promise<PublishCommands> {
    const text = await this.#client.info('commandstats');
    const calls = (name: string): number =>
      Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(text)?.[1] ?? 0);
    return { publishes: calls('publish'), scripts: calls('eval') + calls('evalsha') };
  }

  /** Subscribes a bare client to patterns, until the server stops. */
  async holdPatterns(patterns: readonly string[]): Promise<void> {
    this.#subscriber ??= this.#client.duplicate();
    for (let i = 0; i < patterns.length; i += 512) {
      await this.#subscriber.psubscribe(...patterns.slice(i, i + 512));
    }
  }

  /** Closes the connections of all subscribers (CLIENT KILL TYPE pubsub). */
  async killSubscribers(): Promise<void> {
    await this.#client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  }

  /** The bytes that Redis has allocated. */
  async memory(): Promise<number> {
    return Number(await info(this.#client, 'memory', 'used_memory'));
  }

  /** Sends commands, some at a time. */
  async send(commands: readonly RedisCommand[]): Promise<void> {
    for (let i = 0; i < commands.length; i += PIPELINED) {
      await this.#client.pipeline(inLowerCase(commands.slice(i, i + PIPELINED))).exec();
    }
  }

  /** As {@link killSubscribers}, and runs commands before one can connect again. Resolves to the CPU time at their end. */
  async killSubscribersAnd(commands: readonly RedisCommand[]): Promise<number> {
    const transaction = this.#client.multi(inLowerCase(commands));
    transaction.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    transaction.info('cpu');
    const answers = (await transaction.exec()) ?? [];
    for (const [error] of answers) if (error) throw error;
    return cpuIn(String(answers.at(-1)?.[1]));
  }

  async stop(): Promise<void> {
    this.#client.disconnect();
    this.#subscriber?.disconnect();
    await this.#server.stop();
  }
}

/** CPU time of a server since its start, in microseconds. */
export async function cpuOfServer(client: Redis): Promise<number> {
  return cpuIn(await client.info('cpu'));
}

function cpuIn(text: string): number {
  const seconds = Number(fieldOf(text, 'used_cpu_user')) + Number(fieldOf(text, 'used_cpu_sys'));
  return seconds * 1_000_000;
}

function inLowerCase(commands: readonly RedisCommand[]): (string | number)[][] {
  return commands.map(([name, ...args]) => [name.toLowerCase(), ...args]);
}

/** Resolves when `isTrue` does so with `true`. */
export async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await setTimeout(POLL_INTERVAL_MS);
}

async function info(client: Redis, section: string, field: string): Promise<string> {
  return fieldOf(await client.info(section), field);
}

function fieldOf(text: string, field: string): string {
  const value = new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`Expected INFO to have "${field}", got ${text}`);
  return value;
}
