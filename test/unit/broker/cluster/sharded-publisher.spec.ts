import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ShardedPublisher } from '../../../../src/broker/cluster/sharded-publisher.js';
import { slotOf } from '../../../../src/broker/cluster/slot.js';
import type { NodePublisher } from '../../../../src/broker/publishing/node-publisher.js';
import { ClosedError, CommandRefusedError, ConnectionError } from '../../../../src/errors.js';
import { outcomeOf, pass, replyError, useFakeClock, useRealClock } from '../fake-client.js';
import { FakeTopology } from './fake-topology.js';

const A = '10.0.0.1:7001';
const B = '10.0.0.2:7002';
const C = '10.0.0.3:7003';
const CHANNEL = 'news';
const SLOT = slotOf(CHANNEL);
const ALL = [[0, 16_383]] as const;
const OTHER = 'other';

interface Published {
  readonly text: string;
  readonly resolve: (receivers: number) => void;
  readonly reject: (error: unknown) => void;
}

/** The publisher of one node, whose answers a test gives. */
class FakeNode extends EventEmitter {
  isReady = false;
  readonly published: Published[] = [];
  readonly timeouts: number[] = [];
  readonly restarts: string[] = [];
  isClosed = false;
  /** What a close waits for. */
  answered: Promise<void> = Promise.resolve();
  readonly clients: readonly Redis[];

  constructor(
    readonly address: string,
    readonly onChange: () => void,
  ) {
    super();
    this.clients = [address as unknown as Redis];
  }

  /** The messages that were sent here. */
  get texts(): string[] {
    return this.published.map(({ text }) => text);
  }

  async open(timeoutMs: number): Promise<void> {
    this.timeouts.push(timeoutMs);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.answered;
  }

  onClient(listener: (client: Redis) => void): void {
    for (const client of this.clients) listener(client);
  }

  canPublish(): boolean {
    return this.isReady;
  }

  publish(channel: string, payload: string, kind: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.published.push({ text: `${kind} ${channel} ${payload}`, resolve, reject });
    });
  }

  restart(reason: string): void {
    this.restarts.push(reason);
  }

  becomeReady(isReady = true): void {
    this.isReady = isReady;
    this.onChange();
  }
}

/** Redis' answer that another node has the slot, as a publisher rejects with it. */
const movedTo = (address: string): Error =>
  new CommandRefusedError('publish', CHANNEL, replyError(`MOVED ${SLOT} ${address}`));

class Bench {
  readonly fake = new FakeTopology();
  readonly nodes = new Map<string, FakeNode>();
  readonly publisher: ShardedPublisher;
  changes = 0;

  constructor(publishBuffer: false | { maxMessages: number; maxAge: number } = false) {
    this.publisher = new ShardedPublisher(
      {
        topology: this.fake.topology,
        publishBuffer,
        createPublisher: (address, onChange) => {
          const node = new FakeNode(address, onChange);
          this.nodes.set(address, node);
          return node as unknown as NodePublisher;
        },
      },
      () => this.changes++,
    );
  }

  at(address: string): FakeNode {
    const node = this.nodes.get(address);
    if (!node) throw new Error(`Expected a publisher at ${address}`);
    return node;
  }

  /** Opens at one node that owns all slots, and is ready. */
  async openAt(address = A): Promise<void> {
    this.fake.change({ [address]: ALL });
    await this.publisher.open(1_000);
    this.at(address).becomeReady();
  }

  publish(text: string, channel = CHANNEL): { readonly value: unknown } {
    return outcomeOf(this.publisher.publish(channel, text));
  }

  /** Another node takes all slots. */
  handOver(to: string, { isSuccessor = false } = {}): void {
    this.fake.change({ [to]: ALL }, isSuccessor ? [to] : []);
    this.publisher.onMoved();
  }
}

beforeEach(useFakeClock);
afterEach(useRealClock);

