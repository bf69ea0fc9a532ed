import { setImmediate } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RedisPubSubServer, type HandlerGap } from 'nestjs-redis-pubsub';
import { InMemoryRedis } from 'nestjs-redis-pubsub/testing';
import type { RedisPubSubServerOptions } from '../../../../src/options/options.js';
import { resolveOptions } from '../../../../src/options/resolve-options.js';
import { serverOf } from '../../../../src/testing/in-memory-redis.js';
import { MessageBus } from '../../../../src/transport/message-bus.js';
import { closeAfterTest, closeAll } from '../../../support/app.js';

const history = { a: { size: 100, ttl: 60_000 } };

/** A server with one handler that recovers, over a Redis in memory. */
function create(options: Partial<RedisPubSubServerOptions> = {}) {
  const redis = new InMemoryRedis();
  const memory = serverOf(redis);
  const bus = new MessageBus(
    resolveOptions('RedisPubSubServer', { connection: redis, history, ...options }),
  );
  const server = new RedisPubSubServer(bus as never);
  const found: unknown[] = [];
  server.addHandler('a', async (data: unknown) => found.push(data), true, { recover: true });
  const gaps: HandlerGap[] = [];
  server.gaps.subscribe((gap) => gaps.push(gap));
  closeAfterTest(async () => {
    await server.close();
    await bus.close();
  });
  let number = 0;
  return {
    redis,
    memory,
    bus,
    server,
    found,
    gaps,
    /** Publishes the next message, and keeps it. */
    publish(): void {
      number++;
      const packet = { pattern: 'a', data: number, mid: `p.~1-${number}` };
      const payload = Buffer.from(JSON.stringify(packet));
      const list = { key: bus.lists.keyOf('a', 'channel'), size: 100, ttlMs: 60_000 };
      memory.publish({ channel: 'a', kind: 'channel', payload, list });
    },
    listen: () =>
      new Promise<void>((resolve, reject) =>
        server.listen((error) => (error === undefined ? resolve() : reject(error))),
      ),
    async settle(): Promise<void> {
      for (let calm = 0; calm < 8; calm = memory.isIdle ? calm + 1 : 0) await setImmediate();
    },
  };
}

describe('a handler with recover', () => {
  beforeEach(() => Logger.overrideLogger(false));
  afterEach(async () => {
    vi.restoreAllMocks();
    await closeAll();
  });

  it('handles each message from the acknowledgement of its subscription on', async () => {
    const it = create();
    const subscribe = it.memory.subscribe.bind(it.memory);
    vi.spyOn(it.memory, 'subscribe').mockImplementation((connection, key, onAnswer) => {
      subscribe(connection, key, onAnswer);
      if (key.name === 'a') it.publish();
    });
    await it.listen();
    it.publish();
    await it.settle();
    it.publish();
    await it.settle();
    expect(it.found).toEqual([1, 2, 3]);
  });

  it('handles messages of a channel that is subscribed already, with onStart "background"', async () => {
    const it = create({ onStart: 'background' });
    const other = { onDelivery: () => undefined };
    await it.bus.start();
    it.bus.broker.subscribe({ kind: 'channel', name: 'a' }, other);
    await it.settle();
    await it.listen();
    it.publish();
    await it.settle();
    it.publish();
    await it.settle();
    expect(it.found).toEqual([1, 2]);
  });

  it.each(['background', 'wait'] as const)(
    'has its outages counted, with onStart "%s"',
    async (onStart) => {
      const it = create({ onStart });
      await it.listen();
      await it.settle();
      const [route] = it.server.routes;
      const before = [it.gaps.length, route?.gaps, it.bus.record.gaps];
      expect(before).toEqual(onStart === 'wait' ? [0, 0, 0] : [1, 1, 1]);
      it.publish();
      await it.settle();
      it.redis.cut();
      it.publish();
      it.redis.restore();
      await it.settle();
      expect(it.found).toEqual([1, 2]);
      expect(it.gaps.at(-1)?.recovered).toBe(true);
      const [gap = 0] = before;
      expect([it.gaps.length, route?.gaps, it.bus.record.gaps]).toEqual([
        gap + 1,
        gap + 1,
        gap + 1,
      ]);
    },
  );

  it('goes on where it was when its server listens again', async () => {
    const it = create();
    await it.listen();
    it.publish();
    await it.settle();
    await it.server.close();
    it.publish();
    await it.listen();
    await it.settle();
    it.publish();
    await it.settle();
    expect(it.found).toEqual([1, 2, 3]);
  });
});
