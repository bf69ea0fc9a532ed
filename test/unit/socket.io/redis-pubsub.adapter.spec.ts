import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Namespace, Server } from 'socket.io';
import type { Adapter } from 'socket.io-adapter';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { createAdapter } from 'nestjs-redis-pubsub/socket.io';
import { InMemoryRedis } from 'nestjs-redis-pubsub/testing';
import { captureLog } from '../../support/app.js';

/** What a dead server does not do. */
interface Publishing {
  doPublish(message: unknown): Promise<string>;
}

describe('the servers of a namespace', () => {
  const closers: (() => unknown)[] = [];
  beforeEach(() => {
    const timers = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] as const;
    vi.useFakeTimers({ toFake: [...timers, 'Date'] });
  });
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  async function startApp(connection: InMemoryRedis): Promise<INestApplicationContext> {
    captureLog();
    const module = {
      module: class AppModule {},
      imports: [RedisPubSubModule.forRoot({ connection, probeInterval: 0 })],
    };
    const app = await NestFactory.createApplicationContext(module, { logger: false });
    closers.push(() => app.close());
    return app;
  }

  async function startServer(connection: InMemoryRedis): Promise<Adapter> {
    const app = await startApp(connection);
    const io = new Server({ adapter: createAdapter(app) });
    closers.push(() => io.of('/').adapter.close());
    await vi.waitFor(async () => expect(await io.of('/').adapter.serverCount()).not.toBe(Infinity));
    return io.of('/').adapter;
  }

  it('know each other as long as they run, also when they send nothing', async () => {
    const redis = new InMemoryRedis();
    const servers = [];
    for (let i = 0; i < 3; i++) servers.push(await startServer(redis));
    for (let i = 0; i < 60; i++) await vi.advanceTimersByTimeAsync(1_000);
    for (const server of servers) expect(await server.serverCount()).toBe(3);
  });

  it('know each other with a Socket.IO before 4.8.2, which does not initialize adapters', async () => {
    vi.spyOn(Namespace.prototype, '_initAdapter').mockImplementation(function (this: Namespace) {
      const create = this.server.adapter() as unknown as new (it: Namespace) => Adapter;
      this.adapter = new create(this);
    });
    const redis = new InMemoryRedis();
    const [one, two] = [await startServer(redis), await startServer(redis)];
    await vi.waitFor(async () => expect(await one.serverCount()).toBe(2));
    expect(await two.serverCount()).toBe(2);
  });

  it('forget one that sends no heartbeats any more', async () => {
    const redis = new InMemoryRedis();
    const [one, two] = [await startServer(redis), await startServer(redis)];
    vi.spyOn(two as unknown as Publishing, 'doPublish').mockResolvedValue('');
    for (let i = 0; i < 9; i++) await vi.advanceTimersByTimeAsync(1_000);
    expect(await one.serverCount()).toBe(2);
    for (let i = 0; i < 10; i++) await vi.advanceTimersByTimeAsync(1_000);
    expect(await one.serverCount()).toBe(1);
  });

  it('stop their timers when the application has closed, with the next heartbeat', async () => {
    const timersAfterClose = async (start: (redis: InMemoryRedis) => Promise<unknown>) => {
      const before = vi.getTimerCount();
      await start(new InMemoryRedis());
      await closers.at(start === startApp ? -1 : -2)?.();
      const atOnce = vi.getTimerCount() - before;
      for (let i = 0; i < 6; i++) await vi.advanceTimersByTimeAsync(1_000);
      return { atOnce, later: vi.getTimerCount() - before };
    };
    const without = await timersAfterClose(startApp);
    const withServer = await timersAfterClose(startServer);
    expect(withServer.atOnce).toBeGreaterThan(without.atOnce);
    expect(withServer.later).toBe(without.later);
  });
});
