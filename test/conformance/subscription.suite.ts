import { whenSubscribed } from '../../src/broker/broker.js';
import { describe, expect, it } from 'vitest';
import { ClosedError, CommandRefusedError } from 'nestjs-redis-pubsub';
import { eventually } from '../support/redis.js';
import type { BrokerUnderTest } from './broker-under-test.js';
import { Collector, unique } from './collector.js';

/** A listener receives messages from the acknowledgement until `unsubscribe`. */
export function subscriptionSuite(underTest: BrokerUnderTest): void {
  const { open, features, receivers, subscribers, patterns } = underTest;

  describe('a subscription', () => {
    it('receives messages when subscribe has resolved', async () => {
      const [publisher, subscriber] = await Promise.all([open(), open()]);
      for (let i = 0; i < 20; i++) {
        const channel = unique('ack');
        const [literal, glob] = [new Collector(), new Collector()];
        await whenSubscribed(subscriber, { kind: 'channel', name: channel }, literal);
        expect(await publisher.publish(channel, 'first')).toEqual(receivers(1));
        await whenSubscribed(subscriber, { kind: 'pattern', name: `${channel}*` }, glob);
        expect(await publisher.publish(channel, 'second')).toEqual(receivers(2));
        await Promise.all([literal.receives(2), glob.receives(1)]);
        expect(literal.texts).toEqual(['first', 'second']);
      }
    });

    it('calls its waiter on each subscribe, and never within the call', async () => {
      const broker = await open();
      const channel = unique('waiter');
      const calls: string[] = [];
      const subscribe = (): Promise<void> =>
        new Promise((resolve, onFailed) => {
          const onSubscribed = (): void => {
            calls.push('subscribed');
            resolve();
          };
          broker.subscribe({ kind: 'channel', name: channel }, new Collector(), {
            onSubscribed,
            onFailed,
          });
          calls.push('asked');
        });
      await subscribe();
      expect(await subscribers(broker, channel)).toBe(1);
      await subscribe();
      expect(calls).toEqual(['asked', 'subscribed', 'asked', 'subscribed']);
    });

    it('calls onFailed of its waiter when it is ended before its acknowledgement', async () => {
      const broker = await open();
      const channel = unique('waiter');
      const [removed, other] = [new Collector(), new Collector()];
      const failed = new Promise<unknown>((onFailed, onSubscribed) => {
        broker.subscribe({ kind: 'channel', name: channel }, removed, { onSubscribed, onFailed });
      });
      const subscribed = whenSubscribed(broker, { kind: 'channel', name: channel }, other);
      broker.unsubscribe({ kind: 'channel', name: channel }, removed);
      expect(await failed).toBeInstanceOf(ClosedError);
      await subscribed;
      await broker.publish(channel, 'x');
      await other.receives(1);
      expect(removed.texts).toEqual([]);
    });

    it('is shared by its listeners, with one delivery object and its decoded value', async () => {
      const broker = await open();
      const channel = unique('shared');
      const listeners = [new Collector(), new Collector(), new Collector()];
      await Promise.all(
        listeners.map((it) => whenSubscribed(broker, { kind: 'channel', name: channel }, it)),
      );
      expect(await subscribers(broker, channel)).toBe(1);
      expect(await broker.publish(channel, 'x')).toEqual(receivers(1));
      await Promise.all(listeners.map((it) => it.receives(1)));
      const deliveries = listeners.map((it) => it.deliveries[0]);
      expect(new Set(deliveries).size).toBe(1);
      expect(deliveries[0]?.decoded).toBeUndefined();
    });

    it('ends with its last listener', async () => {
      const broker = await open();
      const channel = unique('last');
      const listeners = [new Collector(), new Collector()] as const;
      for (const it of listeners)
        await whenSubscribed(broker, { kind: 'channel', name: channel }, it);
      broker.unsubscribe({ kind: 'channel', name: channel }, listeners[0]);
      expect(await broker.publish(channel, 'x')).toEqual(receivers(1));
      await listeners[1].receives(1);
      broker.unsubscribe({ kind: 'channel', name: channel }, listeners[1]);
      await eventually(async () => (await subscribers(broker, channel)) === 0);
      expect(listeners[0].texts).toEqual([]);
    });

    it('to a glob ends with its last listener, too', async () => {
      const [broker, publisher] = await Promise.all([open(), open()]);
      const name = unique('glob');
      const collector = new Collector();
      const before = await patterns(publisher);
      await whenSubscribed(broker, { kind: 'pattern', name: `${name}*` }, collector);
      expect(await patterns(publisher)).toBe(before + 1);
      broker.unsubscribe({ kind: 'pattern', name: `${name}*` }, collector);
      await eventually(async () => (await publisher.publish(name, 'x')) === 0);
      await eventually(async () => (await patterns(publisher)) === before);
      expect(collector.texts).toEqual([]);
    });

    it('delivers nothing after the call of unsubscribe', async () => {
      const broker = await open();
      const channel = unique('from-the-call');
      const [gone, here] = [new Collector(), new Collector()];
      await whenSubscribed(broker, { kind: 'channel', name: channel }, gone);
      await whenSubscribed(broker, { kind: 'channel', name: channel }, here);
      const published = broker.publish(channel, 'x');
      broker.unsubscribe({ kind: 'channel', name: channel }, gone);
      await published;
      await here.receives(1);
      expect(gone.texts).toEqual([]);
    });

    it('can be ended and made again, in one tick or in the next', async () => {
      const broker = await open();
      const channel = unique('again');
      const collector = new Collector();
      await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
      for (let i = 0; i < 10; i++) {
        broker.unsubscribe({ kind: 'channel', name: channel }, collector);
        if (i % 2 === 0) await new Promise(setImmediate);
        await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
        expect(await broker.publish(channel, String(i))).toEqual(receivers(1));
        await collector.receives(i + 1);
      }
      expect(collector.texts).toEqual(Array.from({ length: 10 }, (_, i) => String(i)));
    });

    it('rejects when it is ended before its acknowledgement, and leaves nothing in Redis', async () => {
      const broker = await open();
      const [ended, next] = [unique('ended'), unique('next')];
      const collector = new Collector();
      const acknowledged = whenSubscribed(broker, { kind: 'channel', name: ended }, collector);
      broker.unsubscribe({ kind: 'channel', name: ended }, collector);
      await expect(acknowledged).rejects.toBeInstanceOf(ClosedError);
      await whenSubscribed(broker, { kind: 'channel', name: next }, collector);
      expect(await subscribers(broker, ended)).toBe(0);
    });

    it('that does not exist can be ended without effect', async () => {
      const broker = await open();
      broker.unsubscribe({ kind: 'channel', name: unique('none') }, new Collector());
      broker.unsubscribe({ kind: 'pattern', name: unique('none') }, new Collector());
      expect(broker.status).toBe('connected');
    });
  });

  const { createLimited } = features;
  if (!createLimited) return;

  describe('a subscription that Redis refuses', () => {
    it('rejects with the name of its channel, while the others of the same batch succeed', async () => {
      const broker = await open(createLimited);
      const [allowed, forbidden] = [unique('ok.news'), unique('secret.news')];
      const results = await Promise.allSettled([
        whenSubscribed(broker, { kind: 'channel', name: allowed }, new Collector()),
        whenSubscribed(broker, { kind: 'channel', name: forbidden }, new Collector()),
        whenSubscribed(broker, { kind: 'pattern', name: `${forbidden}*` }, new Collector()),
      ]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
      const reasons = results.flatMap((it) =>
        it.status === 'rejected' ? [it.reason as unknown] : [],
      );
      for (const reason of reasons) {
        expect(reason).toBeInstanceOf(CommandRefusedError);
        expect(reason).toMatchObject({ code: 'ERR_PUBSUB_SUBSCRIBE' });
        expect(String(reason)).toContain(forbidden);
      }
      expect(await subscribers(broker, allowed)).toBe(1);
      expect(broker.status).toBe('connected');
    });

    it('is not made again when it was ended before the refusal arrived', async () => {
      const broker = await open(createLimited);
      const [allowed, forbidden, last] = [
        unique('ok.ended'),
        unique('secret.ended'),
        unique('ok.last'),
      ];
      const collector = new Collector();
      const results = Promise.allSettled([
        whenSubscribed(broker, { kind: 'channel', name: allowed }, collector),
        whenSubscribed(broker, { kind: 'channel', name: forbidden }, collector),
      ]);
      await Promise.resolve();
      await Promise.resolve();
      broker.unsubscribe({ kind: 'channel', name: allowed }, collector);
      expect((await results).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      await whenSubscribed(broker, { kind: 'channel', name: last }, collector);
      expect(await subscribers(broker, allowed)).toBe(0);
    });

    it('does not disturb the publisher and other subscriptions', async () => {
      const broker = await open(createLimited);
      const allowed = unique('ok.mine');
      const collector = new Collector();
      await whenSubscribed(broker, { kind: 'channel', name: allowed }, collector);
      await expect(
        whenSubscribed(broker, { kind: 'channel', name: unique('secret') }, new Collector()),
      ).rejects.toBeInstanceOf(CommandRefusedError);
      await expect(broker.publish(unique('secret'), 'x')).rejects.toMatchObject({
        code: 'ERR_PUBSUB_PUBLISH',
      });
      expect(await broker.publish(allowed, 'x')).toEqual(receivers(1));
      await collector.receives(1);
    });
  });
}
