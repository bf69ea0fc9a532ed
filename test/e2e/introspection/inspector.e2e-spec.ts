import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError, PubSubInspector, type InspectOptions } from 'nestjs-redis-pubsub';
import { eventually, useRedis } from '../../support/redis.js';
import { HAS_SHARDED, IF_SHARDED } from '../../support/sharded.js';
import { OrderHandlers, startInstance, timeout } from './fleet.js';

interface Failure {
  readonly code: string;
}

describe('PubSubInspector', () => {
  const redis = useRedis();

  it('lists channels with their subscribers, the largest first, without the reserved ones', async () => {
    const prefix = 'channels:';
    const { inspector, service } = await startInstance(redis, { prefix });
    const other = await startInstance(redis, { prefix });
    await service.subscribe('a.1', () => {});
    await service.subscribe('b.2', () => {});
    await other.service.subscribe('b.2', () => {});
    expect(await inspector.channels({ timeout })).toEqual({
      total: 2,
      channels: [
        { channel: 'b.2', kind: 'channel', subscribers: 2 },
        { channel: 'a.1', kind: 'channel', subscribers: 1 },
      ],
    });
    const { channels, total } = await inspector.channels({ timeout, limit: 1 });
    expect([channels.map(({ channel }) => channel), total]).toEqual([['b.2'], 2]);
    const found = await inspector.channels({ timeout, pattern: 'a.:id' });
    expect(found.channels.map(({ channel }) => channel)).toEqual(['a.1']);
  });

  it.runIf(HAS_SHARDED)(`lists sharded channels, too${IF_SHARDED}`, async () => {
    const prefix = 'kinds:';
    const { inspector, service } = await startInstance(redis, { prefix });
    await service.subscribe('a', () => {});
    await service.subscribe('a', () => {}, { sharded: true });
    const { channels } = await inspector.channels({ timeout });
    expect(new Set(channels.map(({ kind }) => kind))).toEqual(new Set(['channel', 'shard']));
  });

  it.runIf(HAS_SHARDED)(`sees sharded instances and classic ones${IF_SHARDED}`, async () => {
    const prefix = 'sharded:';
    const classic = await startInstance(redis, { name: 'classic', prefix });
    const sharded = await startInstance(redis, { name: 'sharded', prefix, sharded: true });
    for (const { inspector } of [classic, sharded]) {
      const { instances, silent } = await inspector.ping({ timeout });
      expect(instances.map(({ name }) => name)).toEqual(['classic', 'sharded']);
      expect(silent).toBe(0);
    }
  });

  it('lists the globs of handlers and of observers', async () => {
    const prefix = 'patterns:';
    const { inspector, service } = await startInstance(
      redis,
      { prefix },
      { controllers: [OrderHandlers] },
    );
    await startInstance(redis, { prefix }, { controllers: [OrderHandlers] });
    await service.subscribePattern('user.:id', () => {});
    const { patterns, total, silent } = await inspector.patterns({ timeout });
    expect(patterns).toEqual([
      { pattern: 'order.*', glob: 'patterns:order.*', instances: 2 },
      { pattern: 'patterns:user.*', glob: 'patterns:user.*', instances: 1 },
    ]);
    expect(total).toBe(2);
    expect(silent).toBe(0);
  });

  it('lists the channels whose messages no subscriber received', async () => {
    const prefix = 'unheard:';
    const { inspector, service } = await startInstance(redis, { name: 'orders', prefix });
    const other = await startInstance(redis, { name: 'users', prefix });
    await other.service.subscribe('heard', () => {});
    const before = Date.now();
    for (const channel of ['heard', 'lost', 'lost', 'typo']) await service.publish(channel, 1);
    await other.service.publish('lost', 1);
    const { channels, hasMore } = await inspector.unheard({ timeout });
    expect(channels).toEqual([
      expect.objectContaining({
        channel: 'lost',
        kind: 'channel',
        messages: 3,
        publishers: ['orders', 'users'],
        isCertain: true,
      }),
      expect.objectContaining({ channel: 'typo', messages: 1, publishers: ['orders'] }),
    ]);
    expect(hasMore).toBe(false);
    for (const { lastAt } of channels) expect(lastAt.getTime()).toBeGreaterThanOrEqual(before);
  });

  it('tells in what the instances of one name differ', async () => {
    @Controller()
    class OldHandlers {
      @EventPattern<string>('order.*')
      onOrder() {}
    }
    const options = { name: 'orders', prefix: 'drift:' };
    const { inspector } = await startInstance(redis, options, { controllers: [OrderHandlers] });
    await startInstance(redis, options, { controllers: [OrderHandlers] });
    await startInstance(redis, { ...options, name: 'users' });
    expect((await inspector.drift({ timeout })).drift).toEqual([]);
    await startInstance(redis, { ...options, codec: 'json' }, { controllers: [OldHandlers] });
    const { instances } = await inspector.instances({ timeout });
    const idsWith = (codec: string) =>
      instances.filter((it) => it.name === 'orders' && it.codec === codec).map(({ id }) => id);
    expect((await inspector.drift({ timeout })).drift).toEqual([
      {
        name: 'orders',
        subject: 'codec',
        variants: [
          { value: 'envelope', instances: idsWith('envelope') },
          { value: 'json', instances: idsWith('json') },
        ],
      },
      {
        name: 'orders',
        subject: 'handlers',
        variants: [
          {
            value: [
              'event order.* (OrderHandlers.onOrder) concurrency=2 order=channel',
              'message order.get (OrderHandlers.get)',
            ].join('\n'),
            instances: idsWith('envelope'),
          },
          { value: 'event order.* (OldHandlers.onOrder)', instances: idsWith('json') },
        ],
      },
    ]);
  });

  it('rejects within its timeout while Redis is down, and works again', async () => {
    const { inspector } = await startInstance(redis, { prefix: 'down:' });
    await inspector.ping({ timeout });
    await redis.stop();
    try {
      for (const ask of [
        () => inspector.ping({ timeout: 50 }),
        () => inspector.channels({ timeout: 50 }),
        () => inspector.patterns({ timeout: 50 }),
        () => inspector.unheard({ timeout: 50 }),
        () => inspector.drift({ timeout: 50 }),
      ]) {
        await expect(ask()).rejects.toMatchObject({ code: 'ERR_PUBSUB_CONNECTION' });
      }
    } finally {
      await redis.start();
    }
    await eventually(async () => {
      const { instances } = await inspector.ping({ timeout: 200 });
      return instances.length === 1;
    });
  });

  it('takes the shortest timeout for each question', async () => {
    const { inspector } = await startInstance(redis, { prefix: 'shortest:' });
    await inspector.ping({ timeout });
    const outcomes = await Promise.allSettled([
      inspector.unheard({ timeout: 1 }),
      inspector.unheard({ timeout: 3 }),
      inspector.drift({ timeout: 1 }),
    ]);
    const codes = outcomes.map((it) => it.status === 'rejected' && (it.reason as Failure).code);
    expect(codes.filter((code) => code !== false && code !== 'ERR_PUBSUB_CONNECTION')).toEqual([]);
  });

  it.each([
    ['an unknown option', { timeot: 1 }, 'did you mean "timeout"?'],
    ['a timeout of 0', { timeout: 0 }, 'Expected "timeout" to be milliseconds from 1'],
    ['a text', '5s', 'Expected "options" to be an object'],
  ])('refuses %s', async (_, options, message) => {
    const { inspector } = await startInstance(redis, { prefix: 'refuses:' });
    const given = options as InspectOptions;
    for (const ask of [
      () => inspector.ping(given),
      () => inspector.channels(given),
      () => inspector.patterns(given),
      () => inspector.unheard(given),
    ]) {
      await expect(ask()).rejects.toThrow(message);
    }
    await expect(inspector.channels({ limit: 0 })).rejects.toThrow(InvalidOptionError);
    await expect(inspector.channels({ pattern: '' })).rejects.toMatchObject({
      code: 'ERR_PUBSUB_INVALID_CHANNEL',
    });
  });

  it('refuses options of other classes at its construction', () => {
    expect(() => new PubSubInspector({ onStart: 'wait' } as object)).toThrow(
      'Expected "onStart" to be an option of RedisPubSubServer or RedisPubSubModule only, not of PubSubInspector',
    );
  });
});
