import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ShardedSubscriber } from '../../../../src/broker/cluster/sharded-subscriber.js';
import { slotOf } from '../../../../src/broker/cluster/slot.js';
import { NodeSubscriber } from '../../../../src/broker/subscribing/node-subscriber.js';
import { ClosedError } from '../../../../src/errors.js';
import {
  FakeClient,
  FakeLog,
  outcomeOf,
  pass,
  replyError,
  useFakeClock,
  useRealClock,
} from '../fake-client.js';
import { Listener } from '../subscribing/registry-listener.js';
import { FakeTopology } from './fake-topology.js';

const KEY = { kind: 'shard', name: 'news' } as const;
const SLOT = slotOf('news');
const A = '10.0.0.1:7001';
const B = '10.0.0.2:7002';
const ALL = [[0, 16_383]] as const;
const BELOW = [0, SLOT - 1] as const;
const OWN = [SLOT, SLOT] as const;
const ABOVE = [SLOT + 1, 16_383] as const;

/** A listener that keeps its gaps. */
class GapListener extends Listener {
  readonly gaps: { from: Date; to: Date }[] = [];

  onResubscribed(gap: { from: Date; to: Date }): void {
    this.gaps.push(gap);
  }
}

/** A subscriber whose nodes are clients that acknowledge every command. */
class Bench {
  readonly fake = new FakeTopology();
  readonly clients = new Map<string, FakeClient>();
  readonly nodes = new Map<string, NodeSubscriber>();
  readonly subscriber: ShardedSubscriber;
  changes = 0;

  constructor({ probeInterval = 0 } = {}) {
    this.subscriber = new ShardedSubscriber(
      {
        topology: this.fake.topology,
        probePrefix: 'probe',
        createSubscriber: (address, observer) => {
          const client = new FakeClient();
          client.onCommand = ({ name, resolve }) => name !== 'ping' && resolve('');
          client.condition = {
            subscriber: { channels: () => this.subscribedAt(address) },
          } as never;
          const node = new NodeSubscriber(
            client.redis,
            {
              transport: 'test',
              kind: 'shard',
              pingInterval: 1_000_000,
              pingTimeout: 1_000_000,
              probeInterval,
              probePrefix: 'probe',
              publisher: {
                isReady: true,
                publish: () => Promise.resolve(0),
                restart: () => undefined,
              },
              log: new FakeLog(),
            },
            observer,
          );
          this.clients.set(address, client);
          this.nodes.set(address, node);
          return node;
        },
      },
      () => this.changes++,
    );
  }

  /** The channels that a node has, as ioredis counts them. */
  subscribedAt(address: string): string[] {
    const channels = new Set<string>();
    for (const { name, args } of this.at(address).sent) {
      for (const channel of args.map(String)) {
        if (name === 'ssubscribe') channels.add(channel);
        if (name === 'sunsubscribe') channels.delete(channel);
      }
    }
    for (const ended of this.ended) channels.delete(ended);
    return [...channels];
  }

  /** Channels whose subscriptions Redis has ended on its own. */
  readonly ended = new Set<string>();

  at(address: string): FakeClient {
    const client = this.clients.get(address);
    if (!client) throw new Error(`Expected a client at ${address}`);
    return client;
  }

  commandsAt(address: string): string[] {
    return this.at(address).commands.filter((it) => /^s(un)?subscribe/.test(it));
  }

  /** The nodes with subscriptions. */
  get holders(): string[] {
    return [...this.nodes].filter(([, { isEmpty }]) => !isEmpty).map(([address]) => address);
  }

  change(...change: Parameters<FakeTopology['change']>): void {
    this.fake.change(...change);
    this.subscriber.onMoved();
  }

  async openAt(...addresses: string[]): Promise<void> {
    const opened = this.subscriber.open(1_000);
    await pass(0);
    for (const address of addresses) this.at(address).becomeReady();
    await opened;
  }

  subscribe(listener: Listener = new Listener(), name = 'news'): Listener {
    const key = { kind: 'shard', name } as const;
    this.subscriber.subscriberFor(key).subscribe(key, listener);
    return listener;
  }
}

beforeEach(useFakeClock);
afterEach(useRealClock);

