import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Duplex } from 'node:stream';
import { Cluster, Redis } from 'ioredis';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  beforeConnect,
  guardReplies,
  interceptBytes,
  messageType,
  onServerInfo,
  onShardChannelEnded,
  onSocket,
  ShardSubscribe,
  stopRecordingNames,
  setAuth,
  startupNodesOf,
  subscribedShardChannels,
} from '../../../../src/broker/connection/ioredis-internals.js';
import { isReplyError } from '../../../../src/broker/connection/redis-error.js';
import { FakeClient } from '../fake-client.js';
import { IS_IOREDIS_6 } from '../../../support/ioredis-version.js';

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

/** The parts of the commands in a text that ioredis wrote. */
function parseCommands(text: string): string[][] {
  return text
    .split(/^\*\d+\r\n/m)
    .filter((command) => command !== '')
    .map((command) => command.split('\r\n').filter((_, i) => i % 2 === 1));
}

const encode = (parts: readonly (string | number)[]): string =>
  parts.map((it) => (typeof it === 'number' ? `:${it}` : `$${it.length}\r\n${it}`)).join('\r\n');

/** A reply of RESP2 with an array. */
const reply = (...parts: (string | number)[]): string => `*${parts.length}\r\n${encode(parts)}\r\n`;

/** A socket to a server that acknowledges every subscription, and nothing else. */
class SubscribedSocket extends Duplex {
  readonly commands: string[][] = [];
  /** What the server sends for a command, in the place of its acknowledgement. */
  answer: (command: readonly string[]) => string | undefined = () => undefined;

  setNoDelay(): void {}

  setKeepAlive(): void {}

  setTimeout(): void {}

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    for (const command of parseCommands(chunk.toString())) {
      this.commands.push(command);
      const [name = '', ...names] = command;
      const acknowledged = names.map((it, i) => reply(name, it, i + 1)).join('');
      const answer = this.answer(command) ?? acknowledged;
      // A network is never faster than the call that writes.
      if (answer !== '') setImmediate(() => this.push(answer));
    }
    done();
  }
}

/** A client of the installed ioredis over a {@link SubscribedSocket}. */
async function connectSubscriber(prepare: (client: Redis) => void = () => undefined) {
  const socket = new SubscribedSocket();
  class Connector {
    readonly firstError = undefined;
    connect = (): Promise<Duplex> => Promise.resolve(socket);
    disconnect = (): unknown => socket.destroy();
    check = (): boolean => true;
  }
  const options = {
    lazyConnect: true,
    // Not known to ioredis 5.
    protocol: 2,
    disableClientInfo: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    Connector: Connector as never,
  } as const;
  const client = new Redis(options);
  prepare(client);
  await client.connect();
  return { client, socket };
}

const namesOf = ({ condition }: Redis, kind: 'subscribe' | 'psubscribe'): unknown =>
  condition?.subscriber && condition.subscriber.channels(kind);

it('the set of subscriptions does not exist before the first subscription', async () => {
  const { client } = await connectSubscriber();
  expect(client.condition?.subscriber).toBe(false);
  expect(subscribedShardChannels(client)).toEqual(new Set());
  client.disconnect();
});

