import { describe, expect, it } from 'vitest';
import type { ClusterNode, SlotRange } from '../../../../src/broker/cluster/parse-nodes.js';
import { SlotMap } from '../../../../src/broker/cluster/slot-map.js';

const mapOf = (slotsOf: Record<string, SlotRange[]>): SlotMap =>
  SlotMap.of(
    Object.entries(slotsOf).map(
      ([address, slots]) => ({ address, slots }) as Partial<ClusterNode> as ClusterNode,
    ),
    ({ address }) => address,
  );

describe('the successors in a slot map', () => {
  const before = mapOf({ a: [[0, 99]], b: [[100, 199]] });

  it.each([
    ['nobody while nothing changes', before, ['a', 'b'], []],
    [
      'of who owns no slot any more',
      mapOf({ c: [[0, 99]], b: [[100, 199]] }),
      ['a', 'b', 'c'],
      ['c'],
    ],
    [
      'of each who does',
      mapOf({ c: [[0, 99]], d: [[100, 199]] }),
      ['a', 'b', 'c', 'd'],
      ['c', 'd'],
    ],
    [
      'of who owns no slot any more, several',
      mapOf({ b: [[50, 199]], c: [[0, 49]] }),
      ['a', 'b', 'c'],
      ['b', 'c'],
    ],
    [
      'nobody where the former owner is dead',
      mapOf({ c: [[0, 99]], b: [[100, 199]] }),
      ['b', 'c'],
      [],
    ],
    ['nobody where it has kept a slot', mapOf({ a: [[0, 0]], b: [[1, 199]] }), ['a', 'b'], []],
    ['nobody where nobody has its slots', mapOf({ b: [[100, 199]] }), ['a', 'b'], []],
  ])('are %s', (_, now, alive, expected) => {
    expect([...now.successors(before, alive)].toSorted()).toEqual(expected);
  });

  it('are known also where nobody owned the slots for a while', () => {
    const meanwhile = mapOf({ b: [[100, 199]] });
    const now = mapOf({ c: [[0, 99]], b: [[100, 199]] });
    const alive = ['a', 'b', 'c'];
    expect(now.successors(meanwhile, alive).size).toBe(0);
    expect([...now.successors(meanwhile.withFallback(before), alive)]).toEqual(['c']);
  });

  it('are nobody at first', () => {
    expect(before.successors(SlotMap.EMPTY, ['a', 'b']).size).toBe(0);
  });
});
