import { setImmediate } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { ConnectionError, type RedisPubSubClient } from 'nestjs-redis-pubsub';
import { lastValueFrom } from 'rxjs';
import { describe, expect, inject, it } from 'vitest';
import { createClient } from '../support/app.js';
import { eventually, useRedis, watchCommands } from '../support/redis.js';
import { startProxy } from '../support/tcp-proxy.js';

const ROUNDS = 20;

const unpinged = ['--user', 'unpinged', 'on', '>secret', 'allchannels', '~*', '+@all', '-ping'];
const limited = ['--user', 'limited', 'on', '>secret', 'resetchannels', '&ok.*', '~*', '+@all'];

const unwrap = (client: RedisPubSubClient) =>
  client.unwrap<[publisher: Redis, subscriber: Redis]>();

const emit = (client: RedisPubSubClient, channel: string): Promise<number> =>
  lastValueFrom(client.emit<number>(channel, 'x'));

/** Sockets that were read in the last turns of the event loop would be looked at before others, whichever has bytes first. */
const findThemSilent = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn++) await setImmediate();
};

/** Which of the client's own connections hears first of a message, several times. */
const firstToHear = async (client: RedisPubSubClient): Promise<string[]> => {
  const [publisher, subscriber] = unwrap(client);
  const first: string[] = [];
  await subscriber.subscribe('first');
  for (let i = 0; i < ROUNDS; i++) {
    const heard: string[] = [];
    await findThemSilent();
    publisher.stream.once('data', () => heard.push('publisher'));
    subscriber.stream.once('data', () => heard.push('subscriber'));
    expect(await emit(client, 'first')).toBe(1);
    await eventually(() => heard.length === 2);
    first.push(...heard.slice(0, 1));
  }
  return first;
};

describe('deliverFirst', () => {
  const redis = useRedis([...unpinged, ...limited]);

  const connected = async (deliverFirst = true, connection = redis.url, sharded = false) => {
    const options = { connection, deliverFirst, sharded, pingInterval: 60_000, probeInterval: 0 };
    const client = createClient(options);
    await client.connect();
    return client;
  };

  /** Returns what tells the names of all commands from now on, up to one that this test sends itself. */
  const watch = async () => {
    const names = await watchCommands(redis.client);
    return async (): Promise<string[]> => {
      await redis.client.call('ECHO', 'end');
      await eventually(() => names.includes('ECHO'));
      return names.slice(0, names.indexOf('ECHO'));
    };
  };

  it('has the subscriber hear of a message before the publisher', async () => {
    const first = await firstToHear(await connected());
    expect(first).toEqual(Array.from({ length: ROUNDS }, () => 'subscriber'));
  });

  it('is what changes that: without it the publisher hears first', async () => {
    const first = await firstToHear(await connected(false));
    expect(first).toEqual(Array.from({ length: ROUNDS }, () => 'publisher'));
  });

  it.each([
    ['sends a PING before', true, ['ping', 'publish']],
    ['without it sends nothing before', false, ['publish']],
  ])('%s a message that is alone in its tick', async (_, deliverFirst, expected) => {
    const client = await connected(deliverFirst);
    const commands = await watch();
    await emit(client, 'alone.x');
    expect(await commands()).toEqual(expected);
  });

  it.runIf(inject('hasSharded'))('sends a PING before a shard message, too', async () => {
    const client = await connected(true, redis.url, true);
    const commands = await watch();
    await emit(client, 'shard.x');
    expect(await commands()).toEqual(['ping', 'spublish']);
  });

  it('sends no more of them where a tick has many messages', async () => {
    const client = await connected();
    const commands = await watch();
    await Promise.all(Array.from({ length: 100 }, () => emit(client, 'many.x')));
    const sent = await commands();
    expect(sent.filter((name) => name === 'publish')).toHaveLength(100);
    expect(sent.filter((name) => name === 'ping')).toHaveLength(1);
  });

  it('publishes for a user who may not call PING', async () => {
    const client = await connected(true, redis.url.replace('//', '//unpinged:secret@'));
    await redis.client.call('ACL', 'LOG', 'RESET');
    expect(await emit(client, 'unpinged.x')).toBe(0);
    const [refused] = (await redis.client.call('ACL', 'LOG')) as string[][];
    expect(refused).toContain('ping');
  });

  it('fails what the user may not publish, and nothing after it', async () => {
    const client = await connected(true, redis.url.replace('//', '//limited:secret@'));
    await expect(emit(client, 'no.x')).rejects.toThrow('no.x');
    expect(await emit(client, 'ok.x')).toBe(0);
  });

  it('fails what is lost with the connection, and goes on with the next one', async () => {
    const proxy = await startProxy(redis.port);
    const client = await connected(true, proxy.url);
    proxy.swallow(['toClient']);
    const lost = emit(client, 'cut.x');
    await eventually(() => proxy.swallowed.includes('+PONG'));
    proxy.forward();
    proxy.cut();
    await expect(lost).rejects.toBeInstanceOf(ConnectionError);
    expect(await emit(client, 'cut.x')).toBe(0);
  });
});
