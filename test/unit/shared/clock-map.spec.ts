import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClockMap } from '../../../src/shared/clock-map.js';

const entry = (): { isRecent: boolean } => ({ isRecent: false });

describe('ClockMap', () => {
  it('evicts an entry that was not used, and keeps those that were', () => {
    const map = new ClockMap(3);
    for (const key of ['a', 'b', 'c']) map.add(key, entry());
    map.get('a');
    map.get('c');
    map.add('d', entry());
    expect(map.get('b')).toBeUndefined();
    expect(['a', 'c', 'd'].every((key) => map.get(key))).toBe(true);
  });

  it('holds one entry with a limit of one', () => {
    const map = new ClockMap(1);
    map.add('a', entry());
    map.get('a');
    map.add('b', entry());
    expect([map.get('a'), map.size]).toEqual([undefined, 1]);
    expect(map.get('b')).toBeDefined();
  });

  it('goes on after entries were deleted, and after all were', () => {
    const map = new ClockMap(2);
    map.add('a', entry());
    map.add('b', entry());
    map.add('c', entry());
    map.delete('b');
    expect([map.get('b'), map.size]).toEqual([undefined, 1]);
    map.clear();
    expect(map.size).toBe(0);
    for (const key of ['d', 'e', 'f']) map.add(key, entry());
    expect([map.get('d'), map.size]).toEqual([undefined, 2]);
  });

  it('never exceeds its limit, and returns the entry that was added last for a key', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(12)), (limit, keys) => {
        const map = new ClockMap(limit);
        const added = new Map<string, { isRecent: boolean }>();
        for (const key of keys.map(String)) {
          const found = map.get(key);
          if (found && found === added.get(key)) continue;
          expect(found).toBeUndefined();
          const fresh = entry();
          map.add(key, fresh);
          added.set(key, fresh);
          expect(map.get(key)).toBe(fresh);
          expect(map.size).toBeLessThanOrEqual(limit);
        }
      }),
    );
  });
});