describe('ShardedSubscriber#open', () => {
  it('opens a subscriber at each owner of slots', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: [BELOW, OWN], [B]: [ABOVE] });
    const opened = outcomeOf(bench.subscriber.open(1_000));
    await pass(0);
    expect([bench.at(A).connects, bench.at(B).connects]).toEqual([1, 1]);
    bench.at(A).becomeReady();
    await pass(0);
    expect([opened.value, bench.subscriber.isReady]).toEqual([undefined, false]);
    bench.at(B).becomeReady();
    await pass(0);
    expect([opened.value, bench.subscriber.isReady]).toEqual(['resolved', true]);
  });

  it('rejects when it is closed during the discovery', async () => {
    const bench = new Bench();
    const opened = outcomeOf(bench.subscriber.open(1_000));
    await bench.subscriber.close();
    await pass(0);
    expect(opened.value).toBeInstanceOf(ClosedError);
    expect(bench.clients.size).toBe(0);
  });

  it('waits for the current owners, and not for earlier ones', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: ALL });
    const opened = outcomeOf(bench.subscriber.open(1_000));
    await pass(0);
    bench.change({ [B]: ALL });
    await pass(0);
    bench.at(B).becomeReady();
    await pass(250);
    expect(opened.value).toBe('resolved');
  });

  it('moves a subscription that was added before the topology was known', async () => {
    const bench = new Bench();
    bench.fake.addresses = [B];
    bench.subscribe();
    expect(bench.holders).toEqual([B]);
    bench.fake.change({ [A]: ALL });
    await bench.openAt(A);
    await pass(0);
    expect([bench.holders, bench.commandsAt(A)]).toEqual([[A], ['ssubscribe news']]);
  });

  it('opens the nodes that hold subscriptions, although the discovery fails', async () => {
    const bench = new Bench();
    bench.fake.addresses = [A];
    bench.subscribe();
    bench.fake.known = Promise.reject(new Error('no node is reachable'));
    await expect(bench.subscriber.open(0)).rejects.toThrow('no node is reachable');
    await pass(0);
    expect(bench.at(A).connects).toBe(1);
  });
});

describe('ShardedSubscriber, where slots move', () => {
  it('subscribes at the owner of the slot', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: [OWN], [B]: [BELOW, ABOVE] });
    await bench.openAt(A, B);
    bench.subscribe();
    await pass(0);
    expect([bench.commandsAt(A), bench.commandsAt(B)]).toEqual([['ssubscribe news'], []]);
  });

  it('moves a subscription to the next owner, with a gap from when both were confirmed', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: [OWN], [B]: [BELOW, ABOVE] });
    await bench.openAt(A, B);
    const listener = bench.subscribe(new GapListener()) as GapListener;
    await pass(0);
    listener.gaps.length = 0;
    bench.fake.lastConfirmed = new Date(Date.now() - 700);
    bench.change({ [B]: ALL });
    await pass(0);
    expect([bench.holders, bench.commandsAt(B)]).toEqual([[B], ['ssubscribe news']]);
    expect(listener.gaps).toEqual([{ from: bench.fake.lastConfirmed, to: new Date() }]);
    bench.at(B).emit('smessageBuffer', Buffer.from('news'), Buffer.from('x'));
    expect(listener.received).toEqual(['x']);
  });

  it('closes the subscriber of a node that has no slots any more', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: [OWN], [B]: [BELOW, ABOVE] });
    await bench.openAt(A, B);
    bench.change({ [B]: ALL });
    await pass(0);
    expect([bench.at(A).disconnects, bench.subscriber.clients]).toEqual([1, [bench.at(B)]]);
  });

  it('keeps a subscription at the last owner while the slot has none', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: [OWN], [B]: [BELOW, ABOVE] });
    await bench.openAt(A, B);
    const first = bench.subscribe();
    bench.change({ [B]: [BELOW, ABOVE] });
    const second = bench.subscribe();
    await pass(0);
    expect([bench.holders, bench.commandsAt(B)]).toEqual([[A], []]);
    for (const listener of [first, second]) {
      bench.subscriber.subscriberFor(KEY).unsubscribe(KEY, listener, false);
    }
    await pass(0);
    expect(bench.holders).toEqual([]);
  });

  it('changes nothing after a close', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: ALL });
    await bench.openAt(A);
    await bench.subscriber.close();
    bench.change({ [B]: ALL });
    expect([...bench.clients.keys()]).toEqual([A]);
  });

  it('opens a new owner at once', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: ALL });
    await bench.openAt(A);
    bench.change({ [A]: [BELOW], [B]: [OWN, ABOVE] });
    await pass(0);
    expect(bench.at(B).connects).toBe(1);
  });

  it('opens a successor after 250 ms, when the last owner forwards nothing more', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: ALL });
    await bench.openAt(A);
    bench.change({ [B]: ALL }, [B]);
    await pass(249);
    expect(bench.at(B).connects).toBe(0);
    await pass(1);
    expect(bench.at(B).connects).toBe(1);
  });

  it('does not open a successor that loses its slots before', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: ALL });
    await bench.openAt(A);
    bench.change({ [B]: ALL }, [B]);
    bench.change({ [A]: ALL });
    await pass(1_000);
    expect(bench.at(B).connects).toBe(0);
  });

  it('opens nothing after a close in that time', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: ALL });
    await bench.openAt(A);
    bench.change({ [B]: ALL }, [B]);
    await bench.subscriber.close();
    await pass(1_000);
    expect(bench.at(B).connects).toBe(0);
  });

  it('refreshes the topology every 250 ms while an owner is down', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: ALL });
    await bench.openAt(A);
    bench.fake.asked.length = 0;
    bench.at(A).lose();
    await pass(500);
    expect(bench.fake.asked).toEqual(['refresh', 'refresh']);
    bench.at(A).becomeReady();
    await pass(250);
    bench.fake.asked.length = 0;
    await pass(10_000);
    expect(bench.fake.asked).toEqual([]);
  });
});

