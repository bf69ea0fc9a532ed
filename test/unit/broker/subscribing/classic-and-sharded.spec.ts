import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import type { SubscriptionKey } from '../../../../src/channel/subscription-key.js';
import { ClassicAndSharded } from '../../../../src/broker/subscribing/classic-and-sharded.js';
import type { Subscriber } from '../../../../src/broker/subscribing/subscriber.js';
import { Listener } from './registry-listener.js';

const CLASSIC: SubscriptionKey = { kind: 'channel', name: 'a' };
const PATTERN: SubscriptionKey = { kind: 'pattern', name: 'a.*' };
const SHARD: SubscriptionKey = { kind: 'shard', name: 'a' };
const AT_MASTERS: SubscriptionKey = { ...CLASSIC, atMasters: true };
const WAITER = { onSubscribed: () => undefined, onFailed: () => undefined };

/** A member without connections. */
class FakeMember implements Subscriber {
  isReady = false;
  isRestored = true;
  isStarving = false;
  hasEnded = false;
  isEmpty = true;
  subscriptions = 0;
  lastDeliveryAt: Date | undefined;
  readonly opened: number[] = [];
  closes = 0;
  readonly subscribed: string[] = [];
  readonly clients: readonly Redis[];

  constructor(name: string) {
    this.clients = [name as unknown as Redis];
  }

  onClient(listener: (client: Redis) => void): void {
    for (const client of this.clients) listener(client);
  }

  async open(timeoutMs: number): Promise<void> {
    this.opened.push(timeoutMs);
  }

  async close(): Promise<void> {
    this.closes++;
  }

  subscriberFor() {
    return {
      isReady: this.isReady,
      lastAnswered: this.lastDeliveryAt,
      subscribe: ({ kind, name }: SubscriptionKey) => {
        this.isEmpty = false;
        this.subscribed.push(`${kind} ${name}`);
      },
      unsubscribe: () => undefined,
      whenRead: () => undefined,
      serverId: undefined,
      isSubscribed: () => false,
      listenersOf: () => [],
    };
  }
}

function bench({ startsSharded = false } = {}) {
  const classic = new FakeMember('classic');
  const sharded = new FakeMember('sharded');
  return { classic, sharded, both: new ClassicAndSharded({ classic, sharded, startsSharded }) };
}

