import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import type { RedisOptions } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { ClosedError, ConnectionError, type RedisConnection } from 'nestjs-redis-pubsub';
import { whenSubscribed, type BrokerStatus } from '../../src/broker/broker.js';
import { closeAfterTest } from '../support/app.js';
import { eventually, plain, useRedis, watchCommands } from '../support/redis.js';
import { startProxy } from '../support/tcp-proxy.js';
import { holdTimeouts } from '../support/timeouts.js';
import { CollectedLog, Collector, becomes, unique } from './collector.js';
import { createTestBroker } from './test-broker.js';

/** Longer than any test may take: a promise that rejects earlier did not wait for this timeout. */
const FOREVER_MS = 1_000_000;

/** Unlike every other timeout, so that the test can pick it out. */
const CONNECT_TIMEOUT_MS = 1_234_567;

const open = (connection: RedisConnection) => {
  const log = new CollectedLog();
  return { broker: createTestBroker(connection, { log }), log };
};

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no failure',
    (error: unknown) => error,
  );

const timers = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;

describe('a connection', () => {
  const redis = useRedis();

  beforeAll(() => {
    // Without a listener ioredis prints each attempt that fails while the server is down.
    redis.client.on('error', () => undefined);
  });

  const options = (more: RedisOptions = {}): RedisOptions => ({
    ...plain(redis.port),
    retryStrategy: () => 10,
    ...more,
  });

  /** Stops the server until the test starts it again, or ends. */
  const stop = async (): Promise<{ start: () => Promise<void> }> => {
    let isStarted = false;
    const start = async () => {
      if (isStarted) return;
      isStarted = true;
      await redis.start();
    };
    await redis.stop();
    closeAfterTest(start);
    return { start };
  };

  /** A server that accepts connections and never answers, and the timeouts of a `connect` to it. */
  const startSilentServer = async () => {
    const proxy = await startProxy(redis.port);
    proxy.swallow();
    return { proxy, timeouts: holdTimeouts(CONNECT_TIMEOUT_MS) };
  };

  it('with a timeout of 0 rejects after the first failed attempt, and more attempts follow', async () => {
    const { start } = await stop();
    const { broker } = open(options());
    const failure = await failureOf(broker.connect(0));
    expect(failure).toBeInstanceOf(ConnectionError);
    expect(failure).toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    const connected = becomes(broker, 'connected');
    await start();
    await connected;
  });

  it('rejects with the reason when the TLS handshake does not end', async () => {
    const { proxy, timeouts } = await startSilentServer();
    const { broker } = open(options({ port: proxy.port, tls: {} }));
    const failure = failureOf(broker.connect(CONNECT_TIMEOUT_MS));
    await eventually(() => broker.clients().every(({ stream }) => stream?.remotePort));
    timeouts.run();
    expect(await failure).toBeInstanceOf(ConnectionError);
    expect(String(await failure)).toContain(
      `Redis is unreachable: connected, but the TLS handshake has not ended within ${CONNECT_TIMEOUT_MS} ms; check whether this port expects TLS (at 127.0.0.1:${proxy.port}).`,
    );
  });

  it('rejects with the reason when the first command gets no answer', async () => {
    const { proxy, timeouts } = await startSilentServer();
    const { broker, log } = open(options({ port: proxy.port }));
    const failure = failureOf(broker.connect(CONNECT_TIMEOUT_MS));
    const reason = 'connected, but no answer to the first command within';
    // Each of the two connections logs the same reason.
    await eventually(() => log.lines.filter((line) => line.includes(reason)).length === 2);
    timeouts.run();
    expect(String(await failure)).toContain(`Redis is unreachable: ${reason}`);
  });

  it('rejects with the reason when it is closed before it is ready', async () => {
    // A server of another protocol may close the connection.
    const server = createServer((socket) => socket.resume().end()).listen(0, '127.0.0.1');
    closeAfterTest(async () => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { broker } = open(options({ port }));
    const failure = await failureOf(broker.connect(0));
    expect(String(failure)).toContain(
      'Redis is unreachable: the connection was closed before it was ready: connected, and closed without an answer',
    );
  });

  it('with a long timeout waits until the server is started', async () => {
    const { start } = await stop();
    const { broker, log } = open(options());
    const connected = broker.connect(FOREVER_MS);
    await eventually(() => log.lines.length >= 2);
    await start();
    await connected;
    await eventually(() => broker.status === 'connected');
    expect(await broker.publish(unique('there'), 'x')).toBe(0);
  });

  it('rejects at its timeout, and more attempts follow', async () => {
    const { start } = await stop();
    const { broker } = open(options());
    expect(await failureOf(broker.connect(50))).toBeInstanceOf(ConnectionError);
    const connected = becomes(broker, 'connected');
    await start();
    await connected;
  });

  it.each([
    ['a wrong password', { password: 'wrong' }],
    ['a wrong user', { username: 'unknown', password: 'secret' }],
    ['a wrong password over RESP2', { password: 'wrong', protocol: 2 }],
    ['no password', {}],
    ['no password over RESP2', { protocol: 2 }],
  ] as const)('with %s rejects at once, whatever the timeout', async (_, wrong) => {
    await redis.client.config('SET', 'requirepass', 'secret');
    closeAfterTest(() => redis.client.config('SET', 'requirepass', ''));
    const { broker } = open(options(wrong));
    const failure = await failureOf(broker.connect(FOREVER_MS));
    expect(failure).toBeInstanceOf(ConnectionError);
    expect(String(failure)).toMatch(/WRONGPASS|NOAUTH/);
    expect(broker.status).not.toBe('connected');
  });

  it('is disconnected and logs that when the retryStrategy gives up', async () => {
    const { broker, log } = open(options({ retryStrategy: () => null }));
    await broker.connect(FOREVER_MS);
    await eventually(() => broker.status === 'connected');
    await redis.killConnections();
    await becomes(broker, 'disconnected');
    await eventually(() => log.lines.filter((line) => line.includes('has ended')).length === 2);
    expect(await failureOf(broker.publish(unique('ended'), 'x'))).toBeInstanceOf(ConnectionError);
  });

  it('connects again after the retryStrategy gave up', async () => {
    const { broker } = open(options({ retryStrategy: () => null }));
    const channel = unique('again');
    const collector = new Collector();
    await broker.connect(FOREVER_MS);
    await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
    await redis.killConnections();
    const clients = broker.clients();
    await eventually(() => clients.every(({ status }) => status === 'end'));
    await broker.connect(10_000);
    await eventually(() => broker.status === 'connected');
    expect(await broker.publish(channel, 'x')).toBe(1);
    await collector.receives(1);
  });

  it('rejects at once when the retryStrategy gives up before the first connection', async () => {
    await stop();
    const { broker } = open(options({ retryStrategy: () => null }));
    expect(await failureOf(broker.connect(FOREVER_MS))).toBeInstanceOf(ConnectionError);
    expect(broker.status).toBe('disconnected');
  });

  it("keeps the user's own retryStrategy", async () => {
    const attempts: number[] = [];
    const retryStrategy = (attempt: number): number => {
      attempts.push(attempt);
      return 5;
    };
    const { broker } = open(options({ retryStrategy }));
    await broker.connect(FOREVER_MS);
    await redis.killConnections();
    await eventually(() => attempts.length >= 2 && broker.status === 'connected');
    expect(attempts.every((attempt) => attempt === 1)).toBe(true);
  });

  it('stays closed when connect and close are called in one tick', async () => {
    const { broker } = open(redis.url);
    const failure = failureOf(broker.connect(FOREVER_MS));
    await broker.close();
    expect(await failure).toBeInstanceOf(Error);
    expect(broker.status).toBe('disconnected');
    expect(broker.clients().map(({ status }) => status)).not.toContain('ready');
    expect(
      String(await redis.client.client('LIST'))
        .trim()
        .split('\n'),
    ).toHaveLength(1);
  });

  it('rejects subscriptions when the retryStrategy gave up before the first connection', async () => {
    const { broker } = open({ port: 1, host: '127.0.0.1', retryStrategy: () => null });
    expect(await failureOf(broker.connect(0))).toBeInstanceOf(ConnectionError);
    await becomes(broker, 'disconnected');
    const subscribed = whenSubscribed(
      broker,
      { kind: 'channel', name: unique('ended') },
      new Collector(),
    );
    expect(await failureOf(subscribed)).toBeInstanceOf(ConnectionError);
  });

  it('calls each status listener with the latest status last, even when a listener closes the broker', async () => {
    const { broker } = open(redis.url);
    const seen: string[] = [];
    broker.onStatus((status) => {
      if (status === 'connected') void broker.close();
    });
    broker.onStatus((status) => seen.push(status));
    await failureOf(broker.connect(FOREVER_MS));
    await becomes(broker, 'disconnected');
    expect(seen.at(-1)).toBe('disconnected');
  });

  it('rejects connect when it is closed while it connects', async () => {
    await stop();
    const { broker, log } = open(options());
    const failure = failureOf(broker.connect(FOREVER_MS));
    await eventually(() => log.lines.length >= 2);
    await broker.close();
    expect(await failure).toBeInstanceOf(Error);
    expect(broker.status).toBe('disconnected');
  });

  it('rejects connect and pending subscriptions when it is closed between two attempts', async () => {
    await stop();
    const { broker } = open(options({ retryStrategy: () => FOREVER_MS }));
    const failure = failureOf(broker.connect(FOREVER_MS));
    const subscribed = failureOf(
      whenSubscribed(broker, { kind: 'channel', name: unique('never') }, new Collector()),
    );
    const clients = broker.clients();
    await eventually(() => clients.every(({ status }) => status === 'reconnecting'));
    await broker.close();
    expect(await subscribed).toBeInstanceOf(ClosedError);
    expect(await failure).toBeInstanceOf(Error);
  });

  it('connects again after it was closed between two attempts', async () => {
    const { start } = await stop();
    const { broker } = open(options({ retryStrategy: () => FOREVER_MS }));
    expect(await failureOf(broker.connect(0))).toBeInstanceOf(ConnectionError);
    const clients = broker.clients();
    await eventually(() => clients.every(({ status }) => status === 'reconnecting'));
    await broker.close();
    await start();
    await broker.connect(10_000);
    await eventually(() => broker.status === 'connected');
  });

  it('leaves no connection, timer or listener after close', async () => {
    const outside = await redis.client.call('CLIENT', 'LIST');
    const before = timers();
    const { broker } = open(options());
    const statuses: BrokerStatus[] = [];
    broker.onStatus((status) => statuses.push(status));
    await broker.connect(FOREVER_MS);
    await whenSubscribed(broker, { kind: 'channel', name: unique('left') }, new Collector());
    await whenSubscribed(broker, { kind: 'pattern', name: unique('left') }, new Collector());
    expect(String(await redis.client.call('CLIENT', 'LIST')).split('\n')).toHaveLength(
      String(outside).split('\n').length + 2,
    );
    await broker.close();
    expect(timers()).toBeLessThanOrEqual(before);
    await eventually(async () => {
      const list = String(await redis.client.call('CLIENT', 'LIST'));
      return list.split('\n').length === String(outside).split('\n').length;
    });
    const clients = broker.clients();
    expect(clients.map(({ status }) => status)).toEqual(['end', 'end']);
    expect(statuses.at(-1)).toBe('disconnected');
  });

  it('leaves no timer when it is closed between two attempts', async () => {
    closeAfterTest(() => redis.client.connect());
    await stop();
    // The attempts of this client to reconnect are timers, too.
    redis.client.disconnect();
    const before = timers();
    const { broker } = open(options({ retryStrategy: () => FOREVER_MS }));
    const failure = failureOf(broker.connect(0));
    const clients = broker.clients();
    await eventually(() => clients.every(({ status }) => status === 'reconnecting'));
    expect(await failure).toBeInstanceOf(ConnectionError);
    await broker.close();
    // ioredis keeps one for as long as its `disconnectTimeout`.
    while (timers() > before) await new Promise(setImmediate);
    expect(broker.status).toBe('disconnected');
  });

  it('asks INFO once over each of its connections', async () => {
    const names = await watchCommands(redis.client);
    const { broker } = open(options());
    await broker.connect(FOREVER_MS);
    await whenSubscribed(broker, { kind: 'channel', name: unique('info') }, new Collector());
    await eventually(() => names.includes('subscribe'));
    expect(names.filter((name) => name === 'info')).toHaveLength(2);
  });

  it('asks a server that is loading its data at short intervals, whatever time the server estimates', async () => {
    const questions = await watchCommands(redis.client);
    const proxy = await startProxy(redis.port);
    const info = await redis.client.info('persistence');
    const loading = 'loading:1\r\nloading_eta_seconds:60\r\nx:';
    const start = info.indexOf('loading:0');
    proxy.replace(info.slice(start, start + loading.length), loading);
    const { broker } = open(options({ port: proxy.port }));
    const connected = broker.connect(FOREVER_MS);
    const asked = (): number => questions.filter((name) => name.toLowerCase() === 'info').length;
    await eventually(() => asked() >= 6);
    expect(proxy.accepted).toBe(2);
    proxy.replace('loading:1', 'loading:1');
    await connected;
    expect(proxy.accepted).toBe(2);
  });
});
