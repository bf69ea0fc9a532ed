import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CachedValues } from '../../../src/cache/cached-values.js';

const SHARE_MS = 100;
const TTL_MS = 1_000;

/** The values, and loads that the test finishes itself. */
function create({ maxEntries = 10, canKeep = true } = {}) {
  const values = new CachedValues<number>({
    maxEntries,
    ttlMs: TTL_MS,
    shareMs: () => SHARE_MS,
    canKeep: () => canKeep,
  });
  const loads: PromiseWithResolvers<number>[] = [];
  const load = vi.fn<(key: string) => Promise<number>>(() => {
    const pending = withResolvers<number>();
    loads.push(pending);
    return pending.promise;
  });
  return { values, loads, load };
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  const settle: Partial<PromiseWithResolvers<T>> = {};
  const promise = new Promise<T>((resolve, reject) => Object.assign(settle, { resolve, reject }));
  return { ...settle, promise } as PromiseWithResolvers<T>;
}

describe('CachedValues', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  it('keeps what was loaded, until its time to live since the beginning of the load', async () => {
    const { values, loads, load } = create();
    const loaded = values.load('a', load);
    await Promise.resolve();
    vi.advanceTimersByTime(TTL_MS / 2);
    loads[0]?.resolve(1);
    expect(await loaded).toBe(1);
    vi.advanceTimersByTime(TTL_MS / 2 - 1);
    expect(values.get('a')).toBe(1);
    vi.advanceTimersByTime(1);
    expect(values.get('a')).toBeUndefined();
    expect(values.size).toBe(0);
  });

  it('shares one load, but not for longer than a reader may get an old value', async () => {
    const { values, loads, load } = create();
    const first = values.load('a', load);
    vi.advanceTimersByTime(SHARE_MS);
    const second = values.load('a', load);
    vi.advanceTimersByTime(1);
    const third = values.load('a', load);
    await Promise.resolve();
    expect(load).toHaveBeenCalledTimes(2);
    loads[1]?.resolve(2);
    expect(await third).toBe(2);
    loads[0]?.resolve(1);
    expect(await Promise.all([first, second])).toEqual([1, 1]);
    expect(values.get('a')).toBe(2);
  });

  it.each(['delete', 'clear'] as const)(
    'does not keep what was being loaded at a %s',
    async (method) => {
      const { values, loads, load } = create();
      const loaded = values.load('a', load);
      await Promise.resolve();
      values[method]('a');
      const later = values.load('a', load);
      await Promise.resolve();
      loads[0]?.resolve(1);
      expect(await loaded).toBe(1);
      expect(values.get('a')).toBeUndefined();
      loads[1]?.resolve(2);
      expect(await later).toBe(2);
      expect(values.get('a')).toBe(2);
    },
  );

  it('keeps neither an error, nor undefined, nor anything while it may not', async () => {
    const { values, loads, load } = create();
    const failing = values.load('a', load);
    await Promise.resolve();
    loads[0]?.reject(new Error('no database'));
    await expect(failing).rejects.toThrow('no database');
    await expect(
      values.load('b', () => {
        throw new Error('at once');
      }),
    ).rejects.toThrow('at once');
    await values.load('c', async () => undefined as unknown as number);
    expect(values.size).toBe(0);
    const without = create({ canKeep: false });
    expect(await without.values.load('a', async () => 1)).toBe(1);
    expect(without.values.size).toBe(0);
  });

  it('has a limited number of values: those that are read stay', async () => {
    const { values } = create({ maxEntries: 3 });
    for (const [i, key] of ['a', 'b', 'c'].entries()) await values.load(key, async () => i);
    values.get('a');
    values.get('c');
    await values.load('d', async () => 3);
    expect(values.size).toBe(3);
    expect(['a', 'b', 'c', 'd'].map((key) => values.get(key))).toEqual([0, undefined, 2, 3]);
  });

  it('never has a value that was read before the last invalidation of its key', async () => {
    const step = fc.record({
      action: fc.constantFrom('begin', 'finish', 'write', 'clear'),
      key: fc.constantFrom('a', 'b'),
      at: fc.nat(5),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { values } = create({ maxEntries: 1 });
        const versions = new Map<string, number>();
        const versionOf = (key: string): number => versions.get(key) ?? 0;
        const pending: (() => void)[] = [];
        for (const { action, key, at } of steps) {
          if (action === 'begin') {
            void values.load(key, (name) => {
              const read = versionOf(name);
              const { promise, resolve } = withResolvers<number>();
              pending.push(() => resolve(read));
              return promise;
            });
          } else if (action === 'finish') pending.splice(at, 1)[0]?.();
          else if (action === 'write') {
            versions.set(key, versionOf(key) + 1);
            values.delete(key);
          } else values.clear();
          for (let turn = 0; turn < at; turn++) await Promise.resolve();
          for (const name of ['a', 'b']) {
            expect(values.get(name) ?? versionOf(name)).toBe(versionOf(name));
          }
        }
      }),
    );
  });
});
