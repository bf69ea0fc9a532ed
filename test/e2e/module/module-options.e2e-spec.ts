import { Inject, Injectable, Module } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  InvalidOptionError,
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { useRedis } from '../../support/redis.js';
import { failureOf, startContext, startHttpApp } from './apps.js';

@Injectable()
class Consumer {
  constructor(
    readonly server: RedisPubSubServer,
    readonly client: RedisPubSubClient,
    readonly service: RedisPubSubService,
  ) {}
}

describe('the options of the module', () => {
  const redis = useRedis();

  /** The channels in Redis after a service has subscribed to `options`; they show the prefix. */
  async function channelsOf(service: RedisPubSubService): Promise<unknown> {
    await service.subscribe('options', () => undefined);
    return redis.client.pubsub('CHANNELS', '*:options');
  }

  it('are read from forRoot', async () => {
    const { app } = await startHttpApp({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url, prefix: 'root:' })],
    });
    expect(await channelsOf(app.get(RedisPubSubService))).toEqual(['root:options']);
  });

  it('are read from a factory that injects a provider of an imported module', async () => {
    class Config {
      readonly prefix = 'factory:';
    }
    @Module({ providers: [Config], exports: [Config] })
    class ConfigModule {}
    const { app } = await startContext({
      imports: [
        RedisPubSubModule.forRootAsync({
          imports: [ConfigModule],
          inject: [Config],
          useFactory: async (config: Config) => ({
            connection: redis.url,
            prefix: await Promise.resolve(config.prefix),
          }),
        }),
      ],
    });
    expect(await channelsOf(app.get(RedisPubSubService))).toEqual(['factory:options']);
  });

  it('are read from a class that the module creates (useClass)', async () => {
    class OptionsFactory {
      create(): RedisPubSubModuleOptions {
        return { connection: redis.url, prefix: 'class:' };
      }
    }
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRootAsync({ useClass: OptionsFactory })],
    });
    expect(await channelsOf(app.get(RedisPubSubService))).toEqual(['class:options']);
  });

  it('are read from an existing provider of an imported module (useExisting)', async () => {
    let created = 0;
    @Injectable()
    class OptionsFactory {
      constructor() {
        created++;
      }
      create(): RedisPubSubModuleOptions {
        return { connection: redis.url, prefix: 'existing:' };
      }
    }
    @Module({ providers: [OptionsFactory], exports: [OptionsFactory] })
    class ConfigModule {}
    const { app } = await startContext({
      imports: [
        RedisPubSubModule.forRootAsync({ imports: [ConfigModule], useExisting: OptionsFactory }),
      ],
    });
    expect(await channelsOf(app.get(RedisPubSubService))).toEqual(['existing:options']);
    expect(created).toBe(1);
  });

  it.each([
    ['forRoot', () => RedisPubSubModule.forRoot({ connection: redis.url, isGlobal: true })],
    [
      'forRootAsync',
      () =>
        RedisPubSubModule.forRootAsync({
          isGlobal: true,
          useFactory: () => ({ connection: redis.url }),
        }),
    ],
  ])('let every module inject the providers with isGlobal in %s', async (_, create) => {
    @Module({ providers: [Consumer] })
    class FeatureModule {}
    const { app } = await startContext({ imports: [create(), FeatureModule] });
    const { server, client, service } = app.get(Consumer);
    expect(server).toBeInstanceOf(RedisPubSubServer);
    expect(client).toBeInstanceOf(RedisPubSubClient);
    expect(service).toBeInstanceOf(RedisPubSubService);
  });

  it('let only importing modules inject the providers without isGlobal', async () => {
    @Module({ providers: [Consumer] })
    class FeatureModule {}
    const starting = startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url }), FeatureModule],
    });
    expect((await failureOf(starting)).message).toContain("can't resolve dependencies");
  });

  it('create one server, client and service for all importing modules', async () => {
    const shared = RedisPubSubModule.forRoot({ connection: redis.url });
    @Module({ imports: [shared], providers: [{ provide: 'LEFT', useClass: Consumer }] })
    class LeftModule {}
    @Module({ imports: [shared], providers: [{ provide: 'RIGHT', useClass: Consumer }] })
    class RightModule {}
    const { app } = await startContext({ imports: [LeftModule, RightModule] });
    const [left, right] = [app.get<Consumer>('LEFT'), app.get<Consumer>('RIGHT')];
    expect(left.server).toBe(right.server);
    expect(left.client).toBe(right.client);
    expect(left.service).toBe(right.service);
  });

  it('apply in a module that imports them through a re-exporting module', async () => {
    @Module({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      exports: [RedisPubSubModule],
    })
    class MessagingModule {}
    @Injectable()
    class User {
      constructor(@Inject(RedisPubSubService) readonly service: RedisPubSubService) {}
    }
    @Module({ imports: [MessagingModule], providers: [User] })
    class FeatureModule {}
    const { app } = await startContext({ imports: [FeatureModule] });
    expect(app.get(User).service).toBeInstanceOf(RedisPubSubService);
  });

  it('throw InvalidOptionError in forRoot if one is invalid', () => {
    const wrong = { startTimeout: 'soon' } as unknown as RedisPubSubModuleOptions;
    expect(() => RedisPubSubModule.forRoot(wrong)).toThrow(InvalidOptionError);
    expect(() => RedisPubSubModule.forRoot(wrong)).toThrow(
      /Expected "startTimeout" to be milliseconds .*, got "soon"/,
    );
    expect(() => RedisPubSubModule.forRoot({ connection: 'http://localhost' })).toThrow(
      'Expected "connection" to be a redis:// or rediss:// URL',
    );
  });

  it('reject the start with InvalidOptionError if a factory returns an invalid one', async () => {
    const error = await failureOf(
      startContext({
        imports: [
          RedisPubSubModule.forRootAsync({
            useFactory: () => ({ connection: redis.url, prefix: 7 as unknown as string }),
          }),
        ],
      }),
    );
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toBe('Expected "prefix" to be a string of well-formed text, got 7');
  });

  it.each([[undefined], [null], ['redis://localhost']])(
    'reject the start with InvalidOptionError if a factory returns %s',
    async (returned) => {
      const error = await failureOf(
        startContext({
          imports: [
            RedisPubSubModule.forRootAsync({
              useFactory: () => returned as unknown as RedisPubSubModuleOptions,
            }),
          ],
        }),
      );
      expect(error).toBeInstanceOf(InvalidOptionError);
    },
  );

  it('throw InvalidOptionError if inheritAppConfig is not a boolean', () => {
    const wrong = { inheritAppConfig: 'no' } as unknown as RedisPubSubModuleOptions;
    expect(() => RedisPubSubModule.forRoot(wrong)).toThrow(InvalidOptionError);
  });
});
