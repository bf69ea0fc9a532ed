import { whenSubscribed } from '../../src/broker/broker.js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionError, escapeGlob } from 'nestjs-redis-pubsub';
import type { BrokerUnderTest } from './broker-under-test.js';
import { eventually } from '../support/redis.js';
import { Collector, unique } from './collector.js';

const CHANNELS = 7;

/** Sorts by channel: a Cluster keeps the order of a channel, not the order between channels. */
const byChannel = (texts: readonly string[]): readonly string[] =>
  texts.toSorted((one, other) => (Number(one) % CHANNELS) - (Number(other) % CHANNELS));

/** Redis delivers each message to its subscriptions, byte for byte and in order. */
export function messageSuite({ open, make, features, receivers }: BrokerUnderTest): void {
  describe('a message', () => {
    it('is counted once for each subscription that receives it', async () => {
      const [publisher, one, other] = await Promise.all([open(), open(), open()]);
      const channel = unique('count');
      const collectors = [new Collector(), new Collector(), new Collector()] as const;
      expect(await publisher.publish(channel, '0')).toBe(0);
      await whenSubscribed(one, { kind: 'channel', name: channel }, collectors[0]);
      expect(await publisher.publish(channel, '1')).toEqual(receivers(1));
      await whenSubscribed(other, { kind: 'channel', name: channel }, collectors[1]);
      await whenSubscribed(other, { kind: 'pattern', name: `${channel}*` }, collectors[2]);
      expect(await publisher.publish(channel, '3')).toEqual(receivers(3));
      await eventually(() => collectors.every(({ texts }) => texts.at(-1) === '3'));
    });

    it('has a count of its own when many are published in one tick', async () => {
      const broker = await open();
      const [subscribed, unsubscribed] = [unique('subscribed'), unique('unsubscribed')];
      const collector = new Collector();
      await whenSubscribed(broker, { kind: 'channel', name: subscribed }, collector);
      const channels = Array.from({ length: 50 }, (_, i) =>
        i % 3 === 0 ? subscribed : unsubscribed,
      );
      const counts = await Promise.all(channels.map((channel) => broker.publish(channel, 'x')));
      expect(counts).toEqual(channels.map((channel) => receivers(channel === subscribed ? 1 : 0)));
      await collector.receives(17);
    });

    it('is delivered with its subscription and its channel', async () => {
      const broker = await open();
      const name = unique('kinds');
      const collector = new Collector();
      await whenSubscribed(broker, { kind: 'channel', name: `${name}.a` }, collector);
      await whenSubscribed(broker, { kind: 'pattern', name: `${name}.?` }, collector);
      await broker.publish(`${name}.a`, 'x');
      await collector.receives(2);
      const seen = collector.deliveries.map(({ kind, subscription, channel, payload }) => [
        kind,
        subscription,
        channel,
        payload.text(),
      ]);
      expect(seen.toSorted()).toEqual([
        ['channel', `${name}.a`, `${name}.a`, 'x'],
        ['pattern', `${name}.?`, `${name}.a`, 'x'],
      ]);
    });

    it('keeps its place among the messages of its publisher', async () => {
      const [publisher, subscriber] = await Promise.all([open(), open()]);
      const name = unique('order');
      const collector = new Collector();
      await whenSubscribed(subscriber, { kind: 'pattern', name: `${name}.*` }, collector);
      const sent = Array.from({ length: 2_000 }, (_, i) => String(i));
      await Promise.all(sent.map((text, i) => publisher.publish(`${name}.${i % CHANNELS}`, text)));
      await collector.receives(sent.length);
      const isOneServer = features.countsReceivers !== false;
      expect(isOneServer ? collector.texts : byChannel(collector.texts)).toEqual(
        isOneServer ? sent : byChannel(sent),
      );
    });

    it('keeps its place among the messages of one tick, whatever the types of the payloads', async () => {
      const broker = await open();
      const channel = unique('mixed');
      const collector = new Collector();
      await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
      const forms: readonly ((text: string) => string | Uint8Array)[] = [
        (text) => text,
        (text) => Buffer.from(text),
        (text) => text.padEnd(70_000),
        (text) => `${text} é😀`,
      ];
      const sent = Array.from({ length: 100 }, (_, i) => {
        const form = forms[(i * 7) % forms.length] ?? String;
        return form(String(i));
      });
      await Promise.all(sent.map((payload) => broker.publish(channel, payload)));
      await collector.receives(sent.length);
      expect(collector.texts).toEqual(sent.map((payload) => Buffer.from(payload).toString()));
    });

    it('has exactly the bytes that were published', async () => {
      const broker = await open();
      const channel = unique('bytes');
      const collector = new Collector();
      await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
      const send = async (payload: Uint8Array) => {
        const before = collector.deliveries.length;
        await broker.publish(channel, payload);
        await collector.receives(before + 1);
        return collector.deliveries.at(-1)?.payload.bytes();
      };
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (payload) => {
          expect(await send(payload)).toEqual(Buffer.from(payload));
        }),
        { numRuns: 60 },
      );
      const large = Buffer.alloc(1_000_000, 'é\r\n\0');
      expect((await send(large))?.equals(large)).toBe(true);
    });

    it('is sent as UTF-8 when it is a text, and as its own bytes when it is a part of an array', async () => {
      const broker = await open();
      const channel = unique('text');
      const collector = new Collector();
      await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
      await broker.publish(channel, 'naïve 😀');
      await broker.publish(channel, new Uint8Array(Buffer.from('<part>')).subarray(1, 5));
      await collector.receives(2);
      expect(collector.texts).toEqual(['naïve 😀', 'part']);
    });

    it('is delivered on exactly its channel, whatever the name of the channel', async () => {
      const broker = await open();
      const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
      const special = fc.constantFrom('*', '?', '[a]', 'a\\', ' ', '\0', '\r\n', '\ufeff', '😀');
      await fc.assert(
        fc.asyncProperty(fc.oneof(names, special), async (name) => {
          const [literal, glob] = [new Collector(), new Collector()];
          await Promise.all([
            whenSubscribed(broker, { kind: 'channel', name }, literal),
            whenSubscribed(broker, { kind: 'pattern', name: escapeGlob(name) }, glob),
          ]);
          expect(await broker.publish(name, 'x')).toEqual(receivers(2));
          await Promise.all([literal.receives(1), glob.receives(1)]);
          broker.unsubscribe({ kind: 'channel', name }, literal);
          broker.unsubscribe({ kind: 'pattern', name: escapeGlob(name) }, glob);
          expect([literal.deliveries[0]?.channel, glob.deliveries[0]?.channel]).toEqual([
            name,
            name,
          ]);
        }),
        { numRuns: 60 },
      );
    });

    it('to a channel with the name of a glob reaches that channel only', async () => {
      const broker = await open();
      const name = unique('literal');
      const [star, other] = [new Collector(), new Collector()];
      await whenSubscribed(broker, { kind: 'channel', name: `${name}.*` }, star);
      await whenSubscribed(broker, { kind: 'channel', name: `${name}.a` }, other);
      await broker.publish(`${name}.a`, 'first');
      await broker.publish(`${name}.*`, 'second');
      await Promise.all([star.receives(1), other.receives(1)]);
      expect([star.texts, other.texts]).toEqual([['second'], ['first']]);
    });

    it('is rejected at once by a broker that is not connected', async () => {
      const publish = make().publish(unique('early'), 'x');
      await expect(publish).rejects.toBeInstanceOf(ConnectionError);
    });
  });

  describe('a query', () => {
    it('resolves to channels, counts and patterns', async () => {
      const broker = await open();
      const name = unique('ask');
      const before = await broker.patternCount();
      await whenSubscribed(broker, { kind: 'channel', name: `${name}.a` }, new Collector());
      await whenSubscribed(broker, { kind: 'channel', name: `${name}.é` }, new Collector());
      await whenSubscribed(broker, { kind: 'pattern', name: `${name}.*` }, new Collector());
      expect((await broker.channels(`${name}.*`)).toSorted()).toEqual([`${name}.a`, `${name}.é`]);
      const asked = [`${name}.a`, `${name}.none`, `${name}.é`];
      expect([...(await broker.subscriberCounts(asked))]).toEqual([
        [asked[0], 1],
        [asked[1], 0],
        [asked[2], 1],
      ]);
      expect(await broker.subscriberCounts([])).toEqual(new Map());
      expect(await broker.patternCount()).toBe(before + 1);
    });

    it('is rejected at once by a broker that is not connected', async () => {
      const broker = make();
      await expect(broker.patternCount()).rejects.toBeInstanceOf(ConnectionError);
      await expect(broker.channels('*')).rejects.toBeInstanceOf(ConnectionError);
      await expect(broker.subscriberCounts(['a'])).rejects.toBeInstanceOf(ConnectionError);
    });
  });
}
