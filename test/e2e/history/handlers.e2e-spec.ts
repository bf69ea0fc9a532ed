import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import {
  RedisPubSubModule,
  RedisPubSubServer,
  Subscribe,
  type HandlerGap,
} from 'nestjs-redis-pubsub';
import { eventually, useRedis } from '../../support/redis.js';
import { failureOf, startContext } from '../module/apps.js';
import { startService } from '../module/service-app.js';

const history = { 'order.*': { size: 10, ttl: 60_000 } };

describe('a handler with recover', () => {
  const redis = useRedis();
  const imports = () => [RedisPubSubModule.forRoot({ connection: redis.url, history })];

  it('handles what was published during an outage, before the next message', async () => {
    const found: unknown[] = [];
    @Controller()
    class Orders {
      @EventPattern('order.created', { recover: true })
      onCreated(order: unknown) {
        found.push(order);
      }

      @Subscribe('order.plain')
      onPlain() {}
    }
    const { app } = await startContext({ imports: imports(), controllers: [Orders] });
    const gaps: HandlerGap[] = [];
    app.get(RedisPubSubServer).gaps.subscribe((gap) => gaps.push(gap));
    const { service } = await startService(redis, { history });
    await service.publish('order.created', 1);
    await eventually(() => found.length === 1);
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    for (const it of [2, 3, 4]) await service.publish('order.created', it);
    await eventually(() => found.length === 4 && gaps.length === 2);
    expect(found).toEqual([1, 2, 3, 4]);
    const told = gaps.map(({ pattern, recovered }) => [pattern, recovered]);
    expect(told.toSorted()).toEqual([
      ['order.created', true],
      ['order.plain', undefined],
    ]);
  });

  it.each([
    ['order.*', EventPattern, 'since a history is that of one channel'],
    ['order.created', MessagePattern, 'absent for a request handler'],
    ['order.a}b', EventPattern, 'hash tag'],
  ])('is refused for %s with %o', async (pattern, Decorator, text) => {
    class Wrong {
      handle() {}
    }
    const descriptor = Object.getOwnPropertyDescriptor(Wrong.prototype, 'handle');
    Decorator(pattern, { recover: true })(Wrong.prototype, 'handle', descriptor as never);
    Controller()(Wrong);
    const start = startContext({ imports: imports(), controllers: [Wrong] });
    expect((await failureOf(start)).message).toContain(text);
  });

  it('is refused for a value that is neither true nor false', async () => {
    @Controller()
    class Wrong {
      @EventPattern<string>('order.created', { recover: 'yes' })
      handle() {}
    }
    const start = startContext({ imports: imports(), controllers: [Wrong] });
    expect((await failureOf(start)).message).toContain('"recover"');
  });
});
