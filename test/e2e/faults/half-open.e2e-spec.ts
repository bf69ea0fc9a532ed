import type { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { closeAfterTest, createClient, startService, type TestLog } from '../../support/app.js';
import { startBuiltIn } from '../../support/built-in.js';
import { eventHandlers } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startProxy, type Direction } from '../../support/tcp-proxy.js';

const HEARTBEAT = { pingInterval: 50, pingTimeout: 1_000 };

/** Whether the subscriber connection was replaced. The status can be "connected" before, for a new publisher alone. */
const isReplaced = (log: TestLog): boolean =>
  log.lines.some(({ text }) => text.startsWith('The subscriber connection is back'));

describe('a half-open connection, whose other end is gone without FIN or RST,', () => {
  const redis = useRedis();

  it.each<[string, Direction[]]>([
    ['both directions', ['toServer', 'toClient']],
    ['the direction to the server', ['toServer']],
    ['the direction to the client', ['toClient']],
  ])(
    'is detected by the heartbeat and replaced when bytes are lost in %s',
    async (name, directions) => {
      const channel = `half.${name.replaceAll(' ', '-')}`;
      const received: unknown[] = [];
      const proxy = await startProxy(redis.port);
      const { server, log } = await startService(
        eventHandlers({ [channel]: (data) => received.push(data) }),
        { connection: proxy.url, ...HEARTBEAT },
      );
      const statuses: string[] = [];
      server.status.subscribe((status) => statuses.push(status));
      proxy.swallow(directions);
      proxy.forward();
      await eventually(() => isReplaced(log) && statuses.at(-1) === 'connected');
      expect(log.of('warn')).toContainEqual(
        expect.stringMatching(/Lost the subscriber connection.*PING within 1000 ms/),
      );
      await redis.client.publish(channel, '"after"');
      await eventually(() => received.length >= 1);
      expect(received).toEqual(['after']);
    },
  );

  it('is replaced although new connections are half-open for a while, too', async () => {
    const received: unknown[] = [];
    const proxy = await startProxy(redis.port);
    const { server, log } = await startService(
      eventHandlers({ 'half.nowhere': (data) => received.push(data) }),
      { connection: proxy.url, ...HEARTBEAT },
    );
    const statuses: string[] = [];
    server.status.subscribe((status) => statuses.push(status));
    const before = proxy.accepted;
    proxy.swallow();
    // The proxy has accepted two new connections, and answers neither.
    await eventually(() => proxy.accepted >= before + 2);
    proxy.forward();
    await eventually(() => isReplaced(log) && statuses.at(-1) === 'connected');
    await redis.client.publish('half.nowhere', '"after"');
    await eventually(() => received.length >= 1);
    expect(received).toEqual(['after']);
  });

  it('rejects a pending publish with an Error', async () => {
    const proxy = await startProxy(redis.port);
    const client = createClient({ connection: proxy.url, ...HEARTBEAT });
    await client.connect();
    proxy.swallow();
    proxy.forward();
    await expect(firstValueFrom(client.emit('half.emit', 1))).rejects.toMatchObject({
      code: 'ERR_PUBSUB_CONNECTION',
      message: expect.stringContaining('"half.emit"') as string,
    });
  });

  it('rejects the first message of a client', async () => {
    const proxy = await startProxy(redis.port);
    proxy.swallow();
    const client = createClient({ connection: proxy.url, ...HEARTBEAT });
    await expect(firstValueFrom(client.emit('half.first', 1))).rejects.toMatchObject({
      code: 'ERR_PUBSUB_CONNECTION',
    });
  });

  it('is not assumed while the service is idle', async () => {
    const proxy = await startProxy(redis.port);
    const { server } = await startService(eventHandlers({ 'half.idle': () => {} }), {
      connection: proxy.url,
      pingInterval: 10,
      pingTimeout: 1_000,
    });
    const before = proxy.accepted;
    const ping = vi.spyOn(server.unwrap<[Redis, Redis]>()[1], 'ping');
    // At the fourth PING the deadlines of three have passed.
    await eventually(() => ping.mock.calls.length >= 4);
    expect(proxy.accepted).toBe(before);
    await redis.subscribers('half.idle', 1);
  });

  it('is checked with PING at each pingInterval, however long the pingTimeout', async () => {
    const { server } = await startService(eventHandlers({ 'half.often': () => {} }), {
      connection: redis.url,
      pingInterval: 10,
      pingTimeout: 60_000,
    });
    const ping = vi.spyOn(server.unwrap<[Redis, Redis]>()[1], 'ping');
    await eventually(() => ping.mock.calls.length >= 3);
    expect(ping).toHaveBeenCalledWith();
  });

  it('counter-proof: the built-in transport (Transport.REDIS) does not detect it: its status is ready, and no message arrives', async () => {
    const received = { ours: [] as unknown[], builtIn: [] as unknown[] };
    const proxy = await startProxy(redis.port);
    const { app } = await startBuiltIn(
      eventHandlers({ 'half.builtin': (data) => received.builtIn.push(data) }),
      { host: '127.0.0.1', port: proxy.port, retryAttempts: 1_000_000, retryDelay: 10 },
    );
    await redis.subscribers('half.builtin', 1);
    // The close() of the built-in transport waits for an answer to QUIT without a timeout.
    closeAfterTest(async () => proxy.cut());
    const { server, log } = await startService(
      eventHandlers({ 'half.builtin': (data) => received.ours.push(data) }),
      { connection: proxy.url, ...HEARTBEAT },
    );
    const statuses: string[] = [];
    server.status.subscribe((status) => statuses.push(status));
    let closed = 0;
    for (const client of app.unwrap<Redis[]>()) client.on('close', () => closed++);
    proxy.swallow();
    proxy.forward();
    await eventually(() => isReplaced(log) && statuses.at(-1) === 'connected');
    await redis.client.publish('half.builtin', '"after"');
    await eventually(() => received.ours.length >= 1);
    // Redis also sends it to the built-in transport, over the connection whose bytes the proxy drops.
    await eventually(() => proxy.swallowed.includes('after'));
    expect(received).toEqual({ ours: ['after'], builtIn: [] });
    expect(app.unwrap<Redis[]>().map(({ status }) => status)).toEqual(['ready', 'ready']);
    expect(closed).toBe(0);
  });
});