describe('the set of subscriptions of the installed ioredis', () => {
  it.each(['subscribe', 'psubscribe'] as const)(
    'keeps the names of %s, and none after stopRecordingNames',
    async (command) => {
      const { client } = await connectSubscriber();
      await client[command]('kept');
      expect(namesOf(client, command)).toEqual(['kept']);
      stopRecordingNames(client);
      await client[command]('dropped');
      expect(namesOf(client, command)).toEqual(['kept']);
      client.disconnect();
    },
  );

  it('has the shard channels, until they are unsubscribed', async () => {
    const { client } = await connectSubscriber();
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

/** A subscriber whose shard channels are watched, with what was reported so far. */
async function watchShardChannels() {
  const errors: unknown[] = [];
  const reported = { ended: 0, errors };
  const subscriber = await connectSubscriber((client) => {
    client.on('error', (error: unknown) => errors.push(error));
    onShardChannelEnded(client, () => reported.ended++);
  });
  return { ...subscriber, reported };
}

describe('onShardChannelEnded, with the installed ioredis', () => {
  it('reports a channel that Redis ends, and leaves the answer of each command in flight as it is', async () => {
    const { client, socket, reported } = await watchShardChannels();
    await client.ssubscribe('a', 'b');
    socket.answer = () => '';
    const outcomes = [client.ping(), client.ssubscribe('c', 'd'), client.sunsubscribe('b')];
    const settled: unknown[] = [];
    for (const outcome of outcomes) void outcome.then((value) => settled.push(value));
    socket.push(reply('sunsubscribe', 'a', 1));
    await new Promise(setImmediate);
    expect([reported.ended, settled]).toEqual([1, []]);
    socket.push(reply('pong', '') + reply('ssubscribe', 'c', 2) + reply('ssubscribe', 'd', 3));
    socket.push(reply('sunsubscribe', 'b', 2));
    expect(await Promise.all(outcomes)).toEqual([['pong', ''], 3, 2]);
    expect(reported).toEqual({ ended: 1, errors: [] });
    expect(subscribedShardChannels(client)).toEqual(new Set(['c', 'd']));
    client.disconnect();
  });

  it('reports each channel that Redis ends while no command is in flight, also the last one', async () => {
    const { client, socket, reported } = await watchShardChannels();
    await client.ssubscribe('a', 'b');
    socket.push(reply('sunsubscribe', 'a', 1) + reply('sunsubscribe', 'b', 0));
    await new Promise(setImmediate);
    expect(reported).toEqual({ ended: 2, errors: [] });
    await client.ssubscribe('c');
    expect(subscribedShardChannels(client)).toEqual(new Set(['c']));
    client.disconnect();
  });

  it('reports a channel that Redis ends in the same write as the answer to its SSUBSCRIBE', async () => {
    const { client, socket, reported } = await watchShardChannels();
    socket.answer = () => reply('ssubscribe', 'a', 1) + reply('sunsubscribe', 'a', 0);
    expect(await client.ssubscribe('a')).toBe(1);
    expect(reported).toEqual({ ended: 1, errors: [] });
    client.disconnect();
  });

  it('does not report what the client unsubscribes itself', async () => {
    const { client, reported } = await watchShardChannels();
    await client.ssubscribe('a', 'b');
    await client.sunsubscribe('a', 'b');
    expect(reported).toEqual({ ended: 0, errors: [] });
    client.disconnect();
  });

  it('does nothing where there is no condition', () => {
    const client = new FakeClient();
    onShardChannelEnded(client.redis, () => undefined);
    client.becomeConnected();
    expect(client.condition).toBeUndefined();
  });
});

describe('ShardSubscribe, with the installed ioredis', () => {
  it('resolves with the acknowledgement', async () => {
    const { client, socket } = await connectSubscriber();
    expect(await new ShardSubscribe(client).send(['a', 'b'])).toBe(2);
    expect(socket.commands).toEqual([['ssubscribe', 'a', 'b']]);
    client.disconnect();
  });

  it('rejects with MOVED where Redis answers so, and leaves the others as they are', async () => {
    const { client, socket } = await connectSubscriber();
    const shards = new ShardSubscribe(client);
    socket.answer = ([, name = '']) =>
      name.startsWith('moved') ? '-MOVED 1 10.0.0.2:6379\r\n' : undefined;
    const sent = ['a', 'moved.1', 'b', 'moved.2', 'c'].map((name) => shards.send([name]));
    const outcomes = await Promise.allSettled(sent);
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    for (const outcome of [sent[1], sent[3]]) {
      const error: unknown = await outcome?.catch((it: unknown) => it);
      expect(isReplyError(error) && error.message).toMatch(/^MOVED /);
    }
    client.disconnect();
  });

  it('rejects with any other refusal as it is', async () => {
    const { client, socket } = await connectSubscriber();
    socket.answer = () => '-NOPERM no\r\n';
    await expect(new ShardSubscribe(client).send(['a'])).rejects.toThrow('NOPERM no');
    client.disconnect();
  });

  it('rejects when the connection is lost', async () => {
    const { client, socket } = await connectSubscriber();
    socket.answer = () => '';
    const sent = new ShardSubscribe(client).send(['a']);
    socket.destroy();
    await expect(sent).rejects.toThrow('Connection is closed');
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
  // ioredis 5 takes no push of RESP3, and closes the connection itself.
  it.runIf(IS_IOREDIS_6)('closes the connection of a reply that ioredis cannot take', async () => {
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

describe('onSocket, with the installed ioredis', () => {
  it('reports the socket of each attempt before any event of it', async () => {
    const client = new Redis({ lazyConnect: true, port: 1, retryStrategy: () => null });
    client.on('error', () => undefined);
    const events: string[] = [];
    onSocket(client, (socket) => {
      events.push('socket');
      socket.once('error', () => events.push('error'));
    });
    await client.connect().catch(() => undefined);
    await client.connect().catch(() => undefined);
    expect(events).toEqual(['socket', 'error', 'socket', 'error']);
  });

  it('leaves a client without a connector as it is', () => {
    const client = new FakeClient().redis;
    expect(() => onSocket(client, () => undefined)).not.toThrow();
    expect(() => onServerInfo(client, () => true)).not.toThrow();
  });
});

/** What the connector decides, as ioredis asks it. */
function check(client: Redis, info: object): unknown {
  const connector = Reflect.get(client, 'connector') as { check(info: object): unknown };
  return connector.check(info);
}

describe('onServerInfo, with the installed ioredis', () => {
  it.each([true, false])('decides whether the client uses the connection: %j', (accepts) => {
    const client = createClient();
    const seen: unknown[] = [];
    onServerInfo(client, (info) => {
      seen.push(info);
      return accepts;
    });
    expect(check(client, { role: 'master' })).toBe(accepts);
    expect(seen).toEqual([{ role: 'master' }]);
  });

  it('keeps the decision of ioredis', () => {
    const client = new Redis({ lazyConnect: true, sentinels: [{}], name: 'main', role: 'master' });
    onServerInfo(client, () => true);
    expect(check(client, { role: 'slave' })).toBe(false);
    expect(check(client, { role: 'master' })).toBe(true);
  });
});

/** Passes all bytes on, and records them by connection. */
function recordBytes(client: Redis): string[] {
  const connections: string[] = [];
  interceptBytes(client, (passOn) => {
    const index = connections.push('') - 1;
    return (bytes) => {
      connections[index] += bytes.toString();
      passOn(bytes);
    };
  });
  return connections;
}

describe('interceptBytes, with the installed ioredis', () => {
  it('finds its listener, and receives the bytes in its place', async () => {
    let connections: string[] = [];
    const plain = await connectSubscriber();
    const { client, socket } = await connectSubscriber((it) => (connections = recordBytes(it)));
    expect(socket.listenerCount('data')).toBe(plain.socket.listenerCount('data'));
    await client.subscribe('news', 'user');
    const received = reply('subscribe', 'news', 1) + reply('subscribe', 'user', 2);
    expect(connections).toEqual([received]);
    expect(namesOf(client, 'subscribe')).toEqual(['news', 'user']);
    for (const it of [plain.client, client]) it.disconnect();
  });

  it('receives the bytes of each connection from the first on', async () => {
    const greeting = '-LOADING not yet\r\n';
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(greeting);
    }).listen();
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = new Redis({ port, lazyConnect: true, retryStrategy: () => null });
    client.on('error', () => undefined);
    const connections = recordBytes(client);
    await client.connect().catch(() => undefined);
    await client.connect().catch(() => undefined);
    server.close();
    expect(connections).toEqual([greeting, greeting]);
  });
});

describe('interceptBytes', () => {
  const parsed: string[] = [];
  const decoder = { write: (bytes: Buffer) => parsed.push(bytes.toString()) };
  const write = (bytes: Buffer): unknown => decoder.write(bytes);
  const writeToo = (bytes: Buffer): unknown => decoder.write(bytes);
  const fail = (bytes: Buffer): void => {
    decoder.write(bytes);
    throw new Error('from a listener');
  };
  const count = vi.fn<() => void>();

  it.each([
    ['no listener', []],
    ['a listener that does not parse', [count]],
    ['two listeners that parse', [write, writeToo]],
  ])('leaves a socket with %s as it is', (_, listeners) => {
    const client = new FakeClient();
    const connections = recordBytes(client.redis);
    client.stream.on('data', count);
    client.becomeConnected();
    for (const listener of listeners) client.stream.on('data', listener);
    client.emit('connect');
    expect(client.stream.listeners('data')).toEqual(listeners);
    expect(connections).toEqual([]);
  });

  it('passes on the bytes after a listener of the application threw, and throws the error later', () => {
    const later: (() => void)[] = [];
    vi.spyOn(process, 'nextTick').mockImplementation((run) => void later.push(run as () => void));
    onTestFinished(() => void vi.restoreAllMocks());
    const client = new FakeClient();
    const connections = recordBytes(client.redis);
    client.stream.on('data', fail);
    client.emit('connect');
    client.stream.emit('data', Buffer.from('+OK\r\n'));
    client.stream.emit('data', Buffer.from(':1\r\n'));
    expect(connections).toEqual(['+OK\r\n:1\r\n']);
    expect(parsed).toEqual(['+OK\r\n', ':1\r\n']);
    expect(later).toHaveLength(2);
    expect(later[0]).toThrow('from a listener');
  });
});

describe('messageType', () => {
  it.each([
    [undefined, undefined],
    [{ subscriber: false, protocol: 3 }, undefined],
    [{ subscriber: {}, protocol: 3 }, 'push'],
    [{ subscriber: {}, protocol: 2 }, 'array'],
    [{ subscriber: {} }, 'array'],
  ])('of a client with the condition %j is %s', (condition, expected) => {
    const client = Object.assign(new FakeClient(), { condition });
    expect(messageType(client as unknown as Redis)).toBe(expected);
  });

  it('is that of the protocol once the installed ioredis has a subscription', async () => {
    const { client } = await connectSubscriber();
    expect(messageType(client)).toBeUndefined();
    await client.subscribe('news');
    expect(messageType(client)).toBe('array');
    client.disconnect();
  });
});
