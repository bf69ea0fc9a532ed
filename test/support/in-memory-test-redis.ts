import type { Redis } from 'ioredis';
import { InMemoryRedis, serverOf } from '../../src/testing/in-memory-redis.js';
import { eventually, type TestRedis } from './redis.js';

/** Says why a test cannot run without a server. */
function needsServer(what: string): never {
  throw new Error(`${what} needs a Redis, and the tests run over memory`);
}

/** Looks like the {@link TestRedis} of a server, as far as tests of the contract need it. */
export function createInMemoryTestRedis(): TestRedis {
  const redis = new InMemoryRedis();
  const client = createInspector(redis);
  const cut = async (): Promise<void> => redis.cut();
  return {
    // Tests pass it on as the option `connection`.
    url: redis as unknown as string,
    get port() {
      return needsServer('A port');
    },
    get pid() {
      return needsServer('A process');
    },
    client,
    start: async () => redis.restore(),
    stop: cut,
    subscribers: (channel, count) =>
      eventually(async () => {
        const [, found] = (await client.pubsub('NUMSUB', channel)) as [string, number];
        return found === count;
      }),
    patterns: (count) => eventually(async () => Number(await client.pubsub('NUMPAT')) === count),
    killConnections: async () => {
      redis.cut();
      redis.restore();
    },
  };
}

/** The commands of a plain client that the tests inspect a server with. */
function createInspector(redis: InMemoryRedis): Redis {
  const commands = {
    publish: async (channel: string, payload: string | Buffer) => redis.publish(channel, payload),
    spublish: async (channel: string, payload: string | Buffer) =>
      redis.publish(channel, payload, { sharded: true }),
    pubsub: async (...args: string[]) => answerPubsub(redis, args),
    call: async (command: string, ...args: string[]) =>
      command === 'PUBSUB' ? answerPubsub(redis, args) : needsServer(`The command ${command}`),
    disconnect: () => undefined,
    quit: async () => 'OK',
    on: () => undefined,
  };
  return new Proxy(commands, {
    get: (target, name) => {
      if (name in target) return target[name as keyof typeof target];
      return name === 'then' ? undefined : needsServer(`The command ${String(name)}`);
    },
  }) as unknown as Redis;
}

function answerPubsub(redis: InMemoryRedis, [query = '', ...names]: string[]): unknown {
  const { subscriptions } = serverOf(redis);
  const kind = query.toUpperCase().startsWith('SHARD') ? 'shard' : 'channel';
  switch (query.toUpperCase().replace('SHARD', '')) {
    case 'NUMSUB':
      return names.flatMap((name) => [name, subscriptions.count(name, kind)]);
    case 'CHANNELS':
      return subscriptions.channels(names[0] ?? '*', kind);
    default:
      return subscriptions.patterns;
  }
}
