import { describe, expect, it } from 'vitest';
import { CommandRefusedError } from 'nestjs-redis-pubsub';
import { whenSubscribed, type Broker } from '../../src/broker/broker.js';
import { eventually } from '../support/redis.js';
import { closeAfterTest } from '../support/app.js';
import { Collector, unique } from './collector.js';
import { HAS_SHARDED, IF_SHARDED } from '../support/sharded.js';

export interface ShardedFeatures {
  /** Creates a broker that is not connected. All brokers reach the same channels. */
  readonly create: () => Broker;
  /** Creates a broker, not connected, that may use only channels that begin with `ok.`. */
  readonly createLimited: () => Broker;
  /** The number of subscribers of a shard channel, at all servers behind the broker. */
  readonly subscribers: (channel: string) => Promise<number>;
  /** Kills every connection to every server. */
  readonly killConnections: () => Promise<void>;
}

const MANY = 100;

/** The promises of the `Broker` interface for shard channels, which every implementation keeps. */
export function shardedSuite(name: string, features: ShardedFeatures): void {
  const { create, createLimited, subscribers, killConnections } = features;

  async function open(make = create): Promise<Broker> {
    const broker = make();
    closeAfterTest(() => broker.close());
    await broker.connect(20_000);
    return broker;
  }

  describe.runIf(HAS_SHARDED)(`shard channels of ${name}${IF_SHARDED}`, () => {
    it('are subscribed when subscribe resolves, and publish resolves to the number of subscriptions', async () => {
      const [publisher, one, other] = await Promise.all([open(), open(), open()]);
      const collector = new Collector();
      const channels = Array.from({ length: 20 }, () => unique('ack'));
      for (const channel of channels) {
        expect(await publisher.publish(channel, 'none', 'shard')).toBe(0);
        await whenSubscribed(one, { kind: 'shard', name: channel }, collector);
        expect(await publisher.publish(channel, 'one', 'shard')).toBe(1);
        await whenSubscribed(other, { kind: 'shard', name: channel }, new Collector());
        expect(await publisher.publish(channel, 'two', 'shard')).toBe(2);
      }
      await collector.receives(2 * channels.length);
      expect(new Set(collector.texts)).toEqual(new Set(['one', 'two']));
      expect(publisher.countsReceivers('shard')).toBe(true);
    });

    it('are separate from classic channels and globs of the same name', async () => {
      const broker = await open();
      const channel = unique('apart');
      const [shard, classic, glob] = [new Collector(), new Collector(), new Collector()];
      await Promise.all([
        whenSubscribed(broker, { kind: 'shard', name: channel }, shard),
        whenSubscribed(broker, { kind: 'channel', name: channel }, classic),
        whenSubscribed(broker, { kind: 'pattern', name: `${channel}*` }, glob),
      ]);
      await broker.publish(channel, 'sharded', 'shard');
      await broker.publish(channel, 'classic');
      await Promise.all([shard.receives(1), classic.receives(1), glob.receives(1)]);
      expect([shard.texts, classic.texts, glob.texts]).toEqual([
        ['sharded'],
        ['classic'],
        ['classic'],
      ]);
    });

    it('keep the order of one publisher', async () => {
      const [publisher, subscriber] = await Promise.all([open(), open()]);
      const channels = Array.from({ length: 10 }, () => unique('order'));
      const collectors = channels.map(() => new Collector());
      await Promise.all(
        channels.map((channel, i) =>
          whenSubscribed(
            subscriber,
            { kind: 'shard', name: channel },
            collectors[i] ?? new Collector(),
          ),
        ),
      );
      const numbers = Array.from({ length: MANY }, (_, i) => String(i));
      for (const number of numbers) void publishAll(publisher, channels, number);
      await Promise.all(collectors.map((it) => it.receives(MANY)));
      for (const { texts } of collectors) expect(texts).toEqual(numbers);
    });

    it('are unsubscribed with their last listener, and leave nothing in Redis', async () => {
      const broker = await open();
      const channel = unique('last');
      const [one, other] = [new Collector(), new Collector()];
      await whenSubscribed(broker, { kind: 'shard', name: channel }, one);
      await whenSubscribed(broker, { kind: 'shard', name: channel }, other);
      expect(await subscribers(channel)).toBe(1);
      broker.unsubscribe({ kind: 'shard', name: channel }, one);
      expect(await broker.publish(channel, 'x', 'shard')).toBe(1);
      await other.receives(1);
      broker.unsubscribe({ kind: 'shard', name: channel }, other);
      await eventually(async () => (await subscribers(channel)) === 0);
      expect(one.texts).toEqual([]);
    });

    it('are refused one by one; the allowed channels are subscribed', async () => {
      const broker = await open(createLimited);
      const [allowed, forbidden] = [unique('ok.news'), unique('secret.news')];
      const collector = new Collector();
      const [mine, theirs] = await Promise.allSettled([
        whenSubscribed(broker, { kind: 'shard', name: allowed }, collector),
        whenSubscribed(broker, { kind: 'shard', name: forbidden }, new Collector()),
      ]);
      expect(mine?.status).toBe('fulfilled');
      const reason: unknown = theirs?.status === 'rejected' ? theirs.reason : undefined;
      expect(reason).toBeInstanceOf(CommandRefusedError);
      expect(String(reason)).toContain(forbidden);
      await expect(broker.publish(forbidden, 'x', 'shard')).rejects.toBeInstanceOf(
        CommandRefusedError,
      );
      expect(await broker.publish(allowed, 'x', 'shard')).toBe(1);
      await collector.receives(1);
    });

    it('are subscribed again after every connection was killed, and report the gap', async () => {
      const [publisher, subscriber] = await Promise.all([open(), open()]);
      const channels = Array.from({ length: MANY }, () => unique('back'));
      const collector = new Collector();
      await Promise.all(
        channels.map((it) => whenSubscribed(subscriber, { kind: 'shard', name: it }, collector)),
      );
      await killConnections();
      await eventually(() => collector.gaps.length === MANY);
      await eventually(() => [publisher, subscriber].every(({ status }) => status === 'connected'));
      expect(await publishAll(publisher, channels, 'x')).toEqual(channels.map(() => 1));
      await collector.receives(MANY);
    });

    it('are listed with their names and their numbers of subscribers', async () => {
      const broker = await open();
      const start = unique('listed');
      const channels = Array.from({ length: 10 }, (_, i) => `${start}.${i}`);
      await Promise.all(
        channels.map((it) => whenSubscribed(broker, { kind: 'shard', name: it }, new Collector())),
      );
      expect((await broker.channels(`${start}.*`, 'shard')).toSorted()).toEqual(channels);
      const counts = await broker.subscriberCounts([...channels, `${start}.none`], 'shard');
      expect([...counts.values()]).toEqual([...channels.map(() => 1), 0]);
      expect(await broker.channels(`${start}.*`)).toEqual([]);
    });

    it('are subscribed again after close and connect', async () => {
      const broker = await open();
      const channel = unique('again');
      const collector = new Collector();
      await whenSubscribed(broker, { kind: 'shard', name: channel }, collector);
      await broker.close();
      expect(await subscribers(channel)).toBe(0);
      await broker.connect(20_000);
      await eventually(async () => (await subscribers(channel)) === 1);
      expect(await broker.publish(channel, 'x', 'shard')).toBe(1);
      await collector.receives(1);
    });
  });
}

function publishAll(
  broker: Broker,
  channels: readonly string[],
  payload: string,
): Promise<number[]> {
  return Promise.all(channels.map((channel) => broker.publish(channel, payload, 'shard')));
}
