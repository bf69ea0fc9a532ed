import { describe, expect, it } from 'vitest';
import { ClusterPublisher } from '../../../../src/broker/cluster/cluster-publisher.js';
import type { ShardedPublisher } from '../../../../src/broker/cluster/sharded-publisher.js';
import type { NodePublisher } from '../../../../src/broker/publishing/node-publisher.js';
import { ClosedError, ConnectionError } from '../../../../src/errors.js';
import { FakeTopology } from './fake-topology.js';

/** A publisher of one node, or of all, that keeps its calls. */
class FakePublisher {
  isReady = true;
  hasEnded = false;
  isOpen = false;
  wasReady = false;
  accepts = true;
  readonly calls: string[] = [];
  readonly clients: readonly unknown[];

  constructor(
    readonly name: string,
    readonly answers: Record<string, unknown> = {},
  ) {
    this.clients = [name];
  }

  onClient(listener: (client: unknown) => void): void {
    for (const client of this.clients) listener(client);
  }

  async open(timeoutMs: number): Promise<void> {
    this.calls.push(`open ${timeoutMs}`);
    this.isOpen = true;
    if (!this.isReady) throw new Error('down');
  }

  async close(): Promise<void> {
    this.calls.push('close');
  }

  canPublish(): boolean {
    return this.accepts;
  }

  publishAtOwner({ channel }: { readonly channel: string }): Promise<number> {
    return this.publish(channel);
  }

  async publish(channel: string): Promise<number> {
    this.calls.push(`publish ${channel}`);
    return 1;
  }

  async channels(): Promise<unknown> {
    return this.#answer('channels');
  }

  async subscriberCounts(): Promise<unknown> {
    return this.#answer('counts');
  }

  async patternCount(): Promise<unknown> {
    return this.#answer('patterns');
  }

  async callMasters(command: string): Promise<unknown> {
    return [{ address: this.name, answer: `${command} ${String(this.#answer('master'))}` }];
  }

  #answer(name: string): unknown {
    if (!this.isReady) throw new ConnectionError('not connected');
    if (this.answers[name] instanceof Error) throw this.answers[name];
    return this.answers[name];
  }
}

function bench({ startsSharded = false, nodes = [] as FakePublisher[] } = {}) {
  const classic = new FakePublisher('classic');
  const sharded = new FakePublisher('sharded');
  const fake = new FakeTopology();
  fake.addresses = nodes.map(({ name }) => name);
  const publisher = new ClusterPublisher({
    classic: classic as unknown as NodePublisher,
    sharded: sharded as unknown as ShardedPublisher,
    startsSharded,
    topology: fake.topology,
    createPublisher: (address) =>
      nodes.find(({ name }) => name === address) as unknown as NodePublisher,
  });
  return { publisher, classic, sharded, fake };
}

