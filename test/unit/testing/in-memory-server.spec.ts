import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { whenSubscribed, type Broker, type PubSubGap } from '../../../src/broker/broker.js';
import type { BrokerOptions } from '../../../src/broker/broker-options.js';
import type { Delivery, DeliveryListener } from '../../../src/broker/broker.js';
import type { SubscriptionKind } from '../../../src/channel/subscription-key.js';
import { InMemoryRedis } from '../../../src/testing/in-memory-redis.js';
import { createBroker } from '../../conformance/test-broker.js';

/** Records messages, gaps and refusals. */
class Listener implements DeliveryListener {
  readonly texts: string[] = [];
  readonly gaps: PubSubGap[] = [];
  refusals = 0;

  onDelivery({ payload }: Delivery): void {
    this.texts.push(payload.text());
  }

  onResubscribed(gap: PubSubGap): void {
    this.gaps.push(gap);
  }

  onRefused(): void {
    this.refusals++;
  }
}

/** Resolves when all that is due without a timer has happened: each step takes one turn of the event loop. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => realSetImmediate(resolve));
}

const realSetImmediate = setImmediate;

const outcomeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => value,
    (error: Error) => error.message,
  );

/** Subscribes, and resolves to its listener. */
async function listen(
  broker: Broker,
  name: string,
  kind: SubscriptionKind = 'channel',
): Promise<Listener> {
  const listener = new Listener();
  await whenSubscribed(broker, { kind, name }, listener);
  return listener;
}

