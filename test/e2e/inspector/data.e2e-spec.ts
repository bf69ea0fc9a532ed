import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import { RedisPubSubService, Subscribe } from 'nestjs-redis-pubsub';
import { IN_MEMORY } from '../../support/in-memory.js';
import { useRedis } from '../../support/redis.js';
import { startContext } from '../module/apps.js';
import { RedisPubSubModule } from '../../../src/index.js';
import { dataOf, dataWhere, known, startInspected } from './inspected-app.js';

const MARKUP = '<img src=x onerror=alert(1)>';

@Controller()
class OrderHandlers {
  @EventPattern<string>('order.*', { concurrency: 2 })
  onOrder(data: unknown) {
    if (data === 'fail') throw new Error('told to');
  }

  @MessagePattern('order.get')
  get() {
    return {};
  }
}

class UserHandlers {
  @Subscribe(`user.:id.${MARKUP}`)
  onUser() {}
}

describe('the data of a page', () => {
  const redis = useRedis();

  it('has the instances of all processes, and their handlers in one row for each service', async () => {
    const pubsub = { name: 'shop', prefix: 'fleet:' };
    const handlers = { controllers: [OrderHandlers], providers: [UserHandlers] };
    const { url } = await startInspected(redis, { pubsub, ...handlers });
    await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url, ...pubsub })],
      ...handlers,
    });
    const other = { connection: redis.url, prefix: 'fleet:', name: 'mailer' };
    await startContext({ imports: [RedisPubSubModule.forRoot(other)] });

    const data = await dataWhere(url, ({ fleet }) => known(fleet).totals.instances === 3);
    const { totals, instances, handlers: rows, missing } = known(data.fleet);
    expect(data).toMatchObject({ connection: 'connected', prefix: 'fleet:', transport: 'shop' });
    expect(instances.rows.map(({ name }) => name)).toEqual(['mailer', 'shop', 'shop']);
    for (const row of instances.rows) {
      expect(row).toMatchObject({ status: 'connected', pid: process.pid, codec: 'envelope' });
      expect(Math.abs(Date.now() - row.startedAt)).toBeLessThan(60_000);
    }
    expect(missing).toEqual([]);
    expect(totals).toMatchObject({ impaired: 0, handlers: 3, failed: 0, lost: 0, gaps: 0 });
    expect(rows.total).toBe(3);
    expect(rows.rows.find(({ pattern }) => pattern === 'order.*')).toMatchObject({
      service: 'shop',
      kind: 'event',
      subscription: 'pattern',
      method: 'OrderHandlers.onOrder',
      options: 'concurrency: 2',
      instances: 2,
    });
    expect(known(data.patterns)).toMatchObject({ total: 2 });
    expect(known(data.drift).total).toBe(0);
  });

  it('has rates, failures and totals', async () => {
    const { app, url } = await startInspected(redis, {
      pubsub: { prefix: 'rates:' },
      controllers: [OrderHandlers],
    });
    const first = await dataOf(url);
    expect(known(first.fleet).totals.receivedRate).toBeUndefined();
    const service = app.get(RedisPubSubService);
    for (const text of ['a', 'b', 'fail']) await service.publish('order.paid', text);

    const data = await dataWhere(url, ({ fleet }) => known(fleet).totals.failed === 1);
    const { totals, handlers, instances } = known(data.fleet);
    expect(totals.received).toBe(3);
    expect(totals.receivedRate).toBeGreaterThan(0);
    expect(totals.publishedRate).toBeGreaterThan(0);
    const row = handlers.rows.find(({ pattern }) => pattern === 'order.*');
    expect(row).toMatchObject({ received: 3, handled: 2, failed: 1, rate: totals.receivedRate });
    expect(instances.rows[0]).toMatchObject({ received: 3, failed: 1 });
    await dataWhere(url, ({ fleet }) => known(fleet).totals.receivedRate === 0);
  });

  it('has what no subscriber hears, and instances that differ', async () => {
    const pubsub = { name: 'shop', prefix: 'checks:' };
    const { app, url } = await startInspected(redis, { pubsub, controllers: [OrderHandlers] });
    await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url, ...pubsub })],
    });
    await app.get(RedisPubSubService).publish(`lonely.${MARKUP}`, 'a');
    const data = await dataWhere(
      url,
      ({ unheard, drift }) => known(unheard).total > 0 && known(drift).total > 0,
    );
    expect(known(data.unheard)).toMatchObject({
      rows: [{ channel: `lonely.${MARKUP}`, messages: 1, publishers: ['shop'], isCertain: true }],
      total: 1,
      hasMore: false,
    });
    expect(known(data.drift).rows[0]).toMatchObject({ name: 'shop', subject: 'handlers' });
  });

  it('has the first of 10,000 channels, and finds each of the others', async () => {
    const { app, url } = await startInspected(redis, { pubsub: { prefix: 'many:' } });
    const service = app.get(RedisPubSubService);
    await Promise.all(
      Array.from({ length: 10_000 }, (_, i) => service.subscribe(`user.${i}.inbox`, () => {})),
    );
    await service.subscribe('user.77.inbox', () => {});
    const { rows, total } = known((await dataOf(url)).channels);
    expect([rows.length, total]).toEqual([100, 10_000]);
    const found = known((await dataOf(url, 'filter=USER.4711.')).channels);
    expect(found.rows.map(({ channel }) => channel)).toEqual(['user.4711.inbox']);
    const odd = known((await dataOf(url, 'filter=user.*')).channels);
    expect(odd.total).toBe(0);
  });

  it('has only rows whose names contain the filter, in any case', async () => {
    const pubsub = { name: 'shop', prefix: 'filter:' };
    const { url } = await startInspected(redis, {
      pubsub,
      controllers: [OrderHandlers],
      providers: [UserHandlers],
    });
    const data = await dataOf(url, 'filter=ORDER');
    const { handlers, instances, totals } = known(data.fleet);
    expect(handlers.rows.map(({ pattern }) => pattern).toSorted()).toEqual([
      'order.*',
      'order.get',
    ]);
    expect(instances.total).toBe(0);
    expect(totals).toMatchObject({ instances: 1, handlers: 3 });
    expect(known(data.channels).rows).toMatchObject([{ channel: 'order.get', subscribers: 1 }]);
    expect(known(data.patterns).rows).toMatchObject([{ pattern: 'order.*' }]);
    const markup = await dataOf(url, new URLSearchParams({ filter: MARKUP }).toString());
    expect(known(markup.fleet).handlers.total).toBe(1);
  });

  it('asks the fleet once for all readers', async () => {
    const { app, url } = await startInspected(redis, {
      page: { refreshInterval: 60_000 },
      pubsub: { prefix: 'shared:' },
    });
    const first = await dataOf(url);
    const service = app.get(RedisPubSubService);
    await service.publish('a', 1);
    const others = await Promise.all(Array.from({ length: 20 }, () => dataOf(url)));
    expect(new Set(others.map(({ time }) => time))).toEqual(new Set([first.time]));
    expect(others[0]?.fleet).toEqual(first.fleet);
  });

  it.runIf(!IN_MEMORY)('says so while Redis is down, and is there again after it', async () => {
    const { url } = await startInspected(redis, { pubsub: { prefix: 'down:' } });
    known((await dataOf(url)).fleet);
    await redis.stop();
    const data = await dataWhere(url, ({ fleet, channels }) =>
      [fleet, channels].every(({ error }) => error !== undefined),
    );
    expect(data.connection).toBe('reconnecting');
    for (const { error } of [data.fleet, data.channels, data.patterns, data.unheard, data.drift]) {
      expect(error).toEqual(expect.any(String));
      expect(error).not.toMatch(/redis:\/\//);
    }
    await redis.start();
    await dataWhere(
      url,
      ({ connection, fleet }) => connection === 'connected' && fleet.error === undefined,
    );
  });
});
