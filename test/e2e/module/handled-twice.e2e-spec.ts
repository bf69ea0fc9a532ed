import { Controller, Injectable, Module } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import { REDIS_PUBSUB, RedisPubSubModule, Subscribe } from 'nestjs-redis-pubsub';
import { startService } from '../../support/app.js';
import { useRedis } from '../../support/redis.js';
import { startContext, startHttpApp } from './apps.js';

const AUDIT = Symbol('AUDIT');

@Injectable()
class Orders {
  @EventPattern<string>('order.created')
  onCreated() {}

  @EventPattern<string>('order.paid')
  onPaid() {}
}

@Injectable()
class Audits {
  @EventPattern<string>('audit', AUDIT)
  onAudit() {}
}

@Controller()
class Carts {
  @EventPattern<string>('cart')
  onCart() {}
}

class ShopModule {}
class AdminModule {}

describe('a start with handlers that run twice for one event', () => {
  const redis = useRedis();
  const forRoot = (options: object = {}) =>
    RedisPubSubModule.forRoot({ connection: redis.url, ...options });

  it('warns of a class in the providers of two modules', async () => {
    const { log } = await startContext({
      imports: [
        forRoot(),
        { module: ShopModule, providers: [Orders] },
        { module: AdminModule, providers: [Orders, Audits] },
      ],
    });
    expect(log.of('warn')).toEqual([
      'Orders.onCreated, Orders.onPaid runs 2 times for each event: Orders is in the providers of ShopModule and in the providers of AdminModule. Register it in one module, and export it there; use useExisting for another token',
    ]);
  });

  it('warns of a class under two tokens, and of a controller in two modules', async () => {
    const { log } = await startHttpApp({
      imports: [
        forRoot(),
        { module: ShopModule, providers: [Orders, { provide: 'OTHER', useClass: Orders }] },
        { module: AdminModule, controllers: [Carts] },
      ],
      controllers: [Carts],
    });
    expect(log.of('warn')).toEqual([
      expect.stringContaining('Carts.onCart runs 2 times for each event: Carts is in the contr'),
      expect.stringContaining('in the providers of ShopModule and in the providers of ShopModule'),
    ]);
  });

  it('does not warn of one object under several tokens, or of handlers of another transport', async () => {
    const { log } = await startContext({
      imports: [
        forRoot(),
        {
          module: ShopModule,
          providers: [Orders, { provide: 'OTHER', useExisting: Orders }, Audits],
        },
        { module: AdminModule, providers: [Audits] },
      ],
    });
    expect(log.of('warn')).toEqual([]);
  });

  it('warns once of two RedisPubSubModules on one Redis with handlers that name no transport', async () => {
    @Module({ imports: [forRoot({ transportId: AUDIT })] })
    class AuditModule {}
    const { log } = await startContext({
      imports: [forRoot(), AuditModule, { module: ShopModule, providers: [Orders, Audits] }],
    });
    expect(log.of('warn')).toEqual([
      "2 RedisPubSubModules are on the same Redis with the same prefix: handlers that name no transport run once in each: Orders.onCreated (ShopModule), Orders.onPaid (ShopModule). Name the transportId of a module in their decorators, as in @EventPattern('x', REDIS_PUBSUB)",
    ]);
  });

  it.each([
    ['another prefix', { prefix: 'audit:' }],
    ['handlers: false', { handlers: false }],
  ])('does not warn of a second RedisPubSubModule with %s', async (_, options) => {
    @Module({ imports: [forRoot({ transportId: AUDIT, ...options })] })
    class AuditModule {}
    const { log } = await startContext({
      imports: [forRoot(), AuditModule, { module: ShopModule, providers: [Orders] }],
    });
    expect(log.of('warn')).toEqual([]);
  });

  it('does not warn of a second RedisPubSubModule if every handler names its transport', async () => {
    @Injectable()
    class Named {
      @EventPattern<string>('named', REDIS_PUBSUB)
      onNamed() {}
    }
    @Module({ imports: [forRoot({ transportId: AUDIT })] })
    class AuditModule {}
    const { log } = await startContext({
      imports: [forRoot(), AuditModule, { module: ShopModule, providers: [Named, Audits] }],
    });
    expect(log.of('warn')).toEqual([]);
  });
});

