import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Duplex } from 'node:stream';
import { Cluster, Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import {
  beforeConnect,
  guardReplies,
  stopRecordingNames,
  setAuth,
  startupNodesOf,
  subscribedShardChannels,
} from '../../../../src/broker/connection/ioredis-internals.js';
import { FakeClient } from '../fake-client.js';

/** A client of the installed ioredis whose attempts fail before they open a socket. */
function createClient(): Redis {
  const client = new Redis({ lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => undefined);
  return client;
}

/** Lets an attempt of the installed ioredis end before its socket. */
const refuse = (): Promise<void> => Promise.reject(new Error('not now'));

/** The `condition` of a client after its first attempt. */
async function conditionOf(client: Redis): Promise<NonNullable<Redis['condition']>> {
  beforeConnect(client, refuse, () => undefined);
  await client.connect().catch(() => undefined);
  if (!client.condition) throw new Error('Expected ioredis to have a condition');
  return client.condition;
}

describe('beforeConnect, with the installed ioredis', () => {
  it('finds the connector with its two functions', () => {
    const connector = Reflect.get(createClient(), 'connector') as Record<string, unknown>;
    expect([typeof connector.connect, typeof connector.disconnect]).toEqual([
      'function',
      'function',
    ]);
  });

  it('runs before each attempt, whose error is that of the function', async () => {
    const client = createClient();
    let attempts = 0;
    beforeConnect(
      client,
      () => {
        attempts++;
        return refuse();
      },
      () => undefined,
    );
    const errors: Error[] = [];
    client.on('error', (error: Error) => errors.push(error));
    await client.connect().catch(() => undefined);
    await client.connect().catch(() => undefined);
    expect(attempts).toBe(2);
    expect(errors.map(({ message }) => message)).toContain('not now');
  });

  it('does not call the connector before the function has resolved', async () => {
    const client = createClient();
    const order: string[] = [];
    const connector = {
      connect: async () => {
        order.push('connect');
        throw new Error('no socket');
      },
      disconnect: () => order.push('disconnect'),
    };
    Reflect.set(client, 'connector', connector);
    beforeConnect(
      client,
      async () => {
        await Promise.resolve();
        order.push('before');
      },
      () => order.push('told'),
    );
    await client.connect().catch(() => undefined);
    client.disconnect();
    expect(order).toEqual(['before', 'connect', 'told', 'disconnect']);
  });

  it('reports a disconnect during the attempt', async () => {
    const client = createClient();
    const order: string[] = [];
    let fail!: (error: Error) => void;
    beforeConnect(
      client,
      () =>
        new Promise((_, reject) => {
          fail = reject;
        }),
      () => {
        order.push('disconnect');
        fail(new Error('stopped'));
      },
    );
    const attempt = client.connect().catch(() => order.push('ended'));
    await new Promise(setImmediate);
    client.disconnect();
    await attempt;
    expect(order).toEqual(['disconnect', 'ended']);
  });
});

describe('setAuth, with the installed ioredis', () => {
  it('replaces the credentials of the attempt', async () => {
    const client = new Redis({
      lazyConnect: true,
      username: 'old',
      password: 'old',
      retryStrategy: () => null,
    });
    client.on('error', () => undefined);
    const condition = await conditionOf(client);
    expect(Reflect.get(condition, 'auth')).toEqual(['old', 'old']);
    setAuth(client, ['app', 'secret']);
    expect(Reflect.get(client.condition ?? {}, 'auth')).toEqual(['app', 'secret']);
    setAuth(client, 'secret');
    expect(Reflect.get(client.condition ?? {}, 'auth')).toBe('secret');
  });

  it('does nothing where there is no condition', () => {
    const client = new FakeClient();
    setAuth(client.redis, 'secret');
    expect(client.condition).toBeUndefined();
  });
});

/** A socket to a server that acknowledges every subscription, and nothing else. */
class SubscribedSocket extends Duplex {
  setNoDelay(): void {}

  setKeepAlive(): void {}

  setTimeout(): void {}

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    const [, , command = '', , ...names] = chunk.toString().split('\r\n');
    for (const [i, name] of names.filter((_, at) => at % 2 === 0 && names[at + 1] === '').entries())
      this.push(
        `*3\r\n$${command.length}\r\n${command}\r\n$${name.length}\r\n${name}\r\n:${i + 1}\r\n`,
      );
    done();
  }
}

/** A client of the installed ioredis over a {@link SubscribedSocket}. */
async function connectSubscriber(): Promise<Redis> {
  const socket = new SubscribedSocket();
  class Connector {
    readonly firstError = undefined;
    connect = (): Promise<Duplex> => Promise.resolve(socket);
    disconnect = (): unknown => socket.destroy();
    check = (): boolean => true;
  }
  const client = new Redis({
    lazyConnect: true,
    protocol: 2,
    disableClientInfo: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    Connector: Connector as never,
  });
  await client.connect();
  return client;
}

const namesOf = ({ condition }: Redis, kind: 'subscribe' | 'psubscribe'): unknown =>
  condition?.subscriber && condition.subscriber.channels(kind);

it('the set of subscriptions does not exist before the first subscription', async () => {
  const client = await connectSubscriber();
  expect(client.condition?.subscriber).toBe(false);
  expect(subscribedShardChannels(client)).toEqual(new Set());
  client.disconnect();
});

describe('the set of subscriptions of the installed ioredis', () => {
  it.each(['subscribe', 'psubscribe'] as const)(
    'keeps the names of %s, and none after stopRecordingNames',
    async (command) => {
      const client = await connectSubscriber();
      await client[command]('kept');
      expect(namesOf(client, command)).toEqual(['kept']);
      stopRecordingNames(client);
      await client[command]('dropped');
      expect(namesOf(client, command)).toEqual(['kept']);
      client.disconnect();
    },
  );

  it('has the shard channels, until Redis ends them', async () => {
    const client = await connectSubscriber();
    await client.ssubscribe('a');
    await client.ssubscribe('b');
    expect(subscribedShardChannels(client)).toEqual(new Set(['a', 'b']));
    await client.sunsubscribe('a');
    expect(subscribedShardChannels(client)).toEqual(new Set(['b']));
    client.disconnect();
    await once(client, 'end');
    expect(subscribedShardChannels(client)).toBeUndefined();
  });
});

describe('stopRecordingNames', () => {
  it.each([undefined, false, {}])('does nothing with %j in the place of the set', (subscriber) => {
    const client = new FakeClient();
    client.condition = { subscriber } as never;
    stopRecordingNames(client.redis);
    expect(client.condition).toEqual({ subscriber });
  });

  it('does nothing without a condition', () => {
    const client = new FakeClient();
    expect(() => stopRecordingNames(client.redis)).not.toThrow();
  });
});

describe('subscribedShardChannels', () => {
  it.each(['wait', 'connecting', 'connect', 'close', 'reconnecting', 'end'])(
    'knows none at "%s"',
    (status) => {
      const client = new FakeClient();
      client.status = status;
      expect(subscribedShardChannels(client.redis)).toBeUndefined();
    },
  );

  it('is empty before the first subscription', () => {
    const client = new FakeClient();
    client.status = 'ready';
    expect(subscribedShardChannels(client.redis)).toEqual(new Set());
    client.condition = { subscriber: false } as never;
    expect(subscribedShardChannels(client.redis)).toEqual(new Set());
  });
});

describe('startupNodesOf, with the installed ioredis', () => {
  it('has the nodes that the Cluster was created with', () => {
    const nodes = ['redis://10.0.0.1:7001', 7_002, { host: '10.0.0.3', port: 7_003 }];
    const cluster = new Cluster(nodes, { lazyConnect: true });
    expect(startupNodesOf(cluster)).toEqual(nodes);
  });
});

describe('guardReplies, with the installed ioredis', () => {
  it('closes the connection of a reply that ioredis cannot take', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('>3\r\n$9\r\nsubscribe\r\n_\r\n:1\r\n');
    }).listen();
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = new Redis({ port, lazyConnect: true, retryStrategy: () => null });
    guardReplies(client);
    const errors: string[] = [];
    client.on('error', ({ message }: Error) => errors.push(message));
    await expect(client.connect()).rejects.toThrow('Connection is closed');
    server.close();
    expect(errors).toContain('a reply that is not one of Pub/Sub');
  });
});