describe('ClassicAndSharded', () => {
  it.each([
    [false, [7], []],
    [true, [], [7]],
  ])(
    'with startsSharded %j opens one member',
    async (startsSharded, classicOpens, shardedOpens) => {
      const { both, classic, sharded } = bench({ startsSharded });
      await both.open(7);
      expect([classic.opened, sharded.opened]).toEqual([classicOpens, shardedOpens]);
      expect(both.clients).toEqual([startsSharded ? 'sharded' : 'classic']);
    },
  );

  it('opens both when both have subscriptions', async () => {
    const { both, classic, sharded } = bench();
    both.subscribe(SHARD, new Listener());
    await both.open(7);
    expect([classic.opened, sharded.opened]).toEqual([[7], [7]]);
    expect(both.clients).toEqual(['classic', 'sharded']);
  });

  it('opens the other member with its first subscription, once', async () => {
    const { both, sharded } = bench();
    await both.open(7);
    both.subscribe(SHARD, new Listener(), WAITER);
    both.subscribe(SHARD, new Listener(), WAITER);
    expect([sharded.opened, both.clients]).toEqual([[30_000], ['classic', 'sharded']]);
  });

  it('opens nothing before it is open, and after a close', async () => {
    const { both, classic, sharded } = bench();
    both.subscribe(SHARD, new Listener(), WAITER);
    expect(sharded.opened).toEqual([]);
    await both.open(7);
    await both.close();
    both.subscribe(SHARD, new Listener(), WAITER);
    both.subscribe(CLASSIC, new Listener(), WAITER);
    expect([classic.opened, sharded.opened]).toEqual([[7], [7]]);
    expect([classic.closes, sharded.closes]).toEqual([1, 1]);
  });

  it('subscribes at each master over the connections for that, opened with the first of them', async () => {
    const { classic, sharded } = bench();
    const masters = new FakeMember('masters');
    const all = new ClassicAndSharded({ classic, sharded, masters, startsSharded: false });
    classic.isReady = true;
    await all.open(7);
    expect([masters.opened, all.isReady, all.clients]).toEqual([[], true, ['classic']]);
    all.subscribe(AT_MASTERS, new Listener());
    expect([masters.subscribed, classic.subscribed]).toEqual([['channel a'], []]);
    expect([masters.opened, all.isReady]).toEqual([[30_000], false]);
    masters.isReady = true;
    expect([all.isReady, all.clients]).toEqual([true, ['classic', 'masters']]);
    await all.close();
    expect(masters.closes).toBe(1);
  });

  it('without masters subscribes at the only server', () => {
    const { both, classic } = bench();
    both.subscribe(AT_MASTERS, new Listener());
    expect(classic.subscribed).toEqual(['channel a']);
  });

  it('subscribes over the connection of the kind', () => {
    const { both, classic, sharded } = bench();
    for (const key of [CLASSIC, PATTERN, SHARD]) both.subscribe(key, new Listener());
    expect(classic.subscribed).toEqual(['channel a', 'pattern a.*']);
    expect(sharded.subscribed).toEqual(['shard a']);
  });

  it('reports the clients of both members', () => {
    const { both } = bench();
    const clients: unknown[] = [];
    both.onClient((client) => clients.push(client));
    expect(clients).toEqual(['classic', 'sharded']);
  });

  describe('isReady and isRestored', () => {
    it('are those of the first member while the other one is not used', async () => {
      const { both, classic } = bench();
      await both.open(7);
      expect(both.isReady).toBe(false);
      classic.isReady = true;
      classic.isRestored = false;
      expect([both.isReady, both.isRestored]).toEqual([true, false]);
    });

    it('do not miss a member whose subscriptions ended before it was opened', async () => {
      const { both, classic, sharded } = bench();
      both.subscribe(SHARD, new Listener());
      sharded.isEmpty = true;
      await both.open(7);
      classic.isReady = true;
      expect([sharded.opened, both.isReady]).toEqual([[], true]);
    });

    it('do not miss the other member before it was ready once', async () => {
      const { both, classic, sharded } = bench();
      await both.open(7);
      classic.isReady = true;
      both.subscribe(SHARD, new Listener(), WAITER);
      sharded.isRestored = false;
      expect([both.isReady, both.isRestored]).toEqual([true, true]);
      sharded.isReady = true;
      expect([both.isReady, both.isRestored]).toEqual([true, false]);
      sharded.isReady = false;
      expect(both.isReady).toBe(false);
    });

    it('miss the other member at once for a listener without a waiter', async () => {
      const { both, classic } = bench();
      await both.open(7);
      classic.isReady = true;
      both.subscribe(SHARD, new Listener());
      expect(both.isReady).toBe(false);
    });

    it('do not miss the other member any more after a close', async () => {
      const { both, classic, sharded } = bench();
      both.subscribe(SHARD, new Listener());
      await both.open(7);
      await both.close();
      classic.isReady = true;
      sharded.isReady = false;
      expect(both.isReady).toBe(true);
    });
  });

  describe('canSubscribe', () => {
    it('is true for a member that is not used yet', () => {
      expect(bench().both.canSubscribe(SHARD)).toBe(true);
    });

    it.each([true, false])('is %j as the connection is ready', (isReady) => {
      const { both, classic } = bench();
      classic.isReady = isReady;
      expect(both.canSubscribe(CLASSIC)).toBe(isReady);
    });
  });

  it('has the subscriptions of both members', () => {
    const { classic, sharded, both } = bench();
    [classic.subscriptions, sharded.subscriptions] = [2, 3];
    expect(both.subscriptions).toBe(5);
  });

  describe('lastDeliveryAt', () => {
    const [EARLY, LATE] = [new Date(1), new Date(2)];

    it.each<[string, Date | undefined, Date | undefined, Date | undefined]>([
      ['that of the member that was confirmed first', LATE, EARLY, EARLY],
      ['that of the member that was confirmed first, whichever it is', EARLY, LATE, EARLY],
      ['that of the first member before the other one is used', EARLY, undefined, EARLY],
      ['that of the other member before the first one is connected', undefined, LATE, LATE],
      ['undefined before a connection', undefined, undefined, undefined],
    ])('is %s', (_, ofClassic, ofSharded, expected) => {
      const { classic, sharded, both } = bench();
      [classic.lastDeliveryAt, sharded.lastDeliveryAt] = [ofClassic, ofSharded];
      expect(both.lastDeliveryAt).toBe(expected);
      [classic.isEmpty, sharded.isEmpty] = [false, false];
      expect(both.lastDeliveryAt).toBe(expected);
    });

    it('leaves out a member without subscriptions where the other one has some', () => {
      const { classic, sharded, both } = bench();
      [classic.lastDeliveryAt, sharded.lastDeliveryAt] = [EARLY, LATE];
      sharded.isEmpty = false;
      expect(both.lastDeliveryAt).toBe(LATE);
    });
  });

  it('is starving, has ended or is empty as its members are', () => {
    const { both, classic, sharded } = bench();
    expect([both.isStarving, both.hasEnded, both.isEmpty]).toEqual([false, false, true]);
    sharded.isStarving = true;
    classic.hasEnded = true;
    sharded.isEmpty = false;
    expect([both.isStarving, both.hasEnded, both.isEmpty]).toEqual([true, true, false]);
  });
});
