import { Redis } from 'ioredis';
import { CommandRefusedError, ConnectionError, type RedisPubSubClient } from 'nestjs-redis-pubsub';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { captureLog, closeAfterTest, createClient } from '../support/app.js';
import { useCluster } from '../support/cluster.js';
import { callsOf, eventually, useRedis } from '../support/redis.js';
import { startProxy } from '../support/tcp-proxy.js';

const BURST = 1_200;

const emitAll = (client: RedisPubSubClient, channelOf: (i: number) => string, count: number) =>
  Promise.allSettled(
    Array.from({ length: count }, (_, i) => lastValueFrom(client.emit(channelOf(i), i))),
  );

const oneOfThree = (i: number): string => `batch.${i % 3}`;
const oneInFourRefused = (i: number): string => (i % 4 === 0 ? 'no.part' : 'ok.part');
const limited = ['--user', 'limited', 'on', '>secret', 'resetchannels', '&ok.*', '~*', '+@all'];
const unscripted = ['--user', 'unscripted', 'on', '>secret', 'allchannels', '~*', '+@all', '-eval'];

describe('batchPublishes', () => {
  const redis = useRedis([...limited, ...unscripted]);

  const connected = async (
    connection: string = redis.url,
    batchPublishes = true,
  ): Promise<RedisPubSubClient> => {
    const client = createClient({ connection, batchPublishes, codec: 'json' });
    await client.connect();
    // The reply to the client's own check, whether scripts are allowed, arrives before this PONG.
    await client.unwrap<[Redis, Redis]>()[0].ping();
    return client;
  };

  /** The messages that a plain client receives on a glob. */
  const listen = async (glob: string): Promise<string[]> => {
    const received: string[] = [];
    const listener = new Redis(redis.port);
    closeAfterTest(async () => listener.disconnect());
    listener.on('pmessage', (_, channel, text) => received.push(`${channel} ${text}`));
    await listener.psubscribe(glob);
    return received;
  };

  /** The number of scripts that Redis ran since the last call. */
  const scripts = async (): Promise<number> => {
    const count = await callsOf(redis.client, 'eval');
    await redis.client.config('RESETSTAT');
    return count;
  };

  it('sends a burst in few scripts, in order, and resolves each message to its own count', async () => {
    const received = await listen('batch.*');
    const client = await connected();
    await scripts();
    const outcomes = await emitAll(client, oneOfThree, BURST);
    expect(await scripts()).toBe(Math.ceil(BURST / 512));
    expect(outcomes.every((it) => it.status === 'fulfilled' && it.value === 1)).toBe(true);
    await eventually(() => received.length === BURST);
    expect(received).toEqual(Array.from({ length: BURST }, (_, i) => `${oneOfThree(i)} ${i}`));
  });

  it.each([
    ['a few messages', true, 31],
    ['a burst, without the option', false, BURST],
  ])('runs no script for %s', async (_, batchPublishes, count) => {
    const client = await connected(redis.url, batchPublishes);
    await scripts();
    await emitAll(client, () => 'single.x', count);
    expect(await scripts()).toBe(0);
  });

  it.each([
    ['ASCII', 'x'.repeat(100_000)],
    ['text of three bytes a character', '日'.repeat(33_000)],
  ])('sends at most 256 KiB of %s in a script', async (_, text) => {
    const received = await listen('large.*');
    const client = await connected();
    await scripts();
    const emitted = Array.from({ length: 40 }, () => lastValueFrom(client.emit('large.x', text)));
    await Promise.all(emitted);
    expect(await scripts()).toBe(20);
    await eventually(() => received.length === 40);
  });

  it('keeps the order between batches and single messages', async () => {
    const received = await listen('order.*');
    const client = await connected();
    const sizes = [40, 1, 600, 5, 32, 31, 100];
    let next = 0;
    for (const size of sizes) {
      for (let i = 0; i < size; i++) client.emit('order.x', next++);
      await Promise.resolve();
    }
    await eventually(() => received.length === next);
    expect(received).toEqual(Array.from({ length: next }, (_, i) => `order.x ${i}`));
  });

  it('rejects only the messages that the user may not publish', async () => {
    const received = await listen('*.part');
    const client = await connected(redis.url.replace('//', '//limited:secret@'));
    const outcomes = await emitAll(client, oneInFourRefused, 100);
    const refused = outcomes.filter((it) => it.status === 'rejected');
    expect(refused).toHaveLength(25);
    expect(refused.every(({ reason }) => reason instanceof CommandRefusedError)).toBe(true);
    await eventually(() => received.length === 75);
  });

  it('publishes one by one and logs that when the user may not call EVAL', async () => {
    const received = await listen('unscripted.*');
    const log = captureLog();
    const client = await connected(redis.url.replace('//', '//unscripted:secret@'));
    await eventually(() => log.of('warn').some((it) => it.includes('Redis refuses the scripts')));
    const outcomes = await emitAll(client, () => 'unscripted.x', 100);
    expect(outcomes.every(({ status }) => status === 'fulfilled')).toBe(true);
    await eventually(() => received.length === 100);
  });

  it('rejects a batch that Redis refuses, and publishes one by one after it', async () => {
    const log = captureLog();
    await redis.client.call('ACL', 'SETUSER', 'changed', 'on', '>secret', 'allchannels', '+@all');
    const client = await connected(redis.url.replace('//', '//changed:secret@'));
    await redis.client.call('ACL', 'SETUSER', 'changed', '-eval');
    const outcomes = await emitAll(client, () => 'changed.x', 100);
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    const [first] = outcomes as PromiseRejectedResult[];
    expect(first?.reason).toBeInstanceOf(CommandRefusedError);
    expect(log.of('warn')).toEqual([expect.stringContaining('Redis refuses the scripts')]);
    const later = await emitAll(client, () => 'changed.x', 100);
    expect(later.every(({ status }) => status === 'fulfilled')).toBe(true);
  });

  it('sends the messages that were emitted right before the client closes', async () => {
    const received = await listen('last.*');
    const client = await connected();
    const emitted = emitAll(client, () => 'last.x', 100);
    await client.close();
    expect((await emitted).every(({ status }) => status === 'fulfilled')).toBe(true);
    await eventually(() => received.length === 100);
  });

  it('rejects a batch whose reply is lost with the connection', async () => {
    const proxy = await startProxy(redis.port);
    const client = await connected(proxy.url);
    proxy.swallow(['toClient']);
    const emitted = emitAll(client, () => 'cut.x', 100);
    await eventually(() => proxy.swallowed.includes('*100'));
    proxy.cut();
    const outcomes = (await emitted) as PromiseRejectedResult[];
    expect(outcomes.every(({ reason }) => reason instanceof ConnectionError)).toBe(true);
  });
});

describe('batchPublishes in a Cluster', () => {
  const cluster = useCluster();

  it('sends a burst in a script, and each node delivers it', async () => {
    const received: string[] = [];
    for (const { port } of cluster().nodes) {
      const listener = new Redis(port);
      closeAfterTest(async () => listener.disconnect());
      listener.on('message', (_, text) => received.push(text));
      await listener.subscribe('batch.cluster');
    }
    const connection = { nodes: cluster().startupNodes };
    const client = createClient({ connection, batchPublishes: true, codec: 'json' });
    await client.connect();
    const outcomes = await emitAll(client, () => 'batch.cluster', 100);
    expect(outcomes.every(({ status }) => status === 'fulfilled')).toBe(true);
    await eventually(() => received.length === 100 * cluster().nodes.length);
  });
});
