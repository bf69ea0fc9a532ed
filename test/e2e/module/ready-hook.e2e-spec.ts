import {
  Controller,
  Inject,
  Injectable,
  Scope,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  NoSubscribersError,
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
  Subscribe,
  type OnRedisPubSubReady,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { eventually, useRedis } from '../../support/redis.js';
import { Gate } from '../../support/gate.js';
import {
  connections,
  createHttpApp,
  failureOf,
  startContext,
  startHttpApp,
  startMicroservice,
} from './apps.js';
import { IN_MEMORY } from '../../support/in-memory.js';

let calls: string[] = [];
let received: unknown[] = [];

@Controller()
class Controlled implements OnRedisPubSubReady {
  @MessagePattern('ready.ask')
  answer() {
    return 'answer';
  }

  onRedisPubSubReady(): void {
    calls.push('controller');
  }
}

@Injectable()
class Provided implements OnRedisPubSubReady {
  constructor(
    private readonly service: RedisPubSubService,
    private readonly client: RedisPubSubClient,
  ) {}

  @Subscribe('ready.event')
  handle(data: unknown): void {
    received.push(data);
  }

  async onRedisPubSubReady(): Promise<void> {
    calls.push(`provider ${await this.service.publish('ready.event', 'hello')}`);
  }

  /** Whether the handler in the controller answers, too. */
  async ask(): Promise<unknown> {
    return firstValueFrom(this.client.send('ready.ask', 1));
  }
}

describe('onRedisPubSubReady', () => {
  const redis = useRedis();

  beforeEach(() => {
    calls = [];
    received = [];
  });

  const metadata = (options: RedisPubSubModuleOptions = {}) => ({
    imports: [RedisPubSubModule.forRoot({ connection: redis.url, isGlobal: true, ...options })],
    controllers: [Controlled],
    providers: [Provided],
  });

  const moduleFor = (prefix: string, transportId: symbol) => ({
    module: class {},
    imports: [RedisPubSubModule.forRoot({ connection: redis.url, prefix, transportId })],
  });

  const CALLED = ['controller', 'provider 1'];

  it('is called once, when events reach the own handlers, before an application listens', async () => {
    await startHttpApp(metadata());
    expect(calls.toSorted()).toEqual(CALLED);
    await eventually(() => received.length === 1);
    expect(received).toEqual(['hello']);
  });

  it('differs from the hooks of Nest, from which no event reaches the own handlers', async () => {
    const receivers: Record<string, number> = {};
    @Injectable()
    class Early implements OnModuleInit, OnApplicationBootstrap, OnRedisPubSubReady {
      constructor(private readonly service: RedisPubSubService) {}

      onModuleInit = () => this.#publish('onModuleInit');
      onApplicationBootstrap = () => this.#publish('onApplicationBootstrap');
      onRedisPubSubReady = () => this.#publish('onRedisPubSubReady');

      async #publish(hook: string): Promise<void> {
        receivers[hook] = await this.service.publish('ready.event', hook);
      }
    }
    await startContext({ ...metadata(), providers: [Early, Provided] });
    expect(receivers).toEqual({
      onModuleInit: 0,
      onApplicationBootstrap: 0,
      onRedisPubSubReady: 1,
    });
  });

  it('may send a request to the own handlers', async () => {
    let answer: unknown;
    @Injectable()
    class Asking implements OnRedisPubSubReady {
      @Inject() private readonly provided!: Provided;

      async onRedisPubSubReady(): Promise<void> {
        answer = await this.provided.ask();
      }
    }
    await startHttpApp({ ...metadata(), providers: [Provided, Asking] });
    expect(answer).toBe('answer');
  });

  it('is called in a microservice before it listens', async () => {
    await startMicroservice(metadata(), {
      inject: [RedisPubSubServer],
      useFactory: (strategy: RedisPubSubServer) => ({ strategy }),
    });
    expect(calls.toSorted()).toEqual(CALLED);
  });

  it('is called in a microservice whose strategy is a RedisPubSubServer of its own, when both listen', async () => {
    let answer: unknown;
    @Injectable()
    class Asking implements OnRedisPubSubReady {
      @Inject() private readonly provided!: Provided;

      async onRedisPubSubReady(): Promise<void> {
        answer = await this.provided.ask();
      }
    }
    await startMicroservice(
      { ...metadata(), providers: [Provided, Asking] },
      {
        inject: [],
        useFactory: () => ({ strategy: new RedisPubSubServer({ connection: redis.url }) }),
      },
    );
    expect([calls.toSorted(), answer]).toEqual([CALLED, 'answer']);
  });

  it.each(['before', 'after'] as const)(
    'is called once in a hybrid application whose microservices start %s it listens',
    async (order) => {
      const { app } = await createHttpApp(metadata());
      app.connectMicroservice({ strategy: app.get(RedisPubSubServer) });
      const steps = [() => app.startAllMicroservices(), () => app.listen(0, '127.0.0.1')];
      const [first, second] = order === 'before' ? steps : steps.toReversed();
      await first?.();
      expect(calls).toEqual([]);
      await second?.();
      expect(calls.toSorted()).toEqual(CALLED);
    },
  );

  it('is called once in a hybrid application with deferInitialization', async () => {
    const { app } = await createHttpApp(metadata());
    app.connectMicroservice(
      { strategy: app.get(RedisPubSubServer) },
      { deferInitialization: true },
    );
    await app.init();
    await app.startAllMicroservices();
    expect(calls.toSorted()).toEqual(CALLED);
  });

  it('is called once in an application that starts everything at the same time', async () => {
    const { app } = await createHttpApp(metadata());
    app.connectMicroservice({ strategy: app.get(RedisPubSubServer) });
    await Promise.all([app.startAllMicroservices(), app.listen(0, '127.0.0.1')]);
    expect(calls.toSorted()).toEqual(CALLED);
  });

  it('is called once for each transportId, with that', async () => {
    const [LEFT, RIGHT] = [Symbol('LEFT'), Symbol('RIGHT')];
    const transportIds: unknown[] = [];
    @Injectable()
    class Both implements OnRedisPubSubReady {
      onRedisPubSubReady(transportId: symbol | number): void {
        transportIds.push(transportId);
      }
    }
    await startContext({
      imports: [moduleFor('l:', LEFT), moduleFor('r:', RIGHT)],
      providers: [Both],
    });
    expect(transportIds).toHaveLength(2);
    expect(new Set(transportIds)).toEqual(new Set([LEFT, RIGHT]));
  });

  it('is called for the class of a module, and once for a provider with several tokens', async () => {
    class Module implements OnRedisPubSubReady {
      onRedisPubSubReady(): void {
        calls.push('module');
      }
    }
    const { imports } = metadata();
    const providers = [
      Provided,
      { provide: 'EXISTING', useExisting: Provided },
      { provide: 'FACTORY', useFactory: (it: Provided) => it, inject: [Provided] },
      { provide: 'VALUE', useValue: { onRedisPubSubReady: () => calls.push('value') } },
      { provide: 'NOTHING', useValue: null },
    ];
    await startContext({ imports: [...imports, { module: Module, providers }] });
    expect(calls.toSorted()).toEqual(['module', 'provider 1', 'value']);
  });

  it('is not called for a provider that is created for each message', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerMessage implements OnRedisPubSubReady {
      onRedisPubSubReady(): void {
        calls.push('per message');
      }
    }
    await startContext({ ...metadata(), controllers: [], providers: [PerMessage, Provided] });
    expect(calls).toEqual(['provider 1']);
  });

  it('is not called with handlers: false', async () => {
    await startContext(metadata({ handlers: false }));
    expect(calls).toEqual([]);
  });

  it('is awaited by the start', async () => {
    const gate = new Gate();
    @Injectable()
    class Slow implements OnRedisPubSubReady {
      async onRedisPubSubReady(): Promise<void> {
        calls.push('begins');
        await gate.opened;
        calls.push('ends');
      }
    }
    const { app } = await createHttpApp({ ...metadata(), providers: [Slow], controllers: [] });
    const listening = app.listen(0, '127.0.0.1').then(() => calls.push('listens'));
    await eventually(() => calls.length > 0);
    gate.open();
    await listening;
    expect(calls).toEqual(['begins', 'ends', 'listens']);
  });

  @Injectable()
  class Failing implements OnRedisPubSubReady {
    async onRedisPubSubReady(): Promise<void> {
      throw new NoSubscribersError('cache.warm');
    }
  }

  it.skipIf(IN_MEMORY)(
    'fails the start with its error, and leaves no connection open',
    async () => {
      const { imports } = metadata();
      const error = await failureOf(startContext({ imports, providers: [Failing] }));
      expect(error).toBeInstanceOf(NoSubscribersError);
      await eventually(async () => (await connections(redis)) === 0);
    },
  );

  it('fails the start of a microservice', async () => {
    const { imports } = metadata();
    const started = startMicroservice(
      { imports, providers: [Failing] },
      {
        inject: [RedisPubSubServer],
        useFactory: (strategy: RedisPubSubServer) => ({ strategy }),
      },
    );
    expect(await failureOf(started)).toBeInstanceOf(NoSubscribersError);
  });

  describe("with onStart: 'background'", () => {
    it.each([false, true])('is called when Redis is up (sharded: %s)', async (sharded) => {
      await redis.stop();
      await startHttpApp(metadata({ onStart: 'background', sharded }));
      expect(calls).toEqual([]);
      await redis.start();
      await eventually(() => calls.length === 2);
      expect(calls.toSorted()).toEqual(CALLED);
    });

    it.each([false, true])('is called once while Redis is up (hybrid: %s)', async (isHybrid) => {
      const { app } = await createHttpApp(metadata({ onStart: 'background' }));
      if (isHybrid) {
        app.connectMicroservice({ strategy: app.get(RedisPubSubServer) });
        await app.startAllMicroservices();
      }
      await app.listen(0, '127.0.0.1');
      await eventually(() => calls.length === 2);
      const statuses: string[] = [];
      app.get(RedisPubSubServer).status.subscribe((status) => statuses.push(status));
      await redis.killConnections();
      await eventually(() => statuses.includes('reconnecting') && statuses.at(-1) === 'connected');
      expect(calls.toSorted()).toEqual(CALLED);
    });

    it('is not called after the application was closed', async () => {
      await redis.stop();
      const { app } = await startHttpApp(metadata({ onStart: 'background' }));
      await app.close();
      await redis.start();
      const { app: other } = await startContext({ imports: metadata().imports });
      expect(await other.get(RedisPubSubService).publish('ready.event', 1)).toBe(0);
      expect(calls).toEqual([]);
    });

    it('logs an error', async () => {
      const { imports } = metadata({ onStart: 'background' });
      const { log } = await startContext({ imports, providers: [Failing] });
      await eventually(() => log.of('error').length > 0);
      expect(log.of('error')).toEqual([
        expect.stringMatching(/^A ready hook failed: .*No subscriber for "cache\.warm"/),
      ]);
    });
  });
});