describe('ShardedPublisher', () => {
  it('opens a publisher at each owner of slots', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: [[0, 99]], [B]: [[100, 16_383]] });
    await bench.publisher.open(700);
    expect([...bench.nodes.keys()]).toEqual([A, B]);
    expect(bench.at(A).timeouts.at(-1)).toBe(700);
    expect(bench.fake.asked).toEqual(['discover 700']);
    expect(bench.publisher.clients).toEqual([A, B]);
  });

  it('rejects its open when it is closed during the discovery', async () => {
    const bench = new Bench();
    const opened = outcomeOf(bench.publisher.open(700));
    await bench.publisher.close();
    await pass(0);
    expect(opened.value).toBeInstanceOf(ClosedError);
  });

  it('is ready when the publishers of all owners are', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: [[0, 99]], [B]: [[100, 16_383]] });
    await bench.publisher.open(1_000);
    bench.at(A).becomeReady();
    expect([bench.publisher.isReady, bench.publisher.wasReady]).toEqual([false, false]);
    bench.at(B).becomeReady();
    expect([bench.publisher.isReady, bench.publisher.wasReady]).toEqual([true, true]);
    bench.at(A).becomeReady(false);
    expect([bench.publisher.isReady, bench.publisher.wasReady]).toEqual([false, true]);
  });

  it('is not ready while no owner is known', () => {
    expect(new Bench().publisher.isReady).toBe(false);
  });

  it('publishes to the owner of the slot', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: [[0, SLOT]], [B]: [[SLOT + 1, 16_383]] });
    await bench.publisher.open(1_000);
    bench.at(A).becomeReady();
    bench.at(B).becomeReady();
    const outcome = bench.publish('1');
    expect([bench.at(A).texts, bench.at(B).texts]).toEqual([[`shard ${CHANNEL} 1`], []]);
    bench.at(A).published[0]?.resolve(3);
    await pass(0);
    expect(outcome.value).toBe('resolved');
  });

  it('rejects with the error of the node', async () => {
    const bench = new Bench();
    await bench.openAt();
    const refused = bench.publish('1');
    const failure = new CommandRefusedError('publish', CHANNEL, replyError('NOPERM'));
    bench.at(A).published[0]?.reject(failure);
    await pass(0);
    expect([refused.value, bench.fake.asked]).toEqual([failure, ['discover 1000']]);
  });

  it('refreshes the topology every 250 ms while it is not ready', async () => {
    const bench = new Bench();
    await bench.openAt();
    bench.fake.asked.length = 0;
    bench.at(A).becomeReady(false);
    await pass(500);
    expect(bench.fake.asked).toEqual(['refresh', 'refresh']);
    await bench.publisher.close();
    await pass(10_000);
    expect(bench.fake.asked).toEqual(['refresh', 'refresh']);
  });

  it('reports every client, also those of later owners', async () => {
    const bench = new Bench();
    await bench.openAt();
    const clients: unknown[] = [];
    bench.publisher.onClient((client) => clients.push(client));
    bench.handOver(B);
    expect(clients).toEqual([A, B]);
  });

  it('closes the publishers of nodes without slots', async () => {
    const bench = new Bench();
    await bench.openAt();
    bench.handOver(B);
    expect([bench.at(A).isClosed, bench.at(B).isClosed]).toEqual([true, false]);
    expect(bench.publisher.clients).toEqual([B]);
  });

  it('ignores new owners after a close', async () => {
    const bench = new Bench();
    await bench.openAt();
    await bench.publisher.close();
    bench.handOver(B);
    expect([...bench.nodes.keys()]).toEqual([A]);
  });
});

