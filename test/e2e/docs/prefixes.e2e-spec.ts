import { readFileSync } from 'node:fs';
import { Injectable, type Type } from '@nestjs/common';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Channel, RedisPubSubModule, RedisPubSubService, Subscribe } from 'nestjs-redis-pubsub';
import { loadPage } from '../../support/pages.js';
import { eventually, useRedis } from '../../support/redis.js';
import { shellAclsOf } from '../../support/security-page.js';
import { failureOf, startContext } from '../module/apps.js';

const PAGE = readFileSync('docs/recipes/prefixes.md', 'utf8');

interface Orders {
  readonly seen: string[];
  create(id: number): Promise<number>;
}

describe('the recipe for prefixes', () => {
  const redis = useRedis();
  let AppModule: Type;
  let OrdersType: Type<Orders>;

  /** The prefix that the set-up file for tests gives. */
  let workerPrefix: string | undefined;

  beforeAll(async () => {
    const page = loadPage('recipes/prefixes');
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
    ({ Orders: OrdersType } = await page.import<{ Orders: Type<Orders> }>('src/orders.ts'));
    vi.stubEnv('PUBSUB_PREFIX', undefined);
    await page.import('test/pubsub-prefix.ts');
    workerPrefix = process.env['PUBSUB_PREFIX'];
    vi.unstubAllEnvs();
  });
  beforeEach(() => {
    vi.stubEnv('REDIS_URL', redis.url);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  const start = async (prefix?: string) => {
    if (prefix !== undefined) vi.stubEnv('PUBSUB_PREFIX', prefix);
    const { app, log } = await startContext({ imports: [AppModule] });
    return { app, log, orders: app.get(OrdersType) };
  };

  it('keeps two environments apart', async () => {
    const staging = await start('staging');
    const production = await start('production');
    expect(staging.log.of('log')).toContain('"order.*" → PSUBSCRIBE staging:order.*');
    expect(production.log.of('log')).toContain('"order.*" → PSUBSCRIBE production:order.*');
    expect(await staging.orders.create(1)).toBe(1);
    expect(await production.orders.create(2)).toBe(1);
    expect(await redis.client.publish('staging:order.created', '{"id":7}')).toBe(1);
    await eventually(() => staging.orders.seen.length + production.orders.seen.length === 3);
    expect(staging.orders.seen).toEqual(['order.created 1', 'order.created 7']);
    expect(production.orders.seen).toEqual(['order.created 2']);
  });

  it('shows names without the prefix', async () => {
    const { app } = await start('staging');
    const service = app.get(RedisPubSubService);
    await service.subscribe('news', () => undefined);
    expect(await service.channels()).toEqual(['news']);
  });

  it('does not start without a prefix', async () => {
    expect((await failureOf(start())).message).toBe('Set the variable PUBSUB_PREFIX');
  });

  it('gives each file of tests a prefix of its own', async () => {
    expect(workerPrefix).toMatch(/^test:[\da-f-]{36}$/);
    const own = await start(workerPrefix);
    await start('test:another');
    expect(await own.orders.create(1)).toBe(1);
    await eventually(() => own.orders.seen.length > 0);
    expect(own.orders.seen).toEqual(['order.created 1']);
  });

  it('is enforced with the ACL user, which may use one environment only', async () => {
    for (const command of shellAclsOf(PAGE)) await redis.client.call('ACL', ...command);
    vi.stubEnv('REDIS_URL', `redis://staging:secret@127.0.0.1:${redis.port}`);
    const { orders } = await start('staging');
    expect(await orders.create(1)).toBe(1);
    expect(await failureOf(start('production'))).toMatchObject({
      code: 'ERR_PUBSUB_SUBSCRIBE',
      message: expect.stringContaining('production:order.*') as string,
    });
  });

  it('hears another environment only if its prefix begins with the own one', async () => {
    const heard: string[] = [];
    @Injectable()
    class All {
      @Subscribe('*')
      on(@Channel() channel: string) {
        heard.push(channel);
      }
    }
    const listen = (prefix: string) =>
      startContext({
        imports: [RedisPubSubModule.forRoot({ connection: redis.url, prefix })],
        providers: [All],
      });
    await listen('shop');
    await listen('shop2:');
    await listen('staging:');
    expect(await redis.client.publish('shop2:a', '1')).toBe(2);
    expect(await redis.client.publish('staging:eu:b', '1')).toBe(1);
    await eventually(() => heard.length === 3);
    expect(heard.toSorted()).toEqual(['2:a', 'a', 'eu:b']);
  });

  it('cannot be replaced by a database or a keyPrefix', async () => {
    const heard: string[] = [];
    const connection = { url: redis.url, db: 3, keyPrefix: 'staging:' };
    const { app } = await startContext({ imports: [RedisPubSubModule.forRoot({ connection })] });
    await app.get(RedisPubSubService).subscribe('order', ({ channel }) => heard.push(channel));
    expect(await redis.client.publish('order', '1')).toBe(1);
    await eventually(() => heard.length > 0);
    expect(heard).toEqual(['order']);
  });
});
