import { describe, expect, it } from 'vitest';
import { ClosedError } from 'nestjs-redis-pubsub';
import { whenSubscribed, type BrokerStatus } from '../../src/broker/broker.js';
import { eventually } from '../support/redis.js';
import type { BrokerUnderTest } from './broker-under-test.js';
import { Collector, unique } from './collector.js';

/** A broker connects and closes, any number of times. */
export function lifeCycleSuite(underTest: BrokerUnderTest): void {
  const { make, open, receivers, subscribers, patterns } = underTest;

  describe('the lifecycle of a broker', () => {
    it('goes from disconnected to connecting to connected, and reports each status', async () => {
      const broker = make();
      const seen: BrokerStatus[] = [broker.status];
      broker.onStatus((status) => seen.push(status));
      await broker.connect(20_000);
      expect(broker.status).toBe('connected');
      await broker.close();
      expect(seen).toEqual(['disconnected', 'connecting', 'connected', 'disconnected']);
    });

    it('knows the time of its last delivery from the first connection on, and keeps it', async () => {
      const broker = make();
      expect(broker.lastDeliveryAt).toBeUndefined();
      await broker.connect(20_000);
      expect(broker.lastDeliveryAt).toBeInstanceOf(Date);
      await broker.close();
      expect(broker.lastDeliveryAt?.getTime()).toBeLessThanOrEqual(Date.now());
    });

    it('counts its subscriptions, before it is connected, too', async () => {
      const broker = make();
      expect(broker.subscriptions).toBe(0);
      const [first, second] = [new Collector(), new Collector()];
      const key = { kind: 'channel', name: unique('counted') } as const;
      const glob = { kind: 'pattern', name: unique('counted.*') } as const;
      broker.subscribe(key, first);
      broker.subscribe(key, second);
      broker.subscribe(glob, first);
      expect(broker.subscriptions).toBe(2);
      broker.unsubscribe(key, first);
      expect(broker.subscriptions).toBe(2);
      broker.unsubscribe(key, second);
      broker.unsubscribe(glob, first);
      expect(broker.subscriptions).toBe(0);
    });

    it('calls a status listener until it is removed', async () => {
      const broker = make();
      const seen: BrokerStatus[] = [];
      const off = broker.onStatus((status) => seen.push(status));
      off();
      off();
      await broker.connect(20_000);
      expect(seen).toEqual([]);
    });

    it('allows several calls of connect at once', async () => {
      const broker = make();
      await Promise.all([broker.connect(20_000), broker.connect(20_000), broker.connect(0)]);
      await broker.connect(0);
      expect(broker.status).toBe('connected');
    });

    it('makes subscriptions that were requested before connect', async () => {
      const broker = make();
      const channel = unique('before');
      const collector = new Collector();
      const acknowledged = whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
      await broker.connect(20_000);
      await acknowledged;
      expect(await broker.publish(channel, 'x')).toEqual(receivers(1));
      await collector.receives(1);
    });

    it('connects again when connect follows close in one tick', async () => {
      const broker = await open();
      const channel = unique('again');
      const collector = new Collector();
      await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
      const closed = broker.close();
      await broker.connect(20_000);
      await closed;
      await eventually(() => broker.status === 'connected');
      expect(await broker.publish(channel, 'x')).toEqual(receivers(1));
      await collector.receives(1);
    });

    it('allows several calls of close, at once and later', async () => {
      const broker = await open();
      await Promise.all([broker.close(), broker.close()]);
      await broker.close();
      expect(broker.status).toBe('disconnected');
    });

    it('allows close before connect', async () => {
      const broker = make();
      await broker.close();
      expect(broker.status).toBe('disconnected');
    });

    it('settles each pending subscription when it closes', async () => {
      const broker = await open();
      const acknowledged = whenSubscribed(
        broker,
        { kind: 'channel', name: unique('pending') },
        new Collector(),
      );
      const closed = broker.close();
      const outcome = await acknowledged.catch((error: unknown) => error);
      await closed;
      expect([undefined, true]).toContain(outcome && outcome instanceof ClosedError);
    });

    it('sends the messages that were published before close', async () => {
      const [broker, other] = await Promise.all([open(), open()]);
      const channel = unique('sent');
      const collector = new Collector();
      await whenSubscribed(other, { kind: 'channel', name: channel }, collector);
      const counts = Promise.all(['a', 'b', 'c'].map((text) => broker.publish(channel, text)));
      await broker.close();
      expect(await counts).toEqual([receivers(1), receivers(1), receivers(1)]);
      await collector.receives(3);
      expect(collector.texts).toEqual(['a', 'b', 'c']);
    });

    it('rejects each request after close with ClosedError', async () => {
      const broker = await open();
      await broker.close();
      await expect(broker.publish(unique('late'), 'x')).rejects.toBeInstanceOf(ClosedError);
      await expect(broker.channels('*')).rejects.toBeInstanceOf(ClosedError);
      const late = whenSubscribed(
        broker,
        { kind: 'channel', name: unique('late') },
        new Collector(),
      );
      await expect(late).rejects.toBeInstanceOf(ClosedError);
    });

    it('leaves no subscription in Redis after close', async () => {
      const [broker, other] = await Promise.all([open(), open()]);
      const name = unique('left');
      const before = await patterns(other);
      await whenSubscribed(broker, { kind: 'channel', name }, new Collector());
      await whenSubscribed(broker, { kind: 'pattern', name: `${name}*` }, new Collector());
      await broker.close();
      await eventually(async () => (await other.publish(name, 'x')) === 0);
      await eventually(async () => (await subscribers(other, name)) === 0);
      await eventually(async () => (await patterns(other)) === before);
      expect(await other.channels(name)).toEqual([]);
    });

    it('connects again after close, with the subscriptions that still have listeners', async () => {
      const broker = await open();
      const [kept, ended] = [unique('kept'), unique('ended')];
      const collector = new Collector();
      await whenSubscribed(broker, { kind: 'channel', name: kept }, collector);
      await whenSubscribed(broker, { kind: 'channel', name: ended }, collector);
      await broker.close();
      broker.unsubscribe({ kind: 'channel', name: ended }, collector);
      await broker.connect(10_000);
      await eventually(() => broker.status === 'connected');
      expect(await broker.publish(kept, 'kept')).toEqual(receivers(1));
      expect(await broker.publish(ended, 'ended')).toBe(0);
      expect(await subscribers(broker, ended)).toBe(0);
      await collector.receives(1);
      expect(collector.texts).toEqual(['kept']);
    });
  });
}
