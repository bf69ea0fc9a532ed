import * as diagnostics from 'node:diagnostics_channel';
import { whenSubscribed } from '../../src/broker/broker.js';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { RedisBroker } from '../../src/broker/redis-broker.js';
import type { RedisConnection } from '../../src/broker/connection/redis-connection.js';
import { ConnectionError } from '../../src/errors.js';
import { eventually, useRedis } from '../support/redis.js';
import { Collector } from './collector.js';
import { createTestBroker } from './test-broker.js';
import { HAS_SHARDED, IF_SHARDED } from '../support/sharded.js';

/** Records every status, because polling can miss a short outage. */
async function reconnectsAfter(broker: RedisBroker, cut: () => Promise<void>): Promise<void> {
  const seen: string[] = [];
  const off = broker.onStatus((status) => seen.push(status));
  await cut();
  await eventually(() => seen.includes('reconnecting') && broker.status === 'connected');
  off();
}

describe('a broker', () => {
  const redis = useRedis();

  const open = (connection: RedisConnection = redis.url): RedisBroker =>
    createTestBroker(connection);

  /** A broker that was closed during an outage, which continues. */
  async function closedInOutage(): Promise<RedisBroker> {
    const broker = open();
    await broker.connect(10_000);
    await redis.stop();
    const clients = broker.clients();
    await eventually(() => clients.every(({ status }) => status === 'reconnecting'));
    await broker.close();
    return broker;
  }

  /** The messages that a broker receives after its connections were killed. */
  async function textsAfterOutage(broker: RedisBroker, channel: string): Promise<string[]> {
    const collector = new Collector();
    await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
    await reconnectsAfter(broker, () => redis.killConnections());
    await broker.publish(channel, 'after');
    await collector.receives(1);
    return collector.texts;
  }

  it('reconnects after an outage when it was closed twice and connected again', async () => {
    const broker = open();
    await broker.connect(10_000);
    await broker.close();
    await broker.close();
    await broker.connect(10_000);
    expect(await textsAfterOutage(broker, 'twice')).toEqual(['after']);
  });

  it('reconnects after an outage when it was closed in an earlier one and connected again after it', async () => {
    const broker = await closedInOutage();
    await redis.start();
    await broker.connect(20_000);
    expect(await textsAfterOutage(broker, 'outage')).toEqual(['after']);
  });

  it('waits for the end of an outage when it was closed and connected again during it', async () => {
    const broker = await closedInOutage();
    const failures: unknown[] = [];
    const refused = broker.clients().map((client) => once(client, 'close'));
    const connected = broker.connect(30_000).catch((error: unknown) => failures.push(error));
    await Promise.all(refused);
    await redis.start();
    await connected;
    expect(failures).toEqual([]);
    expect(await textsAfterOutage(broker, 'within')).toEqual(['after']);
  });

  it.runIf(HAS_SHARDED)(
    `connects again without a connection for shard channels when it needs none any more${IF_SHARDED}`,
    async () => {
      const broker = open();
      const collector = new Collector();
      await broker.connect(10_000);
      await whenSubscribed(broker, { kind: 'shard', name: 'once' }, collector);
      expect(broker.clients()).toHaveLength(3);
      broker.unsubscribe({ kind: 'shard', name: 'once' }, collector);
      await broker.close();
      await broker.connect(10_000);
      expect(broker.status).toBe('connected');
      expect(await textsAfterOutage(broker, 'classic')).toEqual(['after']);
    },
  );

  it('is connected when connect is called while it closes', async () => {
    const broker = open();
    await broker.connect(10_000);
    const closed = broker.close();
    await broker.connect(10_000);
    await closed;
    expect(await textsAfterOutage(broker, 'closing')).toEqual(['after']);
  });

  it('connects again after it was closed while it connected', async () => {
    const broker = open();
    const first = broker.connect(10_000).catch(() => undefined);
    await broker.close();
    await first;
    await broker.connect(10_000);
    expect(await textsAfterOutage(broker, 'early')).toEqual(['after']);
  });

  it('reconnects when disconnect is called on its clients', async () => {
    const broker = open();
    await broker.connect(10_000);
    await reconnectsAfter(broker, async () => {
      for (const client of broker.clients()) client.disconnect();
    });
    expect(await textsAfterOutage(broker, 'stray')).toEqual(['after']);
  });

  it('is connected again while new subscriptions are made all the time', async () => {
    const broker = open();
    await broker.connect(10_000);
    await whenSubscribed(broker, { kind: 'channel', name: 'steady' }, new Collector());
    await redis.killConnections();
    await eventually(() => broker.status !== 'connected');
    let next = 0;
    await eventually(() => {
      // Each of these is pending at the moment in which the status is read.
      void whenSubscribed(
        broker,
        { kind: 'channel', name: `churn.${next++}` },
        new Collector(),
      ).catch(() => undefined);
      return broker.status === 'connected';
    });
    expect(broker.isSubscribed({ kind: 'channel', name: 'steady' })).toBe(true);
  });

  it('reports only the status disconnected, once, when it closes', async () => {
    const broker = open();
    const collector = new Collector();
    await broker.connect(10_000);
    await whenSubscribed(broker, { kind: 'channel', name: 'quiet' }, collector);
    const seen: string[] = [];
    broker.onStatus((status) => seen.push(status));
    broker.unsubscribe({ kind: 'channel', name: 'quiet' }, collector);
    const reported: unknown[] = [];
    const report = (message: unknown): void => void reported.push(message);
    diagnostics.subscribe('nestjs-redis-pubsub:status', report);
    await broker.close();
    diagnostics.unsubscribe('nestjs-redis-pubsub:status', report);
    expect(seen).toEqual(['disconnected']);
    expect(reported).toContainEqual({ transport: 'test', status: 'disconnected', isUp: false });
    expect(reported).not.toContainEqual({ transport: 'test', status: 'disconnected', isUp: true });
  });

  it('rejects pending and later subscriptions when the retryStrategy gives up', async () => {
    let isEnough = false;
    const broker = open({ port: redis.port, retryStrategy: () => (isEnough ? null : 10) });
    await broker.connect(10_000);
    await redis.stop();
    const waiting = whenSubscribed(broker, { kind: 'channel', name: 'never' }, new Collector());
    isEnough = true;
    await expect(waiting).rejects.toBeInstanceOf(ConnectionError);
    const late = whenSubscribed(broker, { kind: 'channel', name: 'late' }, new Collector());
    await expect(late).rejects.toBeInstanceOf(ConnectionError);
    await redis.start();
  });

  it('uses its own settings, whatever the query of the URL contains', async () => {
    const query = 'autoResubscribe=true&enableOfflineQueue=true&maxRetriesPerRequest=20';
    const broker = open(`${redis.url}/3?${query}`);
    for (const client of broker.clients()) {
      const { autoResubscribe, enableOfflineQueue, maxRetriesPerRequest } = client.options;
      expect([autoResubscribe, enableOfflineQueue, maxRetriesPerRequest]).toEqual([
        false,
        false,
        0,
      ]);
    }
    await broker.connect(10_000);
    expect(await textsAfterOutage(broker, 'url')).toEqual(['after']);
  });

  it('reads numbers and booleans in the query of a URL as such, and names as strings', async () => {
    const query = 'connectTimeout=5000&enableReadyCheck=false&tls=false&connectionName=42';
    const broker = open(`${redis.url}?${query}`);
    for (const { options } of broker.clients()) {
      const { connectTimeout, enableReadyCheck, tls, connectionName } = options;
      expect([connectTimeout, enableReadyCheck, tls]).toEqual([5_000, false, false]);
      expect(connectionName).toBe('42');
    }
    await broker.connect(10_000);
    expect(await broker.publish('no.subscribers', 'x')).toBe(0);
  });

  it('prefers the values of the URL itself to those of its query', () => {
    const [publisher] = open('rediss://127.0.0.1:1/3?db=5&port=2&tls=false').clients();
    const { db, port, tls } = publisher?.options ?? {};
    expect([db, port]).toEqual([3, 1]);
    expect(tls).toBeTruthy();
  });

  it.each([
    [{}, 2_000],
    [{ connectTimeout: 7_000 }, 7_000],
  ])('with %j has a connect timeout of %i ms for each node of a Cluster', (options, expected) => {
    const overNodes = open({
      nodes: [{ host: '127.0.0.1', port: redis.port }],
      options: { redisOptions: options },
    });
    for (const { options: of } of overNodes.clients()) expect(of.connectTimeout).toBe(expected);
  });

  it('resolves publish to a number over a connection with stringNumbers', async () => {
    const broker = open({ port: redis.port, stringNumbers: true });
    await broker.connect(10_000);
    expect(await broker.publish('no.subscribers', 'x')).toBe(0);
  });
});