describe('ShardedPublisher, without a connection to the owner', () => {
  it('holds messages before it was ready, although there is no buffer', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: ALL });
    await bench.publisher.open(1_000);
    const outcome = bench.publish('1');
    expect([outcome.value, bench.at(A).texts]).toEqual([undefined, []]);
    bench.at(A).becomeReady();
    expect(bench.at(A).texts).toEqual([`shard ${CHANNEL} 1`]);
  });

  it('holds them for a second', async () => {
    const bench = new Bench();
    bench.fake.change({ [A]: ALL });
    await bench.publisher.open(1_000);
    const outcome = bench.publish('1');
    await pass(999);
    expect(outcome.value).toBeUndefined();
    await pass(1);
    expect(outcome.value).toEqual(
      new ConnectionError('Cannot publish to "news": not connected to Redis (waited for 1000 ms)'),
    );
  });

  it('rejects at once later on when there is no buffer', async () => {
    const bench = new Bench();
    await bench.openAt();
    bench.at(A).becomeReady(false);
    expect(bench.publisher.canPublish(CHANNEL)).toBe(false);
    await expect(bench.publisher.publish(CHANNEL, '1')).rejects.toThrow(
      new ConnectionError('Cannot publish to "news": not connected to the owner of its slot'),
    );
  });

  it('holds messages in the buffer, in their order, up to its limit', async () => {
    const bench = new Bench({ maxMessages: 2, maxAge: 5_000 });
    await bench.openAt();
    bench.at(A).becomeReady(false);
    const outcomes = ['1', '2', '3'].map((text) => bench.publish(text));
    await pass(0);
    expect(outcomes.map(({ value }) => value)).toEqual([
      undefined,
      undefined,
      new ConnectionError(
        'Cannot publish to "news": not connected to Redis (2 messages wait for it already)',
      ),
    ]);
    bench.at(A).becomeReady();
    expect(bench.at(A).texts).toEqual([`shard ${CHANNEL} 1`, `shard ${CHANNEL} 2`]);
  });

  it('rejects before it is open and after a close', async () => {
    const bench = new Bench({ maxMessages: 2, maxAge: 5_000 });
    await expect(bench.publisher.publish(CHANNEL, '1')).rejects.toThrow('not connected');
    await bench.openAt();
    bench.at(A).becomeReady(false);
    const held = bench.publish('2');
    await bench.publisher.close();
    await pass(0);
    expect(held.value).toBeInstanceOf(ClosedError);
    await expect(bench.publisher.publish(CHANNEL, '3')).rejects.toThrow('not connected');
  });

  it('sends the messages of another slot', async () => {
    const bench = new Bench({ maxMessages: 10, maxAge: 5_000 });
    const [low, high] = [SLOT, slotOf(OTHER)].toSorted((a, b) => a - b) as [number, number];
    bench.fake.change({ [A]: [[0, low]], [B]: [[low + 1, 16_383]] });
    expect(high).toBeGreaterThan(low);
    await bench.publisher.open(1_000);
    bench.at(A).becomeReady();
    bench.at(B).becomeReady();
    const [lowChannel, highChannel] = low === SLOT ? [CHANNEL, OTHER] : [OTHER, CHANNEL];
    bench.at(A).becomeReady(false);
    bench.publish('held', lowChannel);
    bench.publish('sent', highChannel);
    expect([bench.at(A).texts, bench.at(B).texts]).toEqual([[], [`shard ${highChannel} sent`]]);
  });
});

