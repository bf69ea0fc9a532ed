import { describe, expect, it } from 'vitest';
import { CommandRefusedError } from 'nestjs-redis-pubsub';
import {
  whenSubscribed,
  type Broker,
  type ListEnd,
  type MessageList,
} from '../../src/broker/broker.js';
import type { ChannelKind } from '../../src/channel/subscription-key.js';
import { eventually } from '../support/redis.js';
import { HAS_SHARDED } from '../support/sharded.js';
import type { BrokerUnderTest } from './broker-under-test.js';
import { Collector, unique } from './collector.js';

const KINDS: readonly ChannelKind[] = HAS_SHARDED ? ['channel', 'shard'] : ['channel'];

const listOf = (channel: string, size = 100): MessageList => ({
  key: `test.list:{${channel}}`,
  size,
  ttlMs: 60_000,
});

const texts = ({ payloads }: ListEnd): string[] => payloads.map(String);

/** Reads lists; again while the connections to their servers are opened. */
async function readAll(broker: Broker, reads: Parameters<Broker['readLists']>[0]) {
  let ends: readonly ListEnd[] = [];
  await eventually(async () => {
    ends = await broker.readLists(reads);
    return ends.every(({ error }) => error === undefined);
  });
  return ends;
}

const read = async (broker: Broker, key: string, count = 1_000, skip = 0): Promise<ListEnd> => {
  const [end] = await readAll(broker, [{ key, count, skip }]);
  return end as ListEnd;
};

/** A message is in the list of its channel, and published: both, or none. */
export function listSuite({ open, features }: BrokerUnderTest): void {
  describe.each(KINDS)('a message for a list, of the kind %s', (kind) => {
    it('is published, and kept as it was published, in order', async () => {
      const [publisher, subscriber] = await Promise.all([open(), open()]);
      const channel = unique('kept');
      const collector = new Collector();
      await whenSubscribed(subscriber, { kind, name: channel }, collector);
      const list = listOf(channel);
      const sent = Array.from({ length: 60 }, (_, i) => `${i} é😀`);
      const publish = (text: string) => publisher.append(channel, text, kind, list);
      for (const text of sent.slice(0, 3)) await publish(text);
      await Promise.all(sent.slice(3).map(publish));
      await collector.receives(sent.length);
      expect(collector.texts).toEqual(sent);
      const end = await read(publisher, list.key);
      expect(texts(end)).toEqual(sent);
      expect(end.isWhole).toBe(true);
      const last = await read(publisher, list.key, 4);
      expect([texts(last), last.isWhole]).toEqual([sent.slice(-4), false]);
      const before = await read(publisher, list.key, 4, 50);
      expect([texts(before), before.isWhole]).toEqual([sent.slice(6, 10), false]);
      const first = await read(publisher, list.key, 4, 58);
      expect([texts(first), first.isWhole]).toEqual([sent.slice(0, 2), true]);
      expect(texts(await read(publisher, list.key, 4, 60))).toEqual([]);
    });

    it('removes the oldest one of a full list', async () => {
      const broker = await open();
      const channel = unique('full');
      const list = listOf(channel, 3);
      const publish = (text: string) => broker.append(channel, text, kind, list);
      for (const text of ['1', '2', '3']) await publish(text);
      expect(texts(await read(broker, list.key))).toEqual(['1', '2', '3']);
      await publish('4');
      expect(texts(await read(broker, list.key))).toEqual(['2', '3', '4']);
      await broker.append(channel, '5', kind, { ...list, size: 1 });
      expect(texts(await read(broker, list.key))).toEqual(['5']);
    });

    it('keeps its place among the messages of its tick that have no list', async (context) => {
      // In a Cluster both go to the same node for shard channels only.
      context.skip(kind === 'channel' && features.countsReceivers === false);
      const [publisher, subscriber] = await Promise.all([open(), open()]);
      const channel = unique('mixed');
      const collector = new Collector();
      await whenSubscribed(subscriber, { kind, name: channel }, collector);
      const list = listOf(channel);
      const sent = Array.from({ length: 200 }, (_, i) => String(i));
      await publisher.append(channel, 'first', kind, list);
      await Promise.all(
        sent.map((text, i) =>
          i % 7 < 3
            ? publisher.append(channel, text, kind, list)
            : publisher.publish(channel, text, kind),
        ),
      );
      await collector.receives(sent.length + 1);
      expect(collector.texts).toEqual(['first', ...sent]);
      expect(texts(await read(publisher, list.key))).toEqual([
        'first',
        ...sent.filter((_, i) => i % 7 < 3),
      ]);
    });

    it('of many channels is read together, each list once', async () => {
      const broker = await open();
      const channels = Array.from({ length: 50 }, () => unique('many'));
      await Promise.all(channels.map((it) => broker.append(it, it, kind, listOf(it))));
      const reads = channels.map((it) => ({ key: listOf(it).key, count: 4 }));
      const ends = await readAll(broker, [...reads, { key: listOf(unique('none')).key, count: 4 }]);
      expect(ends.map(texts)).toEqual([...channels.map((it) => [it]), []]);
      expect(ends.map(({ isWhole }) => isWhole)).toEqual(ends.map(() => true));
      expect(ends.every(({ serverId }) => /^\w{40,64}$/.test(serverId ?? ''))).toBe(true);
    });

    it.runIf(features.createLimited)('that Redis refuses is in no list', async () => {
      const { createLimited } = features;
      const [limited, broker] = await Promise.all([open(createLimited), open()]);
      const [allowed, forbidden] = [unique('ok.list'), unique('secret.list')];
      const outcomes = await Promise.allSettled(
        [allowed, forbidden, allowed, forbidden].map((it) =>
          limited.append(it, 'x', kind, listOf(it)),
        ),
      );
      expect(outcomes.map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'fulfilled',
        'rejected',
      ]);
      const [, refused] = outcomes;
      expect(refused?.status === 'rejected' && refused.reason).toBeInstanceOf(CommandRefusedError);
      expect(texts(await read(limited, listOf(allowed).key))).toEqual(['x', 'x']);
      expect(texts(await read(limited, listOf(forbidden).key))).toEqual([]);
      expect(texts(await read(broker, listOf(forbidden).key))).toEqual([]);
    });
  });
}
