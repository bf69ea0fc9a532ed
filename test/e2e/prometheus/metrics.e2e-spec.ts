import { Controller, Injectable, type ModuleMetadata } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { channel } from 'node:diagnostics_channel';
import { Registry } from 'prom-client';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubService,
  Subscribe,
} from 'nestjs-redis-pubsub';
import { PubSubMetricsModule, type PubSubMetricsOptions } from 'nestjs-redis-pubsub/prometheus';
import { createClient, startService } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { createInMemoryTestRedis } from '../../support/in-memory-test-redis.js';
import { eventually, useRedis, type TestRedis } from '../../support/redis.js';
import { startContext } from '../module/apps.js';
import { Scrape } from './scrape.js';

@Controller()
class Shop {
  static gate = new Gate();

  @EventPattern<string>('order.:id')
  onOrder(@Payload() data: unknown) {
    if (data === 'bad') throw new Error('bad order');
  }

  @EventPattern<string>('order.paid')
  onPaid() {
    return 'thanks';
  }

  @EventPattern<string>('slow', { concurrency: 1, maxQueue: 1 } as never)
  onSlow() {
    return Shop.gate.opened;
  }

  @MessagePattern('price.*')
  price() {
    return 42;
  }
}

@Controller()
class Slow {
  @EventPattern<string>('slow.*', { concurrency: 1 } as never)
  onSlow() {
    return Shop.gate.opened;
  }

  @EventPattern<string>('slow.*', { concurrency: 2 } as never)
  onSlowToo() {
    return Shop.gate.opened;
  }
}

@Injectable()
class Audit {
  @Subscribe('*')
  onAny() {
    return undefined;
  }
}

interface Options extends PubSubMetricsOptions, ModuleMetadata {}

