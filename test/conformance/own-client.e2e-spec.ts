import { whenSubscribed } from '../../src/broker/broker.js';
import { tracingChannel } from 'node:diagnostics_channel';
import { Redis, type RedisOptions } from 'ioredis';
import { CommandRefusedError } from 'nestjs-redis-pubsub';
import { describe, expect, it } from 'vitest';
import { closeAfterTest } from '../support/app.js';
import { eventually, plain, useRedis } from '../support/redis.js';
import { startProxy } from '../support/tcp-proxy.js';
import { Collector, unique } from './collector.js';
import { createTestBroker } from './test-broker.js';

const EVENTS = ['ready', 'close', 'end', 'error', 'message', 'messageBuffer', 'pmessageBuffer'];

const listeners = (client: Redis): number[] => EVENTS.map((event) => client.listenerCount(event));

describe("a broker over a client of the user's own", () => {
  const redis = useRedis();

  const own = (options: RedisOptions = {}): Redis => {
    const client = new Redis({ ...plain(redis.port), ...options });
    closeAfterTest(async () => client.disconnect());
    return client;
  };

  it('leaves the client connected, and removes its own listeners', async () => {
    const client = own();
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    await client.ping();
    const before = listeners(client);
    const broker = createTestBroker(client);
    await broker.connect(10_000);
    await whenSubscribed(broker, { kind: 'channel', name: unique('mine') }, new Collector());
    await broker.close();
    expect(client.status).toBe('ready');
    expect(await client.ping()).toBe('PONG');
    expect(listeners(client)).toEqual(before);
    expect(errors).toEqual([]);
  });

  it('publishes through the client, and subscribes through a duplicate', async () => {
    const client = own({ connectionName: 'mine' });
    const broker = createTestBroker(client);
    await broker.connect(10_000);
    const [publisher, subscriber] = broker.clients();
    expect(publisher).toBe(client);
    expect(subscriber).not.toBe(client);
    await whenSubscribed(broker, { kind: 'channel', name: unique('mine') }, new Collector());
    expect(await client.set('key', 'value')).toBe('OK');
  });

  it('leaves the replies to other commands of the client as they are, whatever is published in the same tick', async () => {
    const client = own();
    const broker = createTestBroker(client);
    await broker.connect(10_000);
    const channel = unique('between');
    const answers: unknown[] = [];
    for (let i = 0; i < 100; i++) {
      void broker.publish(channel, String(i)).then((receivers) => answers.push(receivers));
      void client.echo(String(i)).then((text) => answers.push(text));
    }
    await eventually(() => answers.length === 200);
    const texts = answers.filter((answer) => typeof answer === 'string');
    expect(texts).toEqual(Array.from({ length: 100 }, (_, i) => String(i)));
    expect(answers.filter((answer) => answer === 0)).toHaveLength(100);
  });

  it('sends a message again that was lost with the connection, if maxRetriesPerRequest allows it', async () => {
    const proxy = await startProxy(redis.port);
    const client = own({ port: proxy.port, retryStrategy: () => 10, maxRetriesPerRequest: null });
    client.on('error', () => undefined);
    const broker = createTestBroker(client);
    await broker.connect(10_000);
    proxy.hold(/publish/i);
    const published = broker.publish(unique('again'), 'x');
    await eventually(() => proxy.holding === 1);
    proxy.release();
    proxy.cut();
    expect(await published).toBe(0);
  });

  // ioredis traces from 5.11 on.
  it.runIf('_buildCommandContext' in Redis.prototype)(
    'is traced by ioredis, and only the caller of publish gets the error',
    async () => {
      const traced: string[] = [];
      const handlers = {
        error: (context: unknown) => {
          const { command, args } = context as { command: string; args: string[] };
          traced.push(`${command} ${args[0]}`);
        },
      } as Parameters<ReturnType<typeof tracingChannel>['subscribe']>[0];
      const channel = tracingChannel('ioredis:command');
      channel.subscribe(handlers);
      closeAfterTest(() => Promise.resolve(channel.unsubscribe(handlers)));
      const user = unique('mute');
      await redis.client.call('ACL', 'SETUSER', user, 'on', 'nopass', '+@all', 'resetchannels');
      const client = own({ username: user, password: 'x' });
      const broker = createTestBroker(client);
      await broker.connect(10_000);
      await expect(broker.publish('traced', 'x')).rejects.toBeInstanceOf(CommandRefusedError);
      expect(traced.filter((it) => it.startsWith('publish'))).toEqual(['publish traced']);
    },
  );

  it('does not change the subscriptions of the client', async () => {
    const client = own({ protocol: 3 });
    const [mine, shared] = [unique('mine'), unique('shared')];
    const received: string[] = [];
    client.on('message', (channel: string, message: string) =>
      received.push(`${channel} ${message}`),
    );
    await client.subscribe(mine, shared);
    const broker = createTestBroker(client);
    await broker.connect(10_000);
    const collector = new Collector();
    await whenSubscribed(broker, { kind: 'channel', name: shared }, collector);
    await redis.client.publish(shared, 'to both');
    await collector.receives(1);
    broker.unsubscribe({ kind: 'channel', name: shared }, collector);
    await redis.subscribers(shared, 1);
    await broker.close();
    await redis.client.publish(mine, 'after the end');
    await eventually(() => received.length === 2);
    expect(received).toEqual([`${shared} to both`, `${mine} after the end`]);
    expect(collector.texts).toEqual(['to both']);
  });

  it('connects a client with lazyConnect', async () => {
    const broker = createTestBroker(own({ lazyConnect: true }));
    await broker.connect(10_000);
    expect(broker.status).toBe('connected');
  });

  it('uses a client that is connected already', async () => {
    const client = own();
    await client.ping();
    const broker = createTestBroker(client);
    await broker.connect(10_000);
    expect(broker.status).toBe('connected');
  });

  it('connects again after close', async () => {
    const client = own();
    await client.ping();
    const broker = createTestBroker(client);
    const channel = unique('again');
    const collector = new Collector();
    await broker.connect(10_000);
    await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
    await broker.close();
    await broker.connect(5_000);
    await eventually(() => broker.status === 'connected');
    expect(await broker.publish(channel, 'x')).toBe(1);
    await collector.receives(1);
  });

  it('notices a lost connection also after close and a second connect', async () => {
    const client = own({ retryStrategy: () => 10 });
    client.on('error', () => undefined);
    const broker = createTestBroker(client);
    await broker.connect(10_000);
    await broker.close();
    await broker.connect(5_000);
    await eventually(() => broker.status === 'connected');
    const seen: string[] = [];
    broker.onStatus((status) => seen.push(status));
    await redis.client.call('CLIENT', 'KILL', 'ID', String(await client.client('ID')));
    await eventually(() => client.status === 'ready' && seen.length > 0);
    expect(seen).toEqual(['reconnecting', 'connected']);
  });
});
