import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { channel } from 'node:diagnostics_channel';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type OpenMetricsContentType,
  AggregatorRegistry,
  Counter,
  Registry,
  register as defaultRegister,
} from 'prom-client';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { RedisPubSubModule, RedisPubSubService, type TelemetryEvents } from 'nestjs-redis-pubsub';
import { PubSubMetricsModule } from 'nestjs-redis-pubsub/prometheus';
import { InMemoryRedis } from 'nestjs-redis-pubsub/testing';
import { eventually } from '../../support/redis.js';
import { failureOf, startContext } from '../module/apps.js';
import { Scrape } from './scrape.js';

@Controller()
class Orders {
  @EventPattern<string>('order.*')
  onOrder() {
    return undefined;
  }
}

const HOSTILE = 'a"b\\c\n{d="e"} 1';

@Controller()
class Hostile {
  @EventPattern<string>(HOSTILE)
  onEvent() {
    return undefined;
  }
}

const transport = 'redis-pubsub';

/** Publishes an event of telemetry whose cause would take minutes. */
function tell<Name extends keyof TelemetryEvents>(name: Name, event: TelemetryEvents[Name]): void {
  channel(`nestjs-redis-pubsub:${name}`).publish(event);
}

const channelLabel = () => 'all';

const startWith = async (...imports: ReturnType<typeof PubSubMetricsModule.forRoot>[]) => {
  const redis = RedisPubSubModule.forRoot({ connection: new InMemoryRedis() });
  const { app, log } = await startContext({ imports: [...imports, redis], controllers: [Orders] });
  return { app, log, pubsub: app.get(RedisPubSubService) };
};

describe('a register', () => {
  afterEach(() => defaultRegister.clear());

  it('is that of prom-client by default', async () => {
    const { pubsub } = await startWith(PubSubMetricsModule.forRoot());
    await pubsub.publish('order.1', 1);
    await untilCounted(defaultRegister, 1);
    expect(defaultRegister.getSingleMetric('redis_pubsub_connected')).toBeDefined();
  });

  it('may come from a factory', async () => {
    const register = new Registry();
    const metrics = PubSubMetricsModule.forRootAsync({ useFactory: async () => ({ register }) });
    const { pubsub } = await startWith(metrics);
    await pubsub.publish('order.1', 1);
    await untilCounted(register, 1);
    expect((await Scrape.of(register)).all('connected')).toEqual({ '': 1 });
  });

  it('has its own metrics beside those of this package', async () => {
    const register = new Registry();
    const own = new Counter({ name: 'own_total', help: 'own', registers: [register] });
    await startWith(PubSubMetricsModule.forRoot({ register, prefix: 'shop_' }));
    own.inc();
    const { metrics } = await Scrape.of(register);
    expect(metrics.get('own_total')?.samples).toHaveLength(1);
    expect(metrics.has('shop_connected')).toBe(true);
    expect(metrics.has('redis_pubsub_connected')).toBe(false);
  });

  it('that has another metric of a name fails the start, and stays as it was', async () => {
    const register = new Registry();
    const name = 'redis_pubsub_connected';
    const another = new Counter({ name, help: 'another', registers: [register] });
    const metrics = PubSubMetricsModule.forRoot({ register });
    expect(await failureOf(startWith(metrics))).toMatchObject({
      code: 'ERR_PUBSUB_INVALID_OPTION',
      message: `Expected "prefix" to begin no other metric of the register, got "redis_pubsub_", and it has "${name}"`,
    });
    expect(register.getSingleMetric(name)).toBe(another);
    expect(register.getSingleMetric('redis_pubsub_starving')).toBeUndefined();
  });

  it('fails the start for a wrong option', async () => {
    const metrics = PubSubMetricsModule.forRoot({ buckets: [] });
    expect(await failureOf(startWith(metrics))).toMatchObject({
      code: 'ERR_PUBSUB_INVALID_OPTION',
    });
  });

  it('has the metrics again with the next module after it was cleared', async () => {
    const register = new Registry();
    await startWith(PubSubMetricsModule.forRoot({ register }));
    register.clear();
    const { pubsub } = await startWith(PubSubMetricsModule.forRoot({ register }));
    await pubsub.publish('order.1', 1);
    await untilCounted(register, 1);
    expect((await Scrape.of(register)).all('messages_published_total')).toEqual({ 'order.*': 1 });
  });

  it('has the options of the newest module, which is logged while another one is open', async () => {
    const register = new Registry();
    const first = await startWith(PubSubMetricsModule.forRoot({ register, buckets: [1] }));
    await first.app.close();
    const second = await startWith(PubSubMetricsModule.forRoot({ register, buckets: [2] }));
    expect(second.log.of('warn')).toEqual([]);
    const third = await startWith(
      PubSubMetricsModule.forRoot({ register, buckets: [3], channelLabel }),
    );
    expect(third.log.of('warn')).toEqual([
      'Several PubSubMetricsModules have the prefix "redis_pubsub_" and other options: those of the newest one apply. Import one, or give each a prefix or register of its own',
    ]);
    await third.pubsub.publish('order.1', 1);
    await eventually(async () => {
      const scrape = await Scrape.of(register);
      return scrape.value('handler_duration_seconds_bucket', { le: '3' }) === 1;
    });
    expect((await Scrape.of(register)).all('messages_published_total')).toEqual({ all: 1 });
  });

  it('may have the OpenMetrics format', async () => {
    const register = new Registry<OpenMetricsContentType>();
    register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    const { pubsub } = await startWith(PubSubMetricsModule.forRoot({ register }));
    await pubsub.publish('order.1', 1);
    await eventually(async () => {
      const text = await register.metrics();
      return text.includes(
        'redis_pubsub_messages_published_total{transport="redis-pubsub",channel="order.*"} 1',
      );
    });
    expect(await register.metrics()).toMatch(/# EOF\n$/);
  });

  it('sums the workers of a cluster of Node, and has 0 if one of them is not connected', async () => {
    const register = new Registry();
    const { pubsub } = await startWith(PubSubMetricsModule.forRoot({ register }));
    await pubsub.publish('order.1', 1);
    await untilCounted(register, 1);
    const one = await register.getMetricsAsJSON();
    tell('status', { transport, status: 'reconnecting', isUp: false });
    const other = await register.getMetricsAsJSON();
    const text = await AggregatorRegistry.aggregate([one, other] as never).metrics();
    const all = new Scrape(text);
    expect(all.all('messages_handled_total')).toEqual({ 'order.* ok': 2 });
    expect(all.value('handler_duration_seconds_bucket', { le: '+Inf' })).toBe(2);
    expect(all.value('handler_duration_seconds_count')).toBe(2);
    expect(all.value('connected')).toBe(0);
  });

  it('escapes patterns with quotes, backslashes and line ends', async () => {
    const register = new Registry();
    await startContext({
      imports: [
        PubSubMetricsModule.forRoot({ register }),
        RedisPubSubModule.forRoot({ connection: new InMemoryRedis(), name: 'a"\n\\' }),
      ],
      controllers: [Hostile],
    });
    const scrape = await Scrape.of(register);
    expect(scrape.all('active_subscribers', 'a"\n\\')).toEqual({ [HOSTILE]: 1, '<observed>': 0 });
  });

  it('counts from 0 after its metrics were reset', async () => {
    const register = new Registry();
    const { pubsub } = await startWith(PubSubMetricsModule.forRoot({ register }));
    await pubsub.publish('order.1', 1);
    await untilCounted(register, 1);
    register.resetMetrics();
    expect((await Scrape.of(register)).all('messages_published_total')).toEqual({});
    expect((await Scrape.of(register)).value('connected')).toBe(1);
    await pubsub.publish('order.1', 1);
    await untilCounted(register, 1);
    expect((await Scrape.of(register)).value('handler_duration_seconds_count')).toBe(1);
  });

  it('is shared with another copy of the package in the process', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'metrics-copy-'));
    afterAll(() => rmSync(folder, { recursive: true }));
    cpSync('dist', join(folder, 'dist'), { recursive: true });
    cpSync('package.json', join(folder, 'package.json'));
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
    const url = pathToFileURL(join(folder, 'dist/prometheus/index.js')).href;
    const other = (await import(url)) as { PubSubMetricsModule: typeof PubSubMetricsModule };
    expect(other.PubSubMetricsModule).not.toBe(PubSubMetricsModule);
    const register = new Registry();
    const { app, pubsub } = await startWith(
      PubSubMetricsModule.forRoot({ register }),
      other.PubSubMetricsModule.forRoot({ register }),
    );
    await pubsub.publish('order.1', 1);
    await untilCounted(register, 1);
    expect((await Scrape.of(register)).all('messages_published_total')).toEqual({ 'order.*': 1 });
    await app.close();
    expect(channel('nestjs-redis-pubsub:publish').hasSubscribers).toBe(false);
  });
});

