import { NestFactory } from '@nestjs/core';
import type { Type } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { RedisPubSubServer } from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest } from '../../support/app.js';
import { startBuiltIn } from '../../support/built-in.js';
import { eventHandlers } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';

const SUBSCRIBE = /\r\np?subscribe\r\n/i;

async function closeAfter(ticks: number, server: RedisPubSubServer): Promise<void> {
  for (let i = 0; i < ticks; i++) await Promise.resolve();
  await server.close();
}

describe('a message that is published right after listen() resolved, on a slow network,', () => {
  const redis = useRedis();

  it.each([
    ['a channel', 'startup.ours', 'startup.ours'],
    ['a glob', 'startup.ours.*', 'startup.ours.x'],
  ])(
    'arrives on %s, because listen() waits for the acknowledgement',
    async (_, pattern, channel) => {
      const received: unknown[] = [];
      const steps: string[] = [];
      const proxy = await startProxy(redis.port);
      proxy.hold(SUBSCRIBE);
      const app = await NestFactory.createMicroservice(
        eventHandlers({ [pattern]: (data) => received.push(data) }) as Type,
        { strategy: new RedisPubSubServer({ connection: proxy.url }), logger: captureLog() },
      );
      closeAfterTest(() => app.close());
      const listening = app.listen().then(() => steps.push('listening'));
      await eventually(() => proxy.holding === 1);
      expect(await redis.client.publish(channel, '"early"')).toBe(0);
      steps.push('released');
      proxy.release();
      await listening;
      expect(await redis.client.publish(channel, '"first"')).toBe(1);
      await eventually(() => received.length >= 1);
      expect(received).toEqual(['first']);
      expect(steps).toEqual(['released', 'listening']);
    },
  );

  it('arrives for each of many handlers', async () => {
    const received: unknown[] = [];
    const channels = Array.from({ length: 50 }, (_, i) => `startup.many.${i}`);
    const app = await NestFactory.createMicroservice(
      eventHandlers(
        Object.fromEntries(channels.map((it) => [it, (data: unknown) => received.push(data)])),
      ) as Type,
      { strategy: new RedisPubSubServer({ connection: redis.url }), logger: captureLog() },
    );
    closeAfterTest(() => app.close());
    await app.listen();
    const receivers = await Promise.all(channels.map((it) => redis.client.publish(it, '1')));
    expect(receivers).toEqual(channels.map(() => 1));
    await eventually(() => received.length >= channels.length);
    expect(received).toHaveLength(channels.length);
  });

  it('arrives, or listen() fails, whenever close is called during the start', async () => {
    for (let ticks = 0; ticks < 25; ticks++) {
      const server = new RedisPubSubServer({ connection: redis.url });
      server.addHandler('startup.ask', () => Promise.resolve(1));
      server.addHandler('startup.tell', () => Promise.resolve(), true);
      let ready = 0;
      const closed = new Promise((resolve) => {
        server.on('ready', () => {
          if (++ready === 2) void closeAfter(ticks, server).then(resolve);
        });
      });
      const [error, isListening] = await new Promise<[unknown, boolean]>((resolve) => {
        server.listen((failure) => resolve([failure, server.isListening]));
      });
      expect(isListening).toBe(error === undefined);
      await closed;
    }
  });

  it('counter-proof: the built-in transport (Transport.REDIS) loses it, because listen() resolves before SUBSCRIBE is sent', async () => {
    const received: unknown[] = [];
    const proxy = await startProxy(redis.port);
    proxy.hold(SUBSCRIBE);
    await startBuiltIn(eventHandlers({ 'startup.builtin': (data) => received.push(data) }), {
      host: '127.0.0.1',
      port: proxy.port,
    });
    expect(await redis.client.publish('startup.builtin', '"first"')).toBe(0);
    await eventually(() => proxy.holding === 1);
    proxy.release();
    await redis.subscribers('startup.builtin', 1);
    await redis.client.publish('startup.builtin', '"second"');
    await eventually(() => received.length >= 1);
    expect(received).toEqual(['second']);
  });
});