describe.each<[string, () => TestRedis]>([
  ['a Redis in memory', createInMemoryTestRedis],
  ['a Redis', useRedis],
])('the metrics over %s', (_, use) => {
  const redis = use();

  const start = async ({ controllers = [Shop], providers = [], ...options }: Options = {}) => {
    const register = options.register ?? new Registry();
    const { app, log } = await startContext({
      imports: [
        PubSubMetricsModule.forRoot({ ...options, register }),
        RedisPubSubModule.forRoot({ connection: redis.url, prefix: 'shop:' }),
      ],
      controllers,
      providers,
    });
    const pubsub = app.get(RedisPubSubService);
    const scrape = () => Scrape.of(register);
    const until = async (isTrue: (scrape: Scrape) => boolean) => {
      await eventually(async () => isTrue(await scrape()));
      return scrape();
    };
    return { app, log, register, pubsub, scrape, until };
  };

  it('count by the patterns of handlers, and put the rest together', async () => {
    const { pubsub, until } = await start();
    await pubsub.subscribe('user.7', () => undefined);
    await pubsub.publish('order.1', 'good');
    await pubsub.publish('order.2', 'bad');
    await pubsub.publish('order.2', 'good');
    await pubsub.publish('user.7', 1);
    await pubsub.publish('unheard', 1);
    const scrape = await until(
      (it) => Object.values(it.all('messages_handled_total')).reduce((a, b) => a + b, 0) === 4,
    );
    expect(scrape.all('messages_published_total')).toEqual({ 'order.:id': 3, '<other>': 2 });
    expect(scrape.all('messages_received_total')).toEqual({ 'order.:id': 3, '<observed>': 1 });
    expect(scrape.all('messages_handled_total')).toEqual({
      'order.:id ok': 2,
      'order.:id error': 1,
      '<observed> ok': 1,
    });
    expect(scrape.value('handler_duration_seconds_count', { pattern: 'order.:id' })).toBe(3);
    expect(
      scrape.value('handler_duration_seconds_bucket', { pattern: 'order.:id', le: '+Inf' }),
    ).toBe(3);
    expect(scrape.value('handler_duration_seconds_sum', { pattern: 'order.:id' })).toBeGreaterThan(
      0,
    );
  });

  it('begin at 0, so that Prometheus sees the first increase', async () => {
    const { pubsub, scrape } = await start();
    await pubsub.subscribe('user.1', () => undefined);
    const { metrics } = await scrape();
    const zeros = (name: string, label: string) =>
      metrics
        .get(`redis_pubsub_${name}`)
        ?.samples.filter(({ value }) => value === 0)
        .map(({ labels }) => labels[label])
        .toSorted();
    const patterns = ['order.:id', 'order.paid', 'price.*', 'slow'];
    expect(zeros('messages_received_total', 'channel')).toEqual(patterns);
    expect(zeros('messages_handled_total', 'pattern')).toEqual(
      patterns.flatMap((pattern) => [pattern, pattern]),
    );
    expect(zeros('publish_failures_total', 'channel')).toEqual(['<other>', ...patterns]);
    for (const name of ['gaps_total', 'gap_seconds_total', 'messages_lost_total']) {
      expect(zeros(name, 'channel')).toEqual(['<observed>', ...patterns]);
    }
    expect(zeros('messages_dropped_total', 'reason')).toHaveLength(11);
    expect(zeros('reconnects_total', 'connection')).toEqual(['publisher', 'subscriber']);
    expect(zeros('outage_seconds_total', 'connection')).toEqual(['publisher', 'subscriber']);
    expect(zeros('overruns_total', 'transport')).toEqual(['redis-pubsub']);
    expect(zeros('subscribe_failures_total', 'transport')).toEqual(['redis-pubsub']);
  });

  it('count replies apart from what the application publishes', async () => {
    const { app, until } = await start();
    expect(await firstValueFrom(app.get(RedisPubSubClient).send('price.7', 1))).toBe(42);
    // Redis confirms the reply after the caller has it.
    const scrape = await until((it) => it.all('messages_published_total')['<internal>'] === 1);
    expect(scrape.all('messages_published_total')).toEqual({ 'price.*': 1, '<internal>': 1 });
    expect(scrape.all('messages_received_total')).toEqual({ 'price.*': 1 });
  });

  it('know the handlers in providers, and a literal before a glob', async () => {
    const { pubsub, until } = await start({ providers: [Audit] });
    await pubsub.publish('order.paid', 1);
    await pubsub.publish('login', 1);
    const scrape = await until((it) => it.all('messages_handled_total')['* ok'] === 2);
    expect(scrape.all('messages_published_total')).toEqual({ 'order.paid': 1, '*': 1 });
    // Each subscription that matches gets the message.
    expect(scrape.all('messages_received_total')).toEqual({
      'order.paid': 1,
      'order.:id': 1,
      '*': 2,
    });
  });

  it('have the subscriptions of this process, and none when these have ended', async () => {
    const { pubsub, scrape, until } = await start();
    const one = await pubsub.subscribe('user.1', () => undefined);
    await pubsub.subscribe('user.2', () => undefined);
    const shown = {
      'order.:id': 1,
      'order.paid': 1,
      'price.*': 1,
      slow: 1,
    };
    expect((await scrape()).all('active_subscribers')).toEqual({ ...shown, '<observed>': 2 });
    expect((await scrape()).all('subscriptions')).toEqual({ channel: 4, pattern: 2 });
    one.unsubscribe();
    await until((it) => it.all('active_subscribers')['<observed>'] === 1);
    expect((await scrape()).all('subscriptions')).toEqual({ channel: 3, pattern: 2 });
  });

  it('have the reason of each message that was not handled', async () => {
    Shop.gate = new Gate();
    const { pubsub, until } = await start();
    for (let i = 0; i < 4; i++) await pubsub.publish('slow', i);
    await redis.client.publish('shop:order.3', '{"pattern":');
    await redis.client.publish('shop:order.3.x', '{"data":1}');
    const scrape = await until((it) => Object.keys(it.all('messages_dropped_total')).length >= 2);
    expect(scrape.all('messages_dropped_total')).toMatchObject({ overflow: 2, unmatched: 1 });
    Shop.gate.open();
  });

  it('have the length of each queue at the time of the scrape', async () => {
    Shop.gate = new Gate();
    const { app, pubsub, scrape, until } = await start({ controllers: [Shop, Slow] });
    // Handlers without a limit have no queue.
    expect((await scrape()).all('handler_queue_length')).toEqual({ slow: 0, 'slow.*': 0 });
    for (let i = 0; i < 3; i++) await pubsub.publish('slow.1', i);
    await pubsub.publish('slow', 1);
    // Both methods of "slow.*" count: one has two waiting messages, the other one.
    const waiting = await until((it) => it.all('handler_queue_length')['slow.*'] === 3);
    expect(waiting.all('handler_queue_length')).toEqual({ slow: 0, 'slow.*': 3 });
    Shop.gate.open();
    await until((it) => it.all('handler_queue_length')['slow.*'] === 0);
    await app.close();
    expect((await scrape()).all('handler_queue_length')).toEqual({});
  });

  it('have a length of 0 for a server that has closed, while another module counts', async () => {
    Shop.gate = new Gate();
    const register = new Registry();
    const { scrape } = await start({ controllers: [], register });
    const { app, pubsub, until } = await start({ controllers: [Slow], register });
    for (let i = 0; i < 3; i++) await pubsub.publish('slow.1', i);
    await until((it) => it.all('handler_queue_length')['slow.*'] === 3);
    Shop.gate.open();
    await app.close();
    expect((await scrape()).all('handler_queue_length')).toEqual({ 'slow.*': 0 });
  });

  it('show an outage: first the status, then the gaps and the time', async () => {
    const { pubsub, scrape, until } = await start({ controllers: [], providers: [Audit] });
    await pubsub.subscribe('user.1', () => undefined);
    expect((await scrape()).all('connected')).toEqual({ '': 1 });
    expect((await scrape()).all('starving')).toEqual({ '': 0 });
    await redis.stop();
    await until((it) => it.value('connected') === 0);
    expect((await scrape()).all('active_subscribers')).toEqual({ '*': 0, '<observed>': 0 });
    expect((await scrape()).all('subscriptions')).toEqual({ channel: 0, pattern: 0 });
    await redis.start();
    const after = await until((it) => it.value('connected') === 1);
    expect(after.all('active_subscribers')).toEqual({ '*': 1, '<observed>': 1 });
    expect(after.all('gaps_total')).toEqual({ '*': 1, '<observed>': 1 });
    expect(after.value('gap_seconds_total', { channel: '*' })).toBeGreaterThanOrEqual(0);
    expect(after.all('reconnects_total')).toEqual({ publisher: 1, subscriber: 1 });
    expect(after.value('outage_seconds_total', { connection: 'subscriber' })).toBeGreaterThan(0);
  });

  it('count what Redis did not accept', async () => {
    const { app, until } = await start();
    const connection = redis.url;
    const client = createClient({
      connection,
      prefix: 'shop:',
      name: 'mails',
      publishBuffer: false,
    });
    await client.connect();
    await redis.stop();
    await until((it) => it.value('connected', { transport: 'mails' }) === 0);
    await expect(firstValueFrom(client.emit('order.1', 1))).rejects.toThrow('Redis');
    await expect(firstValueFrom(client.emit('unheard', 1))).rejects.toThrow('Redis');
    const scrape = await until(
      (it) => Object.keys(it.all('publish_failures_total', 'mails')).length === 2,
    );
    expect(scrape.all('publish_failures_total', 'mails')).toEqual({ 'order.:id': 1, '<other>': 1 });
    expect(scrape.all('messages_published_total', 'mails')).toEqual({});
    await app.close();
    await redis.start();
  });

  it('know the handlers of a server that the application creates', async () => {
    const register = new Registry();
    const module = {
      module: class {},
      imports: [PubSubMetricsModule.forRoot({ register })],
      controllers: [Shop],
    };
    await startService(module, { connection: redis.url, name: 'bare' });
    const client = createClient({ connection: redis.url, name: 'sender' });
    await firstValueFrom(client.emit('order.1', 'good'));
    const handled = async () => (await Scrape.of(register)).all('messages_handled_total', 'bare');
    await eventually(async () => (await handled())['order.:id ok'] === 1);
    const scrape = await Scrape.of(register);
    expect(scrape.all('messages_published_total', 'sender')).toEqual({ 'order.:id': 1 });
    expect(scrape.all('active_subscribers', 'bare')).toEqual({
      'order.:id': 1,
      'order.paid': 1,
      'price.*': 1,
      slow: 1,
      '<observed>': 0,
    });
  });

  it('have the channels that the application allows as a label', async () => {
    const { pubsub, scrape, until } = await start({
      channelLabel: (name) => /^shop:(room\.\d)/.exec(name)?.[1],
    });
    await pubsub.subscribe('room.1', () => undefined);
    await pubsub.subscribe('user.1', () => undefined);
    await pubsub.publish('room.1', 1);
    await pubsub.publish('order.1', 1);
    await until((it) => it.all('messages_received_total')['order.:id'] === 1);
    expect((await scrape()).all('messages_published_total')).toEqual({
      'room.1': 1,
      'order.:id': 1,
    });
    expect((await scrape()).all('active_subscribers')).toMatchObject({
      'room.1': 1,
      '<observed>': 1,
      'order.:id': 1,
    });
  });

  it('go on with the default label when channelLabel throws or returns no text', async () => {
    const { pubsub, log, until } = await start({
      channelLabel: (name) => {
        if (name === 'shop:order.1') throw new Error('broken label');
        return 7 as never;
      },
    });
    await pubsub.publish('order.1', 1);
    await pubsub.publish('order.2', 1);
    const scrape = await until((it) => it.all('messages_received_total')['order.:id'] === 2);
    expect(scrape.all('messages_published_total')).toEqual({ 'order.:id': 2 });
    expect(log.of('error')).toEqual([
      'channelLabel failed, and the default label counts: broken label',
    ]);
  });

  it('count each message once with two modules on one register', async () => {
    const register = new Registry();
    const first = await start({ register, controllers: [] });
    const second = await start({ register });
    await first.pubsub.publish('order.1', 1);
    await second.until((it) => it.all('messages_handled_total')['order.:id ok'] === 1);
    expect((await second.scrape()).all('messages_published_total')).toEqual({ 'order.:id': 1 });
    await first.app.close();
    await second.pubsub.publish('order.1', 1);
    await second.until((it) => it.all('messages_handled_total')['order.:id ok'] === 2);
    expect((await second.scrape()).all('messages_published_total')).toEqual({ 'order.:id': 2 });
    expect(second.log.of('warn')).toEqual([]);
  });

  it('stay in the register when the application closes, and go on with the next one', async () => {
    const first = await start();
    await first.pubsub.publish('order.1', 1);
    await first.app.close();
    const names = ['publish', 'declare', 'status', 'subscribe', 'lost'];
    expect(names.filter((name) => channel(`nestjs-redis-pubsub:${name}`).hasSubscribers)).toEqual(
      [],
    );
    expect((await first.scrape()).all('messages_published_total')).toEqual({ 'order.:id': 1 });
    expect((await first.scrape()).all('connected')).toEqual({});
    const second = await start({ register: first.register });
    await second.pubsub.publish('order.1', 1);
    await second.until((it) => it.all('messages_published_total')['order.:id'] === 2);
  });

  it('have few time series however many channels there are', { timeout: 120_000 }, async () => {
    const { pubsub, scrape, until } = await start({ providers: [Audit] });
    await pubsub.subscribePattern('user.*', () => undefined);
    await pubsub.publish('user.0', 0);
    await until((it) => it.all('messages_handled_total')['<observed> ok'] === 1);
    const before = (await scrape()).size;
    for (let i = 0; i < 100; i++) {
      const batch = Array.from({ length: 1_000 }, (_, at) => `user.${i * 1_000 + at}`);
      await Promise.all(batch.map((name) => pubsub.publish(name, 1)));
    }
    const after = await until((it) => it.all('messages_received_total')['*'] === 100_001);
    expect(after.all('messages_published_total')).toEqual({ '*': 100_001 });
    expect(after.size).toBe(before);
    expect(before).toBeLessThan(150);
  });

  it('have one time series for each channel where channelLabel says so', async () => {
    const { pubsub, until } = await start({ channelLabel: (name) => name });
    for (let i = 0; i < 50; i++) await pubsub.publish(`user.${i}`, 1);
    const scrape = await until((it) => it.size > 50);
    expect(Object.keys(scrape.all('messages_published_total'))).toHaveLength(50);
  });
});
