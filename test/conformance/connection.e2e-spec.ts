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
import { CollectedLog, Collector, reaches, unique } from './collector.js';
import { quietBroker } from './quiet-broker.js';

/** Longer than any test may take: what fails earlier did not wait. */
const FOR_EVER = 1_000_000;

/** No other timeout is as long. */
const CONNECT_TIMEOUT = 1_234_567;

const open = (connection: RedisConnection) => {
  const log = new CollectedLog();
  return { broker: quietBroker(connection, { log }), log };
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
    // Without a listener ioredis prints each attempt that fails while the server is away.
    redis.client.on('error', () => undefined);
  });

  const options = (more: RedisOptions = {}): RedisOptions => ({
    ...plain(redis.port),
    retryStrategy: () => 10,
    ...more,
  });

  /** Stops the server until the test brings it back, or ends. */
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

  /** A server that takes connections and does not answer, and the timeouts of a `connect` to it. */
  const silence = async () => {
    const proxy = await startProxy(redis.port);
    proxy.swallow();
    return { proxy, timeouts: holdTimeouts(CONNECT_TIMEOUT) };
  };

  it('without patience fails on the first failed attempt, and is tried on behind that', async () => {
    const { start } = await stop();
    const { broker } = open(options());
    const failure = await failureOf(broker.connect(0));
    expect(failure).toBeInstanceOf(ConnectionError);
    expect(failure).toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    const connected = reaches(broker, 'connected');
    await start();
    await connected;
  });

  it('says that its TLS handshake has not ended', async () => {
    const { proxy, timeouts } = await silence();
    const { broker } = open(options({ port: proxy.port, tls: {} }));
    const failure = failureOf(broker.connect(CONNECT_TIMEOUT));
    await eventually(() => broker.clients().every(({ stream }) => stream?.remotePort));
    timeouts.run();
    expect(await failure).toBeInstanceOf(ConnectionError);
    expect(String(await failure)).toContain(
      `Redis is unreachable: connected, but the TLS handshake has not ended within ${CONNECT_TIMEOUT} ms.`,
    );
  });

  it('says that its first command has no answer', async () => {
    const { proxy, timeouts } = await silence();
    const { broker, log } = open(options({ port: proxy.port }));
    const failure = failureOf(broker.connect(CONNECT_TIMEOUT));
    const reason = 'connected, but no answer to the first command within';
    // The watch over new connections finds it as well, and says the same.
    await eventually(() => log.lines.filter((line) => line.includes(reason)).length === 2);
    timeouts.run();
    expect(String(await failure)).toContain(`Redis is unreachable: ${reason}`);
  });

  it('says that it was closed before it was ready', async () => {
    // A server that expects something else may just close.
    const server = createServer((socket) => socket.resume().end()).listen(0, '127.0.0.1');
    closeAfterTest(async () => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { broker } = open(options({ port }));
    const failure = await failureOf(broker.connect(0));
    expect(String(failure)).toContain(
      'Redis is unreachable: the connection was closed before it was ready.',
    );
  });

  it('with patience waits for a server that is not there yet', async () => {
    const { start } = await stop();
    const { broker, log } = open(options());
    const connected = broker.connect(FOR_EVER);
    await eventually(() => log.lines.length >= 2);
    await start();
    await connected;
    await eventually(() => broker.status === 'connected');
    expect(await broker.publish(unique('there'), 'x')).toBe(0);
  });

  it('fails when its patience has run out, and is tried on behind that', async () => {
    const { start } = await stop();
    const { broker } = open(options());
    expect(await failureOf(broker.connect(50))).toBeInstanceOf(ConnectionError);
    const connected = reaches(broker, 'connected');
    await start();
    await connected;
  });

  it.each([
    ['a wrong password', { password: 'wrong' }],
    ['a wrong user', { username: 'nobody', password: 'secret' }],
    ['a wrong password over RESP2', { password: 'wrong', protocol: 2 }],
    ['no password', {}],
    ['no password over RESP2', { protocol: 2 }],
  ] as const)('with %s fails at once, however patient', async (_, wrong) => {
    await redis.client.config('SET', 'requirepass', 'secret');
    closeAfterTest(() => redis.client.config('SET', 'requirepass', ''));
    const { broker } = open(options(wrong));
    const failure = await failureOf(broker.connect(FOR_EVER));
    expect(failure).toBeInstanceOf(ConnectionError);
    expect(String(failure)).toMatch(/WRONGPASS|NOAUTH/);
    expect(broker.status).not.toBe('connected');
  });

  it('that a retryStrategy gives up is disconnected, and says so', async () => {
    const { broker, log } = open(options({ retryStrategy: () => null }));
    await broker.connect(FOR_EVER);
    await eventually(() => broker.status === 'connected');
    await redis.killConnections();
    await reaches(broker, 'disconnected');
    await eventually(() => log.lines.filter((line) => line.includes('has ended')).length === 2);
    expect(await failureOf(broker.publish(unique('ended'), 'x'))).toBeInstanceOf(ConnectionError);
  });

  it('that a retryStrategy gave up can be begun again', async () => {
    const { broker } = open(options({ retryStrategy: () => null }));
    const channel = unique('again');
    const collector = new Collector();
    await broker.connect(FOR_EVER);
    await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
    await redis.killConnections();
    const clients = broker.clients();
    await eventually(() => clients.every(({ status }) => status === 'end'));
    await broker.connect(10_000);
    await eventually(() => broker.status === 'connected');
    expect(await broker.publish(channel, 'x')).toBe(1);
    await collector.hears(1);
  });

  it('that a retryStrategy gives up before it was ever there fails at once', async () => {
    await stop();
    const { broker } = open(options({ retryStrategy: () => null }));
    expect(await failureOf(broker.connect(FOR_EVER))).toBeInstanceOf(ConnectionError);
    expect(broker.status).toBe('disconnected');
  });

  it("keeps the user's own retryStrategy", async () => {
    const attempts: number[] = [];
    const retryStrategy = (attempt: number): number => {
      attempts.push(attempt);
      return 5;
    };
    const { broker } = open(options({ retryStrategy }));
    await broker.connect(FOR_EVER);
    await redis.killConnections();
    await eventually(() => attempts.length >= 2 && broker.status === 'connected');
    expect(attempts.every((attempt) => attempt === 1)).toBe(true);
  });

  it('that is begun and closed in one tick stays closed', async () => {
    const { broker } = open(redis.url);
    const failure = failureOf(broker.connect(FOR_EVER));
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

  it('that has ended before it ever was there refuses subscriptions', async () => {
    const { broker } = open({ port: 1, host: '127.0.0.1', retryStrategy: () => null });
    expect(await failureOf(broker.connect(0))).toBeInstanceOf(ConnectionError);
    await reaches(broker, 'disconnected');
    const subscribed = whenSubscribed(
      broker,
      { kind: 'channel', name: unique('ended') },
      new Collector(),
    );
    expect(await failureOf(subscribed)).toBeInstanceOf(ConnectionError);
  });

  it('tells every listener of its status the latest one last, whatever they do', async () => {
    const { broker } = open(redis.url);
    const seen: string[] = [];
    broker.onStatus((status) => {
      if (status === 'connected') void broker.close();
    });
    broker.onStatus((status) => seen.push(status));
    await failureOf(broker.connect(FOR_EVER));
    await reaches(broker, 'disconnected');
    expect(seen.at(-1)).toBe('disconnected');
  });

  it('that is closed while it is waited for fails then', async () => {
    await stop();
    const { broker, log } = open(options());
    const failure = failureOf(broker.connect(FOR_EVER));
    await eventually(() => log.lines.length >= 2);
    await broker.close();
    expect(await failure).toBeInstanceOf(Error);
    expect(broker.status).toBe('disconnected');
  });

  it('that is closed between two attempts fails those who wait for it', async () => {
    await stop();
    const { broker } = open(options({ retryStrategy: () => FOR_EVER }));
    const failure = failureOf(broker.connect(FOR_EVER));
    const subscribed = failureOf(
      whenSubscribed(broker, { kind: 'channel', name: unique('never') }, new Collector()),
    );
    const clients = broker.clients();
    await eventually(() => clients.every(({ status }) => status === 'reconnecting'));
    await broker.close();
    expect(await subscribed).toBeInstanceOf(ClosedError);
    expect(await failure).toBeInstanceOf(Error);
  });

  it('that was closed between two attempts can be begun again', async () => {
    const { start } = await stop();
    const { broker } = open(options({ retryStrategy: () => FOR_EVER }));
    expect(await failureOf(broker.connect(0))).toBeInstanceOf(ConnectionError);
    const clients = broker.clients();
    await eventually(() => clients.every(({ status }) => status === 'reconnecting'));
    await broker.close();
    await start();
    await broker.connect(10_000);
    await eventually(() => broker.status === 'connected');
  });

  it('leaves no connection, timer or listener behind its end', async () => {
    const outside = await redis.client.call('CLIENT', 'LIST');
    const before = timers();
    const { broker } = open(options());
    const statuses: BrokerStatus[] = [];
    broker.onStatus((status) => statuses.push(status));
    await broker.connect(FOR_EVER);
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

  it('leaves no timer behind an end between two attempts', async () => {
    closeAfterTest(() => redis.client.connect());
    await stop();
    // Its own attempts to reconnect are timers, too.
    redis.client.disconnect();
    const before = timers();
    const { broker } = open(options({ retryStrategy: () => FOR_EVER }));
    const failure = failureOf(broker.connect(0));
    const clients = broker.clients();
    await eventually(() => clients.every(({ status }) => status === 'reconnecting'));
    expect(await failure).toBeInstanceOf(ConnectionError);
    await broker.close();
    // ioredis keeps one for as long as its `disconnectTimeout`.
    while (timers() > before) await new Promise(setImmediate);
    expect(broker.status).toBe('disconnected');
  });

  it('asks a server that loads its data again soon, whatever that says of the time it takes', async () => {
    const questions = await watchCommands(redis.client);
    const proxy = await startProxy(redis.port);
    const info = await redis.client.info('persistence');
    const loading = 'loading:1\r\nloading_eta_seconds:60\r\nx:';
    const start = info.indexOf('loading:0');
    proxy.replace(info.slice(start, start + loading.length), loading);
    const { broker } = open(options({ port: proxy.port }));
    const connected = broker.connect(FOR_EVER);
    const asked = (): number => questions.filter((name) => name.toLowerCase() === 'info').length;
    await eventually(() => asked() >= 6);
    expect(proxy.accepted).toBe(2);
    proxy.replace('loading:1', 'loading:1');
    await connected;
    expect(proxy.accepted).toBe(2);
  });
});
