import { Controller, Injectable, Module } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  ConnectionError,
  InvalidOptionError,
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubService,
} from 'nestjs-redis-pubsub';
import { closeAfterTest } from '../../support/app.js';
import { eventually, plain, useRedis } from '../../support/redis.js';
import { holdTimeouts } from '../../support/timeouts.js';
import { connections, createHttpApp, failureOf, startContext, startHttpApp } from './apps.js';

const LEFT = Symbol('LEFT');
const RIGHT = Symbol('RIGHT');

describe('the module in an application', () => {
  const redis = useRedis();

  it('opens one pair of connections for its server, client and service', async () => {
    @Controller()
    class Echo {
      @MessagePattern('pair.echo')
      echo(@Payload() data: unknown) {
        return data;
      }
    }
    const { app } = await startHttpApp({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      controllers: [Echo],
    });
    const service = app.get(RedisPubSubService);
    await service.subscribe('pair.news', () => undefined);
    expect(await service.publish('pair.news', 1)).toBe(1);
    expect(await firstValueFrom(app.get(RedisPubSubClient).send('pair.echo', 'x'))).toBe('x');
    expect(await connections(redis)).toBe(2);
  });

  it('rejects a second import with the same transportId, and leaves no connection open', async () => {
    @Module({ imports: [RedisPubSubModule.forRoot({ connection: redis.url, prefix: 'a:' })] })
    class LeftModule {}
    @Module({ imports: [RedisPubSubModule.forRoot({ connection: redis.url, prefix: 'b:' })] })
    class RightModule {}
    const error = await failureOf(startContext({ imports: [LeftModule, RightModule] }));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toContain(
      'Expected "transportId" to be different in each RedisPubSubModule (to share one, import it once with isGlobal)',
    );
    await eventually(async () => (await connections(redis)) === 0);
  });

  it('can be imported twice with different transportIds, each with its own handlers and connections', async () => {
    const received: unknown[] = [];
    @Injectable()
    class Handlers {
      @EventPattern('side.news', LEFT)
      left(@Payload() data: unknown) {
        received.push(['left', data]);
      }

      @EventPattern('side.news', RIGHT)
      right(@Payload() data: unknown) {
        received.push(['right', data]);
      }
    }
    @Module({
      imports: [
        RedisPubSubModule.forRoot({ connection: redis.url, prefix: 'l:', transportId: LEFT }),
      ],
      providers: [{ provide: 'LEFT', useExisting: RedisPubSubService }],
      exports: ['LEFT'],
    })
    class LeftModule {}
    @Module({
      imports: [
        RedisPubSubModule.forRoot({ connection: redis.url, prefix: 'r:', transportId: RIGHT }),
      ],
      providers: [{ provide: 'RIGHT', useExisting: RedisPubSubService }],
      exports: ['RIGHT'],
    })
    class RightModule {}
    const { app } = await startContext({
      imports: [LeftModule, RightModule],
      providers: [Handlers],
    });
    await redis.subscribers('l:side.news', 1);
    await redis.subscribers('r:side.news', 1);
    expect(await connections(redis)).toBe(4);
    await app.get<RedisPubSubService>('LEFT').publish('side.news', 1);
    await eventually(() => received.length === 1);
    await app.get<RedisPubSubService>('RIGHT').publish('side.news', 2);
    await eventually(() => received.length === 2);
    expect(received).toEqual([
      ['left', 1],
      ['right', 2],
    ]);
  });

  it('runs each handler of a controller only on the module with its transportId', async () => {
    const received: unknown[] = [];
    @Controller()
    class Handlers {
      @EventPattern('both.news', LEFT)
      left(@Payload() data: unknown) {
        received.push(['left', data]);
      }

      @EventPattern('both.news', RIGHT)
      right(@Payload() data: unknown) {
        received.push(['right', data]);
      }
    }
    const moduleOf = (transportId: symbol, prefix: string) => {
      @Module({
        imports: [RedisPubSubModule.forRoot({ connection: redis.url, prefix, transportId })],
      })
      class Side {}
      return Side;
    };
    await startHttpApp({
      imports: [moduleOf(LEFT, 'l:'), moduleOf(RIGHT, 'r:')],
      controllers: [Handlers],
    });
    await redis.client.publish('l:both.news', '1');
    await redis.client.publish('r:both.news', '2');
    await eventually(() => received.length === 2);
    expect(received).toEqual([
      ['left', 1],
      ['right', 2],
    ]);
  });

  it('closes its connections if the start fails because Redis refuses a subscription', async () => {
    await redis.client.call('ACL', 'SETUSER', 'deaf', 'on', '>pw', '~*', '+@all', 'resetchannels');
    @Injectable()
    class Handlers {
      @EventPattern<string>('refused.news')
      handle() {
        return undefined;
      }
    }
    const error = await failureOf(
      startContext({
        imports: [
          RedisPubSubModule.forRoot({
            connection: { ...plain(redis.port), username: 'deaf', password: 'pw' },
          }),
        ],
        providers: [Handlers],
      }),
    );
    expect(error.message).toContain('Redis refused to subscribe to "refused.news"');
    await eventually(async () => (await connections(redis)) === 0);
  });
});

describe('the module while Redis is down', () => {
  const redis = useRedis();

  it('waits at the start of the application until Redis is up', async () => {
    await redis.stop();
    const received: unknown[] = [];
    @Injectable()
    class Handlers {
      @EventPattern('late.news')
      handle(@Payload() data: unknown) {
        received.push(data);
      }
    }
    const { app, log } = await createHttpApp({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      providers: [Handlers],
    });
    const started = app.init();
    await eventually(() => log.of('warn').some((line) => line.includes('Cannot connect the ')));
    await redis.start();
    await started;
    expect(await app.get(RedisPubSubService).publish('late.news', 1)).toBe(1);
    await eventually(() => received.length === 1);
  });

  it('rejects with ConnectionError after startTimeout, and stops reconnecting', async () => {
    await redis.stop();
    let attempts = 0;
    let secondAttempts = 0;
    const retryStrategy = (attempt: number): number => {
      attempts++;
      if (attempt === 2) secondAttempts++;
      return 5;
    };
    const startTimeout = 1_234_567;
    const timeouts = holdTimeouts(startTimeout);
    const failure = failureOf(
      startContext({
        imports: [
          RedisPubSubModule.forRoot({
            connection: { ...plain(redis.port), retryStrategy },
            startTimeout,
          }),
        ],
      }),
    );
    await eventually(() => secondAttempts === 2);
    timeouts.run();
    const error = await failure;
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toContain('Redis is unreachable: connect ECONNREFUSED');

    // The other client makes five attempts at a tenth of the rate. A client of the module that still
    // reconnects would make an attempt in that time.
    const before = attempts;
    let others = 0;
    const other = new Redis({
      ...plain(redis.port),
      retryStrategy: () => {
        others++;
        return 50;
      },
    });
    other.on('error', () => undefined);
    closeAfterTest(async () => other.disconnect());
    await eventually(() => others >= 5);
    expect(attempts).toBe(before);
    await redis.start();
    await other.ping();
    expect(await connections(redis)).toBe(1);
  });
});
