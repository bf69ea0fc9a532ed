import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CLUSTER_BUS_DELAY_MS, NodeMap } from '../../../../src/broker/cluster/node-map.js';
import { outcomeOf, pass, useFakeClock, useRealClock } from '../fake-client.js';

/** A member that opens when a test says so. */
class Member {
  readonly clients: readonly Redis[];
  readonly timeouts: number[] = [];
  resolve!: () => void;
  reject!: (error: unknown) => void;
  readonly #opened = new Promise<void>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor(name: string) {
    this.clients = [name as unknown as Redis];
  }

  onClient(listener: (client: Redis) => void): void {
    for (const client of this.clients) listener(client);
  }

  open(timeoutMs: number): Promise<void> {
    this.timeouts.push(timeoutMs);
    return this.#opened;
  }
}

describe('NodeMap', () => {
  let map: NodeMap<Member>;
  let [a, b] = [new Member('a'), new Member('b')];
  beforeEach(() => {
    useFakeClock();
    map = new NodeMap();
    [a, b] = [new Member('a'), new Member('b')];
    map.set('a', a);
  });
  afterEach(useRealClock);

  it('has the members and their clients in the order in which they were added', () => {
    map.set('b', b);
    expect([map.all, map.clients]).toEqual([
      [a, b],
      ['a', 'b'],
    ]);
  });

  it('reports each client once, also those that are added later', () => {
    const clients: unknown[] = [];
    map.onClient((client) => clients.push(client));
    map.set('b', b);
    expect(clients).toEqual(['a', 'b']);
  });

  it('opens when all members are open', async () => {
    map.set('b', b);
    const opened = outcomeOf(map.open(1_000));
    a.resolve();
    await pass(0);
    expect(opened.value).toBeUndefined();
    b.resolve();
    await pass(0);
    expect([opened.value, a.timeouts, b.timeouts]).toEqual(['resolved', [1_000], [1_000]]);
  });

  it('rejects as a member does', async () => {
    const opened = outcomeOf(map.open(1_000));
    const failure = new Error('unreachable');
    a.reject(failure);
    await pass(0);
    expect(opened.value).toBe(failure);
  });

  it('does not need a member that was removed', async () => {
    const opened = outcomeOf(map.open(1_000));
    map.delete('a');
    a.reject(new Error('closed'));
    await pass(0);
    expect(opened.value).toBe('resolved');
  });

  it('waits for an added member with the rest of the timeout', async () => {
    const opened = outcomeOf(map.open(1_000));
    await pass(300);
    map.set('b', b);
    a.resolve();
    await pass(CLUSTER_BUS_DELAY_MS - 1);
    expect(b.timeouts).toEqual([]);
    await pass(1);
    expect(b.timeouts).toEqual([450]);
    b.resolve();
    await pass(0);
    expect(opened.value).toBe('resolved');
  });

  it('opens a member that was added after the timeout with 1 ms, and not with 0', async () => {
    void map.open(100);
    await pass(300);
    map.set('b', b);
    a.resolve();
    await pass(CLUSTER_BUS_DELAY_MS);
    expect(b.timeouts).toEqual([1]);
  });

  it('gives all members one attempt with the timeout 0', async () => {
    void map.open(0);
    map.set('b', b);
    a.resolve();
    await pass(CLUSTER_BUS_DELAY_MS);
    expect([a.timeouts, b.timeouts]).toEqual([[0], [0]]);
  });
});
