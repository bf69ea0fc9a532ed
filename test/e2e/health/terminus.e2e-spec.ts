import { Controller, Get, Inject, Module, type INestApplication, type Type } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import type { Redis } from 'ioredis';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  RedisPubSubHealthIndicator,
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { eventHandlers } from '../../support/handlers.js';
import { IS_TERMINUS_12 } from '../../support/nest-version.js';
import { eventually, useRedis, watchCommands } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';
import { startHttpApp } from '../module/apps.js';

/** Longer than any test. */
const GRACE = 600_000;
const KEY = 'redis-pubsub';
const OTHER_HEALTH = Symbol('OTHER_HEALTH');
const ISO_DATE = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

/** What Terminus answers of one indicator. */
interface Details {
  readonly status: string;
  readonly connection: string;
  readonly since: string;
  readonly lastDeliveryAt?: string;
  readonly subscriptions: number;
  readonly starvingSince?: string;
  readonly impaired?: true;
}

interface Answer {
  readonly code: number;
  /** The status of the whole answer. */
  readonly status: string;
  readonly details: Readonly<Record<string, Details>>;
}

@Controller()
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly pubsub: RedisPubSubHealthIndicator,
  ) {}

  @Get('ready')
  @HealthCheck()
  ready() {
    return this.health.check([() => this.pubsub.isHealthy()]);
  }

  @Get('grace')
  @HealthCheck()
  grace() {
    return this.health.check([() => this.pubsub.isHealthy(KEY, { grace: GRACE })]);
  }

  @Get('degraded')
  @HealthCheck()
  degraded() {
    return this.health.check([() => this.pubsub.isHealthy(KEY, { grace: GRACE, degraded: true })]);
  }
}

async function start(options: RedisPubSubModuleOptions) {
  const { app } = await startHttpApp({
    imports: [
      TerminusModule,
      eventHandlers({ 'health.a': () => {}, 'health.*': () => {} }) as Type,
      RedisPubSubModule.forRoot({ pingInterval: 20, pingTimeout: 1_000, ...options }),
    ],
    controllers: [HealthController],
  });
  return { app, get: await getterOf(app) };
}

async function getterOf(app: INestApplication) {
  const url = await app.getUrl();
  return async (path: string): Promise<Answer & { readonly of: Details }> => {
    const response = await fetch(`${url}/${path}`);
    const body = (await response.json()) as Omit<Answer, 'code'>;
    return { ...body, code: response.status, of: body.details[KEY] as Details };
  };
}

type Get = Awaited<ReturnType<typeof getterOf>>;

const isUpAgain = (get: Get): Promise<void> =>
  eventually(async () => (await get('ready')).of.connection === 'connected');

