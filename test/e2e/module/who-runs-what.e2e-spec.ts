import { Controller, Get, Injectable, type INestApplication } from '@nestjs/common';
import {
  EventPattern,
  MessagePattern,
  Payload,
  Transport,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { firstValueFrom, toArray } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  REDIS_PUBSUB,
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
} from 'nestjs-redis-pubsub';
import { createClient } from '../../support/app.js';
import { eventually, useRedis, type TestRedis } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';
import {
  connections,
  createHttpApp,
  startContext,
  startHttpApp,
  startMicroservice,
} from './apps.js';

const OTHER = Symbol('OTHER');

let received: string[] = [];

@Controller()
class HandlerController {
  @Get()
  hello() {
    return 'hello';
  }

  @EventPattern<string>('who.:kind')
  glob() {
    received.push('controller glob');
  }

  @EventPattern<string>('who.event')
  literal() {
    received.push('controller literal');
  }

  @MessagePattern('ask.controller')
  answer(@Payload() data: unknown) {
    received.push('controller request');
    return data;
  }
}

@Injectable()
class HandlerProvider {
  @EventPattern<string>('who.*')
  glob() {
    received.push('provider glob');
  }

  @EventPattern<string>('who.event')
  literal() {
    received.push('provider literal');
  }

  @MessagePattern('ask.provider')
  answer(@Payload() data: unknown) {
    received.push('provider request');
    return data;
  }
}

const TWICE_EACH = ['controller', 'provider'].flatMap((place) =>
  ['glob', 'literal', 'reply', 'request'].flatMap((sort) => Array(2).fill(`${place} ${sort}`)),
) as string[];

async function getText(app: INestApplication): Promise<string> {
  return (await fetch(await app.getUrl())).text();
}

type Connect = (app: INestApplication, redis: TestRedis) => MicroserviceOptions;

const builtIn: Connect = (_, { port }) => ({ transport: Transport.REDIS, options: { port } });
const ofModule: Connect = (app) => ({ strategy: app.get(RedisPubSubServer) });
const ownWith =
  (transportId: symbol): Connect =>
  (_, { url }) => ({ strategy: new RedisPubSubServer({ connection: url, transportId }) });

