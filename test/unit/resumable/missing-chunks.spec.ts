import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { missingChunks } from '../../../src/resumable/missing-chunks.js';

const writer = 'x'.repeat(11);

describe('missingChunks', () => {
  it('has each chunk that no message has, once and in order, in groups of at most 100', () => {
    const groups = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 90 })),
    );
    fc.assert(
      fc.property(groups, fc.integer({ min: 0, max: 400 }), (found, last) => {
        const messages = found.map(([from, count]) => ({
          writer,
          from,
          chunks: Array.from({ length: count }, () => 'x'),
        }));
        const has = (number: number): boolean =>
          found.some(([from, count]) => number >= from && number < from + count);
        const all = Array.from({ length: last }, (_, i) => i + 1);
        const missing = missingChunks(messages, last);
        const numbers = missing.flatMap(({ from, count }) =>
          Array.from({ length: count }, (_, i) => from + i),
        );
        expect(numbers).toEqual(all.filter((number) => !has(number)));
        expect(missing.every(({ count }) => count <= 100)).toBe(true);
      }),
    );
  });

  it('needs few groups', () => {
    expect(missingChunks([], 250)).toEqual([
      { from: 1, count: 100 },
      { from: 101, count: 100 },
      { from: 201, count: 50 },
    ]);
    expect(
      missingChunks(
        [
          { writer, start: 1 },
          { writer, last: 3 },
        ],
        0,
      ),
    ).toEqual([]);
  });
});