/** A subscriber with two channels at one node. */
async function subscribed() {
  const bench = new Bench();
  bench.fake.change({ [A]: ALL });
  await bench.openAt(A);
  const listeners = ['news', 'other'].map(
    (name) => bench.subscribe(new GapListener(), name) as GapListener,
  );
  await pass(0);
  for (const { gaps } of listeners) gaps.length = 0;
  bench.fake.asked.length = 0;
  return { bench, listeners };
}

describe('ShardedSubscriber, after a redirect', () => {
  it('asks the node that redirected for the topology', async () => {
    const { bench } = await subscribed();
    bench.at(A).endShardChannel();
    expect(bench.fake.asked).toEqual([`refresh ${A}`]);
  });

  it('subscribes again after 500 ms to the channels that Redis has ended, and to no others', async () => {
    const { bench, listeners } = await subscribed();
    bench.ended.add('news');
    const since = Date.now();
    bench.at(A).endShardChannel();
    bench.at(A).endShardChannel();
    await pass(499);
    expect(bench.commandsAt(A)).toEqual(['ssubscribe news other']);
    await pass(1);
    expect(bench.commandsAt(A)).toEqual(['ssubscribe news other', 'ssubscribe news']);
    expect(listeners.map(({ gaps }) => gaps.length)).toEqual([1, 0]);
    expect(listeners[0]?.gaps[0]?.from.getTime()).toBeLessThanOrEqual(since);
  });

  it('does not subscribe again where the connection was lost in that time', async () => {
    const { bench } = await subscribed();
    bench.ended.add('news');
    bench.at(A).endShardChannel();
    bench.at(A).lose();
    await pass(500);
    expect(bench.commandsAt(A)).toEqual(['ssubscribe news other']);
  });

  it('does nothing after a close', async () => {
    const { bench } = await subscribed();
    bench.at(A).endShardChannel();
    await bench.subscriber.close();
    bench.fake.asked.length = 0;
    bench.at(A).endShardChannel();
    await pass(10_000);
    expect([bench.fake.asked, bench.commandsAt(A)]).toEqual([[], ['ssubscribe news other']]);
  });

  it('takes a refusal with MOVED for a redirect', async () => {
    const { bench } = await subscribed();
    bench.at(A).onCommand = ({ reject }) => reject(replyError(`MOVED ${SLOT} ${B}`));
    bench.subscribe(new Listener(), 'third');
    await pass(0);
    expect(bench.fake.asked).toEqual([`refresh ${A}`]);
  });
});

const probeOf = (bench: Bench, address: string): string =>
  bench.nodes.get(address)?.probeChannel ?? '';

it('ShardedSubscriber uses at each node a probe channel whose slot the node owns', async () => {
  const bench = new Bench();
  bench.fake.change({ [A]: [[0, 8_191]], [B]: [[8_192, 16_383]] });
  await bench.openAt(A, B);
  expect(slotOf(probeOf(bench, A))).toBeLessThan(8_192);
  expect(slotOf(probeOf(bench, B))).toBeGreaterThanOrEqual(8_192);
});

describe('ShardedSubscriber, its probes', () => {
  it('move when the slot of their channel moves, and not before', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: [[0, 8_191]], [B]: [[8_192, 16_383]] });
    await bench.openAt(A, B);
    const [a, b] = [probeOf(bench, A), probeOf(bench, B)];
    const slot = slotOf(a);
    bench.change({
      [A]: [
        [0, slot - 1],
        [slot + 1, 8_191],
      ],
      [B]: [
        [slot, slot],
        [8_192, 16_383],
      ],
    });
    expect(bench.fake.slots.ownerOf(slotOf(probeOf(bench, A)))).toBe(A);
    expect([probeOf(bench, A) === a, probeOf(bench, B)]).toEqual([false, b]);
  });
});

describe('ShardedSubscriber, its state', () => {
  it('is not ready while no owner is known', () => {
    expect(new Bench().subscriber.isReady).toBe(false);
  });

  it('is ready as the nodes with subscriptions are, if there are any', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: [OWN], [B]: [BELOW, ABOVE] });
    await bench.openAt(A, B);
    bench.subscribe();
    bench.at(B).lose();
    expect(bench.subscriber.isReady).toBe(true);
    bench.at(A).lose();
    expect([bench.subscriber.isReady, bench.subscriber.isRestored]).toEqual([false, false]);
  });

  it('reports the clients of all nodes, also of later ones', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: ALL });
    await bench.openAt(A);
    const clients: unknown[] = [];
    bench.subscriber.onClient((client) => clients.push(client));
    bench.change({ [A]: [BELOW], [B]: [OWN, ABOVE] });
    expect(clients).toEqual([bench.at(A), bench.at(B)]);
  });
});