describe('each handler runs once for one message', () => {
  const redis = useRedis();
  beforeEach(() => {
    received = [];
  });

  const metadata = () => ({
    imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
    controllers: [HandlerController],
    providers: [HandlerProvider],
  });

  /**
   * The handlers that run for two messages of each sort. A handler that runs twice for the first has done so
   * when the second arrives.
   */
  async function run(places = ['controller', 'provider'], applications = 1): Promise<string[]> {
    const client = createClient({ connection: redis.url, requestTimeout: 5_000 });
    for (const round of [1, 2]) {
      await firstValueFrom(client.emit('who.event', 'x'));
      for (const place of places) {
        const replies = await firstValueFrom(client.send(`ask.${place}`, 'x').pipe(toArray()));
        received.push(...replies.map(() => `${place} reply`));
      }
      // The client takes one reply to a request, also if several applications answer.
      const expected = places.length * (3 * applications + 1);
      await eventually(() => received.length >= expected * round);
    }
    return received.toSorted();
  }

  it('in a plain HTTP application', async () => {
    const { app } = await startHttpApp(metadata());
    expect(await run()).toEqual(TWICE_EACH);
    expect(await getText(app)).toBe('hello');
    expect(app.get(RedisPubSubServer).isListening).toBe(true);
  });

  it('in an application context, which has no controllers', async () => {
    await startContext({ ...metadata(), controllers: [] });
    const ofProviders = TWICE_EACH.filter((it) => it.startsWith('provider'));
    expect(await run(['provider'])).toEqual(ofProviders);
  });

  it('in an application that has a provider under several tokens', async () => {
    const useFactory = (it: HandlerProvider): HandlerProvider => it;
    const provide = (token: string) => ({ provide: token, useFactory, inject: [HandlerProvider] });
    const asValue = { provide: 'VALUE', useValue: new HandlerProvider() };
    await startContext({
      ...metadata(),
      controllers: [],
      providers: [provide('BEFORE'), HandlerProvider, provide('AFTER')],
    });
    await startContext({
      ...metadata(),
      controllers: [],
      imports: [...metadata().imports, { module: class Other {}, providers: [asValue] }],
      providers: [asValue],
    });
    // In two applications, each of which receives every event.
    const expected = TWICE_EACH.filter((it) => it.startsWith('provider'));
    const twice = expected.filter((it) => !it.endsWith('reply'));
    expect((await run(['provider'], 2)).filter((it) => !it.endsWith('reply'))).toEqual(
      [...twice, ...twice].toSorted(),
    );
  });

  it('not at all with handlers: false, where the client and the service still work', async () => {
    const { app } = await startHttpApp({
      ...metadata(),
      imports: [RedisPubSubModule.forRoot({ connection: redis.url, handlers: false })],
    });
    const messages: unknown[] = [];
    const service = app.get(RedisPubSubService);
    await service.subscribe('who.event', ({ data }) => messages.push(data));
    expect(await service.patternCount()).toBe(0);
    expect(await firstValueFrom(app.get(RedisPubSubClient).emit('who.event', 'x'))).toBe(1);
    await eventually(() => messages.length === 1);
    expect(received).toEqual([]);
    expect(await getText(app)).toBe('hello');
  });

  it('in an application that registers a controller also as a provider', async () => {
    const otherModule = { module: class Other {}, providers: [HandlerController] };
    await startHttpApp({
      ...metadata(),
      imports: [...metadata().imports, otherModule],
      providers: [HandlerProvider, HandlerController],
    });
    expect(await run()).toEqual(TWICE_EACH);
  });

  it('unless the built-in transport (Transport.REDIS) runs it too, which logs a warning at the start', async () => {
    const { app, log } = await createHttpApp({ ...metadata(), providers: [] });
    app.connectMicroservice({
      transport: Transport.REDIS,
      options: { host: '127.0.0.1', port: redis.port },
    });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    expect(log.of('warn')).toEqual([expect.stringContaining('Transport.REDIS')]);
    const client = createClient({ connection: redis.url });
    await eventually(async () => (await firstValueFrom(client.emit('who.event', 'x'))) === 3);
    await eventually(() => received.filter((it) => it === 'controller literal').length >= 2);
  });

  it('in a hybrid application whose microservices start before it listens', async () => {
    const { app } = await createHttpApp(metadata());
    app.connectMicroservice({ strategy: app.get(RedisPubSubServer) }, { inheritAppConfig: true });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    expect(await run()).toEqual(TWICE_EACH);
    expect(await getText(app)).toBe('hello');
  });

  it('in a hybrid application that starts its microservices and listens while Redis is down', async () => {
    const proxy = await startProxy(redis.port);
    await proxy.stop();
    const { app } = await createHttpApp({
      ...metadata(),
      imports: [RedisPubSubModule.forRoot({ connection: proxy.url })],
    });
    app.connectMicroservice({ strategy: app.get(RedisPubSubServer) }, { inheritAppConfig: true });
    const started = [app.startAllMicroservices(), app.listen(0, '127.0.0.1')];
    await proxy.start();
    await Promise.all(started);
    expect(await run()).toEqual(TWICE_EACH);
  });

  it('in a hybrid application whose microservices start after it listens', async () => {
    const { app } = await createHttpApp(metadata());
    app.connectMicroservice({ strategy: app.get(RedisPubSubServer) }, { inheritAppConfig: true });
    await app.listen(0, '127.0.0.1');
    await app.startAllMicroservices();
    expect(await run()).toEqual(TWICE_EACH);
    expect(await getText(app)).toBe('hello');
  });

  it('in an application that fails to connect the module’s server after it listens', async () => {
    const { app } = await startHttpApp(metadata());
    const connect = async () => {
      app.connectMicroservice({ strategy: app.get(RedisPubSubServer) }, { inheritAppConfig: true });
      await app.startAllMicroservices();
    };
    await expect(connect()).rejects.toThrow('connect it before the application is initialised');
    expect(await run()).toEqual(TWICE_EACH);
  });

  it('in a hybrid application with deferInitialization', async () => {
    const { app } = await createHttpApp(metadata());
    app.connectMicroservice(
      { strategy: app.get(RedisPubSubServer) },
      { inheritAppConfig: true, deferInitialization: true },
    );
    await app.init();
    await app.startAllMicroservices();
    expect(await run()).toEqual(TWICE_EACH);
  });

  it('in a microservice whose strategy is the module’s server', async () => {
    await startMicroservice(metadata(), {
      inject: [RedisPubSubServer],
      useFactory: (strategy: RedisPubSubServer) => ({ strategy }),
    });
    expect(await run()).toEqual(TWICE_EACH);
    // Two of them belong to the client of this test.
    expect(await connections(redis)).toBe(4);
  });

  it('in an application that also connects a RedisPubSubServer of its own', async () => {
    const { app } = await createHttpApp(metadata());
    const ownServer = new RedisPubSubServer({ connection: redis.url });
    app.connectMicroservice({ strategy: ownServer }, { inheritAppConfig: true });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    expect(ownServer.isListening).toBe(true);
    expect(app.get(RedisPubSubServer).isListening).toBe(true);
    await redis.subscribers('ask.controller', 1);
    await redis.subscribers('ask.provider', 1);
    expect(await run()).toEqual(TWICE_EACH);
  });

  it('in an application with a second server, if each handler names its transportId', async () => {
    @Controller()
    class Named {
      @EventPattern<string>('who.named', REDIS_PUBSUB)
      ours() {
        received.push('ours');
      }

      @EventPattern<string>('who.named', OTHER)
      others() {
        received.push('others');
      }
    }
    const { app, log } = await createHttpApp({
      ...metadata(),
      controllers: [Named],
      providers: [],
    });
    const other = new RedisPubSubServer({ connection: redis.url, transportId: OTHER });
    app.connectMicroservice({ strategy: other });
    await app.startAllMicroservices();
    await app.init();
    expect(await redis.client.publish('who.named', '1')).toBe(2);
    await eventually(() => received.length >= 2);
    expect(received.toSorted()).toEqual(['others', 'ours']);
    expect(log.of('warn')).toEqual([]);
  });

  it('unless handlers name no transportId beside a second server, which logs a warning at the start', async () => {
    const { app, log } = await createHttpApp({ ...metadata(), providers: [] });
    const other = new RedisPubSubServer({ connection: redis.url, transportId: OTHER });
    app.connectMicroservice({ strategy: other });
    await app.init();
    expect(log.of('warn')).toEqual([expect.stringContaining('another RedisPubSubServer')]);
  });

  it.each([
    ['Transport.REDIS', () => ({ transport: Transport.REDIS, options: { port: redis.port } })],
    [
      'another RedisPubSubServer',
      () => ({ strategy: new RedisPubSubServer({ connection: redis.url }) }),
    ],
  ])('unless %s is connected after the start, which logs a warning then', async (name, options) => {
    const { app, log } = await createHttpApp({ ...metadata(), providers: [] });
    await app.init();
    expect(log.of('warn')).toEqual([]);
    app.connectMicroservice(options());
    expect(log.of('warn')).toEqual([expect.stringContaining(name)]);
  });

  describe.each([
    ['before it is initialised', false],
    ['after it is initialised', true],
  ])(
    'unless two servers that the application connects run it, %s, which logs a warning',
    (_, isLate) => {
      const NO_TRANSPORT = 'handlers in controllers that name no transport run twice';
      const SAME_ID = 'another RedisPubSubServer of the same transportId as well';

      it.each([
        ['the module’s and Transport.REDIS', ofModule, builtIn, NO_TRANSPORT],
        ['the module’s and one of another id', ofModule, ownWith(OTHER), NO_TRANSPORT],
        ['the module’s and one of the same id', ofModule, ownWith(REDIS_PUBSUB), SAME_ID],
        ['one of the same id and Transport.REDIS', ownWith(REDIS_PUBSUB), builtIn, NO_TRANSPORT],
        [
          'one of the same id and one of another',
          ownWith(REDIS_PUBSUB),
          ownWith(OTHER),
          NO_TRANSPORT,
        ],
        ['two of the same id', ownWith(REDIS_PUBSUB), ownWith(REDIS_PUBSUB), SAME_ID],
      ])('%s', async (_, first, second, text) => {
        const { app, log } = await createHttpApp({ ...metadata(), providers: [] });
        app.connectMicroservice(first(app, redis));
        if (isLate) await app.init();
        expect(log.of('warn')).toEqual([]);
        app.connectMicroservice(second(app, redis));
        await app.init();
        expect(log.of('warn')).toEqual([expect.stringContaining(text)]);
        expect(log.of('warn')[0]).toContain('HandlerController.literal (Root)');
      });
    },
  );

  it('and two servers of one id are not logged where no controller names it', async () => {
    @Controller()
    class Named {
      @EventPattern<string>('who.event', OTHER)
      handle() {}
    }
    const { app, log } = await createHttpApp({ ...metadata(), controllers: [Named] });
    const strategy = new RedisPubSubServer({ connection: redis.url });
    app.connectMicroservice({ strategy: app.get(RedisPubSubServer) });
    app.connectMicroservice({ strategy });
    await app.init();
    expect(log.of('warn')).toEqual([]);
  });

  it('in a microservice whose strategy is a RedisPubSubServer of its own', async () => {
    const ownServer = new RedisPubSubServer({ connection: redis.url });
    await startMicroservice(metadata(), {
      inject: [],
      useFactory: () => ({ strategy: ownServer }),
    });
    expect(await run()).toEqual(TWICE_EACH);
  });

  it('after the connections were lost and reconnected', async () => {
    const { app } = await startHttpApp(metadata());
    const statuses: string[] = [];
    app.get(RedisPubSubServer).status.subscribe((status) => statuses.push(status));
    await redis.killConnections();
    await eventually(() => statuses.includes('reconnecting') && statuses.at(-1) === 'connected');
    expect(await run()).toEqual(TWICE_EACH);
  });

  it.each([
    ['a plain application', false],
    ['a hybrid application that listens last', true],
  ])('and of two request handlers for one pattern only one runs, in %s', async (_, isHybrid) => {
    const runs: string[] = [];
    @Controller()
    class First {
      @MessagePattern('ask.both')
      answer() {
        runs.push('controller');
        return 1;
      }
    }
    @Injectable()
    class Second {
      @MessagePattern('ask.both')
      answer() {
        runs.push('provider');
        return 1;
      }
    }
    const { app, log } = await createHttpApp({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      controllers: [First],
      providers: [Second],
    });
    if (isHybrid) {
      app.connectMicroservice({ strategy: app.get(RedisPubSubServer) });
      await app.startAllMicroservices();
    }
    await app.listen(0, '127.0.0.1');
    const client = createClient({ connection: redis.url });
    expect(await firstValueFrom(client.send('ask.both', 1))).toBe(1);
    expect(await firstValueFrom(client.send('ask.both', 2))).toBe(1);
    expect(runs).toHaveLength(2);
    expect(log.of('warn')).toContainEqual(
      expect.stringContaining('Two request handlers for "ask.both"'),
    );
  });
});