describe('the faults of an in-memory Redis', () => {
  let redis: InMemoryRedis;
  const brokers: Broker[] = [];
  beforeEach(() => {
    redis = new InMemoryRedis();
  });
  afterEach(async () => {
    redis.restore();
    for (const broker of brokers.splice(0)) await broker.close();
    vi.useRealTimers();
  });

  function create(options?: Partial<BrokerOptions>): Broker {
    const broker = createBroker(redis, options);
    brokers.push(broker);
    return broker;
  }

  async function open(options?: Partial<BrokerOptions>): Promise<Broker> {
    const broker = create(options);
    await broker.connect(0);
    return broker;
  }

  describe('cut', () => {
    it('fails a connect with the timeout 0 at its first attempt, which goes on after restore', async () => {
      redis.cut();
      const broker = create();
      expect(await outcomeOf(broker.connect(0))).toBe('Cannot connect: the in-memory Redis is cut');
      expect(broker.status).toBe('connecting');
      redis.restore();
      await settled();
      expect(broker.status).toBe('connected');
    });

    it('fails a connect with a timeout when the time is over, and no sooner', async () => {
      vi.useFakeTimers();
      redis.cut();
      const broker = create();
      let outcome: unknown;
      void outcomeOf(broker.connect(500)).then((it) => (outcome = it));
      await vi.advanceTimersByTimeAsync(499);
      await settled();
      expect(outcome).toBeUndefined();
      await vi.advanceTimersByTimeAsync(1);
      expect(outcome).toBe('Not connected within 500 ms: the in-memory Redis is cut');
      expect(vi.getTimerCount()).toBe(0);
    });

    it('has no timer when it is closed, also for a subscription that lost its last listener', async () => {
      const broker = create();
      await broker.connect(0);
      const listener = { onDelivery: () => undefined } as never;
      broker.subscribe({ kind: 'channel', name: 'a' }, listener);
      await settled();
      vi.useFakeTimers();
      broker.unsubscribe({ kind: 'channel', name: 'a' }, listener, true);
      expect(vi.getTimerCount()).toBe(1);
      await broker.close();
      expect(vi.getTimerCount()).toBe(0);
    });

    it('lets a connect with a timeout succeed if restore comes in time', async () => {
      vi.useFakeTimers();
      redis.cut();
      const broker = create();
      const connected = broker.connect(500);
      await settled();
      redis.restore();
      await connected;
      expect(broker.status).toBe('connected');
      expect(vi.getTimerCount()).toBe(0);
    });

    it('ends a connect that is under way', async () => {
      const broker = create();
      const connected = outcomeOf(broker.connect(0));
      redis.cut();
      expect(await connected).toBe('Cannot connect: the in-memory Redis is cut');
    });

    it('fails a connect when its broker is closed', async () => {
      redis.cut();
      const broker = create();
      const connected = outcomeOf(broker.connect(60_000));
      await broker.close();
      expect(await connected).toBe('Connection closed');
    });

    it('loses the messages and the answers that are under way', async () => {
      const broker = await open();
      const listener = await listen(broker, 'a');
      const message = outcomeOf(broker.publish('a', 'lost'));
      redis.cut();
      expect(await message).toMatch(/^The connection was lost before Redis confirmed the message/);
      redis.restore();
      await settled();
      expect(await broker.publish('a', 'heard')).toBe(1);
      await settled();
      expect(listener.texts).toEqual(['heard']);
      expect(listener.gaps).toHaveLength(1);
    });

    it('does not keep other programs from publishing', async () => {
      const listener = await listen(await open(), 'a');
      redis.cut();
      expect(redis.publish('a', 'lost')).toBe(0);
      redis.restore();
      await settled();
      expect(redis.publish('a', 'heard')).toBe(1);
      await settled();
      expect(listener.texts).toEqual(['heard']);
    });
  });

  describe('delay', () => {
    it('keeps the order also when it becomes shorter', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
      const listener = await listen(await open(), 'a');
      redis.delay(1_000);
      redis.publish('a', 'first');
      redis.delay(10);
      redis.publish('a', 'second');
      await vi.advanceTimersByTimeAsync(990);
      await settled();
      expect(listener.texts).toEqual([]);
      await vi.advanceTimersByTimeAsync(10);
      await settled();
      expect(listener.texts).toEqual(['first', 'second']);
    });

    it('of each message begins when it is published', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
      const listener = await listen(await open(), 'a');
      redis.delay(100);
      redis.publish('a', 'first');
      await vi.advanceTimersByTimeAsync(60);
      redis.publish('a', 'second');
      await vi.advanceTimersByTimeAsync(40);
      await settled();
      expect(listener.texts).toEqual(['first']);
      await vi.advanceTimersByTimeAsync(60);
      await settled();
      expect(listener.texts).toEqual(['first', 'second']);
    });

    it('holds the acknowledgement of a subscription and the answer to a query', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
      const broker = await open();
      redis.delay(100);
      const answers: string[] = [];
      void listen(broker, 'a').then(() => answers.push('subscribed'));
      void broker.channels('*').then((names) => answers.push(`channels ${names.join()}`));
      await settled();
      expect(answers).toEqual([]);
      await vi.advanceTimersByTimeAsync(100);
      await settled();
      expect(answers.toSorted()).toEqual(['channels a', 'subscribed']);
    });

    it('ends with restore: what is delayed arrives in its order, and leaves no timer', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
      const broker = await open();
      const listener = await listen(broker, 'a');
      redis.delay(1_000);
      redis.publish('a', 'first');
      const answer = broker.publish('a', 'second');
      redis.restore();
      redis.publish('a', 'third');
      expect(await answer).toBe(1);
      await settled();
      expect(listener.texts).toEqual(['first', 'second', 'third']);
      expect(vi.getTimerCount()).toBe(0);
    });
  });

  describe('dropNext', () => {
    it('counts at each subscriber for itself, and adds up', async () => {
      const [one, two] = [await open(), await open()];
      const atOne = await listen(one, 'a');
      const [atTwo, atPattern] = [await listen(two, 'a'), await listen(two, '?', 'pattern')];
      redis.dropNext(2);
      redis.dropNext();
      for (const text of ['1', '2', '3', '4']) redis.publish('a', text);
      await settled();
      expect(atOne.texts).toEqual(['4']);
      // Each message reaches both of its subscriptions, one after the other.
      expect(atTwo.texts).toEqual(['3', '4']);
      expect(atPattern.texts).toEqual(['2', '3', '4']);
    });

    it('loses messages to shard channels, too', async () => {
      const listener = await listen(await open({ sharded: true }), 'a', 'shard');
      redis.dropNext();
      redis.publish('a', '1', { sharded: true });
      redis.publish('a', '2', { sharded: true });
      await settled();
      expect(listener.texts).toEqual(['2']);
    });

    it('with the count 0 loses none', async () => {
      const listener = await listen(await open(), 'a');
      redis.dropNext(0);
      redis.publish('a', '1');
      await settled();
      expect(listener.texts).toEqual(['1']);
    });

    it('ends with restore, and with the connection', async () => {
      const listener = await listen(await open(), 'a');
      redis.dropNext(5);
      redis.restore();
      redis.publish('a', '1');
      await settled();
      redis.dropNext(5);
      redis.cut();
      redis.restore();
      await settled();
      redis.publish('a', '2');
      await settled();
      expect(listener.texts).toEqual(['1', '2']);
    });
  });

  describe('refuse', () => {
    it('ends the connection of a subscription, which restore brings back', async () => {
      const broker = await open();
      const [refused, other] = [await listen(broker, 'a'), await listen(broker, 'b')];
      redis.refuse('SUBSCRIBE', 'a');
      await settled();
      expect(broker.status).toBe('reconnecting');
      expect([refused.refusals, other.refusals]).toEqual([1, 0]);
      expect([refused.gaps.length, other.gaps.length]).toEqual([0, 1]);
      redis.restore();
      await settled();
      expect(broker.status).toBe('connected');
      expect([refused.gaps.length, other.gaps.length]).toEqual([1, 1]);
      redis.publish('a', 'heard');
      await settled();
      expect(refused.texts).toEqual(['heard']);
    });

    it('does not subscribe again at restore for a listener that has left', async () => {
      const broker = await open();
      const listener = await listen(broker, 'a');
      redis.refuse('SUBSCRIBE');
      await settled();
      broker.unsubscribe({ kind: 'channel', name: 'a' }, listener);
      redis.restore();
      await settled();
      expect(redis.publish('a', 'x')).toBe(0);
      expect(broker.status).toBe('connected');
    });

    it('tries a subscription again whose refusal was under way at restore', async () => {
      const broker = await open();
      const listener = new Listener();
      redis.refuse('SUBSCRIBE');
      broker.subscribe({ kind: 'channel', name: 'a' }, listener);
      await new Promise((resolve) => realSetImmediate(resolve));
      redis.restore();
      await settled();
      expect([broker.status, redis.publish('a', 'heard')]).toEqual(['connected', 1]);
    });

    it('refuses several commands and names at once, and nothing else', async () => {
      const broker = await open();
      redis.refuse('PUBLISH', 'a.*');
      redis.refuse('PUBLISH', 'b');
      redis.refuse('PSUBSCRIBE');
      const outcomes = [];
      for (const name of ['a.1', 'b', 'c'])
        outcomes.push(await outcomeOf(broker.publish(name, 'x')));
      expect(outcomes).toEqual([
        'Redis refused to publish to "a.1": NOPERM No permissions to access a channel',
        'Redis refused to publish to "b": NOPERM No permissions to access a channel',
        0,
      ]);
      expect(await outcomeOf(listen(broker, '*', 'pattern'))).toMatch(
        /^Redis refused to subscribe/,
      );
      expect((await listen(broker, 'a.1')).refusals).toBe(0);
    });
  });

  describe('deafen', () => {
    it('of a subscriber without subscriptions changes nothing', async () => {
      const broker = await open();
      const statuses: string[] = [];
      broker.onStatus((status) => statuses.push(status));
      redis.deafen();
      await settled();
      redis.restore();
      await settled();
      expect(statuses).toEqual([]);
    });

    it('makes a subscriber starve with its first subscription', async () => {
      const broker = await open();
      redis.deafen();
      const listener = await listen(broker, 'a');
      expect(broker.status).toBe('starving');
      expect(redis.publish('a', 'lost')).toBe(1);
      redis.restore();
      await settled();
      expect(broker.status).toBe('connected');
      expect(listener.texts).toEqual([]);
      expect(listener.gaps).toHaveLength(1);
    });

    it('holds for connections that are opened later', async () => {
      redis.deafen();
      const listener = await listen(await open(), 'a');
      redis.publish('a', 'lost');
      await settled();
      redis.restore();
      await settled();
      redis.publish('a', 'heard');
      await settled();
      expect(listener.texts).toEqual(['heard']);
    });

    it('within a cut ends with one gap', async () => {
      const broker = await open();
      const listener = await listen(broker, 'a');
      redis.deafen();
      redis.cut();
      redis.restore();
      await settled();
      expect(broker.status).toBe('connected');
      expect(listener.gaps).toHaveLength(1);
    });
  });

  describe('close', () => {
    it('does not wait for a delay, also with a subscription that was not sent yet', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
      const broker = await open();
      redis.delay(10_000);
      broker.subscribe({ kind: 'channel', name: 'a' }, new Listener());
      const closed = outcomeOf(broker.close().then(() => 'closed'));
      expect(await Promise.race([closed, settled()])).toBe('closed');
      expect(redis.publish('a', 'lost')).toBe(0);
    });

    it('does not wait for messages that others publish after it', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
      const broker = await open();
      const listener = await listen(broker, 'a');
      redis.delay(10_000);
      redis.publish('a', 'before');
      const closed = outcomeOf(broker.close().then(() => 'closed'));
      expect(redis.publish('a', 'after')).toBe(0);
      expect(await Promise.race([closed, settled()])).toBe('closed');
      expect(listener.texts).toEqual(['before']);
    });

    it('and connect in one tick: an outage after that is reconnected', async () => {
      const broker = await open();
      const answer = broker.publish('a', 'under way');
      const closed = broker.close();
      await broker.connect(1_000);
      await closed;
      expect(await answer).toBe(0);
      expect(broker.status).toBe('connected');
      redis.cut();
      expect(broker.status).toBe('reconnecting');
    });
  });

  it('restore without a fault changes nothing', async () => {
    const broker = await open();
    const listener = await listen(broker, 'a');
    const statuses: string[] = [];
    broker.onStatus((status) => statuses.push(status));
    redis.restore();
    await settled();
    expect([statuses, listener.gaps]).toEqual([[], []]);
  });
});