const start = async () => {
  const register = new Registry();
  await startWith(PubSubMetricsModule.forRoot({ register }));
  return () => Scrape.of(register);
};

/** Resolves when a message on a channel of the handler was counted. */
async function untilCounted(register: Registry, count: number): Promise<void> {
  await eventually(async () => {
    const scrape = await Scrape.of(register);
    return scrape.all('messages_handled_total')['order.* ok'] === count;
  });
}

describe('rare events', () => {
  it('are counted: clients that were too slow, refused subscriptions, and lost messages', async () => {
    const scrape = await start();
    tell('overrun', { transport, connections: 3 });
    tell('subscribe', { transport, kind: 'channel', name: 'x', error: new Error('NOPERM') });
    channel('nestjs-redis-pubsub:lost').publish({
      transport,
      channel: 'order.1',
      subscription: 'order.*',
      publisher: 'p',
      count: 5,
    });
    const shown = await scrape();
    expect(shown.value('overruns_total')).toBe(3);
    expect(shown.value('subscribe_failures_total')).toBe(1);
    expect(shown.all('messages_lost_total')).toEqual({ 'order.*': 5 });
  });

  it('set the gauge "starving", and leave "connected" at 0', async () => {
    const scrape = await start();
    tell('status', { transport, status: 'starving', isUp: true });
    expect((await scrape()).value('starving')).toBe(1);
    expect((await scrape()).value('connected')).toBe(0);
    expect((await scrape()).value('active_subscribers', { channel: 'order.*' })).toBe(1);
  });

  it('do not harm: a gap that ends before it begins, as the clock was set back', async () => {
    const scrape = await start();
    const gap = { from: new Date(2_000), to: new Date(1_000) };
    tell('subscribe', { transport, kind: 'pattern', name: 'order.*', gap });
    expect((await scrape()).value('gaps_total', { channel: 'order.*' })).toBe(1);
    expect((await scrape()).value('gap_seconds_total', { channel: 'order.*' })).toBe(0);
  });

  it('leave out the channels of this package', async () => {
    const scrape = await start();
    const gap = { from: new Date(1_000), to: new Date(2_000) };
    tell('subscribe', { transport, kind: 'channel', name: '_pubsub.inbox.1', gap });
    expect((await scrape()).all('gaps_total')).toEqual({});
    expect((await scrape()).all('subscriptions')).toEqual({ pattern: 1 });
  });
});