describe('RedisPubSubHealthIndicator over HTTP, with Terminus', () => {
  const redis = useRedis([]);
  const other = useRedis([]);

  it('answers 200 with the details while the module is connected', async () => {
    const { get } = await start({ connection: redis.url });
    for (const path of ['ready', 'grace', 'degraded']) {
      const { code, status, of } = await get(path);
      expect([code, status]).toEqual([200, 'ok']);
      expect(of).toEqual({
        status: 'up',
        connection: 'connected',
        since: expect.stringMatching(ISO_DATE) as string,
        lastDeliveryAt: expect.stringMatching(ISO_DATE) as string,
        subscriptions: expect.any(Number) as number,
      });
    }
  });

  it('counts the subscriptions as Redis does', async () => {
    const { app, get } = await start({ connection: redis.url });
    await app.get(RedisPubSubService).subscribe('health.b', () => {});
    const counted = eventually(async () => {
      const clients = String(await redis.client.call('CLIENT', 'LIST', 'TYPE', 'pubsub'));
      const counts = [...clients.matchAll(/ p?sub=(\d+)/g)].map(([, count]) => Number(count));
      const { subscriptions } = (await get('ready')).of;
      return subscriptions >= 3 && subscriptions === counts.reduce((sum, count) => sum + count, 0);
    });
    await expect(counted).resolves.toBeUndefined();
  });

  it('moves the time of the last delivery on while no message is published', async () => {
    const { get } = await start({ connection: redis.url });
    const { lastDeliveryAt: first = '' } = (await get('ready')).of;
    const moved = eventually(async () => ((await get('ready')).of.lastDeliveryAt ?? '') > first);
    await expect(moved).resolves.toBeUndefined();
  });

  it('asks Redis nothing', async () => {
    const { get } = await start({
      connection: redis.url,
      pingInterval: 60_000,
      probeInterval: 0,
    });
    const commands = await watchCommands(redis.client);
    await redis.client.echo('begin');
    for (let i = 0; i < 20; i++) expect((await get('ready')).code).toBe(200);
    await redis.client.echo('end');
    await eventually(() => commands.filter((name) => name === 'echo').length === 2);
    expect(commands.filter((name) => name !== 'echo')).toEqual([]);
  });

  it('answers 503 while Redis is down, or 200 within the grace, and 200 when it is back', async () => {
    const { app, get } = await start({ connection: redis.url });
    const clients = app.get(RedisPubSubServer).unwrap<[Redis, Redis]>();
    const { since: connectedSince, lastDeliveryAt } = (await get('ready')).of;
    await redis.stop();
    await eventually(async () => (await get('ready')).code === 503);
    await eventually(() => clients.every(({ status }) => status !== 'ready'));

    const ready = await get('ready');
    expect([ready.status, ready.of.status]).toEqual(['error', 'down']);
    expect(ready.of).toMatchObject({ connection: 'reconnecting' });
    expect(ready.of.since > connectedSince).toBe(true);
    expect((ready.of.lastDeliveryAt ?? '') >= (lastDeliveryAt ?? '')).toBe(true);
    expect((await get('ready')).of.lastDeliveryAt).toBe(ready.of.lastDeliveryAt);

    const grace = await get('grace');
    expect([grace.code, grace.status]).toEqual([200, 'ok']);
    expect(grace.of).toMatchObject({ status: 'up', impaired: true, connection: 'reconnecting' });

    const { code, status, details } = await get('degraded');
    // Terminus 11 leaves it out, as the page says.
    const degraded = [200, 'degraded', { [KEY]: { ...ready.of, status: 'degraded' } }];
    expect([code, status, details]).toEqual(IS_TERMINUS_12 ? degraded : [200, 'ok', {}]);

    await redis.start();
    await isUpAgain(get);
    for (const path of ['ready', 'grace', 'degraded']) {
      const { code, status, of } = await get(path);
      expect([code, status, of.status]).toEqual([200, 'ok', 'up']);
      expect(of).not.toHaveProperty('impaired');
    }
  });

  it('answers 503 when its connections are half-open, and so are the next ones', async () => {
    const proxy = await startProxy(redis.port);
    const { get } = await start({ connection: proxy.url });
    const before = proxy.accepted;
    proxy.swallow();
    await eventually(async () => (await get('ready')).code === 503);
    const { of } = await get('ready');
    expect(of).toMatchObject({ status: 'down', connection: 'reconnecting' });
    // The proxy has accepted new connections, which is no sign of a delivery.
    await eventually(() => proxy.accepted >= before + 4);
    expect((await get('ready')).of).toEqual(of);
    proxy.forward();
    await isUpAgain(get);
  });

  it('answers 503 while the subscriber is starving and is replaced, whatever the grace', async () => {
    const proxy = await startProxy(redis.port);
    const { app, get } = await start({
      connection: proxy.url,
      probeInterval: 50,
      pingTimeout: 5_000,
    });
    await eventually(async () => {
      const probes = (await redis.client.pubsub('CHANNELS', '_pubsub.probe.*')) as string[];
      return probes.length === 1;
    });
    // The address moves to another server, and the open subscriber connection stays at the old one.
    proxy.retarget(other.port);
    const [publisher] = app.get(RedisPubSubServer).unwrap<[Redis, Redis]>();
    publisher.stream.destroy();
    // The next subscriber connection does not get its subscriptions before the release.
    proxy.hold(/subscribe/i);
    await eventually(async () => (await get('grace')).of.starvingSince !== undefined);
    for (const path of ['ready', 'grace', 'degraded']) {
      const { code, of } = await get(path);
      expect([code, of.status]).toEqual([503, 'down']);
      expect(of.starvingSince).toMatch(ISO_DATE);
      expect((of.lastDeliveryAt ?? '') < (of.starvingSince ?? '')).toBe(true);
    }
    proxy.release();
    await isUpAgain(get);
    expect((await get('ready')).of).not.toHaveProperty('starvingSince');
  });

  it('counter-proof: without the delivery probe it answers 200 of a subscriber that receives nothing', async () => {
    const proxy = await startProxy(redis.port);
    const { app, get } = await start({ connection: proxy.url, probeInterval: 0 });
    proxy.retarget(other.port);
    const [publisher] = app.get(RedisPubSubServer).unwrap<[Redis, Redis]>();
    const isBack = once(publisher, 'ready');
    publisher.stream.destroy();
    await isBack;
    await isUpAgain(get);
    expect(await app.get(RedisPubSubService).publish('health.a', 1)).toBe(0);
    expect((await get('ready')).code).toBe(200);
  });

  it('answers 503 before the first connection, whatever the grace', async () => {
    const { get } = await start({ connection: 'redis://127.0.0.1:1', onStart: 'background' });
    for (const path of ['ready', 'grace', 'degraded']) {
      const { code, of } = await get(path);
      expect(code).toBe(503);
      expect(of).toMatchObject({ status: 'down', connection: 'connecting' });
      expect(of).not.toHaveProperty('lastDeliveryAt');
    }
  });

  it('answers of each module by itself', async () => {
    @Module({
      imports: [
        RedisPubSubModule.forRootAsync({
          useFactory: () => ({ connection: other.url, transportId: Symbol('OTHER') }),
        }),
      ],
      providers: [{ provide: OTHER_HEALTH, useExisting: RedisPubSubHealthIndicator }],
      exports: [OTHER_HEALTH],
    })
    class OtherModule {}

    @Controller()
    class BothController {
      constructor(
        private readonly health: HealthCheckService,
        private readonly own: RedisPubSubHealthIndicator,
        @Inject(OTHER_HEALTH) private readonly other: RedisPubSubHealthIndicator,
      ) {}

      @Get('ready')
      @HealthCheck()
      ready() {
        return this.health.check([
          () => this.own.isHealthy(),
          () => this.other.isHealthy('other-redis'),
        ]);
      }
    }

    const { app } = await startHttpApp({
      imports: [TerminusModule, RedisPubSubModule.forRoot({ connection: redis.url }), OtherModule],
      controllers: [BothController],
    });
    const get = await getterOf(app);
    expect((await get('ready')).code).toBe(200);
    await other.stop();
    await eventually(async () => (await get('ready')).code === 503);
    const { details } = await get('ready');
    expect(details).toMatchObject({ [KEY]: { status: 'up' }, 'other-redis': { status: 'down' } });
    await other.start();
    await eventually(async () => (await get('ready')).code === 200);
  });

  it('is down after the application was closed', async () => {
    const { app } = await start({ connection: redis.url });
    const indicator = app.get(RedisPubSubHealthIndicator);
    await app.close();
    expect(indicator.isHealthy(KEY, { grace: GRACE })[KEY]).toMatchObject({
      status: 'down',
      connection: 'disconnected',
    });
  });
});
