import { describe, expect, it } from 'vitest';
import { nearestName } from '../../../src/shared/nearest-name.js';

const NAMES = ['concurrency', 'order', 'maxQueue', 'maxQueueBytes', 'overflow', 'sharded'];

describe('nearestName', () => {
  it.each([
    ['concurency', 'concurrency'],
    ['Concurrency', 'concurrency'],
    ['maxQueu', 'maxQueue'],
    ['maxQueueByte', 'maxQueueBytes'],
    ['max_queue', 'maxQueue'],
    ['overFlow', 'overflow'],
    ['odrer', 'order'],
    ['shard', 'sharded'],
  ])('takes %s for %s', (misspelt, name) => {
    expect(nearestName(misspelt, NAMES)).toBe(name);
  });

  it.each(['queue', 'retries', 'x', 'y'.repeat(100_000)])('finds nothing like %.20s', (name) => {
    expect(nearestName(name, NAMES)).toBeUndefined();
  });

  it('finds nothing among no names', () => {
    expect(nearestName('a', [])).toBeUndefined();
  });
});