/** A class of its own for each test, whose method has these patterns. */
const classWith = (decorate: MethodDecorator) => {
  class Events {
    onEvent() {}
  }
  const descriptor = Object.getOwnPropertyDescriptor(Events.prototype, 'onEvent') ?? {};
  decorate(Events.prototype, 'onEvent', descriptor);
  Injectable()(Events);
  Controller()(Events);
  return Events;
};
const line = (one: string, other: string) =>
  `Events.onEvent runs more than once for a message that several of its patterns match, such as "${one}" and "${other}". Remove one of them, or have each match other channels`;

describe('a start with a method of which several patterns match one channel', () => {
  const redis = useRedis();

  const imports = () => [RedisPubSubModule.forRoot({ connection: redis.url })];

  it.each([
    ['a.*', 'a.b'],
    ['a.b', '*.b'],
    ['a.*.c', 'a.b.*'],
    ['user.:id', 'user.*'],
    ['a', 'a'],
  ])('warns once of the patterns %s and %s of a provider', async (one, other) => {
    const Events = classWith(Subscribe([one, 'else', other]));
    const { log } = await startContext({ imports: imports(), providers: [Events] });
    expect(log.of('warn')).toEqual([line(one, other)]);
  });

  it('warns once of a controller, also of a request handler', async () => {
    const Events = classWith(MessagePattern(['a.*', 'a.b'] as never));
    const { log } = await startHttpApp({ imports: imports(), controllers: [Events] });
    expect(log.of('warn')).toEqual([line('a.*', 'a.b')]);
  });

  it('warns once on a server without a module', async () => {
    const Events = classWith(EventPattern<string[]>(['a.*', 'a.b']));
    const { log } = await startService(
      { module: class {}, controllers: [Events] },
      { connection: redis.url },
    );
    expect(log.of('warn')).toEqual([line('a.*', 'a.b')]);
  });

  it('does not warn of patterns without a channel in common, or of another transport', async () => {
    const { log } = await startContext({
      imports: imports(),
      providers: [
        classWith(Subscribe(['user.:id', 'user.:id.inbox', 'order.*'])),
        classWith(Subscribe(['a.*', 'a.b'], { transportId: AUDIT })),
        classWith(Subscribe('a.*')),
        classWith(Subscribe('a.b')),
      ],
    });
    expect(log.of('warn')).toEqual([]);
  });
});

describe('a start with handlers that sharded messages do not reach', () => {
  const redis = useRedis();

  const warningsOf = async (extras: Record<string, object>, options = {}): Promise<string[]> => {
    const controllers = Object.entries(extras).map(([pattern, extra]) => {
      @Controller()
      class Handler {
        @EventPattern<string>(pattern, extra)
        handle() {}
      }
      return Handler;
    });
    const { log } = await startService(
      { module: class {}, controllers },
      { connection: redis.url, ...options },
    );
    return log.of('warn');
  };

  it('warns of a glob beside a sharded handler', async () => {
    const warnings = await warningsOf({
      'order.*': {},
      'order.paid': { sharded: true },
      other: {},
    });
    expect(warnings).toEqual([
      'The handler of "order.*" receives no sharded messages, such as those of the sharded handler of "order.paid": it is not sharded. Publish with sharded: false what it is to receive',
    ]);
  });

  it('warns of each handler that is not sharded on a server that is', async () => {
    const extras = { 'audit.*': { sharded: false }, plain: { sharded: false }, sharded: {} };
    expect(await warningsOf(extras, { sharded: true })).toEqual([
      expect.stringContaining('The handler of "audit.*" receives no sharded messages: it is not'),
      expect.stringContaining('The handler of "plain" receives no sharded messages: it is not'),
    ]);
  });

  it('does not warn of handlers that are all of one kind, or of a pair on one channel', async () => {
    expect(await warningsOf({ 'order.*': {}, 'order.paid': {} })).toEqual([]);
    expect(await warningsOf({ a: {}, b: { sharded: true }, 'c.*': {} })).toEqual([]);
  });
});
