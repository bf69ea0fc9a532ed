import { whenSubscribed } from '../../src/broker/broker.js';
import { once } from 'node:events';
import { describe, expect, inject, it } from 'vitest';
import type { RedisBroker } from '../../src/broker/redis-broker.js';
import type { RedisConnection } from '../../src/broker/connection/redis-connection.js';
import { ConnectionError } from '../../src/errors.js';
import { eventually, useRedis } from '../support/redis.js';
import { Collector } from './collector.js';
import { quietBroker } from './quiet-broker.js';

/** Sees every status: a broker can be back before anyone looks a second time. */
async function isBackAfter(broker: RedisBroker, cut: () => Promise<void>): Promise<void> {
  const seen: string[] = [];
  const off = broker.onStatus((status) => seen.push(status));
  await cut();
  await eventually(() => seen.includes('reconnecting') && broker.status === 'connected');
  off();
}

describe('a broker', () => {
  const redis = useRedis();

  const open = (connection: RedisConnection = redis.url): RedisBroker => quietBroker(connection);

  /** A broker that was closed in an outage, which goes on. */
  async function closedInOutage(): Promise<RedisBroker> {
    const broker = open();
    await broker.connect(10_000);
    await redis.stop();
    const clients = broker.clients();
    await eventually(() => clients.every(({ status }) => status === 'reconnecting'));
    await broker.close();
    return broker;
  }

  /** What a broker hears that was published after its connections were killed. */
  async function heardAfterOutage(broker: RedisBroker, channel: string): Promise<string[]> {
    const collector = new Collector();
    await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
    await isBackAfter(broker, () => redis.killConnections());
    await broker.publish(channel, 'after');
    await collector.hears(1);
    return collector.texts;
  }

  it('that is closed twice and begun again reconnects', async () => {
    const broker = open();
    await broker.connect(10_000);
    await broker.close();
    await broker.close();
    await broker.connect(10_000);
    expect(await heardAfterOutage(broker, 'twice')).toEqual(['after']);
  });

  it('that is closed in an outage and begun again reconnects', async () => {
    const broker = await closedInOutage();
    await redis.start();
    await broker.connect(20_000);
    expect(await heardAfterOutage(broker, 'outage')).toEqual(['after']);
  });

  it('that is closed in an outage and begun again within it waits for the end of that', async () => {
    const broker = await closedInOutage();
    const failures: unknown[] = [];
    const refused = broker.clients().map((client) => once(client, 'close'));
    const connected = broker.connect(30_000).catch((error: unknown) => failures.push(error));
    await Promise.all(refused);
    await redis.start();
    await connected;
    expect(failures).toEqual([]);
    expect(await heardAfterOutage(broker, 'within')).toEqual(['after']);
  });

  it.runIf(inject('hasSharded'))(
    'that had a connection for shard channels is connected again without one',
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
      expect(await heardAfterOutage(broker, 'classic')).toEqual(['after']);
    },
  );

  it('that is begun again while it closes is there afterwards', async () => {
    const broker = open();
    await broker.connect(10_000);
    const closed = broker.close();
    await broker.connect(10_000);
    await closed;
    expect(await heardAfterOutage(broker, 'meanwhile')).toEqual(['after']);
  });

  it('that is closed while it connects can be begun again', async () => {
    const broker = open();
    const first = broker.connect(10_000).catch(() => undefined);
    await broker.close();
    await first;
    await broker.connect(10_000);
    expect(await heardAfterOutage(broker, 'early')).toEqual(['after']);
  });

  it('reconnects although somebody disconnects its clients', async () => {
    const broker = open();
    await broker.connect(10_000);
    await isBackAfter(broker, async () => {
      for (const client of broker.clients()) client.disconnect();
    });
    expect(await heardAfterOutage(broker, 'stray')).toEqual(['after']);
  });

  it('is connected again although new subscriptions come all the time', async () => {
    const broker = open();
    await broker.connect(10_000);
    await whenSubscribed(broker, { kind: 'channel', name: 'steady' }, new Collector());
    await redis.killConnections();
    await eventually(() => broker.status !== 'connected');
    let next = 0;
    await eventually(() => {
      // Each of these is unacknowledged at the moment in which the status is looked at.
      void whenSubscribed(
        broker,
        { kind: 'channel', name: `churn.${next++}` },
        new Collector(),
      ).catch(() => undefined);
      return broker.status === 'connected';
    });
    expect(broker.isSubscribed({ kind: 'channel', name: 'steady' })).toBe(true);
  });

  it('tells a status once, and no other, when it closes', async () => {
    const broker = open();
    const collector = new Collector();
    await broker.connect(10_000);
    await whenSubscribed(broker, { kind: 'channel', name: 'quiet' }, collector);
    const seen: string[] = [];
    broker.onStatus((status) => seen.push(status));
    broker.unsubscribe({ kind: 'channel', name: 'quiet' }, collector);
    await broker.close();
    expect(seen).toEqual(['disconnected']);
  });

  it('fails those who wait for a subscription when it has ended for good', async () => {
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

  it('obeys its own settings, whatever the URL says', async () => {
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
    expect(await heardAfterOutage(broker, 'url')).toEqual(['after']);
  });

  it('takes numbers and truth values in the query of a URL as such, and names as names', async () => {
    const query = 'connectTimeout=5000&enableReadyCheck=false&tls=false&connectionName=42';
    const broker = open(`${redis.url}?${query}`);
    for (const { options } of broker.clients()) {
      const { connectTimeout, enableReadyCheck, tls, connectionName } = options;
      expect([connectTimeout, enableReadyCheck, tls]).toEqual([5_000, false, false]);
      expect(connectionName).toBe('42');
    }
    await broker.connect(10_000);
    expect(await broker.publish('nobody', 'x')).toBe(0);
  });

  it('takes what the URL itself says before what its query does', () => {
    const [publisher] = open('rediss://127.0.0.1:1/3?db=5&port=2&tls=false').clients();
    const { db, port, tls } = publisher?.options ?? {};
    expect([db, port]).toEqual([3, 1]);
    expect(tls).toBeTruthy();
  });

  it.each([
    [{}, 2_000],
    [{ connectTimeout: 7_000 }, 7_000],
  ])('waits with %j for %i ms for the answer of a node of a Cluster', (options, expected) => {
    const overNodes = open({
      nodes: [{ host: '127.0.0.1', port: redis.port }],
      options: { redisOptions: options },
    });
    for (const { options: of } of overNodes.clients()) expect(of.connectTimeout).toBe(expected);
  });

  it('counts receivers in numbers for a connection with stringNumbers', async () => {
    const broker = open({ port: redis.port, stringNumbers: true });
    await broker.connect(10_000);
    expect(await broker.publish('nobody', 'x')).toBe(0);
  });
});
