import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forEachSafely } from '../../../src/shared/for-each-safely.js';

describe('forEachSafely', () => {
  it('calls the function with every item, and reports what it throws with the item', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), (items) => {
        const called: number[] = [];
        const reported: unknown[] = [];
        forEachSafely(
          items,
          (item) => {
            called.push(item);
            if (item % 2 === 0) throw new Error(`${item}`);
          },
          (thrown, item) => reported.push([(thrown as Error).message, item]),
        );
        expect(called).toEqual(items);
        expect(reported).toEqual(
          items.filter((item) => item % 2 === 0).map((item) => [`${item}`, item]),
        );
      }),
    );
  });
});