describe('ClusterPublisher', () => {
  it('counts receivers of shard channels only', () => {
    const { publisher } = bench();
    expect([publisher.countsReceivers('shard'), publisher.countsReceivers('channel')]).toEqual([
      true,
      false,
    ]);
  });

  it.each([
    [false, ['open 7'], []],
    [true, ['open 7'], ['open 7']],
  ])('with startsSharded %j opens', async (startsSharded, classicCalls, shardedCalls) => {
    const { publisher, classic, sharded } = bench({ startsSharded });
    await publisher.open(7);
    expect([classic.calls, sharded.calls]).toEqual([classicCalls, shardedCalls]);
  });

  it('waits at a further open for the sharded publisher that is open', async () => {
    const { publisher, sharded } = bench();
    sharded.isOpen = true;
    await publisher.open(7);
    expect(sharded.calls).toEqual(['open 7']);
  });

  it.each([
    [false, true, false, true],
    [true, true, false, false],
    [true, true, true, true],
    [true, false, true, false],
  ])(
    'with startsSharded %j, classic %j and sharded %j is ready: %j',
    (startsSharded, isClassicReady, isShardedReady, isReady) => {
      const { publisher, classic, sharded } = bench({ startsSharded });
      classic.isReady = isClassicReady;
      sharded.isReady = isShardedReady;
      expect(publisher.isReady).toBe(isReady);
    },
  );

  it('calls a command at each owner of slots, and leaves out those that are down', async () => {
    const nodes = ['a:1', 'b:2', 'c:3', 'd:4'].map(
      (name) => new FakePublisher(name, { master: 1 }),
    );
    const { publisher, fake } = bench({ nodes });
    fake.change({ 'a:1': [[0, 5]], 'b:2': [[6, 9]], 'c:3': [[10, 16_383]] });
    nodes[1]!.isReady = false;
    expect(await publisher.callMasters('INFO')).toEqual([
      { address: 'a:1', answer: 'INFO 1' },
      { address: 'c:3', answer: 'INFO 1' },
    ]);
    expect(nodes.map(({ calls }) => calls.at(-1))).toEqual(['close', 'close', 'close', undefined]);
  });

  it('publishes by the kind of the channel', async () => {
    const { publisher, classic, sharded } = bench();
    await publisher.open(7);
    await publisher.publish('a', '', 'channel');
    await publisher.publish('b', '', 'shard');
    expect(classic.calls).toEqual(['open 7', 'publish a']);
    expect(sharded.calls).toEqual(['open 30000', 'publish b']);
  });

  it('appends at the owner of the slot, whatever the kind of the channel', async () => {
    const { publisher, classic, sharded } = bench();
    await publisher.open(7);
    const list = { key: '{a}', size: 1, ttlMs: 1 };
    await publisher.append('a', '', 'channel', list);
    await publisher.append('a', '', 'shard', list);
    expect(classic.calls).toEqual(['open 7']);
    expect(sharded.calls).toEqual(['open 30000', 'publish a', 'publish a']);
  });

  it('opens the sharded publisher with its first message, once', async () => {
    const { publisher, sharded } = bench();
    await publisher.open(7);
    await publisher.publish('a', '', 'shard');
    await publisher.publish('b', '', 'shard');
    expect(sharded.calls).toEqual(['open 30000', 'publish a', 'publish b']);
  });

  it('opens nothing for a message before it is open and after a close', async () => {
    const { publisher, sharded } = bench();
    await expect(publisher.publish('a', '', 'shard')).rejects.toBeInstanceOf(ClosedError);
    await publisher.open(7);
    await publisher.close();
    await expect(publisher.publish('a', '', 'shard')).rejects.toBeInstanceOf(ClosedError);
    expect(sharded.calls).toEqual(['close']);
  });

  it.each([
    ['channel', true, true, true, false, true],
    ['channel', true, true, false, true, false],
    ['shard', false, false, true, false, true],
    ['shard', false, true, true, false, false],
    ['shard', true, false, true, false, false],
    ['shard', false, true, false, true, true],
  ] as const)(
    'for the kind "%s" (startsSharded %j, wasReady %j; classic %j, sharded %j) can publish: %j',
    (...row) => {
      const [kind, startsSharded, wasReady, classicAccepts, shardedAccepts, expected] = row;
      const { publisher, classic, sharded } = bench({ startsSharded });
      Object.assign(sharded, { wasReady, accepts: shardedAccepts });
      classic.accepts = classicAccepts;
      expect(publisher.canPublish('a', kind)).toBe(expected);
    },
  );

  it('closes both publishers, and stops the topology', async () => {
    const { publisher, classic, sharded, fake } = bench();
    await publisher.close();
    expect([classic.calls, sharded.calls, fake.stops]).toEqual([['close'], ['close'], 1]);
  });

  it('has the clients of both, and reports them', () => {
    const { publisher } = bench();
    const clients: unknown[] = [];
    publisher.onClient((client) => clients.push(client));
    expect([publisher.clients, clients]).toEqual([
      ['classic', 'sharded'],
      ['classic', 'sharded'],
    ]);
  });

  it('has ended when the classic publisher has', () => {
    const { publisher, classic } = bench();
    expect(publisher.hasEnded).toBe(false);
    classic.hasEnded = true;
    expect(publisher.hasEnded).toBe(true);
  });
});

const one = () =>
  new FakePublisher('one', {
    channels: ['a', 'b'],
    counts: new Map([
      ['a', 2],
      ['b', 1],
    ]),
    patterns: 3,
  });

const two = () =>
  new FakePublisher('two', { channels: ['b', 'c'], counts: new Map([['a', 5]]), patterns: 4 });

const down = () => {
  const node = new FakePublisher('down');
  node.isReady = false;
  return node;
};

describe('ClusterPublisher, its queries', () => {
  it('sum up the answers of all nodes, without those that are down', async () => {
    const { publisher } = bench({ nodes: [one(), down(), two()] });
    expect(await publisher.channels('*', 'channel')).toEqual(['a', 'b', 'c']);
    expect(await publisher.subscriberCounts(['a', 'b', 'c'], 'channel')).toEqual(
      new Map([
        ['a', 7],
        ['b', 1],
        ['c', 0],
      ]),
    );
    expect(await publisher.patternCount()).toBe(7);
  });

  it('connect to each node once with one attempt, and close the connection', async () => {
    const nodes = [one(), down()];
    await bench({ nodes }).publisher.patternCount();
    expect(nodes.map(({ calls }) => calls)).toEqual([
      ['open 0', 'close'],
      ['open 0', 'close'],
    ]);
  });

  it('reject with the error of a node, and close the connection', async () => {
    const node = new FakePublisher('one', { patterns: new Error('NOPERM') });
    await expect(bench({ nodes: [node] }).publisher.patternCount()).rejects.toThrow('NOPERM');
    expect(node.calls).toEqual(['open 0', 'close']);
  });

  it('reject while the classic publisher is not connected', async () => {
    const node = one();
    const { publisher, classic } = bench({ nodes: [node] });
    classic.isReady = false;
    await expect(publisher.patternCount()).rejects.toThrow(new ConnectionError('not connected'));
    expect(node.calls).toEqual([]);
  });
});
