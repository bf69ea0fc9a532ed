import type { PubSubEngine } from 'graphql-subscriptions';
import { describe, expect, it } from 'vitest';
import { InvalidChannelError, InvalidOptionError } from 'nestjs-redis-pubsub';
import {
  RedisPubSubEngine,
  type MissedMessages,
  type RedisPubSubEngineOptions,
} from 'nestjs-redis-pubsub/graphql';
import { InMemoryRedis } from 'nestjs-redis-pubsub/testing';
import { closeAfterTest, closeAll } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { HAS_SHARDED, IF_SHARDED } from '../../support/sharded.js';
import { startService } from '../module/service-app.js';

const redis = useRedis();

async function start(options?: RedisPubSubEngineOptions) {
  const { service, ...others } = await startService(redis, { pingInterval: 50 });
  return { ...others, service, engine: new RedisPubSubEngine(service, options) };
}

const DONE = { value: undefined, done: true };
const valueOf = (value: unknown) => ({ value, done: false });

const failing = (): never => {
  throw new Error('no mapper');
};

describe('RedisPubSubEngine', () => {
  it('iterates over the payloads of its channels, from any publisher', async () => {
    const { engine } = await start();
    const other = await start();
    const iterator = (engine as PubSubEngine).asyncIterableIterator<{ text: string }>([
      'graphql.one',
      'graphql.two',
    ]);
    const first = iterator.next();
    await redis.subscribers('graphql.one', 1);
    await redis.subscribers('graphql.two', 1);
    await other.engine.publish('graphql.one', { text: 'a' });
    expect(await first).toEqual(valueOf({ text: 'a' }));
    await redis.client.publish('graphql.two', '{"text":"b"}');
    expect(await iterator.next()).toEqual(valueOf({ text: 'b' }));
    expect(await iterator.return?.()).toEqual(DONE);
    await redis.subscribers('graphql.one', 0);
    await redis.subscribers('graphql.two', 0);
  });

  it('exchanges bare JSON with other engines, with that codec', async () => {
    const { service } = await startService(redis, { codec: 'json' });
    const engine = new RedisPubSubEngine(service);
    const heard: string[] = [];
    const plain = redis.client.duplicate();
    closeAfterTest(async () => plain.disconnect());
    plain.on('message', (_, text: string) => heard.push(text));
    await plain.subscribe('graphql.json');
    const iterator = engine.asyncIterableIterator('graphql.json');
    const next = iterator.next();
    await redis.subscribers('graphql.json', 2);
    await redis.client.publish('graphql.json', '{"a":1}');
    expect(await next).toEqual(valueOf({ a: 1 }));
    await engine.publish('graphql.json', { b: 2 });
    await eventually(() => heard.length === 2);
    expect(heard).toEqual(['{"a":1}', '{"b":2}']);
  });

  it('subscribes with the first next, and shares one subscription of Redis', async () => {
    const { engine, service } = await start();
    const iterators = ['a', 'b'].map(() => engine.asyncIterableIterator('graphql.shared'));
    expect(await service.subscriberCounts('graphql.shared')).toEqual({ 'graphql.shared': 0 });
    const values = iterators.map((it) => it.next());
    await redis.subscribers('graphql.shared', 1);
    await engine.publish('graphql.shared', 7);
    expect(await Promise.all(values)).toEqual([valueOf(7), valueOf(7)]);
  });

  it('takes a trigger for one channel, unless it is a pattern', async () => {
    const { engine } = await start();
    const literal = engine.asyncIterableIterator('graphql.*');
    const globbed = engine.asyncIterableIterator('graphql.*', { pattern: true });
    const values = [literal.next(), globbed.next()];
    await redis.subscribers('graphql.*', 1);
    await redis.patterns(1);
    await engine.publish('graphql.x', 1);
    expect(await values[1]).toEqual(valueOf(1));
    await engine.publish('graphql.*', 2);
    expect(await values[0]).toEqual(valueOf(2));
  });

  it('calls the listener of subscribe until unsubscribe', async () => {
    const { engine } = await start();
    const received: unknown[] = [];
    const id = await engine.subscribe('graphql.called', (payload) => received.push(payload));
    const other = await engine.subscribe('graphql.?', (payload) => received.push(payload), {
      pattern: true,
    });
    expect(other).not.toBe(id);
    await engine.publish('graphql.called', { text: 'a' });
    await engine.publish('graphql.b', 'b');
    await eventually(() => received.length === 2);
    engine.unsubscribe(id);
    engine.unsubscribe(id);
    await redis.subscribers('graphql.called', 0);
    await engine.publish('graphql.called', 'c');
    await engine.publish('graphql.d', 'd');
    await eventually(() => received.length === 3);
    expect(received).toEqual([{ text: 'a' }, 'b', 'd']);
  });

  it.skipIf(!HAS_SHARDED)(`uses shard channels, if it should${IF_SHARDED}`, async () => {
    const { engine, service } = await start({ sharded: true });
    const next = engine.asyncIterableIterator('graphql.shard').next();
    const heard: unknown[] = [];
    await service.subscribe('graphql.shard', ({ data }) => heard.push(data), { sharded: true });
    await eventually(async () => {
      await engine.publish('graphql.shard', 1);
      return heard.length > 0;
    });
    expect(await next).toEqual(valueOf(1));
  });

  it('drops the oldest messages of a slow reader, and says so', async () => {
    const { engine, service, log } = await start({ maxWaiting: 2 });
    const iterator = engine.asyncIterableIterator<number>('graphql.slow');
    const first = iterator.next();
    await redis.subscribers('graphql.slow', 1);
    let heard = 0;
    await service.subscribe('graphql.slow', () => heard++);
    for (const value of [1, 2, 3, 4]) await engine.publish('graphql.slow', value);
    await eventually(() => heard === 4);
    expect(await first).toEqual(valueOf(1));
    expect([await iterator.next(), await iterator.next()]).toEqual([valueOf(3), valueOf(4)]);
    expect(log.of('warn')).toEqual([
      'A GraphQL subscription to "graphql.slow" is slower than its messages, and 2 wait: dropped one. Raise maxWaiting, or publish less',
    ]);
  });

  it('fails for a slow reader, if it should', async () => {
    const { engine } = await start();
    const iterator = engine.asyncIterableIterator<number>('graphql.full', {
      maxWaiting: 1,
      overflow: 'error',
    });
    const first = iterator.next();
    await redis.subscribers('graphql.full', 1);
    for (const value of [1, 2, 3]) await engine.publish('graphql.full', value);
    expect(await first).toEqual(valueOf(1));
    await redis.subscribers('graphql.full', 0);
    await expect(iterator.next()).rejects.toMatchObject({
      code: 'ERR_PUBSUB_CONNECTION',
      message: 'The subscriber of "graphql.full" is slower than its messages: more than 1 wait',
    });
    expect(await iterator.next()).toEqual(DONE);
  });

  /** The next result of an iterator, over an outage. */
  async function nextOverOutage(onGap: RedisPubSubEngineOptions['onGap']): Promise<unknown> {
    const { engine, service } = await start();
    const iterator = engine.asyncIterableIterator('graphql.gap', onGap && { onGap });
    const before = iterator.next();
    await redis.subscribers('graphql.gap', 1);
    await engine.publish('graphql.gap', 'before');
    // Now the subscription is acknowledged, too.
    expect(await before).toEqual(valueOf('before'));
    const next = iterator.next().catch((error: unknown) => error);
    await redis.stop();
    await eventually(() => service.status !== 'connected');
    await redis.start();
    await eventually(() => service.status === 'connected');
    await engine.publish('graphql.gap', 'after').catch(() => undefined);
    return next;
  }

  it.each([
    ['is not told', undefined, valueOf('after')],
    ['is not told', 'ignore', valueOf('after')],
    ['is at its end', 'end', DONE],
    [
      'fails',
      'error',
      {
        code: 'ERR_PUBSUB_CONNECTION',
        message: expect.stringMatching(
          /^Messages of "graphql\.gap" may be lost between 20/,
        ) as string,
      },
    ],
    ['gets no payload', () => undefined, valueOf('after')],
  ] as const)('%s after an outage with onGap: %s', async (_, onGap, expected) => {
    expect(await nextOverOutage(onGap)).toMatchObject(expected);
  });

  it('gets the payload that onGap returns, and fails with what it throws', async () => {
    const missed: MissedMessages[] = [];
    const toPayload = (it: MissedMessages): unknown => missed.push(it) && { reload: true };
    expect(await nextOverOutage(toPayload)).toEqual(valueOf({ reload: true }));
    const [from, to] = [expect.any(Date) as Date, expect.any(Date) as Date];
    expect(missed).toEqual([{ trigger: 'graphql.gap', gap: { from, to } }]);
    await closeAll();
    expect(await nextOverOutage(failing)).toMatchObject({ message: 'no mapper' });
  });

  it('tells of messages that were lost without an outage', async () => {
    const memory = new InMemoryRedis();
    const { service } = await startService({ url: memory } as never);
    const engine = new RedisPubSubEngine(service, { onGap: ({ lost }) => ({ lost }) });
    const failing = engine.asyncIterableIterator('graphql.lost', { onGap: 'error' });
    const iterator = engine.asyncIterableIterator('graphql.lost');
    const [first] = [iterator.next(), failing.next()];
    await eventually(async () => (await service.publish('graphql.lost', 1)) === 1);
    memory.dropNext(2);
    for (const value of [2, 3, 4]) await engine.publish('graphql.lost', value);
    expect(await first).toEqual(valueOf(1));
    expect(await iterator.next()).toEqual(valueOf({ lost: 2 }));
    expect(await iterator.next()).toEqual(valueOf(4));
    await expect(failing.next()).rejects.toThrow('2 messages of "graphql.lost" did not arrive');
  });

  it('completes its iterators with the application', async () => {
    const { engine, app } = await start();
    const iterator = engine.asyncIterableIterator('graphql.closing');
    const next = iterator.next();
    await redis.subscribers('graphql.closing', 1);
    await app.close();
    expect(await next).toEqual(DONE);
    expect(await engine.asyncIterableIterator('graphql.closing').next()).toEqual(DONE);
  });

  it('rejects and throws for what cannot be subscribed', async () => {
    const { engine, service } = await start();
    expect(() => engine.asyncIterableIterator('')).toThrow(InvalidChannelError);
    await expect(engine.asyncIterableIterator('_pubsub.x').next()).rejects.toThrow(
      InvalidChannelError,
    );
    await expect(engine.subscribe('', () => undefined)).rejects.toThrow(InvalidChannelError);
    await expect(engine.subscribe('a', 'b' as never)).rejects.toThrow(InvalidOptionError);
    await expect(engine.publish('', 1)).rejects.toThrow(InvalidChannelError);
    for (const options of [
      { maxWaiting: 0 },
      { overflow: 'latest' },
      { onGap: 'resync' },
      { max: 1 },
    ]) {
      expect(() => new RedisPubSubEngine(service, options as never)).toThrow(InvalidOptionError);
      expect(() => engine.asyncIterableIterator('a', options as never)).toThrow(InvalidOptionError);
    }
    expect(() => new RedisPubSubEngine(undefined as never)).toThrow(
      'Expected "service" to be a RedisPubSubService',
    );
  });
});
