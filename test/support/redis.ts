import { Redis, type RedisOptions } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { closeAfterTest } from './app.js';
import { IN_MEMORY } from './in-memory.js';
import { createInMemoryTestRedis } from './in-memory-test-redis.js';
import { eventually } from './eventually.js';
import type { TestRedis } from './test-redis.js';
import { startPrivateRedis, type PrivateRedis } from '../../sample/support/private-redis.js';

export { eventually } from './eventually.js';
export type { PrivateRedis, TestRedis };

/**
 * Gives the tests of a file their own Redis.
 *
 * @param args - More arguments of the server; a function is called again for each port that is tried.
 */
export function useRedis(args?: Parameters<typeof startPrivateRedis>[0]): TestRedis {
  if (IN_MEMORY && !args) return createInMemoryTestRedis();
  let server: PrivateRedis | undefined;
  let client: Redis | undefined;
  beforeAll(async () => {
    server = await startPrivateRedis(args);
    client = createTestClient(server.port);
  });
  afterAll(async () => {
    client?.disconnect();
    await server?.stop();
  });
  const running = (): PrivateRedis => {
    if (!server) throw new Error('The Redis of this file is not started yet');
    return server;
  };
  const testClient = (): Redis => {
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
      return testClient();
    },
    start: () => running().start(),
    stop: () => running().stop(),
    subscribers: (channel, count) =>
      eventually(async () => {
        const [, found] = (await testClient().pubsub('NUMSUB', channel)) as [string, number];
        return found === count;
      }),
    patterns: (count) =>
      eventually(async () => Number(await testClient().pubsub('NUMPAT')) === count),
    kill: async () => void process.kill(running().pid, 'SIGKILL'),
    killConnections: async () => {
      await testClient().call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await testClient().call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    },
  };
}

function createTestClient(port: number): Redis {
  const client = new Redis(port, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  // Tests stop the server on purpose, so connection errors are expected.
  client.on('error', () => undefined);
  return client;
}

/** The number of calls of a command since the last CONFIG RESETSTAT. */
export async function callsOf(client: Redis, command: string): Promise<number> {
  const stats = await client.info('commandstats');
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0);
}

/** The names of all commands that a server runs from now until the end of the test. */
export async function watchCommands(client: Redis): Promise<readonly string[]> {
  const names: string[] = [];
  const monitor = await client.monitor();
  closeAfterTest(async () => monitor.disconnect());
  monitor.on('monitor', (_: unknown, [name = '']: string[]) => names.push(name));
  return names;
}

/** Options for a plain client of the tests. */
export const plain = (port: number): RedisOptions => ({ port, host: '127.0.0.1' });
