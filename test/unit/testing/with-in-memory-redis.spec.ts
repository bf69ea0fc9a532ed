import {
  Controller,
  Inject,
  Injectable,
  Module,
  type DynamicModule,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import { ClientsModule, MessagePattern, type ClientProxy } from '@nestjs/microservices';
import { Test, type TestingModule } from '@nestjs/testing';
import { firstValueFrom, of } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  PubSubInspector,
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
  Subscribe,
} from 'nestjs-redis-pubsub';
import { InMemoryRedis, PubSubRecorder, withInMemoryRedis } from 'nestjs-redis-pubsub/testing';
import { serverOf } from '../../../src/testing/in-memory-redis.js';
import { captureLog, closeAfterTest, closeAll } from '../../support/app.js';
import { init } from '../../support/in-memory-app.js';

afterEach(closeAll);

/** Nothing listens here, and no attempt may reach it. */
const connection = 'redis://127.0.0.1:1';
const FAIL_FAST = { connection, onStart: 'fail' } as const;

@Controller()
class Users {
  readonly heard: string[] = [];

  @Subscribe('user.*')
  onUser(name: string): void {
    this.heard.push(name);
  }

  @MessagePattern('name.get')
  get(): string {
    return 'Ada';
  }
}

@Injectable()
class Caller {
  constructor(@Inject('USERS') readonly client: ClientProxy) {}
}

/** A microservice with the handlers of {@link Users}, over `redis`. */
async function startUsers(redis: InMemoryRedis): Promise<void> {
  const builder = Test.createTestingModule({ controllers: [Users] });
  const module = await builder.setLogger(captureLog()).compile();
  const app = module.createNestMicroservice({
    strategy: new RedisPubSubServer({ connection: redis }),
  });
  closeAfterTest(() => app.close());
  await app.listen();
}

/** A module with a client by the name that others have, too; it exports the client as `name`. */
function featureWith(prefix: string, name: string): DynamicModule {
  const options = { customClass: RedisPubSubClient, options: { connection, prefix } };
  class Feature {}
  return {
    module: Feature,
    imports: [ClientsModule.register([{ name: 'USERS', ...options }])],
    providers: [{ provide: name, useExisting: 'USERS' }],
    exports: [name],
  };
}

