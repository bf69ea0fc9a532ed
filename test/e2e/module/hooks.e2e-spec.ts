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
import { startContext, startHttpApp } from './apps.js';

describe('the hooks of a provider', () => {
  const redis = useRedis();

  it('can all publish, whichever module they are in', async () => {
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
        // Nest calls the hooks again for each further close, as the end of this test is.
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
      ],
      providers: [{ provide: 'OUTER', useClass: Reporter }],
      controllers: [ReportingController],
    });
    await app.close();
    isClosed = true;
    expect(published.filter(([, receivers]) => receivers !== 1)).toEqual([]);
    expect(new Set(published.map(([hook]) => hook)).size).toBe(5);
    expect(published).toHaveLength(3 * 5 * 2);
  });

  it('can subscribe in onModuleInit, before the application is there', async () => {
    const heard: unknown[] = [];
    @Injectable()
    class Listener implements OnModuleInit {
      constructor(private readonly service: RedisPubSubService) {}

      async onModuleInit(): Promise<void> {
        await this.service.subscribe('hooks.listen', ({ data }) => heard.push(data));
        expect(await this.service.publish('hooks.listen', 'hello')).toBe(1);
      }
    }
    await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      providers: [Listener],
    });
    await eventually(() => heard.length === 1);
    expect(heard).toEqual(['hello']);
  });
});
