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

  /** The channel that Redis hears of when a service asks for `options`. */
  async function nameOfOptions(service: RedisPubSubService): Promise<unknown> {
    await service.subscribe('options', () => undefined);
    return redis.client.pubsub('CHANNELS', '*');
  }

  it('come from forRoot', async () => {
    const { app } = await startHttpApp({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url, prefix: 'root:' })],
    });
    expect(await nameOfOptions(app.get(RedisPubSubService))).toEqual(['root:options']);
  });

  it('come from a factory with dependencies out of an imported module', async () => {
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
    expect(await nameOfOptions(app.get(RedisPubSubService))).toEqual(['factory:options']);
  });

  it('come from a class that the module makes', async () => {
    class OptionsFactory {
      create(): RedisPubSubModuleOptions {
        return { connection: redis.url, prefix: 'class:' };
      }
    }
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRootAsync({ useClass: OptionsFactory })],
    });
    expect(await nameOfOptions(app.get(RedisPubSubService))).toEqual(['class:options']);
  });

  it('come from an existing provider of an imported module', async () => {
    let made = 0;
    @Injectable()
    class OptionsFactory {
      constructor() {
        made++;
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
    expect(await nameOfOptions(app.get(RedisPubSubService))).toEqual(['existing:options']);
    expect(made).toBe(1);
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
  ])('%s with isGlobal serves a module that does not import it', async (_, create) => {
    @Module({ providers: [Consumer] })
    class FeatureModule {}
    const { app } = await startContext({ imports: [create(), FeatureModule] });
    const { server, client, service } = app.get(Consumer);
    expect(server).toBeInstanceOf(RedisPubSubServer);
    expect(client).toBeInstanceOf(RedisPubSubClient);
    expect(service).toBeInstanceOf(RedisPubSubService);
  });

  it('without isGlobal serves only the modules that import it', async () => {
    @Module({ providers: [Consumer] })
    class FeatureModule {}
    const starting = startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url }), FeatureModule],
    });
    expect((await failureOf(starting)).message).toContain("can't resolve dependencies");
  });

  it('leave one server, client and service for all the modules that import it', async () => {
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

  it('are handed on by a module that exports it', async () => {
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

  it('that are wrong are an error of forRoot itself', () => {
    const wrong = { startTimeout: 'soon' } as unknown as RedisPubSubModuleOptions;
    expect(() => RedisPubSubModule.forRoot(wrong)).toThrow(InvalidOptionError);
    expect(() => RedisPubSubModule.forRoot(wrong)).toThrow(
      /Expected "startTimeout" to be milliseconds .*, got "soon"/,
    );
    expect(() => RedisPubSubModule.forRoot({ connection: 'http://localhost' })).toThrow(
      'Expected "connection" to be a redis:// or rediss:// URL',
    );
  });

  it('that are wrong and come from a factory are an error when the application is made', async () => {
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
    'that a factory returns as %s instead of an object are a clear error',
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

  it('with an inheritAppConfig that is no boolean are an error', () => {
    const wrong = { inheritAppConfig: 'no' } as unknown as RedisPubSubModuleOptions;
    expect(() => RedisPubSubModule.forRoot(wrong)).toThrow(InvalidOptionError);
  });
});