describe('withInMemoryRedis', () => {
  it.each([
    ['forRoot', () => RedisPubSubModule.forRoot(FAIL_FAST)],
    ['forRootAsync', () => RedisPubSubModule.forRootAsync({ useFactory: async () => FAIL_FAST })],
  ])('takes the place of the Redis of %s', async (_, create) => {
    const builder = Test.createTestingModule({ imports: [create()], providers: [Users] });
    const app = await init(await withInMemoryRedis(builder).setLogger(captureLog()).compile());
    expect(await firstValueFrom(app.get(RedisPubSubClient).emit('user.new', 'Ada'))).toBe(1);
    expect(await firstValueFrom(app.get(RedisPubSubClient).send('name.get', 1))).toBe('Ada');
    expect(app.get(Users).heard).toEqual(['Ada']);
  });

  it('returns the builder, and does not need a Redis of the test', async () => {
    const builder = Test.createTestingModule({});
    expect(withInMemoryRedis(builder)).toBe(builder);
  });

  it.each([
    [
      'register',
      () =>
        ClientsModule.register([
          { name: 'USERS', customClass: RedisPubSubClient, options: { connection } },
        ]),
    ],
    [
      'registerAsync',
      () =>
        ClientsModule.registerAsync([
          {
            name: 'USERS',
            useFactory: () => ({ customClass: RedisPubSubClient, options: { connection } }),
          },
        ]),
    ],
  ])('takes the place of the Redis of a client of ClientsModule.%s', async (_, create) => {
    const redis = new InMemoryRedis();
    await startUsers(redis);
    const builder = Test.createTestingModule({ imports: [create()], providers: [Caller] });
    const app = await init(await withInMemoryRedis(builder, redis).compile());
    const { client } = app.get(Caller);
    expect(await firstValueFrom(client.send('name.get', 1))).toBe('Ada');
    const { subscriptions } = serverOf(redis);
    const ofServer = ['_pubsub.cancel', '_pubsub.instances.', 'name.get'];
    const inbox = expect.stringMatching(/^_pubsub\.inbox/) as string;
    expect(subscriptions.channels('*', 'channel').toSorted()).toEqual(
      expect.arrayContaining([...ofServer, inbox]),
    );
    await app.close();
    expect(subscriptions.channels('*', 'channel').toSorted()).toEqual(ofServer);
  });

  it('serves two modules with prefixes of their own', async () => {
    @Module({
      imports: [RedisPubSubModule.forRoot({ ...FAIL_FAST, prefix: 'a:' })],
      providers: [Users],
    })
    class A {}
    @Module({
      imports: [
        RedisPubSubModule.forRoot({ ...FAIL_FAST, prefix: 'b:', transportId: Symbol('b') }),
      ],
      providers: [{ provide: 'B', useExisting: RedisPubSubService }],
      exports: ['B'],
    })
    class B {}
    const redis = new InMemoryRedis();
    const builder = Test.createTestingModule({ imports: [A, B] });
    const app = await init(
      await withInMemoryRedis(builder, redis).setLogger(captureLog()).compile(),
    );
    expect(redis.publish('a:user.new', 'Ada')).toBe(1);
    expect(redis.publish('b:user.new', 'Bob')).toBe(1);
    expect(redis.publish('user.new', 'lost')).toBe(0);
    const recorder = new PubSubRecorder(redis);
    closeAfterTest(async () => recorder.close());
    await app.get<RedisPubSubService>('B', { strict: false }).publish('news', 1);
    await recorder.idle();
    expect(recorder.published()).toMatchObject([{ channel: 'news' }]);
    // A handler without a transportId is one of both modules.
    expect(app.get(Users, { strict: false }).heard).toEqual(['Ada', 'Bob']);
  });

  it('keeps the class of a client', async () => {
    class UsersClient extends RedisPubSubClient {
      ask(): Promise<unknown> {
        return firstValueFrom(this.send('name.get', 1));
      }
    }
    const redis = new InMemoryRedis();
    await startUsers(redis);
    const options = { customClass: UsersClient, options: { connection } };
    const imports = [ClientsModule.register([{ name: 'USERS', ...options }])];
    const builder = Test.createTestingModule({ imports, providers: [Caller] });
    const app = await init(await withInMemoryRedis(builder, redis).compile());
    expect(await (app.get(Caller).client as UsersClient).ask()).toBe('Ada');
  });

  it('takes the place of the Redis of a client of another copy of the package', async () => {
    vi.resetModules();
    const copy = await import('nestjs-redis-pubsub');
    expect(copy.RedisPubSubClient).not.toBe(RedisPubSubClient);
    const redis = new InMemoryRedis();
    await startUsers(redis);
    const useValue = new copy.RedisPubSubClient({ connection });
    const builder = Test.createTestingModule({
      providers: [{ provide: 'USERS', useValue }, Caller],
    });
    const app = await init(await withInMemoryRedis(builder, redis).compile());
    expect(await firstValueFrom(app.get(Caller).client.send('name.get', 1))).toBe('Ada');
  });

  it('keeps two clients of one name apart, each with its options', async () => {
    const redis = new InMemoryRedis();
    const channels: string[] = [];
    serverOf(redis).onPublish(({ channel }) => channels.push(channel));
    const builder = Test.createTestingModule({
      imports: [featureWith('a:', 'A'), featureWith('b:', 'B')],
    });
    const app = await init(await withInMemoryRedis(builder, redis).compile());
    for (const name of ['A', 'B']) {
      await firstValueFrom(app.get<ClientProxy>(name, { strict: false }).emit('news', 1));
    }
    expect(channels).toEqual(['a:news', 'b:news']);
  });

  it('leaves a client that a proxy imitates', async () => {
    const useValue = new Proxy(
      {},
      { get: (_, name) => (name === 'then' ? undefined : vi.fn<() => void>()) },
    );
    const builder = Test.createTestingModule({ providers: [{ provide: 'USERS', useValue }] });
    const module = await withInMemoryRedis(builder).compile();
    expect(module.get('USERS')).toBe(useValue);
  });

  it('leaves what the test overrides as the test wants it', async () => {
    const client = { send: () => of('from the test') };
    const builder = Test.createTestingModule({
      imports: [
        ClientsModule.register([
          { name: 'USERS', customClass: RedisPubSubClient, options: { connection } },
        ]),
      ],
      providers: [Caller],
    });
    const overridden = withInMemoryRedis(builder.overrideProvider('USERS').useValue(client));
    const app = await init(await overridden.compile());
    expect(app.get(Caller).client).toBe(client);
  });

  it('serves a microservice whose strategy a provider creates', async () => {
    const redis = new InMemoryRedis();
    const builder = Test.createTestingModule({
      controllers: [Users],
      providers: [
        { provide: RedisPubSubServer, useFactory: () => new RedisPubSubServer({ connection }) },
      ],
    });
    const module = await withInMemoryRedis(builder, redis).setLogger(captureLog()).compile();
    const app = module.createNestMicroservice({ strategy: module.get(RedisPubSubServer) });
    closeAfterTest(() => app.close());
    await app.listen();
    expect(redis.publish('user.new', 'Ada')).toBe(1);
  });

  it.each([
    ['SERVER', 'RedisPubSubServer', () => new RedisPubSubServer({ connection })],
    [RedisPubSubServer, 'RedisPubSubServer', () => new RedisPubSubServer({ connection })],
    [Symbol('x'), 'PubSubInspector', () => new PubSubInspector({ connection })],
  ])(
    'does not compile with a value for %s that has its Redis already',
    async (provide, name, create) => {
      const builder = Test.createTestingModule({ providers: [{ provide, useValue: create() }] });
      const token = typeof provide === 'function' ? provide.name : String(provide);
      await expect(withInMemoryRedis(builder).compile()).rejects.toThrow(
        `Expected the provider "${token}" to have useFactory: () => new ${name}(…)`,
      );
    },
  );

  it('compiles with a server whose Redis is in memory, and with what the test overrides', async () => {
    const redis = new InMemoryRedis();
    const inMemory = new RedisPubSubServer({ connection: redis });
    const [real, other] = [1, 2].map(() => new RedisPubSubServer({ connection }));
    const builder = Test.createTestingModule({
      providers: [
        { provide: 'IN_MEMORY', useValue: inMemory },
        { provide: 'OTHER', useValue: real },
      ],
    });
    const overridden = withInMemoryRedis(builder.overrideProvider('OTHER').useValue(other), redis);
    const module = await overridden.compile();
    expect([module.get('IN_MEMORY'), module.get('OTHER')]).toEqual([inMemory, other]);
  });

  it.each([
    ['init of the testing module', async (module: TestingModule) => void (await init(module))],
    [
      'init of an application',
      async (module: TestingModule) => {
        const app = module.createNestApplication();
        closeAfterTest(() => app.close());
        await app.init();
      },
    ],
    [
      'listen of a microservice',
      async (module: TestingModule) => {
        const strategy = new RedisPubSubServer({ connection: new InMemoryRedis() });
        const app = module.createNestMicroservice({ strategy });
        closeAfterTest(() => app.close());
        await app.listen();
      },
    ],
  ])('serves clients that a hook creates in %s', async (_, start) => {
    @Injectable()
    class Hooked implements OnModuleInit, OnModuleDestroy {
      client?: RedisPubSubClient;

      async onModuleInit(): Promise<void> {
        this.client = new RedisPubSubClient({ connection });
        await this.client.connect();
      }

      async onModuleDestroy(): Promise<void> {
        await this.client?.close();
      }
    }
    const builder = Test.createTestingModule({ providers: [Hooked] });
    const module = await withInMemoryRedis(builder).setLogger(captureLog()).compile();
    await start(module);
    expect(module.get(Hooked).client).toBeDefined();
  });

  it('serves modules that are loaded later', async () => {
    @Module({ imports: [RedisPubSubModule.forRoot(FAIL_FAST)] })
    class Later {}
    const builder = withInMemoryRedis(Test.createTestingModule({}));
    const app = await init(await builder.setLogger(captureLog()).compile());
    const later = await app.get(LazyModuleLoader).load(() => Later);
    const pubsub = later.get(RedisPubSubService, { strict: false });
    expect(await pubsub.publish('news', 1)).toBe(0);
  });
});
