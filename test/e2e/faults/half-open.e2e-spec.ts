import type { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { closeAfterTest, createClient, startService } from '../../support/app.js';
import { startBuiltIn } from '../../support/built-in.js';
import { eventHandlers } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startProxy, type Direction } from '../../support/tcp-proxy.js';

const LIVENESS = { pingInterval: 50, pingTimeout: 200 };

describe('a connection whose other end is gone without a word (half-open)', () => {
  const redis = useRedis();

  it.each<[string, Direction[]]>([
    ['either direction', ['toServer', 'toClient']],
    ['the direction of the server', ['toServer']],
    ['the direction of the client', ['toClient']],
  ])('is noticed by PING and replaced when bytes are lost in %s', async (name, directions) => {
    const channel = `half.${name.replaceAll(' ', '-')}`;
    const heard: unknown[] = [];
    const proxy = await startProxy(redis.port);
    const { server, log } = await startService(
      eventHandlers({ [channel]: (data) => heard.push(data) }),
      { connection: proxy.url, ...LIVENESS },
    );
    const statuses: string[] = [];
    server.status.subscribe((status) => statuses.push(status));
    proxy.swallow(directions);
    proxy.forward();
    await eventually(() => statuses.includes('reconnecting') && statuses.at(-1) === 'connected');
    expect(log.of('warn')).toContainEqual(
      expect.stringMatching(/Lost the subscriber connection.*PING within 200 ms/),
    );
    await redis.client.publish(channel, '"heard"');
    await eventually(() => heard.length >= 1);
    expect(heard).toEqual(['heard']);
  });

  it('is replaced although new connections, too, lead nowhere for a while', async () => {
    const heard: unknown[] = [];
    const proxy = await startProxy(redis.port);
    const { server } = await startService(
      eventHandlers({ 'half.nowhere': (data) => heard.push(data) }),
      { connection: proxy.url, ...LIVENESS },
    );
    const statuses: string[] = [];
    server.status.subscribe((status) => statuses.push(status));
    const before = proxy.accepted;
    proxy.swallow();
    // Both connections have come anew, and nobody has answered them.
    await eventually(() => proxy.accepted >= before + 2);
    proxy.forward();
    await eventually(() => statuses.at(-1) === 'connected' && statuses.includes('reconnecting'));
    await redis.client.publish('half.nowhere', '"heard"');
    await eventually(() => heard.length >= 1);
    expect(heard).toEqual(['heard']);
  });

  it('makes what is being published fail with an Error, and not hang', async () => {
    const proxy = await startProxy(redis.port);
    const client = createClient({ connection: proxy.url, ...LIVENESS });
    await client.connect();
    proxy.swallow();
    proxy.forward();
    await expect(firstValueFrom(client.emit('half.emit', 1))).rejects.toMatchObject({
      code: 'ERR_PUBSUB_CONNECTION',
      message: expect.stringContaining('"half.emit"') as string,
    });
  });

  it('makes the first message of a client fail when its connection leads nowhere', async () => {
    const proxy = await startProxy(redis.port);
    proxy.swallow();
    const client = createClient({ connection: proxy.url, ...LIVENESS });
    await expect(firstValueFrom(client.emit('half.first', 1))).rejects.toMatchObject({
      code: 'ERR_PUBSUB_CONNECTION',
    });
  });

  it('is not taken for one while the service is idle', async () => {
    const proxy = await startProxy(redis.port);
    const { server } = await startService(eventHandlers({ 'half.idle': () => {} }), {
      connection: proxy.url,
      pingInterval: 10,
      pingTimeout: 1_000,
    });
    const before = proxy.accepted;
    const ping = vi.spyOn(server.unwrap<[Redis, Redis]>()[1], 'ping');
    // With the fourth PING the deadlines of three are behind it.
    await eventually(() => ping.mock.calls.length >= 4);
    expect(proxy.accepted).toBe(before);
    await redis.subscribers('half.idle', 1);
  });

  it('is asked for at every pingInterval, however long the pingTimeout', async () => {
    const { server } = await startService(eventHandlers({ 'half.often': () => {} }), {
      connection: redis.url,
      pingInterval: 10,
      pingTimeout: 60_000,
    });
    const ping = vi.spyOn(server.unwrap<[Redis, Redis]>()[1], 'ping');
    await eventually(() => ping.mock.calls.length >= 3);
    expect(ping).toHaveBeenCalledWith();
  });

  it('[built-in] is not noticed: it says ready, Redis says subscribed, and nothing arrives', async () => {
    const heard = { ours: [] as unknown[], builtIn: [] as unknown[] };
    const proxy = await startProxy(redis.port);
    const { app } = await startBuiltIn(
      eventHandlers({ 'half.builtin': (data) => heard.builtIn.push(data) }),
      { host: '127.0.0.1', port: proxy.port, retryAttempts: 1_000_000, retryDelay: 10 },
    );
    await redis.subscribers('half.builtin', 1);
    // Its own close() would wait for ever for an answer to QUIT.
    closeAfterTest(async () => proxy.cut());
    const { server } = await startService(
      eventHandlers({ 'half.builtin': (data) => heard.ours.push(data) }),
      { connection: proxy.url, ...LIVENESS },
    );
    const statuses: string[] = [];
    server.status.subscribe((status) => statuses.push(status));
    const before = proxy.accepted;
    proxy.swallow();
    proxy.forward();
    await eventually(() => statuses.includes('reconnecting') && statuses.at(-1) === 'connected');
    await redis.client.publish('half.builtin', '"after"');
    await eventually(() => heard.ours.length >= 1);
    // Redis has sent it to the built-in as well, over the connection that the proxy swallows.
    await eventually(() => proxy.swallowed.includes('after'));
    expect(heard).toEqual({ ours: ['after'], builtIn: [] });
    expect(app.unwrap<Redis[]>().map(({ status }) => status)).toEqual(['ready', 'ready']);
    // The two that were accepted anew are ours.
    expect(proxy.accepted).toBe(before + 2);
  });
});
