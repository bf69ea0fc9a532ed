import { Controller, Injectable } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import {
  Channel,
  ChannelParam,
  InvalidOptionError,
  RedisPubSubModule,
  RedisPubSubService,
  Subscribe,
  type SubscribeOptions,
} from 'nestjs-redis-pubsub';
import { captureLog, startService } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { eventually, useRedis } from '../../support/redis.js';
import { failureOf, startContext } from './apps.js';

const received: unknown[] = [];

@Injectable()
class Handlers {
  @Subscribe('user.:id')
  one(@ChannelParam('id') id: string, @Payload() data: { n: number }): void {
    received.push(['one', id, data.n]);
  }

  @Subscribe(['order.created', 'order.[pc]aid'])
  several(@Channel() channel: string): void {
    received.push(['several', channel]);
  }
}

describe('@Subscribe', () => {
  const redis = useRedis();

  it.each(['providers', 'controllers'] as const)('handles messages in %s', async (place) => {
    received.length = 0;
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      [place]: [Handlers],
    });
    const service = app.get(RedisPubSubService);
    expect(await service.publish('user.1', { n: 1 })).toBe(1);
    expect(await service.publish('order.created', 1)).toBe(1);
    expect(await service.publish('order.paid', 1)).toBe(1);
    await eventually(() => received.length === 3);
    expect(received.toSorted()).toEqual([
      ['one', '1', 1],
      ['several', 'order.created'],
      ['several', 'order.paid'],
    ]);
  });

  it('handles messages of a microservice without the module', async () => {
    received.length = 0;
    const module = { module: class {}, controllers: [controllerOf(Handlers)] };
    await startService(module, { connection: redis.url });
    await redis.client.publish('user.2', '{"n":2}');
    await eventually(() => received.length === 1);
    expect(received).toEqual([['one', '2', 2]]);
  });

  it('obeys its options', async () => {
    const gate = new Gate();
    const running: unknown[] = [];
    @Injectable()
    class Slow {
      @Subscribe('slow', { concurrency: 1, maxQueue: 1, overflow: 'drop-newest' })
      async handle(@Payload() data: unknown): Promise<void> {
        running.push(data);
        await gate.opened;
      }
    }
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      providers: [Slow],
    });
    const service = app.get(RedisPubSubService);
    const arrived: unknown[] = [];
    await service.subscribe('slow', ({ data }) => arrived.push(data));
    for (const data of [1, 2, 3]) await service.publish('slow', data);
    await eventually(() => arrived.length === 3);
    expect(running).toEqual([1]);
    gate.open();
    await eventually(() => running.length === 2);
    expect(running).toEqual([1, 2]);
  });

  it('limits each of its patterns by itself', async () => {
    const gate = new Gate();
    const running: unknown[] = [];
    @Injectable()
    class Slow {
      @Subscribe(['slow.a', 'slow.b'], { concurrency: 1 })
      async handle(@Payload() data: unknown): Promise<void> {
        running.push(data);
        await gate.opened;
      }
    }
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      providers: [Slow],
    });
    const service = app.get(RedisPubSubService);
    await service.publish('slow.a', 'a1');
    await service.publish('slow.a', 'a2');
    await service.publish('slow.b', 'b1');
    await eventually(() => running.includes('b1'));
    expect(running).toEqual(['a1', 'b1']);
    gate.open();
    await eventually(() => running.length === 3);
  });

  it('is for the module that its transportId names, and for all without one', async () => {
    const [LEFT, RIGHT] = [Symbol('LEFT'), Symbol('RIGHT')];
    const seen: unknown[] = [];
    @Injectable()
    class Sides {
      @Subscribe('side', { transportId: LEFT })
      left(): void {
        seen.push('left');
      }

      @Subscribe('side', { transportId: RIGHT })
      right(): void {
        seen.push('right');
      }

      @Subscribe('side')
      both(): void {
        seen.push('both');
      }
    }
    const moduleFor = (prefix: string, transportId: symbol) => ({
      module: class {},
      imports: [RedisPubSubModule.forRoot({ connection: redis.url, prefix, transportId })],
    });
    await startContext({
      imports: [moduleFor('l:', LEFT), moduleFor('r:', RIGHT)],
      providers: [Sides],
    });
    await redis.client.publish('l:side', '1');
    await redis.client.publish('r:side', '1');
    await eventually(() => seen.length === 4);
    expect(seen.toSorted()).toEqual(['both', 'both', 'left', 'right']);
  });

  it.each([{ concurrency: 0 }, { order: 'global' }, { sharded: 'yes' }])(
    'fails the start for a wrong option: %j',
    async (options) => {
      @Injectable()
      class Wrong {
        @Subscribe('wrong', options as SubscribeOptions)
        handle(): void {
          received.push('wrong');
        }
      }
      captureLog();
      const error = await failureOf(
        startContext({
          imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
          providers: [Wrong],
        }),
      );
      expect(error).toBeInstanceOf(InvalidOptionError);
      expect(error.message).toContain(Object.keys(options)[0]);
    },
  );
});

function controllerOf(base: typeof Handlers): typeof Handlers {
  @Controller()
  class Decorated extends base {}
  return Decorated;
}
