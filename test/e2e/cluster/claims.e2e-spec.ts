import { describe, expect, it } from 'vitest';
import { createTestBroker } from '../../conformance/test-broker.js';
import { Collector, unique } from '../../conformance/collector.js';
import { whenSubscribed } from '../../../src/broker/broker.js';
import type { SubscriptionKey } from '../../../src/channel/subscription-key.js';
import { useCluster } from '../../support/cluster.js';
import { eventually } from '../../support/redis.js';

const ttlMs = 60_000;

const keys = (count: number): string[] => Array.from({ length: count }, () => unique('key'));

describe('claims in a Cluster', () => {
  const cluster = useCluster();

  async function open() {
    const broker = createTestBroker({ nodes: cluster().startupNodes });
    await broker.connect(10_000);
    return broker;
  }

  it('are made at the owners of their keys', async () => {
    const [one, other] = await Promise.all([open(), open()]);
    const all = keys(50);
    const answers = await Promise.all(
      all.flatMap((key) => [one, other].map((it) => it.claim({ key, bits: [7], ttlMs }))),
    );
    expect(answers.filter(([isFirst]) => isFirst)).toHaveLength(50);
    const masters = await cluster().masters();
    const sizes = await Promise.all(masters.map(({ client }) => client.dbsize()));
    expect(sizes.every((size) => size > 0)).toBe(true);
  });

  it('follow a slot to its new owner', async () => {
    const [one, other] = await Promise.all([open(), open()]);
    const [key = ''] = keys(1);
    const claim = { key, bits: [1], ttlMs };
    await one.claim({ ...claim, key: unique('opens the connections') });
    await other.claim({ ...claim, key: unique('opens the connections') });
    const owner = await cluster().ownerOf(key);
    const next = (await cluster().masters()).find((it) => it !== owner);
    await cluster().moveSlot(key, next ?? owner);
    expect((await Promise.all([one.claim(claim), other.claim(claim)])).flat().toSorted()).toEqual([
      false,
      true,
    ]);
    expect(await next?.client.exists(key)).toBe(1);
  });

  it('are made at the next owner while a slot moves there', async () => {
    const [one, other] = await Promise.all([open(), open()]);
    const [key = ''] = keys(1);
    const owner = await cluster().ownerOf(key);
    const next = (await cluster().masters()).find((it) => it !== owner) ?? owner;
    const slot = await owner.client.cluster('KEYSLOT', key);
    const [ownerId, nextId] = await Promise.all(
      [owner, next].map(({ client }) => client.cluster('MYID')),
    );
    await next.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ownerId ?? '');
    await owner.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', nextId ?? '');
    try {
      const both = await Promise.all(
        [one, other].map((broker) => broker.claim({ key, bits: [1, 2], ttlMs })),
      );
      expect(both.flat().filter(Boolean)).toHaveLength(2);
      // The owner would answer ASK.
      await next.client.call('ASKING');
      expect(await next.client.pttl(key)).toBeGreaterThan(ttlMs);
    } finally {
      for (const { client } of [owner, next]) {
        await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', nextId ?? '');
      }
      await cluster().settled();
    }
    expect(await one.claim({ key, bits: [1, 3], ttlMs })).toEqual([false, true]);
  });

  it('go on after a failover, without those of a key being forgotten', async () => {
    const broker = await open();
    const [key = ''] = keys(1);
    expect(await broker.claim({ key, bits: [1], ttlMs })).toEqual([true]);
    await cluster().failOver(await cluster().ownerOf(key));
    await eventually(async () => {
      const claimed = await broker.claim({ key, bits: [2], ttlMs }).catch(() => undefined);
      return claimed !== undefined;
    });
    expect(await broker.claim({ key, bits: [1, 2, 3], ttlMs })).toEqual([false, false, true]);
  });

  it('fail while a slot has no owner, and say so', async () => {
    const broker = await open();
    await broker.claim({ key: unique('opens the connections'), ttlMs });
    const [key = ''] = keys(1);
    const owner = await cluster().ownerOf(key);
    await owner.kill();
    const errors = new Set<string>();
    await eventually(async () => {
      const error = await broker.claim({ key, ttlMs }).catch((it: unknown) => it as Error);
      if (error instanceof Error) errors.add(error.message.replace(key, 'key'));
      return error instanceof Error;
    });
    expect([...errors].join('\n')).toMatch(/not connected to Redis|has no owner|was lost before/);
    await owner.start();
    await cluster().settled();
    await eventually(async () => {
      const claimed = await broker.claim({ key, ttlMs }).catch(() => undefined);
      return claimed !== undefined;
    });
  });

  it('are made for messages whose age is known, also while a master is silent', async () => {
    const nodes = { nodes: cluster().startupNodes };
    const broker = createTestBroker(nodes, { pingInterval: 20, pingTimeout: 10_000 });
    await broker.connect(10_000);
    const classic = { kind: 'channel', name: unique('age') } as const;
    const atMasters = { kind: 'channel', name: '__keyevent@0__:expired', atMasters: true } as const;
    await whenSubscribed(broker, classic, new Collector());
    await whenSubscribed(broker, atMasters, new Collector());
    const masters = await cluster().masters();
    const counts = await Promise.all(
      masters.map(({ client }) => client.pubsub('NUMSUB', classic.name)),
    );
    const silent = masters[counts.findIndex(([, count]) => count === 0)];
    silent?.hang();
    try {
      const since = Date.now();
      const answered = (key: SubscriptionKey): number => Number(broker.lastAnswered(key));
      await eventually(() => answered(classic) > since);
      expect(answered(atMasters)).toBeLessThanOrEqual(since);
    } finally {
      await cluster().recover();
    }
  });
});
