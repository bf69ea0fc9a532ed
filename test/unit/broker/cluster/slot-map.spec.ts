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

describe('SlotMap#successors', () => {
  const before = mapOf({ a: [[0, 99]], b: [[100, 199]] });

  it.each([
    ['no node while nothing changes', before, ['a', 'b'], []],
    [
      'the node that took the slots of another one',
      mapOf({ c: [[0, 99]], b: [[100, 199]] }),
      ['a', 'b', 'c'],
      ['c'],
    ],
    [
      'each node that took the slots of another one',
      mapOf({ c: [[0, 99]], d: [[100, 199]] }),
      ['a', 'b', 'c', 'd'],
      ['c', 'd'],
    ],
    [
      'several nodes that took the slots of one',
      mapOf({ b: [[50, 199]], c: [[0, 49]] }),
      ['a', 'b', 'c'],
      ['b', 'c'],
    ],
    [
      'no node when the last owner is down',
      mapOf({ c: [[0, 99]], b: [[100, 199]] }),
      ['b', 'c'],
      [],
    ],
    [
      'no node when the last owner has kept a slot',
      mapOf({ a: [[0, 0]], b: [[1, 199]] }),
      ['a', 'b'],
      [],
    ],
    ['no node when the slots have no owner', mapOf({ b: [[100, 199]] }), ['a', 'b'], []],
  ])('has %s', (_, now, alive, expected) => {
    expect([...now.successors(before, alive)].toSorted()).toEqual(expected);
  });

  it('has the new owner of slots that had no owner for a while', () => {
    const withoutOwner = mapOf({ b: [[100, 199]] });
    const now = mapOf({ c: [[0, 99]], b: [[100, 199]] });
    const alive = ['a', 'b', 'c'];
    expect(now.successors(withoutOwner, alive).size).toBe(0);
    expect([...now.successors(withoutOwner.withFallback(before), alive)]).toEqual(['c']);
  });

  it('has no node before the first topology', () => {
    expect(before.successors(SlotMap.EMPTY, ['a', 'b']).size).toBe(0);
  });
});
