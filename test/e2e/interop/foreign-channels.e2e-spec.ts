import { Controller, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { spawn } from 'node:child_process';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  ChannelParam,
  RedisPubSubContext,
  RedisPubSubModule,
  RedisPubSubService,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { IN_MEMORY } from '../../support/in-memory.js';

const seen: unknown[] = [];

@Controller()
class Orders {
  @EventPattern<string>('order.created')
  created(@Payload() event: unknown, @Ctx() context: RedisPubSubContext) {
    seen.push(['created', context.getChannel(), event]);
  }

  @EventPattern<string>('order.*')
  any(@Payload() event: unknown, @Ctx() context: RedisPubSubContext) {
    seen.push(['any', context.getChannel(), event]);
  }
}

@Controller()
class Channels {
  @EventPattern<string>('user:123')
  user(@Ctx() context: RedisPubSubContext) {
    seen.push(['user:123', context.getChannel()]);
  }

  @EventPattern<string>('game:chess_game_123:events')
  game(@Ctx() context: RedisPubSubContext) {
    seen.push(['game:chess_game_123:events', context.getChannel()]);
  }

  @EventPattern<string>('user:*:notifications')
  notifications(@Ctx() context: RedisPubSubContext) {
    seen.push(['user:*:notifications', context.getChannel()]);
  }

  @EventPattern<string>('user::id:notifications')
  ofUser(@ChannelParam('id') id: string, @Ctx() context: RedisPubSubContext) {
    seen.push([`user::id:notifications of ${id}`, context.getChannel()]);
  }

  @EventPattern<string>('game::game:events')
  ofGame(@ChannelParam('game') game: string, @Ctx() context: RedisPubSubContext) {
    seen.push([`game::game:events of ${game}`, context.getChannel()]);
  }

  @EventPattern<string>('notifications:user::id')
  service(@ChannelParam('id') id: string, @Ctx() context: RedisPubSubContext) {
    seen.push([`notifications:user::id of ${id}`, context.getChannel()]);
  }

  @EventPattern<string>('cache:invalidate:*')
  cache(@Ctx() context: RedisPubSubContext) {
    seen.push(['cache:invalidate:*', context.getChannel()]);
  }

  @EventPattern<string>('news.*.headline')
  news(@Ctx() context: RedisPubSubContext) {
    seen.push(['news.*.headline', context.getChannel()]);
  }
}

@Controller()
class Keyspace {
  @EventPattern<string[]>(['__keyevent@0__:expired', '__keyspace@0__:session:*'])
  changed(@Payload() data: unknown, @Ctx() context: RedisPubSubContext) {
    seen.push([context.getChannel(), data]);
  }
}

describe('channel names of other systems', () => {
  const redis = useRedis();

  beforeEach(() => {
    seen.length = 0;
  });

  const start = async (
    options: RedisPubSubModuleOptions,
    controllers: Type[] = [Orders, Channels],
  ): Promise<RedisPubSubService> => {
    const app = await NestFactory.createApplicationContext(
      {
        module: class {},
        imports: [RedisPubSubModule.forRoot({ connection: redis.url, ...options })],
        controllers,
      },
      { logger: captureLog(), abortOnError: false },
    );
    closeAfterTest(() => app.close());
    return app.get(RedisPubSubService);
  };

  /** Runs redis-cli until it exits, or until `isEnough` returns true for its output. */
  const cli = async (
    args: string[],
    isEnough: (output: string) => boolean = () => false,
  ): Promise<string> => {
    const run = (command: string) =>
      new Promise<string>((resolve, reject) => {
        const child = spawn(command, ['-p', String(redis.port), ...args]);
        let output = '';
        child.stdout.on('data', (chunk: Buffer) => {
          output += chunk.toString();
          if (isEnough(output)) child.kill();
        });
        child.on('error', reject).on('close', () => resolve(output));
      });
    return run('redis-cli').catch(() => run('valkey-cli'));
  };

  it.skipIf(IN_MEMORY)('keyspace notifications of Redis reach handlers', async () => {
    await redis.client.config('SET', 'notify-keyspace-events', 'KEA');
    closeAfterTest(() => redis.client.config('SET', 'notify-keyspace-events', ''));
    await start({}, [Keyspace]);
    await redis.client.set('session:ada', '1', 'PX', 1);
    await eventually(async () => (await redis.client.exists('session:ada')) === 0);
    await eventually(() => seen.length >= 4);
    expect(seen).toEqual([
      ['__keyspace@0__:session:ada', 'set'],
      ['__keyspace@0__:session:ada', 'expire'],
      ['__keyspace@0__:session:ada', 'expired'],
      ['__keyevent@0__:expired', 'session:ada'],
    ]);
  });

  it.skipIf(IN_MEMORY)(
    'handlers receive the whole events of a bus in another language below a prefix',
    async () => {
      await start({ prefix: 'events:' });
      const events = [
        { type: 'order.created', timestamp: '2026-01-25T10:00:00', data: { orderId: 'ORD-123' } },
        { pattern: 'order.shipped', data: { orderId: 'ORD-123' }, id: 'evt-1', carrier: 'UPS' },
        { pattern: 'monthly', data: null, id: 'evt-2' },
      ];
      const [created, shipped, billed] = events.map((it) => JSON.stringify(it));
      expect(Number(await cli(['PUBLISH', 'events:order.created', created ?? '']))).toBe(2);
      expect(Number(await cli(['PUBLISH', 'order.created', '"without the prefix"']))).toBe(0);
      expect(Number(await cli(['PUBLISH', 'events:order.sent', shipped ?? '']))).toBe(1);
      expect(Number(await cli(['PUBLISH', 'events:order.billed', billed ?? '']))).toBe(1);
      await eventually(() => seen.length >= 4);
      expect(seen.toSorted()).toEqual([
        ['any', 'order.billed', events[2]],
        ['any', 'order.created', events[0]],
        ['any', 'order.sent', events[1]],
        ['created', 'order.created', events[0]],
      ]);
    },
  );

  it('names with colons match literals, globs and parameters', async () => {
    await start({});
    const channels = [
      'user:123',
      'user:123:notifications',
      'user:alice:notifications',
      'user:a:b:notifications',
      'game:chess_game_123:events',
      'notifications:user:user123',
      'notifications:broadcast',
      'cache:invalidate:users:7',
      'news.it.headline',
    ];
    for (const channel of channels) await redis.client.publish(channel, '{"a":1}');
    await eventually(() => seen.length >= 11);
    expect(seen.toSorted()).toEqual(
      [
        ['user:123', 'user:123'],
        ['user:*:notifications', 'user:123:notifications'],
        ['user::id:notifications of 123', 'user:123:notifications'],
        ['user:*:notifications', 'user:alice:notifications'],
        ['user::id:notifications of alice', 'user:alice:notifications'],
        ['user:*:notifications', 'user:a:b:notifications'],
        ['game:chess_game_123:events', 'game:chess_game_123:events'],
        ['game::game:events of chess_game_123', 'game:chess_game_123:events'],
        ['notifications:user::id of user123', 'notifications:user:user123'],
        ['cache:invalidate:*', 'cache:invalidate:users:7'],
        ['news.*.headline', 'news.it.headline'],
      ].toSorted(),
    );
  });

  it.skipIf(IN_MEMORY)('the service subscribes to names with colons at run time', async () => {
    const service = await start({ prefix: 'app:' }, []);
    await service.subscribe('user:123', ({ channel, data }) => seen.push([channel, data]));
    await service.subscribePattern('user::id:notifications', ({ channel, params, data }) =>
      seen.push([channel, params, data]),
    );
    await cli(['PUBLISH', 'app:user:123:notifications', '{"title":"Hi"}']);
    await cli(['PUBLISH', 'app:user:123', 'login']);
    await eventually(() => seen.length >= 2);
    expect(seen).toEqual([
      ['user:123:notifications', { id: '123' }, { title: 'Hi' }],
      ['user:123', 'login'],
    ]);
  });

  it.skipIf(IN_MEMORY)('redis-cli prints the bare data that codec "json" publishes', async () => {
    const service = await start({ prefix: 'events:', codec: 'json' }, []);
    const output = cli(['SUBSCRIBE', 'events:order.created'], (it) => it.includes('ORD-2'));
    await redis.subscribers('events:order.created', 1);
    const event = { type: 'order.created', data: { orderId: 'ORD-1' } };
    expect(await service.publish('order.created', event)).toBe(1);
    expect(await service.publish('order.created', 'ORD-2')).toBe(1);
    const lines = [
      'subscribe,events:order.created,1',
      `message,events:order.created,${JSON.stringify(event)}`,
      'message,events:order.created,"ORD-2"',
    ];
    expect((await output).trim().replaceAll('\n', ',')).toBe(lines.join());
  });
});
