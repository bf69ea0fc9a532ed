import type { Redis } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { ConnectionError } from 'nestjs-redis-pubsub';
import { whenSubscribed, type Broker, type BrokerStatus } from '../../src/broker/broker.js';
import { closeAfterTest } from '../support/app.js';
import { eventually, type TestRedis } from '../support/redis.js';
import type { BrokerUnderTest } from './broker-under-test.js';
import { Collector, becomes, unique } from './collector.js';

/** After an outage the broker makes every subscription again, and reports the gap. */
export function outageSuite({ open, features }: BrokerUnderTest, redis: TestRedis): void {
  beforeAll(() => {
    // Without a listener ioredis prints each attempt that fails while the server is down.
    redis.client.on('error', () => undefined);
  });

  let isDown = false;
  const restart = async (): Promise<void> => {
    if (!isDown) return;
    isDown = false;
    await redis.stop();
    await redis.start();
    await redis.client.ping();
  };
  /** Kills the server; resolves when the broker has lost both connections. */
  const crash = async (broker: Broker): Promise<void> => {
    closeAfterTest(restart);
    isDown = true;
    const lost = becomes(broker, 'reconnecting');
    await redis.kill();
    await lost;
    const clients = broker.clients() as Redis[];
    await eventually(() => clients.every(({ status }) => status !== 'ready'));
  };

  describe('after an outage', () => {
    it.each([
      ['CLIENT KILL of its connections', () => redis.killConnections()],
      [
        'CLIENT KILL of its subscriber',
        () => redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'),
      ],
    ])('by %s the broker receives messages again', async (_, interrupt) => {
      const broker = await open();
      const name = unique('killed');
      const collector = new Collector();
      await whenSubscribed(broker, { kind: 'channel', name: `${name}.a` }, collector);
      await whenSubscribed(broker, { kind: 'pattern', name: `${name}.?` }, collector);
      const seen: BrokerStatus[] = [];
      const counts: Promise<unknown>[] = [];
      broker.onStatus((status) => {
        seen.push(status);
        // Publishes at the moment of the status change: a later subscription is too late.
        if (status === 'connected') counts.push(redis.client.publish(`${name}.a`, 'x'));
      });
      await interrupt();
      await eventually(() => seen.includes('connected'));
      expect(seen).toEqual(['reconnecting', 'connected']);
      expect(await Promise.all(counts)).toEqual([2]);
      await collector.receives(2);
    });

    it('the time of the last delivery stood still, and is the beginning of the gap', async () => {
      const broker = await open();
      const name = unique('last-delivery');
      const collector = new Collector();
      await whenSubscribed(broker, { kind: 'channel', name }, collector);
      await crash(broker);
      const { lastDeliveryAt, subscriptions } = broker;
      // The probe may be a second one.
      expect(subscriptions).toBeGreaterThanOrEqual(1);
      const back = becomes(broker, 'connected');
      await restart();
      await back;
      await eventually(() => collector.gaps.length > 0);
      expect(collector.gaps[0]?.from).toEqual(lastDeliveryAt);
      const before = lastDeliveryAt?.getTime() ?? Infinity;
      await eventually(() => (broker.lastDeliveryAt?.getTime() ?? 0) > before);
    });

    it('each listener is called with the gap, once, when it is subscribed again', async () => {
      const broker = await open();
      const name = unique('gap');
      const collectors = [new Collector(), new Collector()];
      for (const collector of collectors)
        await whenSubscribed(broker, { kind: 'channel', name }, collector);
      const before = Date.now();
      await crash(broker);
      const back = becomes(broker, 'connected');
      await restart();
      await back;
      expect(await redis.client.publish(name, 'x')).toBe(1);
      for (const collector of collectors) {
        await collector.receives(1);
        expect(collector.gaps).toHaveLength(1);
        const { from, to } = collector.gaps[0] ?? {};
        expect(from?.getTime()).toBeLessThanOrEqual(to?.getTime() ?? 0);
        expect(to?.getTime()).toBeGreaterThanOrEqual(before);
      }
    });

    it('a subscription without a waiter is made before the status is connected', async () => {
      const broker = await open();
      const name = unique('unawaited');
      const collector = new Collector();
      await crash(broker);
      broker.subscribe({ kind: 'channel', name }, collector);
      broker.subscribe({ kind: 'pattern', name: `${name}?` }, collector);
      const back = becomes(broker, 'connected');
      await restart();
      await back;
      expect(await redis.client.publish(name, 'x')).toBe(1);
      expect(await redis.client.publish(`${name}1`, 'y')).toBe(1);
      await collector.receives(2);
      expect(collector.gaps).toHaveLength(2);
      broker.unsubscribe({ kind: 'channel', name }, collector);
      await redis.subscribers(name, 0);
    });

    it('by SIGKILL of the server the broker receives messages again', async () => {
      const broker = await open();
      const name = unique('crashed');
      const collector = new Collector();
      await whenSubscribed(broker, { kind: 'channel', name: `${name}.a` }, collector);
      await whenSubscribed(broker, { kind: 'pattern', name: `${name}.?` }, collector);
      await crash(broker);
      const back = becomes(broker, 'connected');
      await restart();
      await back;
      expect(await broker.publish(`${name}.a`, 'x')).toBe(2);
      await collector.receives(2);
    });

    it('a subscription that was ended during the outage is not made again', async () => {
      const broker = await open();
      const [kept, ended] = [unique('kept'), unique('ended')];
      const collector = new Collector();
      await whenSubscribed(broker, { kind: 'channel', name: kept }, collector);
      await whenSubscribed(broker, { kind: 'channel', name: ended }, collector);
      const back = redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await becomes(broker, 'reconnecting');
      broker.unsubscribe({ kind: 'channel', name: ended }, collector);
      await back;
      await becomes(broker, 'connected');
      expect(await broker.publish(kept, 'x')).toBe(1);
      expect(await broker.publish(ended, 'x')).toBe(0);
    });

    it('each message is delivered once, however many outages there were', async () => {
      const broker = await open();
      const channel = unique('once');
      const collector = new Collector();
      await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
      for (let i = 0; i < 3; i++) {
        const lost = becomes(broker, 'reconnecting');
        await redis.killConnections();
        await lost;
        await becomes(broker, 'connected');
      }
      expect(await broker.publish(channel, 'x')).toBe(1);
      expect(await broker.publish(channel, 'y')).toBe(1);
      await collector.receives(2);
      expect(collector.texts).toEqual(['x', 'y']);
    });
  });

  describe('during an outage', () => {
    it('publish rejects at once', async () => {
      const broker = await open();
      await crash(broker);
      const failure = await broker.publish(unique('down'), 'x').catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(ConnectionError);
      expect(broker.status).toBe('reconnecting');
    });

    it('subscribe waits, and resolves after the outage', async () => {
      const broker = await open();
      await crash(broker);
      const name = unique('waiting');
      const collector = new Collector();
      const acknowledged = Promise.all([
        whenSubscribed(broker, { kind: 'channel', name: `${name}.a` }, collector),
        whenSubscribed(broker, { kind: 'pattern', name: `${name}.?` }, collector),
      ]);
      await restart();
      await acknowledged;
      expect(await redis.client.publish(`${name}.a`, 'x')).toBe(2);
      await collector.receives(2);
    });

    it('close disconnects the broker, and rejects pending subscriptions', async () => {
      const broker = await open();
      await crash(broker);
      const failure = whenSubscribed(
        broker,
        { kind: 'channel', name: unique('closing') },
        new Collector(),
      ).catch((error: unknown) => error);
      await broker.close();
      expect(await failure).toMatchObject({ code: 'ERR_PUBSUB_CLOSED' });
      expect(broker.status).toBe('disconnected');
    });

    if (features.failsInFlight === false) return;

    it('a message in flight rejects, and is not sent again', async () => {
      const broker = await open();
      const channel = unique('in-flight');
      const collector = new Collector();
      await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
      await redis.client.call('CLIENT', 'PAUSE', '60000', 'WRITE');
      const failure = broker.publish(channel, 'lost').catch((error: unknown) => error);
      await redis.client.ping();
      const lost = becomes(broker, 'reconnecting');
      await redis.killConnections();
      expect(await failure).toBeInstanceOf(ConnectionError);
      await lost;
      await redis.client.call('CLIENT', 'UNPAUSE');
      await becomes(broker, 'connected');
      expect(await broker.publish(channel, 'next')).toBe(1);
      await collector.receives(1);
      expect(collector.texts).toEqual(['next']);
    });
  });
}
