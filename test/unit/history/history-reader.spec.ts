import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ListEnd, ListRead } from '../../../src/broker/broker.js';
import { HistoryReader, type HistoryTarget } from '../../../src/history/history-reader.js';

/** Lists of numbers, which may change before each read. */
class FakeLists {
  readonly lists = new Map<string, number[]>();
  readonly batches: (readonly ListRead[])[] = [];
  serverId = 'one';
  beforeRead: () => void = () => undefined;
  size = 1;

  async readLists(reads: readonly ListRead[]): Promise<readonly ListEnd[]> {
    this.beforeRead();
    this.batches.push(reads);
    const { serverId } = this;
    return reads.map(({ key, count, skip = 0 }) => {
      const elements = this.lists.get(key) ?? [];
      const end = elements.length - skip;
      const payloads = elements
        .slice(Math.max(end - count, 0), Math.max(end, 0))
        .map((it) => Buffer.from(String(it).padStart(this.size, '0')));
      return { payloads, isWhole: payloads.length < count, serverId };
    });
  }
}

/** Takes the messages of a list until it has one of them. */
class Finder implements HistoryTarget {
  taken: number[] = [];
  clears = 0;

  constructor(readonly wanted: number) {}

  add(payloads: readonly Buffer[]): boolean {
    this.taken = [...payloads.map(Number), ...this.taken];
    return this.taken.includes(this.wanted);
  }

  clear(): void {
    this.clears++;
    this.taken = [];
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

const create = (list: number[] = []) => {
  const lists = new FakeLists();
  lists.lists.set('a', list);
  const reader = new HistoryReader(lists);
  const find = async (wanted: number): Promise<Finder> => {
    const finder = new Finder(wanted);
    await reader.read({ key: 'a' }, finder);
    return finder;
  };
  return { lists, reader, find };
};

describe('HistoryReader', () => {
  it('reads the last messages, and those before them only where these are not enough', async () => {
    const { lists, find } = create(upTo(100));
    expect((await find(98)).taken).toEqual([97, 98, 99, 100]);
    expect((await find(85)).taken).toEqual(upTo(100).slice(-16));
    expect((await find(0)).taken).toEqual(upTo(100));
    const read = lists.batches.flat().map(({ count, skip }) => [skip, count]);
    // Each read but the first has one message that was read before.
    expect(read).toEqual([
      [0, 4],
      [0, 4],
      [3, 13],
      [0, 4],
      [3, 13],
      [15, 49],
      [63, 193],
    ]);
  });

  it('has a list as it was at the first read, although messages are added and removed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.nat(300),
        fc.array(fc.nat(20), { minLength: 1, maxLength: 9 }),
        async (length, wanted, added) => {
          const { lists, find } = create(upTo(length));
          const list = lists.lists.get('a') as number[];
          let reads = 0;
          lists.beforeRead = () => {
            const count = reads++ === 0 ? 0 : (added[reads % added.length] ?? 0);
            for (let i = 0; i < count; i++) {
              list.push(list.length + 1);
            }
          };
          const { taken } = await find(wanted);
          const last = taken.at(-1) ?? 0;
          expect(last).toBeGreaterThanOrEqual(length);
          expect(taken).toEqual(upTo(last).slice(-taken.length));
          expect(taken[0] === 1 || taken.includes(wanted)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each(['removed', 'of another server'])('begins again where the list is %s', async (change) => {
    const { lists, find } = create(upTo(100));
    lists.beforeRead = () => {
      if (lists.batches.length !== 1) return;
      lists.lists.set('a', [200, 201]);
      if (change !== 'removed') lists.serverId = 'two';
    };
    const { taken, clears } = await find(1);
    expect([taken, clears]).toEqual([[200, 201], 1]);
  });

  it('reads at most 2,000 messages, and 8 MiB, together', async () => {
    const { lists, reader } = create();
    const keys = upTo(600).map(String);
    for (const key of keys) lists.lists.set(key, upTo(300));
    lists.size = 10_000;
    const finders = keys.map((key) => ({ key, finder: new Finder(key === '7' ? 1 : 290) }));
    await Promise.all(finders.map(({ key, finder }) => reader.read({ key }, finder)));
    expect(finders.every(({ finder: { taken, wanted } }) => taken.includes(wanted))).toBe(true);
    const sums = lists.batches.map((reads) => reads.reduce((sum, { count }) => sum + count, 0));
    expect(lists.batches[0]).toHaveLength(500);
    expect(Math.max(...sums)).toBe(2_000);
    // The sizes are known from the second read of a list on.
    const later = lists.batches.filter((reads) => reads.some(({ skip }) => skip !== 0));
    for (const reads of later) {
      const known = reads.filter(({ skip }) => skip !== 0);
      expect(known.reduce((sum, { count }) => sum + count, 0) * 10_000).toBeLessThan(9e6);
    }
  });
});
