import { setImmediate } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterTopology } from '../../../../src/broker/cluster/cluster-topology.js';
import { ShardedSubscriber } from '../../../../src/broker/cluster/sharded-subscriber.js';
import { SlotMap } from '../../../../src/broker/cluster/slot-map.js';
import { slotOf } from '../../../../src/broker/cluster/slot.js';
import { messageOf } from '../../../../src/errors.js';
import { NodeSubscriber } from '../../../../src/broker/subscribing/node-subscriber.js';
import { Listener } from '../subscribing/registry-listener.js';

const CHANNEL = 'news';
const KEY = { kind: 'shard', name: CHANNEL } as const;
const SLOT = slotOf(CHANNEL);
const [A, B] = ['127.0.0.1:1', '127.0.0.1:2'];
const nothing = (): void => undefined;
const log = { log: nothing, warn: nothing, error: nothing };

/** Who owns the slots below that of the channel, that of the channel, and those above. */
const slotsOf = (below: string, own: string | undefined, above = below): SlotMap =>
  SlotMap.of(
    [
      { address: below, slots: [[0, SLOT - 1]] },
      ...(own === undefined ? [] : [{ address: own, slots: [[SLOT, SLOT]] }]),
      { address: above, slots: [[SLOT + 1, 16_383]] },
    ] as never,
    ({ address }) => address,
  );

describe('shard channels of a Cluster', () => {
  let topology: { slots: SlotMap; lastOwners: SlotMap; discover: () => Promise<void> };
  let subscriber: ShardedSubscriber;
  let nodes: Map<string, NodeSubscriber>;

  beforeEach(() => {
    nodes = new Map();
    topology = {
      slots: SlotMap.EMPTY,
      lastOwners: SlotMap.EMPTY,
      discover: () => Promise.resolve(),
    };
    const rest = {
      successors: new Set(),
      lastConfirmed: new Date(),
      next: () => A,
      refresh: nothing,
    };
    const createSubscriber = (address: string): NodeSubscriber => {
      const port = Number(address.split(':')[1]);
      const node = new NodeSubscriber(
        new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => 10 }),
        {
          kind: 'shard',
          pingInterval: 1_000,
          pingTimeout: 1_000,
          probeInterval: 0,
          probePrefix: 'probe',
          publisher: {
            isReady: false,
            publish: () => Promise.reject(new Error()),
            restart: nothing,
          },
          log,
        },
        { onChange: nothing },
      );
      nodes.set(address, node);
      return node;
    };
    subscriber = new ShardedSubscriber(
      {
        topology: Object.assign(topology, rest) as unknown as ClusterTopology,
        createSubscriber,
        probePrefix: 'probe',
      },
      nothing,
    );
  });
  afterEach(() => subscriber.close());

  const learn = (slots: SlotMap): void => {
    topology.lastOwners = slots.withFallback(topology.lastOwners);
    topology.slots = slots;
    subscriber.onMoved();
  };
  const holders = (): string[] =>
    [...nodes].filter(([, { isEmpty }]) => !isEmpty).map(([address]) => address);

  it('are waited for where they are, and not where they were', async () => {
    const opened = subscriber.open(300);
    learn(slotsOf(B, A));
    await setImmediate();
    const failure = opened.catch(messageOf);
    learn(slotsOf(B, B));
    expect(await failure).toContain('127.0.0.1:2');
  });

  it('stay where they are while nobody owns their slot, and come and go there', async () => {
    const opened = subscriber.open(0).catch(nothing);
    learn(slotsOf(B, A));
    const [first, second] = [new Listener(), new Listener()];
    subscriber.subscriberFor(KEY).subscribe(KEY, first);
    expect(holders()).toEqual([A]);
    learn(slotsOf(B, undefined));
    subscriber.subscriberFor(KEY).subscribe(KEY, second);
    expect(holders()).toEqual([A]);
    for (const listener of [first, second]) {
      subscriber.subscriberFor(KEY).unsubscribe(KEY, listener, false);
    }
    expect(holders()).toEqual([]);
    await opened;
  });

  it('are opened where they wait, although the Cluster was not there in time', async () => {
    subscriber.subscriberFor(KEY).subscribe(KEY, new Listener());
    topology.discover = () => Promise.reject(new Error('not in time'));
    await expect(subscriber.open(0)).rejects.toThrow('not in time');
    learn(slotsOf(A, A));
    const [client] = nodes.get(A)?.clients ?? [];
    await expect.poll(() => client?.status).not.toBe('wait');
  });
});
