import {
  Controller,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { RedisPubSubClient, RedisPubSubModule, RedisPubSubService } from 'nestjs-redis-pubsub';
import { closeAfterTest } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';
import { startContext, startHttpApp } from './apps.js';
import { IN_MEMORY } from '../../support/in-memory.js';

describe('the lifecycle hooks of a provider', () => {
  const redis = useRedis();

  it('can publish, in every module and in every hook', async () => {
    const published: [string, number][] = [];
    let isClosed = false;
    @Injectable()
    class Reporter
      implements
        OnModuleInit,
        OnApplicationBootstrap,
        OnModuleDestroy,
        BeforeApplicationShutdown,
        OnApplicationShutdown
    {
      constructor(
        private readonly service: RedisPubSubService,
        private readonly client: RedisPubSubClient,
      ) {}

      onModuleInit = () => this.#publish('onModuleInit');
      onApplicationBootstrap = () => this.#publish('onApplicationBootstrap');
      onModuleDestroy = () => this.#publish('onModuleDestroy');
      beforeApplicationShutdown = () => this.#publish('beforeApplicationShutdown');
      onApplicationShutdown = () => this.#publish('onApplicationShutdown');

      async #publish(hook: string): Promise<void> {
        // Nest runs the hooks again for each further close, and the clean-up of this test closes again.
        if (isClosed) return;
        published.push([hook, await this.service.publish('hooks.report', hook)]);
        published.push([hook, await firstValueFrom(this.client.emit('hooks.report', hook))]);
      }
    }
    @Controller()
    class ReportingController extends Reporter {}
    const listener = redis.client.duplicate();
    closeAfterTest(async () => listener.disconnect());
    await listener.subscribe('hooks.report');
    const { app } = await startHttpApp({
      imports: [
        RedisPubSubModule.forRoot({ connection: redis.url, isGlobal: true }),
        { module: class Inner {}, providers: [Reporter] },
        { module: class Everywhere {}, global: true, providers: [Reporter] },
      ],
      providers: [{ provide: 'OUTER', useClass: Reporter }],
      controllers: [ReportingController],
    });
    await app.close();
    isClosed = true;
    expect(published.filter(([, receivers]) => receivers !== 1)).toEqual([]);
    expect(new Set(published.map(([hook]) => hook)).size).toBe(5);
    expect(published).toHaveLength(4 * 5 * 2);
  });

  it.each([false, true])(
    'can subscribe in onModuleInit, before the application is created (global module: %s)',
    async (global) => {
      const received: unknown[] = [];
      @Injectable()
      class Listener implements OnModuleInit {
        constructor(private readonly service: RedisPubSubService) {}

        async onModuleInit(): Promise<void> {
          await this.service.subscribe('hooks.listen', ({ data }) => received.push(data));
          expect(await this.service.publish('hooks.listen', 'hello')).toBe(1);
        }
      }
      const imports = [RedisPubSubModule.forRoot({ connection: redis.url })];
      await startContext({
        imports: [{ module: class Listening {}, global, imports, providers: [Listener] }],
      });
      await eventually(() => received.length === 1);
      expect(received).toEqual(['hello']);
    },
  );

  it('run after an asynchronous factory, which can already publish and subscribe', async () => {
    const received: unknown[] = [];
    const imports = [RedisPubSubModule.forRoot({ connection: redis.url })];
    const create = async (service: RedisPubSubService): Promise<number> => {
      await service.subscribe('hooks.created', ({ data }) => received.push(data));
      return service.publish('hooks.created', 'hello');
    };
    const { app } = await startContext({
      imports,
      providers: [{ provide: 'RECEIVERS', inject: [RedisPubSubService], useFactory: create }],
    });
    expect(app.get('RECEIVERS')).toBe(1);
    await eventually(() => received.length === 1);
  });

  it.skipIf(IN_MEMORY)(
    'do not run if an asynchronous factory fails because Redis is unreachable, and no connection stays open',
    async () => {
      const proxy = await startProxy(redis.port);
      await proxy.stop();
      const starting = startContext({
        imports: [RedisPubSubModule.forRoot({ connection: proxy.url, onStart: 'fail' })],
        providers: [
          {
            provide: 'RECEIVERS',
            inject: [RedisPubSubService],
            useFactory: (service: RedisPubSubService) => service.publish('hooks.nobody', 'hello'),
          },
        ],
      });
      await expect(starting).rejects.toThrow('Redis is unreachable');
      await proxy.start();
      expect(proxy.accepted).toBe(0);
    },
  );

  it('run after an asynchronous factory whose first call to the service is publish', async () => {
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      providers: [
        {
          provide: 'RECEIVERS',
          inject: [RedisPubSubService],
          useFactory: (service: RedisPubSubService) =>
            Promise.all([1, 2].map((data) => service.publish('hooks.nobody', data))),
        },
      ],
    });
    expect(app.get('RECEIVERS')).toEqual([0, 0]);
  });
});
