import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { RedisPubSubServer, type HandlerGap } from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest, createClient, startService } from '../../support/app.js';
import { eventHandlers } from '../../support/handlers.js';
import { outcomeOf } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';

const seen: unknown[] = [];

@Controller()
class EventController {
  @EventPattern('status.event')
  event(data: unknown): void {
    seen.push(data);
  }
}

const module = { module: class {}, controllers: [EventController] };

describe('the status', () => {
  const redis = useRedis();

  const service = async (options: object = {}) => {
    captureLog();
    const server = new RedisPubSubServer({ connection: redis.url, ...options });
    const statuses: string[] = [];
    server.status.subscribe((status) => statuses.push(status));
    const app = await NestFactory.createMicroservice(module, {
      strategy: server,
      logger: captureLog(),
    });
    closeAfterTest(() => app.close());
    return { app, server, statuses };
  };

  it('of a server emits connected, reconnecting, connected and disconnected', async () => {
    const { app, statuses } = await service();
    expect(statuses).toEqual([]);
    await app.listen();
    expect(statuses).toEqual(['connected']);
    await redis.stop();
    await eventually(() => statuses.includes('reconnecting'));
    await redis.start();
    await eventually(() => statuses.at(-1) === 'connected');
    await app.close();
    expect(statuses).toEqual(['connected', 'reconnecting', 'connected', 'disconnected']);
  });

  it('of a server is "connected" again only after Redis has acknowledged its subscriptions', async () => {
    seen.length = 0;
    const { app, server } = await service();
    await app.listen();
    const steps: string[] = [];
    const onSubscribe = (): number => steps.push('acknowledged');
    subscribe('nestjs-redis-pubsub:subscribe', onSubscribe);
    closeAfterTest(async () => void unsubscribe('nestjs-redis-pubsub:subscribe', onSubscribe));
    server.status.subscribe((status) => steps.push(status));
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => steps.length >= 5);
    expect(steps).toEqual([
      'connected',
      'reconnecting',
      'acknowledged',
      'acknowledged',
      'connected',
    ]);
    expect(await redis.client.publish('status.event', '"heard"')).toBe(1);
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(['heard']);
  });

  it('of a client emits connected, reconnecting, connected and disconnected', async () => {
    captureLog();
    const client = createClient({ connection: redis.url });
    const statuses: string[] = [];
    client.status.subscribe((status) => statuses.push(status));
    expect(statuses).toEqual([]);
    await client.connect();
    expect(statuses).toEqual(['connected']);
    await redis.stop();
    await eventually(() => statuses.includes('reconnecting'));
    const { error } = await outcomeOf(client.emit('status.event', 'lost'));
    expect(error).toMatchObject({ name: 'ConnectionError' });
    await redis.start();
    await eventually(() => statuses.at(-1) === 'connected');
    expect(await outcomeOf(client.emit('status.event', 'x'))).toEqual({ values: [0] });
    await client.close();
    expect(statuses).toEqual(['connected', 'reconnecting', 'connected', 'disconnected']);
  });

  it('is replayed to a late subscriber', async () => {
    const { app, server } = await service();
    await app.listen();
    expect(await firstValueFrom(server.status)).toBe('connected');
    expect(await firstValueFrom(app.status)).toBe('connected');
  });

  it('is "disconnected" when retryStrategy returns null', async () => {
    const connection = { port: redis.port, host: '127.0.0.1', retryStrategy: () => null };
    const { app, statuses } = await service({ connection });
    await app.listen();
    await redis.killConnections();
    await eventually(() => statuses.at(-1) === 'disconnected');
    expect(statuses).not.toContain('reconnecting');
  });

  it('of a server is "connected" again when it listens again', async () => {
    const { app, server, statuses } = await service();
    await app.listen();
    await server.close();
    await app.listen();
    expect(statuses).toEqual(['connected', 'disconnected', 'connected']);
  });
});

