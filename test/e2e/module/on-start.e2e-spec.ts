import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import {
  ConnectionError,
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { closeAfterTest, startService } from '../../support/app.js';
import { requestHandler } from '../../support/handlers.js';
import { eventually, plain, useRedis } from '../../support/redis.js';
import { holdTimeouts } from '../../support/timeouts.js';
import { createHttpApp, startContext } from './apps.js';

/** In milliseconds; no other timeout has this length. */
const START_TIMEOUT = 1_234_567;

@Injectable()
class News {
  readonly received: unknown[] = [];

  @EventPattern<string>('start.:topic')
  handle(@Payload() data: unknown) {
    this.received.push(data);
  }
}

@Controller()
class PageController {
  @Get()
  show() {
    return 'here';
  }
}

@Module({})
class EmptyModule {}

const moduleOf = (options: RedisPubSubModuleOptions) => ({
  imports: [RedisPubSubModule.forRoot(options)],
  controllers: [PageController],
  providers: [News],
});

describe("onStart: 'background'", () => {
  const redis = useRedis();

  it('serves HTTP while Redis is down, and receives events as soon as it is connected', async () => {
    await redis.stop();
    const timeouts = holdTimeouts(START_TIMEOUT);
    const { app, log } = await createHttpApp(
      moduleOf({ connection: redis.url, onStart: 'background', startTimeout: START_TIMEOUT }),
    );
    await app.init();
    await request(app.getHttpServer()).get('/').expect(200, 'here');
    const refused = (): string[] => log.of('warn').filter((line) => line.includes('ECONNREF'));
    await eventually(() => refused().length >= 2);
    timeouts.run();
    await eventually(() => log.of('error').length > 0);
    const statuses: string[] = [];
    app.get(RedisPubSubServer).status.subscribe((status) => statuses.push(status));
    await expect(app.get(RedisPubSubService).publish('start.a', 1)).rejects.toThrow(
      ConnectionError,
    );

    await redis.start();
    await eventually(() => statuses.includes('connected'));
    // No wait here: the status "connected" promises that the handlers are subscribed.
    expect(await app.get(RedisPubSubService).publish('start.a', 2)).toBe(1);
    await eventually(() => app.get(News).received.length === 1);
    expect(app.get(News).received).toEqual([2]);
    expect(statuses).toEqual(['connected']);
    expect(log.of('error')).toEqual([
      expect.stringMatching(/^Started without Redis; retrying: .*ECONNREF/),
    ]);
  });

  it('keeps events in the publish buffer until Redis is up', async () => {
    await redis.stop();
    const { app } = await startContext(
      moduleOf({
        connection: redis.url,
        onStart: 'background',
        publishBuffer: { maxAge: 20_000 },
      }),
    );
    const receivers = firstValueFrom(app.get(RedisPubSubClient).emit('start.emitted', 1));
    await redis.start();
    expect(await receivers).toBeTypeOf('number');
  });

  it('lets a server without the module listen before Redis is up', async () => {
    await redis.stop();
    const { app, server } = await startService(EmptyModule, {
      connection: redis.url,
      onStart: 'background',
    });
    expect(server.isListening).toBe(true);
    await app.close();
    await redis.start();
  });

  it('logs a refused subscription once, and subscribes when Redis allows it', async () => {
    await redis.client.call(
      'ACL',
      'SETUSER',
      'limited',
      'on',
      '>pw',
      '~*',
      '+@all',
      'resetchannels',
    );
    const { app, log } = await startContext(
      moduleOf({
        connection: { ...plain(redis.port), username: 'limited', password: 'pw' },
        onStart: 'background',
      }),
    );
    const refusals = () => log.of('error').filter((line) => line.includes('"start.*"'));
    await eventually(() => refusals().length > 0);
    expect(refusals()[0]).toMatch(/^Redis refused to subscribe to "start\.\*"; retrying: NOPERM/);
    await redis.client.call('ACL', 'SETUSER', 'limited', '&start.*');
    await redis.patterns(1);
    await redis.client.publish('start.b', '"allowed"');
    await eventually(() => app.get(News).received.length === 1);
    expect(refusals()).toHaveLength(1);
  });

  it('closes without an error in the log if Redis was never up', async () => {
    await redis.stop();
    const { app, log } = await startContext(
      moduleOf({ connection: redis.url, onStart: 'background' }),
    );
    await app.close();
    expect(log.of('error')).toEqual([]);
    await redis.start();
  });
});

describe('messages that providers send before the start', () => {
  const redis = useRedis();

  it.each(['wait', 'background'] as const)(
    'are published when Redis is up (onStart: %s)',
    async (onStart) => {
      @Injectable()
      class EarlyPublisher {
        readonly outcomes: Promise<unknown>;

        constructor(client: RedisPubSubClient, service: RedisPubSubService) {
          const emitted = firstValueFrom(client.emit('start.early', 1));
          this.outcomes = Promise.all([emitted, service.publish('start.early', 2)]);
        }
      }
      await redis.stop();
      const options = moduleOf({
        connection: redis.url,
        onStart,
        publishBuffer: { maxAge: 20_000 },
      });
      const starting = startContext({ ...options, providers: [EarlyPublisher] });
      await redis.start();
      const { app } = await starting;
      expect(await app.get(EarlyPublisher).outcomes).toEqual([0, 0]);
    },
  );

  it.each(['wait', 'background', 'fail'] as const)(
    'can be requests (onStart: %s)',
    async (onStart) => {
      const { log } = await startService(
        requestHandler('start.ask', () => 'answer'),
        {
          connection: redis.url,
        },
      );
      const { app } = await startContext({
        imports: [RedisPubSubModule.forRoot({ connection: redis.url, onStart })],
        providers: [
          {
            provide: 'ANSWER',
            inject: [RedisPubSubClient],
            useFactory: (client: RedisPubSubClient) => firstValueFrom(client.send('start.ask', 1)),
          },
        ],
      });
      expect(app.get('ANSWER')).toBe('answer');
      expect(log.of('error')).toEqual([]);
    },
  );

  it('find both connections ready once client.connect() has resolved', async () => {
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url, onStart: 'background' })],
    });
    const client = app.get(RedisPubSubClient);
    await client.connect();
    expect(client.unwrap<Redis[]>().map(({ status }) => status)).toEqual(['ready', 'ready']);
  });
});

