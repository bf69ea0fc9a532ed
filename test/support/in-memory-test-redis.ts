import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../../src/channel/subscription-key.js';
import type { Delivery } from '../../src/broker/broker.js';
import { InMemoryConnection } from '../../src/testing/in-memory-connection.js';
import { InMemoryRedis, serverOf } from '../../src/testing/in-memory-redis.js';
import type { InMemoryServer } from '../../src/testing/in-memory-server.js';
import { eventually } from './eventually.js';
import type { TestRedis } from './test-redis.js';

/** Says why a test cannot run without a server. */
function needsServer(what: string): never {
  throw new Error(`${what} needs a Redis, and the tests run over memory`);
}

/** Looks like the {@link TestRedis} of a server, as far as tests of the contract need it. */
export function createInMemoryTestRedis(): TestRedis {
  const redis = new InMemoryRedis();
  const client = createPlainClient(serverOf(redis));
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
    stop: async () => redis.cut(),
    subscribers: (channel, count) =>
      eventually(async () => {
        const [, found] = (await client.pubsub('NUMSUB', channel)) as [string, number];
        return found === count;
      }),
    patterns: (count) => eventually(async () => Number(await client.pubsub('NUMPAT')) === count),
    kill: async () => redis.cut(),
    killConnections: async () => serverOf(redis).disconnectAll(),
  };
}

/** A client that knows neither Nest nor this package, with the events and the commands of ioredis that tests use. */
function createPlainClient(server: InMemoryServer): Redis {
  return new Proxy(new PlainClient(server), {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value === 'function') return value.bind(target) as unknown;
      return name in target || name === 'then' ? value : needsServer(`The command ${String(name)}`);
    },
  }) as unknown as Redis;
}

const EVENTS = { channel: 'message', pattern: 'pmessage', shard: 'smessage' } as const;

class PlainClient extends EventEmitter {
  status = 'ready';
  readonly options = {};
  readonly #server: InMemoryServer;
  readonly #connection: InMemoryConnection;

  constructor(server: InMemoryServer) {
    super();
    this.#server = server;
    this.#connection = new InMemoryConnection(server, {
      role: 'subscriber',
      view: undefined,
      transport: undefined,
      onReady: () => undefined,
      onLost: () => undefined,
      onDelivery: (delivery) => this.#onDelivery(delivery),
    });
    // Closed before it is connected, it rejects.
    this.#connection.open(60_000).catch(() => undefined);
  }

  duplicate(): Redis {
    return createPlainClient(this.#server);
  }

  async ping(): Promise<string> {
    return 'PONG';
  }

  async publish(channel: string | Buffer, payload: string | Buffer): Promise<number> {
    return this.#server.publish({ channel: String(channel), payload, kind: 'channel' });
  }

  async spublish(channel: string | Buffer, payload: string | Buffer): Promise<number> {
    return this.#server.publish({ channel: String(channel), payload, kind: 'shard' });
  }

  subscribe = (...names: string[]): Promise<number> => this.#subscribe('channel', names);
  psubscribe = (...names: string[]): Promise<number> => this.#subscribe('pattern', names);
  ssubscribe = (...names: string[]): Promise<number> => this.#subscribe('shard', names);
  unsubscribe = (...names: string[]): Promise<void> => this.#unsubscribe('channel', names);
  punsubscribe = (...names: string[]): Promise<void> => this.#unsubscribe('pattern', names);

  async pubsub(query: string, ...names: string[]): Promise<unknown> {
    const { subscriptions } = this.#server;
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

  async call(command: string, ...args: string[]): Promise<unknown> {
    if (command === 'PUBSUB') return this.pubsub(args[0] ?? '', ...args.slice(1));
    if (args.join(' ') === 'KILL TYPE pubsub') return this.#server.disconnectAll('subscriber');
    return needsServer(`The command ${command}`);
  }

  disconnect(): void {
    void this.#connection.close();
  }

  async quit(): Promise<string> {
    await this.#connection.close();
    return 'OK';
  }

  async #subscribe(kind: SubscriptionKind, names: readonly string[]): Promise<number> {
    await Promise.all(
      names.map(
        (name) =>
          new Promise<void>((resolve) =>
            this.#server.subscribe(this.#connection, { kind, name }, () => resolve()),
          ),
      ),
    );
    return names.length;
  }

  async #unsubscribe(kind: SubscriptionKind, names: readonly string[]): Promise<void> {
    for (const name of names) this.#server.unsubscribe(this.#connection, { kind, name });
  }

  #onDelivery({ kind, subscription, channel, payload }: Delivery): void {
    const pattern = kind === 'pattern' ? [subscription] : [];
    const event = EVENTS[kind];
    this.emit(event, ...pattern, channel, payload.text());
    this.emit(
      `${event}Buffer`,
      ...pattern.map((text) => Buffer.from(text)),
      Buffer.from(channel),
      payload.bytes(),
    );
  }
}
