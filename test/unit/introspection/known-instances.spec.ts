import { describe, expect, it } from 'vitest';
import { KnownInstances } from '../../../src/introspection/known-instances.js';

const answers = (from: number, count: number) => ({
  silent: 0,
  instances: Array.from({ length: count }, (_, i) => ({
    id: String(from + i),
    name: 'orders',
    version: '1',
  })),
});

describe('KnownInstances', () => {
  it('tells the instances that have answered before, for a minute', () => {
    const known = new KnownInstances();
    known.complete(answers(0, 2), 0);
    const { instances, missing } = known.complete(answers(1, 1), 60_000);
    expect(instances.map(({ id }) => id)).toEqual(['1']);
    expect(missing.map(({ id }) => id)).toEqual(['0']);
    expect(known.complete(answers(1, 1), 60_001).missing).toEqual([]);
  });

  it('remembers 10,000, those that have answered last, whatever is forged', () => {
    const known = new KnownInstances();
    known.complete(answers(0, 10), 0);
    for (let round = 1; round <= 5; round++) {
      known.complete(answers(0, 10), round);
      known.complete(answers(round * 10_000, 9_990), round + 0.5);
    }
    const { missing } = known.complete(answers(0, 0), 6);
    expect(missing).toHaveLength(10_000);
    expect(missing.filter(({ id }) => Number(id) < 10)).toHaveLength(10);
  });
});
