import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TransientMap } from '../../../../src/transport/client/reply-inbox.js';

type Store = Pick<TransientMap<object>, 'set' | 'delete'>;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void;

const oldBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ??
  0;

/** How many entries exist at a time. Each minor collection moves them to the old generation, where so few do not show. */
const WINDOW = 10;

/** How many bytes the old generation grows by when `count` entries are set and deleted, a few at a time. */
const keptBytes = (store: Store, count: number): number => {
  for (let key = 0; key < WINDOW; key++) store.set(key, []);
  // What has survived two minor collections is in the old generation.
  collect({ type: 'minor' });
  collect({ type: 'minor' });
  const before = oldBytes();
  for (let key = WINDOW; key < count; key++) {
    store.set(key, Array.from({ length: 100 }));
    store.delete(key - WINDOW);
  }
  collect({ type: 'minor' });
  collect({ type: 'minor' });
  return oldBytes() - before;
};

describe('TransientMap', () => {
  it('leaves nothing in the old generation', () => {
    expect(keptBytes(new TransientMap(), 10_000)).toBeLessThan(1_000_000);
  });

  it('differs from a Map, whose tables stay there', () => {
    // A major collection, which may come at any time, takes everything.
    const attempts = [1, 2, 3].map(() => keptBytes(new Map<string | number, object>(), 10_000));
    expect(Math.max(...attempts)).toBeGreaterThan(3_000_000);
  });

  it('has the entries of a Map, for any keys', () => {
    const keys = fc.constantFrom('1', 'a', '__proto__', 'constructor', 'toString', '', '-1', '😀');
    const steps = fc.array(fc.tuple(fc.constantFrom('set', 'delete'), keys, fc.integer()));
    fc.assert(
      fc.property(steps, (all) => {
        const [transient, model] = [new TransientMap<number>(), new Map<string, number>()];
        for (const [step, key, value] of all) {
          for (const map of [transient, model]) {
            if (step === 'set') map.set(key, value);
            else map.delete(key);
          }
          expect(transient.get(key)).toBe(model.get(key));
        }
        expect(transient.values().toSorted()).toEqual([...model.values()].toSorted());
        transient.clear();
        expect(transient.values()).toEqual([]);
      }),
    );
  });
});
