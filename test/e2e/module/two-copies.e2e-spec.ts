import { Controller, Inject, Injectable, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as own from 'nestjs-redis-pubsub';
import { BusHolder } from '../../../src/module/redis-pubsub-core.module.js';
import { isMessageBus } from '../../../src/transport/message-bus.js';
import { captureLog, closeAfterTest, createClient, type TestLog } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';

type Package = typeof own;

const folder = mkdtempSync(join(tmpdir(), 'second-copy-'));
const seen: unknown[] = [];
const REGISTRY = Symbol.for('nestjs-redis-pubsub.copies');
const registry: unknown = Reflect.get(globalThis, REGISTRY);

/** Loads another copy of the built package, as of a library that was linked. */
async function loadCopy(name: string): Promise<Package> {
  const root = join(folder, name);
  cpSync('dist', join(root, 'dist'), { recursive: true });
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as object;
  writeFileSync(
    join(root, 'package.json'),
    JSON.stringify({ ...manifest, version: `0.0.1-${name}` }),
  );
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'));
  return (await import(pathToFileURL(join(root, 'dist/index.js')).href)) as Package;
}

describe('two copies of the package in one process', () => {
  const redis = useRedis();
  let other: Package;
  let loading: TestLog;

  beforeAll(async () => {
    // As if no copy were loaded: the warning comes with the second one.
    Reflect.set(globalThis, REGISTRY, undefined);
    loading = captureLog();
    await loadCopy('first');
    other = await loadCopy('second');
    await loadCopy('third');
  });
  afterAll(() => {
    Reflect.set(globalThis, REGISTRY, registry);
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    seen.length = 0;
  });

  const start = async (
    providers: Type[],
    module: DynamicModule = own.RedisPubSubModule.forRoot({ connection: redis.url }),
  ) => {
    const app = await NestFactory.createApplicationContext(
      { module: class {}, imports: [module], providers },
      { logger: captureLog(), abortOnError: false },
    );
    closeAfterTest(() => app.close());
    return app;
  };

  it('are two', () => {
    expect(other.RedisPubSubRecord).not.toBe(own.RedisPubSubRecord);
  });

  it('are logged once, with their versions and places', () => {
    expect(loading.of('warn')).toHaveLength(1);
    const [line] = loading.of('warn');
    for (const name of ['first', 'second']) {
      expect(line).toContain(`0.0.1-${name} at ${pathToFileURL(join(folder, name)).href}/dist/`);
    }
    expect(line).not.toContain('third');
  });

  it('send the records of each other with their headers', async () => {
    @Injectable()
    class Handlers {
      @EventPattern<string>('copies.event')
      event(@Payload() data: unknown, @own.MessageHeader('tenant') tenant: unknown) {
        seen.push([data, tenant]);
      }

      @MessagePattern<string>('copies.slow')
      slow() {
        return new Promise(() => undefined);
      }
    }
    const app = await start([Handlers]);
    const record = new other.RedisPubSubRecordBuilder({ a: 1 }).setHeader('tenant', 'x').build();
    const client = createClient({ connection: redis.url, requestTimeout: 60_000 });
    await firstValueFrom(client.emit('copies.event', record));
    await app.get(own.RedisPubSubService).publish('copies.event', record);
    await eventually(() => seen.length === 2);
    expect(seen).toEqual([
      [{ a: 1 }, 'x'],
      [{ a: 1 }, 'x'],
    ]);
    const hasty = new other.RedisPubSubRecordBuilder(1).setTimeout(1).build();
    await expect(lastValueFrom(client.send('copies.slow', hasty))).rejects.toThrow('within 1 ms');
    const sharded = new other.RedisPubSubRecordBuilder(1).setSharded().build();
    await firstValueFrom(client.emit('copies.event', sharded));
    expect(seen).toHaveLength(2);
  });

  it('run the handlers of each other, with their decorators and their transport id', async () => {
    @Injectable()
    class Library {
      @EventPattern<string>('copies.:id', other.REDIS_PUBSUB)
      event(
        @other.Channel() channel: unknown,
        @other.ChannelParam('id') id: unknown,
        @other.MessageHeader('tenant') tenant: unknown,
      ) {
        seen.push([channel, id, tenant]);
      }
    }
    const app = await start([Library]);
    const record = new own.RedisPubSubRecordBuilder(1).setHeader('tenant', 'x').build();
    await app.get(own.RedisPubSubService).publish('copies.42', record);
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([['copies.42', '42', 'x']]);
  });

  it('inject the instances of the module where a library names its own classes', async () => {
    @Injectable()
    class Library {
      constructor(
        @Inject(other.RedisPubSubClient) readonly client: own.RedisPubSubClient,
        @Inject(other.RedisPubSubService) readonly service: own.RedisPubSubService,
        @Inject(other.RedisPubSubServer) readonly server: own.RedisPubSubServer,
        @Inject(other.RedisPubSubHealthIndicator) readonly health: own.RedisPubSubHealthIndicator,
      ) {}
    }
    for (const module of [
      own.RedisPubSubModule.forRoot({ connection: redis.url }),
      own.RedisPubSubModule.forRootAsync({ useFactory: () => ({ connection: redis.url }) }),
    ]) {
      const app = await start([Library], module);
      const library = app.get(Library);
      expect(library.client).toBe(app.get(own.RedisPubSubClient));
      expect(library.service).toBe(app.get(own.RedisPubSubService));
      expect(library.server).toBe(app.get(own.RedisPubSubServer));
      expect(library.health).toBe(app.get(own.RedisPubSubHealthIndicator));
    }
  });

  it('refuse two modules with one transport id, which would run each handler twice', async () => {
    const both = {
      module: class Both {},
      imports: [
        own.RedisPubSubModule.forRoot({ connection: redis.url }),
        other.RedisPubSubModule.forRoot({ connection: redis.url }),
      ],
    };
    await expect(start([], both)).rejects.toThrow('"transportId"');
  });

  it('warn once of two modules on one Redis, which run each handler twice', async () => {
    @Injectable()
    class Handlers {
      @EventPattern<string>('copies.event')
      event() {}
    }
    for (const [first, second] of [
      [own, other],
      [other, own],
    ] as const) {
      const log = captureLog();
      const app = await NestFactory.createApplicationContext(
        {
          module: class {},
          imports: [
            first.RedisPubSubModule.forRoot({ connection: redis.url }),
            second.RedisPubSubModule.forRoot({
              connection: redis.url,
              transportId: Symbol('OTHER'),
            }),
          ],
          providers: [Handlers],
        },
        { logger: log, abortOnError: false },
      );
      closeAfterTest(() => app.close());
      expect(log.of('warn')).toEqual([
        expect.stringContaining('2 RedisPubSubModules are on the same Redis'),
      ]);
    }
  });

  it('know the servers of each other that an application connects', async () => {
    @Controller()
    class Handlers {
      @EventPattern<string>('copies.event')
      event() {
        seen.push('event');
      }
    }
    const app = await NestFactory.create(
      {
        module: class {},
        imports: [own.RedisPubSubModule.forRoot({ connection: redis.url })],
        controllers: [Handlers],
      },
      { logger: captureLog(), abortOnError: false },
    );
    closeAfterTest(() => app.close());
    app.connectMicroservice({
      strategy: new other.RedisPubSubServer({ connection: redis.url }),
    });
    await app.startAllMicroservices();
    await app.init();
    // The module would subscribe the handler once more: it runs twice for each message then.
    expect(await redis.client.pubsub('NUMSUB', 'copies.event')).toEqual(['copies.event', 1]);
    expect(await app.get(own.RedisPubSubService).publish('copies.event', 1)).toBe(1);
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(['event']);
  });

  it('take the bus of each other in a constructor', async () => {
    const app = await start([]);
    const { bus } = app.get(BusHolder);
    expect(isMessageBus(bus)).toBe(true);
    const client = new other.RedisPubSubClient(bus);
    expect(client.unwrap()).toEqual(app.get(own.RedisPubSubClient).unwrap());
    const server = new other.RedisPubSubServer(bus);
    expect(server.unwrap()).toEqual(client.unwrap());
  });

  it('know the errors of each other by their code', async () => {
    const { hasCode } = await import('../../../src/errors.js');
    const error: unknown = new other.ClosedError();
    expect(error).not.toBeInstanceOf(own.ClosedError);
    expect(hasCode(error, 'ERR_PUBSUB_CLOSED')).toBe(true);
    expect(hasCode(error, 'ERR_PUBSUB_TIMEOUT')).toBe(false);
    expect(
      hasCode(Object.assign(new Error('x'), { code: 'ERR_PUBSUB_CLOSED' }), 'ERR_PUBSUB_CLOSED'),
    ).toBe(false);
  });

  it('reply with the errors of each other as with their own', async () => {
    @Injectable()
    class Handlers {
      @MessagePattern<string>('copies.fail')
      fail() {
        throw new RpcException(new other.ClosedError('over'));
      }
    }
    await start([Handlers]);
    const client = createClient({ connection: redis.url });
    await expect(lastValueFrom(client.send('copies.fail', 1))).rejects.toEqual({
      status: 'error',
      message: 'over',
      code: 'ERR_PUBSUB_CLOSED',
    });
  });
});