describe("onStart: 'fail'", () => {
  const redis = useRedis();

  it('rejects after the first failed attempt to connect', async () => {
    await redis.stop();
    let attempts = 0;
    const retryStrategy = (): number => {
      attempts++;
      return 5;
    };
    const connection = { ...plain(redis.port), retryStrategy };
    await expect(startContext(moduleOf({ connection, onStart: 'fail' }))).rejects.toThrow(
      'Redis is unreachable: connect ECONNREFUSED',
    );
    // One for each of the two connections.
    expect(attempts).toBeLessThanOrEqual(2);
    await redis.start();
  });

  it('starts normally if Redis is up', async () => {
    const { app } = await startContext(moduleOf({ connection: redis.url, onStart: 'fail' }));
    expect(await app.get(RedisPubSubService).publish('start.c', 1)).toBe(1);
  });
});

describe('events that a factory emits during the start', () => {
  const redis = useRedis();

  it('are all published in the order of emit', async () => {
    const received: string[] = [];
    const listener = redis.client.duplicate();
    closeAfterTest(() => listener.quit());
    listener.on('message', (_channel, text: string) =>
      received.push((JSON.parse(text) as { data: string }).data),
    );
    await listener.subscribe('start.early');
    const outcomes: Promise<unknown>[] = [];
    const emit = (client: RedisPubSubClient, data: string): void => {
      outcomes.push(firstValueFrom(client.emit('start.early', data)));
    };
    const make = async (client: RedisPubSubClient): Promise<string> => {
      for (let i = 0; i < 20; i++) {
        emit(client, `${i} a`);
        emit(client, `${i} b`);
        await Promise.resolve();
      }
      return 'made';
    };
    await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      providers: [{ provide: 'EARLY', inject: [RedisPubSubClient], useFactory: make }],
    });
    expect(await Promise.all(outcomes)).toEqual(Array(40).fill(1));
    await eventually(() => received.length === 40);
    const expected = Array.from({ length: 20 }, (_, i) => [`${i} a`, `${i} b`]).flat();
    expect(received).toEqual(expected);
  });
});
