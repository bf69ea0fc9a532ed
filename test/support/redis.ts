import { Redis, type RedisOptions } from 'ioredis';
import { afterAll, beforeAll, vi } from 'vitest';
import { closeAfterTest } from './app.js';
import { startPrivateRedis, type PrivateRedis } from '../../sample/support/private-redis.js';

export type { PrivateRedis };

/** A Redis for the tests of one file, and a plain ioredis client to look at it from outside. */
export interface TestRedis extends PrivateRedis {
  readonly client: Redis;
  /** Resolves when Redis knows this many clients of a channel. */
  subscribers(channel: string, count: number): Promise<void>;
  /** Resolves when Redis knows this many globs. */
  patterns(count: number): Promise<void>;
  /** Ends every connection but the one that asks. */
  killConnections(): Promise<void>;
}

/** Starts a Redis before the tests of a file and stops it after them. */
export function useRedis(args: string[] = []): TestRedis {
  let server: PrivateRedis | undefined;
  let client: Redis | undefined;
  beforeAll(async () => {
    server = await startPrivateRedis(args);
    client = new Redis(server.port, { retryStrategy: () => 20, maxRetriesPerRequest: null });
    // Tests that stop the server know that they did.
    client.on('error', () => undefined);
  });
  afterAll(async () => {
    client?.disconnect();
    await server?.stop();
  });
  const running = (): PrivateRedis => {
    if (!server) throw new Error('The Redis of this file is not started yet');
    return server;
  };
  const outside = (): Redis => {
    if (!client) throw new Error('The Redis of this file is not started yet');
    return client;
  };
  return {
    get url() {
      return running().url;
    },
    get port() {
      return running().port;
    },
    get pid() {
      return running().pid;
    },
    get client() {
      return outside();
    },
    start: () => running().start(),
    stop: () => running().stop(),
    subscribers: (channel, count) =>
      eventually(async () => {
        const [, found] = (await outside().pubsub('NUMSUB', channel)) as [string, number];
        return found === count;
      }),
    patterns: (count) => eventually(async () => Number(await outside().pubsub('NUMPAT')) === count),
    killConnections: async () => {
      await outside().call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await outside().call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    },
  };
}

/** How often a server was given a command since its statistics were reset (CONFIG RESETSTAT). */
export async function callsOf(client: Redis, command: string): Promise<number> {
  const stats = await client.info('commandstats');
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0);
}

/** The names of all commands that a server runs from now on, as they come; until the end of the test. */
export async function watchCommands(client: Redis): Promise<readonly string[]> {
  const names: string[] = [];
  const monitor = await client.monitor();
  closeAfterTest(async () => monitor.disconnect());
  monitor.on('monitor', (_: unknown, [name = '']: string[]) => names.push(name));
  return names;
}

/** Options for a plain client of the tests. */
export const plain = (port: number): RedisOptions => ({ port, host: '127.0.0.1' });

/** Resolves when `isTrue` is; the ceiling is for a broken build, not for the machine. */
export async function eventually(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  // Made here, its stack shows who waits.
  const notYet = new Error('not yet');
  await vi.waitFor(
    async () => {
      if (!(await isTrue())) throw notYet;
    },
    { timeout: 20_000, interval: 5 },
  );
}