describe('server.gaps', () => {
  const redis = useRedis();

  it('emits the pattern and the period of possible loss for each handler after an outage', async () => {
    const gaps: HandlerGap[] = [];
    const handlers = eventHandlers({ 'gaps.event': () => {}, 'gaps.:id': () => {} });
    const { server } = await startService(handlers, { connection: redis.url });
    server.gaps.subscribe((gap) => gaps.push(gap));
    const before = new Date();
    await redis.killConnections();
    await eventually(() => gaps.length === 2);
    expect(gaps.map(({ pattern }) => pattern)).toEqual(['gaps.event', 'gaps.:id']);
    for (const { from, to } of gaps) {
      expect(from.getTime()).toBeLessThanOrEqual(before.getTime());
      expect(to.getTime()).toBeGreaterThanOrEqual(before.getTime());
    }
  });
});

describe('server.gaps with onStart: background', () => {
  const redis = useRedis();

  it('emits a gap when the handlers are subscribed for the first time', async () => {
    const server = new RedisPubSubServer({ connection: redis.url, onStart: 'background' });
    const gaps: HandlerGap[] = [];
    server.gaps.subscribe((gap) => gaps.push(gap));
    const app = await NestFactory.createMicroservice(module, {
      strategy: server,
      logger: captureLog(),
    });
    closeAfterTest(() => app.close());
    await app.listen();
    await eventually(() => gaps.length === 1);
    expect(gaps[0]?.pattern).toBe('status.event');
    expect(await redis.client.publish('status.event', '1')).toBe(1);
  });
});

describe('the events of the ioredis clients', () => {
  const redis = useRedis();

  it('reach a listener that is added before the server listens', async () => {
    const received: string[] = [];
    const server = new RedisPubSubServer({ connection: redis.url });
    server.on('ready', (link) => received.push(`ready ${link}`));
    const app = await NestFactory.createMicroservice(module, {
      strategy: server,
      logger: captureLog(),
    });
    closeAfterTest(() => app.close());
    await app.listen();
    expect(received.toSorted()).toEqual(['ready pub', 'ready sub']);
  });

  it('reach a listener that is added later, with their arguments', async () => {
    const { app, server } = await startService(module, { connection: redis.url });
    const received: [string, unknown][] = [];
    server.on('reconnecting', (link, delay) => received.push([link, typeof delay]));
    const ready: string[] = [];
    app.on('ready', (link: string) => ready.push(link));
    await redis.killConnections();
    await eventually(() => ready.length >= 2);
    expect(ready.toSorted()).toEqual(['pub', 'sub']);
    expect(received.toSorted()).toEqual([
      ['pub', 'number'],
      ['sub', 'number'],
    ]);
  });

  it('of a client reach a listener that is added before or after connect()', async () => {
    const client = createClient({ connection: redis.url });
    const received: string[] = [];
    client.on('ready', (link) => received.push(`ready ${link}`));
    await client.connect();
    expect(received.toSorted()).toEqual(['ready pub', 'ready sub']);
    client.on('end', (link) => received.push(`end ${link}`));
    await client.close();
    expect(received.toSorted()).toEqual(['end pub', 'end sub', 'ready pub', 'ready sub']);
  });
});

describe('unwrap', () => {
  const redis = useRedis();

  it('returns the same publisher and subscriber of a server before and after it listens', async () => {
    const server = new RedisPubSubServer({ connection: redis.url });
    const before = server.unwrap<[Redis, Redis]>();
    const app = await NestFactory.createMicroservice(module, {
      strategy: server,
      logger: captureLog(),
    });
    closeAfterTest(() => app.close());
    await app.listen();
    const [publisher, subscriber] = app.unwrap<[Redis, Redis]>();
    expect(publisher).toBe(before[0]);
    expect(subscriber).toBe(before[1]);
    expect(publisher).toBeInstanceOf(Redis);
    expect(await publisher.ping()).toBe('PONG');
  });

  it('returns the same publisher and subscriber of a client before and after it connects', async () => {
    const client = createClient({ connection: redis.url });
    const before = client.unwrap<[Redis, Redis]>();
    await client.connect();
    const [publisher, subscriber] = client.unwrap<[Redis, Redis]>();
    expect([publisher, subscriber]).toEqual(before);
    expect(await publisher.publish('status.event', 'x')).toBe(0);
  });
});