describe('ShardedPublisher, during the handover of a slot', () => {
  it('sends a redirected message to the new owner, before later ones', async () => {
    const bench = new Bench();
    await bench.openAt();
    let refreshed!: () => void;
    bench.fake.known = new Promise((resolve) => {
      refreshed = resolve;
    });
    bench.publish('1');
    bench.at(A).published[0]?.reject(movedTo(B));
    await pass(0);
    bench.publish('2');
    expect([bench.at(A).texts.length, bench.fake.asked.at(-1)]).toEqual([1, `refreshFrom ${B}`]);
    bench.handOver(B);
    bench.at(B).becomeReady();
    expect(bench.at(B).texts).toEqual([]);
    refreshed();
    await pass(0);
    expect(bench.at(B).texts).toEqual([`shard ${CHANNEL} 1`, `shard ${CHANNEL} 2`]);
  });

  it('settles a redirected message as the new owner answers', async () => {
    const bench = new Bench();
    await bench.openAt();
    const outcome = bench.publish('1');
    bench.handOver(B);
    bench.at(A).published[0]?.reject(movedTo(B));
    await pass(0);
    bench.at(B).becomeReady();
    expect(outcome.value).toBeUndefined();
    bench.at(B).published[0]?.resolve(1);
    await pass(0);
    expect(outcome.value).toBe('resolved');
  });

  it('asks once for the owner of a slot, however many messages are redirected', async () => {
    const bench = new Bench();
    await bench.openAt();
    bench.fake.known = new Promise(() => undefined);
    for (const text of ['1', '2', '3']) bench.publish(text);
    for (const { reject } of bench.at(A).published) reject(movedTo(B));
    await pass(0);
    expect(bench.fake.asked).toEqual(['discover 1000', `refreshFrom ${B}`]);
  });

  it('keeps the order of messages of which some were redirected', async () => {
    const bench = new Bench();
    await bench.openAt();
    for (const text of ['1', '2', '3']) bench.publish(text);
    const [first, second, third] = bench.at(A).published;
    first?.resolve(1);
    second?.reject(movedTo(B));
    await pass(1);
    bench.publish('4');
    bench.handOver(B);
    bench.at(B).becomeReady();
    expect(bench.at(B).texts).toEqual([]);
    third?.reject(movedTo(B));
    await pass(0);
    expect(bench.at(B).texts.map((text) => text.at(-1))).toEqual(['2', '3', '4']);
  });

  it('waits with the new owner until the last owner has answered', async () => {
    const bench = new Bench();
    await bench.openAt();
    bench.publish('1');
    bench.handOver(B);
    bench.at(B).becomeReady();
    const outcome = bench.publish('2');
    expect([bench.at(B).texts, bench.publisher.canPublish(CHANNEL)]).toEqual([[], false]);
    bench.at(A).published[0]?.resolve(1);
    await pass(0);
    expect(bench.at(B).texts).toEqual([`shard ${CHANNEL} 2`]);
    expect(outcome.value).toBeUndefined();
    expect(bench.publisher.canPublish(CHANNEL)).toBe(true);
  });

  it('does not let messages of other slots wait for that answer', async () => {
    const bench = new Bench();
    await bench.openAt();
    bench.publish('1');
    bench.handOver(B);
    bench.at(B).becomeReady();
    bench.publish('2', OTHER);
    expect(bench.at(B).texts).toEqual([`shard ${OTHER} 2`]);
  });

  it('waits with a successor until the last owner is closed, and 250 ms more', async () => {
    const bench = new Bench();
    await bench.openAt();
    let closed!: () => void;
    bench.at(A).answered = new Promise((resolve) => {
      closed = resolve;
    });
    bench.handOver(B, { isSuccessor: true });
    bench.at(B).becomeReady();
    bench.publish('1');
    await pass(500);
    expect(bench.at(B).texts).toEqual([]);
    closed();
    await pass(249);
    expect(bench.at(B).texts).toEqual([]);
    await pass(1);
    expect(bench.at(B).texts).toEqual([`shard ${CHANNEL} 1`]);
  });

  it('does not wait with an owner that is no successor', async () => {
    const bench = new Bench();
    await bench.openAt();
    bench.handOver(B);
    bench.at(B).becomeReady();
    bench.publish('1');
    expect(bench.at(B).texts).toEqual([`shard ${CHANNEL} 1`]);
  });

  it('takes a MOVED in a message of another error for that error', async () => {
    const bench = new Bench();
    await bench.openAt();
    const outcome = bench.publish('1');
    const failure = new ConnectionError('lost: MOVED 1 10.0.0.9:1');
    bench.at(A).published[0]?.reject(failure);
    await pass(0);
    expect([outcome.value, bench.fake.asked]).toEqual([failure, ['discover 1000']]);
  });

  it('follows a slot that moves on during its handover', async () => {
    const bench = new Bench();
    await bench.openAt();
    bench.publish('1');
    bench.handOver(B);
    bench.handOver(C);
    bench.at(C).becomeReady();
    bench.at(A).published[0]?.reject(movedTo(C));
    await pass(0);
    expect([bench.at(B).texts, bench.at(C).texts]).toEqual([[], [`shard ${CHANNEL} 1`]]);
  });
});

describe('ShardedPublisher#publisherAt', () => {
  it('is ready as the publisher of the node, and publishes and restarts it', async () => {
    const bench = new Bench();
    const probes = bench.publisher.publisherAt(A);
    expect(probes.isReady).toBe(false);
    await bench.openAt();
    expect(probes.isReady).toBe(true);
    void probes.publish(CHANNEL, 'probe', 'shard');
    probes.restart('it is silent');
    expect(bench.at(A).texts).toEqual([`shard ${CHANNEL} probe`]);
    expect(bench.at(A).restarts).toEqual(['it is silent']);
  });
});
